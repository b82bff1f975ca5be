package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/resources"
)

// defaultConfig is where calicoctl looks for its configuration.
const defaultConfig = "/etc/calico/calicoctl.cfg"

// calicoConfig is what calicoctl's configuration and Calico's environment say
// about the datastore. All of calicoctl's fields are known, so that its files are read.
type calicoConfig struct {
	DatastoreType    string `json:"datastoreType,omitempty"`
	EtcdEndpoints    string `json:"etcdEndpoints,omitempty"` // with commas between them
	EtcdDiscoverySrv string `json:"etcdDiscoverySrv,omitempty"`
	EtcdUsername     string `json:"etcdUsername,omitempty"`
	EtcdPassword     string `json:"etcdPassword,omitempty"`
	EtcdKeyFile      string `json:"etcdKeyFile,omitempty"`
	EtcdCertFile     string `json:"etcdCertFile,omitempty"`
	EtcdCACertFile   string `json:"etcdCACertFile,omitempty"`
	EtcdKey          string `json:"etcdKey,omitempty"`
	EtcdCert         string `json:"etcdCert,omitempty"`
	EtcdCACert       string `json:"etcdCACert,omitempty"`

	Kubeconfig               string  `json:"kubeconfig,omitempty"`
	K8sAPIEndpoint           string  `json:"k8sAPIEndpoint,omitempty"`
	K8sKeyFile               string  `json:"k8sKeyFile,omitempty"`
	K8sCertFile              string  `json:"k8sCertFile,omitempty"`
	K8sCAFile                string  `json:"k8sCAFile,omitempty"`
	K8sAPIToken              string  `json:"k8sAPIToken,omitempty"`
	K8sInsecureSkipTLSVerify bool    `json:"k8sInsecureSkipTLSVerify,omitempty"`
	K8sDisableNodePoll       bool    `json:"k8sDisableNodePoll,omitempty"`
	K8sUsePodCIDR            bool    `json:"usePodCIDR,omitempty"`
	KubeconfigInline         string  `json:"kubeconfigInline,omitempty"`
	K8sClientQPS             float32 `json:"k8sClientQPS,omitempty"`
	K8sClientBurst           int     `json:"k8sClientBurst,omitempty"`
	K8sCurrentContext        string  `json:"k8sCurrentContext,omitempty"`
	CalicoAPIGroup           string  `json:"calicoAPIGroup,omitempty"`

	file string // that was read, "" when there is none
}

// calicoConfig reads the configuration file, if there is one, and lets the
// environment have the last word on each field.
func (a *app) calicoConfig() (calicoConfig, error) {
	c, err := a.configFile()
	if err != nil {
		return c, err
	}
	for name, field := range map[string]*string{
		"DATASTORE_TYPE":     &c.DatastoreType,
		"ETCD_ENDPOINTS":     &c.EtcdEndpoints,
		"ETCD_DISCOVERY_SRV": &c.EtcdDiscoverySrv,
		"ETCD_USERNAME":      &c.EtcdUsername,
		"ETCD_PASSWORD":      &c.EtcdPassword,
		"ETCD_KEY_FILE":      &c.EtcdKeyFile,
		"ETCD_CERT_FILE":     &c.EtcdCertFile,
		"ETCD_CA_CERT_FILE":  &c.EtcdCACertFile,
	} {
		*field = a.setting(a.env("CALICO_"+name), name, *field)
	}
	for name, field := range map[string]*string{
		"KUBECONFIG":          &c.Kubeconfig,
		"K8S_API_ENDPOINT":    &c.K8sAPIEndpoint,
		"K8S_KEY_FILE":        &c.K8sKeyFile,
		"K8S_CERT_FILE":       &c.K8sCertFile,
		"K8S_CA_FILE":         &c.K8sCAFile,
		"K8S_API_TOKEN":       &c.K8sAPIToken,
		"K8S_CURRENT_CONTEXT": &c.K8sCurrentContext,
		"CALICO_API_GROUP":    &c.CalicoAPIGroup,
	} {
		*field = a.setting(a.env("CALICO_"+name), name, *field)
	}
	c.K8sAPIToken = a.setting(a.env("CALICO_K8SAPITOKEN"), "K8S_TOKEN", c.K8sAPIToken) // what Calico reads, and what it says it reads
	return c, nil
}

// variable reads a variable of Calico's, with its prefix or without, that is no text.
func variable[T any](a *app, name, want string, parse func(string) (T, error), field *T) error {
	for _, name := range []string{"CALICO_" + name, name} {
		if text := a.env(name); text != "" {
			value, err := parse(text)
			if err != nil {
				return fmt.Errorf("environment variable %s is '%s': write %s", name, text, want)
			}
			*field = value
			return nil
		}
	}
	return nil
}

func (a *app) configFile() (c calicoConfig, err error) {
	path := a.setting(a.config, "", defaultConfig)
	text, err := os.ReadFile(path)
	switch {
	case a.config == "" && errors.Is(err, fs.ErrNotExist):
		return c, nil
	case err != nil:
		return c, fmt.Errorf("Error reading config file: %w", err) //nolint:staticcheck // calicoctl's words
	}
	var file struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   map[string]any `json:"metadata"`
		Spec       calicoConfig   `json:"spec"`
	}
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		return c, fmt.Errorf("syntax error in %s: failed to parse config as YAML/JSON: %w", path, err)
	}
	switch {
	case file.APIVersion != resources.APIVersion:
		return c, fmt.Errorf("invalid config file: unknown APIVersion '%s'; want %s (%s)", file.APIVersion, resources.APIVersion, path)
	case file.Kind != "CalicoAPIConfig":
		return c, fmt.Errorf("invalid config file: expected kind 'CalicoAPIConfig', got '%s' (%s)", file.Kind, path)
	}
	file.Spec.file = path
	return file.Spec, nil
}
