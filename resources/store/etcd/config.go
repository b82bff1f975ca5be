package etcd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config says where etcd is and who we are there. The fields are those of
// Calico's configuration.
type Config struct {
	Endpoints []string // URLs, http://10.0.0.1:2379
	SRVDomain string   // instead of Endpoints: etcd's SRV records are looked up here (etcdDiscoverySrv)

	Username, Password string // both or neither

	// The certificates for TLS, each as a file or as PEM text. Files are read when a
	// connection is made. With none of them the system's authorities are trusted.
	CACertFile, CertFile, KeyFile string
	CACert, Cert, Key             string

	// Timeout is how long a request may take, connecting included; 0 is DefaultTimeout.
	Timeout time.Duration
}

// DefaultTimeout is how long a request may take unless told otherwise.
const DefaultTimeout = 5 * time.Second

// check says what is wrong with a configuration, in calicoctl's words where it
// has some.
func (c *Config) check() error {
	switch {
	case len(c.Endpoints) > 0 && c.SRVDomain != "":
		return errors.New(`multiple discovery or bootstrap options specified, use either "etcdEndpoints" or "etcdDiscoverySrv"`)
	case len(c.Endpoints) == 0 && c.SRVDomain == "":
		return errors.New("no etcd endpoints specified")
	case (c.CACertFile+c.CertFile+c.KeyFile != "") && (c.CACert+c.Cert+c.Key != ""):
		return errors.New("Cannot mix inline certificate-key and certificate / key files") //nolint:staticcheck // calicoctl's words
	case (c.Username == "") != (c.Password == ""):
		return errors.New("etcd's username and password belong together: set both or neither")
	case (c.CertFile == "") != (c.KeyFile == ""), (c.Cert == "") != (c.Key == ""):
		return errors.New("etcd's client certificate and its key belong together: set both or neither")
	}
	for _, e := range c.Endpoints {
		if err := checkEndpoint(e); err != nil {
			return fmt.Errorf("etcd endpoint '%s' %w", e, err)
		}
	}
	return nil
}

var errEndpoint = errors.New("is no URL: write it as in http://10.0.0.1:2379")

func checkEndpoint(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.User != nil || !slices.Contains([]string{"http", "https", "unix", "unixs"}, u.Scheme):
		return errEndpoint
	case strings.HasPrefix(u.Scheme, "http") && u.Port() == "":
		return errors.New("has no port; etcd's is 2379")
	case strings.HasPrefix(u.Scheme, "http") && u.Hostname() == "":
		return errEndpoint
	}
	return nil
}

// location names the endpoints for people.
func (c *Config) location() string {
	if c.SRVDomain != "" {
		return "etcd of " + c.SRVDomain
	}
	return "etcd " + strings.Join(c.Endpoints, ",")
}

// tls is nil when nothing about certificates is configured.
func (c *Config) tls() (*tls.Config, error) {
	if c.CACertFile+c.CertFile+c.CACert+c.Cert == "" {
		return nil, nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	authorities, source := []byte(c.CACert), "the inline CA certificate"
	if c.CACertFile != "" {
		var err error
		if authorities, err = os.ReadFile(c.CACertFile); err != nil {
			return nil, fmt.Errorf("etcd's CA certificate: %w", err)
		}
		source = c.CACertFile
	}
	if len(authorities) > 0 {
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("etcd's CA certificate: %s holds no certificate in PEM", source)
		}
	}
	if c.CertFile+c.Cert == "" {
		return conf, nil
	}
	pair := func() (tls.Certificate, error) {
		if c.CertFile != "" {
			return tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		}
		return tls.X509KeyPair([]byte(c.Cert), []byte(c.Key))
	}
	if _, err := pair(); err != nil {
		return nil, fmt.Errorf("etcd's client certificate: %w", err)
	}
	// Asked for each connection: whoever renews the files need not restart us.
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert, err := pair()
		return &cert, err
	}
	return conf, nil
}

// A lookup finds SRV records, as net.Resolver does.
type lookup func(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)

// discover finds the endpoints etcd's SRV records name: those for TLS, then the others.
func discover(ctx context.Context, find lookup, domain string) ([]string, error) {
	var endpoints []string
	var failures []error
	for _, s := range []struct{ service, scheme string }{{"etcd-client-ssl", "https"}, {"etcd-client", "http"}} {
		_, records, err := find(ctx, s.service, "tcp", domain)
		if err != nil {
			failures = append(failures, err)
		}
		for _, r := range records {
			host := net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port)))
			endpoints = append(endpoints, s.scheme+"://"+host)
		}
	}
	if len(endpoints) == 0 {
		return nil, fmt.Errorf("no etcd is announced for %s: %w", domain, errors.Join(failures...))
	}
	return endpoints, nil
}
