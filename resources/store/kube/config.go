package kube

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Config says where the API server is and who we are there. The fields are those of
// Calico's configuration.
type Config struct {
	// Kubeconfig are files as kubectl reads them, with colons between them;
	// KubeconfigInline is the text of one. Context is one of its contexts, "" for
	// the one it says is current.
	Kubeconfig, KubeconfigInline string
	Context                      string

	// Endpoint is the API server's URL. Like the five below it replaces what the
	// kubeconfig says.
	Endpoint                  string
	CAFile, CertFile, KeyFile string
	Token                     string
	Insecure                  bool // do not ask the server for a certificate

	// Home is where .kube/config is, which is read when none of the above says where
	// the API server is; without it, what Kubernetes gives every pod.
	Home string

	// QPS is how many requests a second there may be, Burst how many at once. With
	// neither there is no limit but the server's own.
	QPS   float32
	Burst int

	// Group is which of Calico's groups is meant, crd.projectcalico.org/v1 or
	// projectcalico.org/v3; "" asks the API server.
	Group string
	// Namespace has the secrets; "" is DefaultNamespace.
	Namespace string

	// Timeout is how long a request may take, connecting included; 0 is DefaultTimeout.
	Timeout time.Duration
}

const (
	// DefaultTimeout is how long a request may take unless told otherwise.
	DefaultTimeout = 5 * time.Second
	// DefaultNamespace is where calico-node looks for secrets unless told otherwise.
	DefaultNamespace = "kube-system"

	// What Calico takes when only one of the two is set.
	defaultQPS   = 5
	defaultBurst = 100
)

// rest makes of c what client-go wants.
func (c *Config) rest() (*rest.Config, error) {
	r, err := c.load()
	if err != nil {
		return nil, err
	}
	switch c.Group {
	case "", groupV1, groupV3:
	default:
		return nil, fmt.Errorf("CALICO_API_GROUP '%s' is none of Calico's: there are %s and %s", c.Group, groupV1, groupV3)
	}
	if c.QPS < 0 || c.Burst < 0 {
		return nil, fmt.Errorf("a limit of %v requests a second, %d at once makes no sense: leave them out for no limit", c.QPS, c.Burst)
	}
	r.UserAgent = "calctl" // which is who changes fields, in their managedFields
	r.QPS, r.Burst = -1, 0
	if c.QPS > 0 || c.Burst > 0 {
		r.QPS, r.Burst = cmp.Or(c.QPS, defaultQPS), cmp.Or(c.Burst, defaultBurst)
	}
	return r, nil
}

func (c *Config) load() (*rest.Config, error) {
	overrides := &clientcmd.ConfigOverrides{CurrentContext: c.Context}
	overrides.ClusterInfo.Server = c.Endpoint
	overrides.ClusterInfo.CertificateAuthority = c.CAFile
	overrides.ClusterInfo.InsecureSkipTLSVerify = c.Insecure
	overrides.AuthInfo.ClientCertificate, overrides.AuthInfo.ClientKey = c.CertFile, c.KeyFile
	overrides.AuthInfo.Token = c.Token
	if c.KubeconfigInline != "" {
		if c.Kubeconfig != "" {
			return nil, errors.New("kubeconfig and kubeconfigInline are both set: take one of them")
		}
		text, err := clientcmd.Load([]byte(c.KubeconfigInline))
		if err != nil {
			return nil, fmt.Errorf("kubeconfigInline: %w", err)
		}
		return clientcmd.NewDefaultClientConfig(*text, overrides).ClientConfig()
	}
	rules := &clientcmd.ClientConfigLoadingRules{}
	home := filepath.Join(c.Home, ".kube", "config")
	switch {
	case c.Kubeconfig != "":
		rules.Precedence = filepath.SplitList(c.Kubeconfig)
		if len(rules.Precedence) == 1 {
			rules = &clientcmd.ClientConfigLoadingRules{ExplicitPath: c.Kubeconfig} // it must be there
		}
	case c.Endpoint != "":
	case c.Home != "" && readable(home):
		rules.ExplicitPath = home
	default:
		r, err := rest.InClusterConfig()
		if errors.Is(err, rest.ErrNotInCluster) {
			return nil, errors.New("no API server is named, and this is no pod: set KUBECONFIG or K8S_API_ENDPOINT (there is no " + home + " either)")
		}
		return r, err
	}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
}

func readable(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// location names the API server for people.
func location(r *rest.Config) string {
	host := r.Host
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	return "Kubernetes " + host
}
