package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/dir"
	"github.com/calctl/calctl/resources/store/etcd"
	"github.com/calctl/calctl/resources/store/kube"
)

const (
	datastoreEnv     = "CALCTL_DATASTORE"
	timeoutEnv       = "CALCTL_TIMEOUT"
	defaultDatastore = "/var/lib/calctl"
)

// The types of datastore, in Calico's words where it has one.
const (
	typeDir        = "dir"
	typeEtcd       = "etcdv3"
	typeKubernetes = "kubernetes"
)

// open gives the datastore that flags, environment and configuration ask for.
// Whoever opens it closes it.
func (a *app) open(context.Context) (store.Store, error) {
	c, err := a.calicoConfig()
	if err != nil {
		return nil, err
	}
	kind, err := a.datastoreType(c)
	if err != nil {
		return nil, err
	}
	switch kind {
	case typeDir:
		return dir.Open(a.folder())
	case typeEtcd:
		return a.openEtcd(c)
	case typeKubernetes:
		s, err := a.openKube(c)
		if err != nil {
			return nil, err
		}
		return s, nil
	default:
		return nil, fmt.Errorf("Failed to create Calico API client: unknown datastore type: %s; there are %s, %s and %s", kind, typeEtcd, typeKubernetes, typeDir) //nolint:staticcheck // calicoctl's words
	}
}

// datastoreType decides what kind of datastore is meant. A folder that is named
// beats what Calico's variables say of etcd only as a flag: two variables that
// name two datastores are a mistake, and guessing would hide it.
func (a *app) datastoreType(c calicoConfig) (string, error) {
	etcdNamed := c.EtcdEndpoints != "" || c.EtcdDiscoverySrv != ""
	folder := a.env(datastoreEnv)
	switch {
	case a.datastore != "":
		return typeDir, nil
	case c.DatastoreType != "":
		return c.DatastoreType, nil
	case folder != "" && etcdNamed && c.file == "":
		return "", fmt.Errorf("%s names the folder %s, and ETCD_ENDPOINTS or ETCD_DISCOVERY_SRV an etcd: unset one of them, or set DATASTORE_TYPE to %s or %s", datastoreEnv, folder, typeDir, typeEtcd)
	case folder != "":
		return typeDir, nil
	case etcdNamed:
		return typeEtcd, nil
	case c.file != "":
		return typeKubernetes, nil // as calicoctl takes it
	default:
		return typeDir, nil
	}
}

// limit is how long a request may take; 0 is what the backend takes.
func (a *app) limit() (time.Duration, error) {
	text := a.setting(a.timeout, timeoutEnv, "")
	if text == "" {
		return 0, nil
	}
	limit, err := time.ParseDuration(text)
	if err != nil || limit <= 0 {
		return 0, usagef("timeout '%s' is no length of time: write it with its unit, such as 10s", text)
	}
	return limit, nil
}

func (a *app) openKube(c calicoConfig) (*kube.Store, error) {
	limit, err := a.limit()
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		variable(a, "K8S_INSECURE_SKIP_TLS_VERIFY", "true or false", strconv.ParseBool, &c.K8sInsecureSkipTLSVerify),
		variable(a, "K8S_CLIENT_QPS", "a number of requests a second, such as 20", parseFloat, &c.K8sClientQPS),
		variable(a, "K8S_CLIENT_BURST", "a number of requests, such as 100", strconv.Atoi, &c.K8sClientBurst),
	)
	if err != nil {
		return nil, err
	}
	s, err := kube.Open(kube.Config{
		Kubeconfig:       c.Kubeconfig,
		KubeconfigInline: c.KubeconfigInline,
		Context:          c.K8sCurrentContext,
		Endpoint:         c.K8sAPIEndpoint,
		CAFile:           c.K8sCAFile, CertFile: c.K8sCertFile, KeyFile: c.K8sKeyFile,
		Token:    c.K8sAPIToken,
		Insecure: c.K8sInsecureSkipTLSVerify,
		Home:     a.env("HOME"),
		QPS:      c.K8sClientQPS, Burst: c.K8sClientBurst,
		Group:     c.CalicoAPIGroup,
		Namespace: a.env("NAMESPACE"),
		Timeout:   limit,
	})
	if err != nil {
		return nil, fmt.Errorf("Failed to create Calico API client: %w", err) //nolint:staticcheck // calicoctl's words
	}
	return s, nil
}

func (a *app) openEtcd(c calicoConfig) (store.Store, error) {
	limit, err := a.limit()
	if err != nil {
		return nil, err
	}
	s, err := etcd.Open(etcd.Config{
		Endpoints:  words(c.EtcdEndpoints),
		SRVDomain:  c.EtcdDiscoverySrv,
		Username:   c.EtcdUsername,
		Password:   c.EtcdPassword,
		CACertFile: c.EtcdCACertFile, CertFile: c.EtcdCertFile, KeyFile: c.EtcdKeyFile,
		CACert: c.EtcdCACert, Cert: c.EtcdCert, Key: c.EtcdKey,
		Timeout: limit,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func parseFloat(text string) (float32, error) {
	f, err := strconv.ParseFloat(text, 32)
	return float32(f), err
}

// words are the parts of a list with commas, without blanks around them.
func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func (a *app) folder() string { return cmp.Or(a.datastore, a.env(datastoreEnv), defaultDatastore) }

// tellIfMissing says on stderr that there is no folder. It is as good as an
// empty one, but who expected to see something may have named the wrong one.
func (a *app) tellIfMissing(s store.Store) {
	if _, ok := s.(*dir.Store); !ok {
		return
	}
	if _, err := os.Stat(a.folder()); errors.Is(err, fs.ErrNotExist) {
		_, _ = fmt.Fprintf(a.err, "The datastore folder %s does not exist yet: 'calctl apply' makes it. --datastore or $%s name another.\n", a.folder(), datastoreEnv)
	}
}
