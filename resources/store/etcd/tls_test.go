package etcd_test

import (
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources/store/etcd"
)

func TestTLS(t *testing.T) {
	a := lab.NewAuthority(t)
	a.Make("server", x509.ExtKeyUsageServerAuth)
	a.Make("client", x509.ExtKeyUsageClientAuth)
	stranger := lab.NewAuthority(t)
	stranger.Make("client", x509.ExtKeyUsageClientAuth)
	e := lab.Local(t).Etcd("https://127.0.0.1:"+lab.FreePort(t),
		"--cert-file", a.File("server"), "--key-file", a.File("server-key"), "--client-cert-auth", "--trusted-ca-file", a.File("ca"))
	ends := []string{e.Endpoint}

	apply(t, open(t, etcd.Config{Endpoints: ends, CACertFile: a.File("ca"), CertFile: a.File("client"), KeyFile: a.File("client-key")}), p1YAML)
	inline := open(t, etcd.Config{Endpoints: ends, CACert: a.Text("ca"), Cert: a.Text("client"), Key: a.Text("client-key")})
	if _, err := inline.Get(within(t), p1); err != nil {
		t.Errorf("with certificates as text: %v", err)
	}
	for _, test := range []struct {
		config etcd.Config
		want   string
	}{
		{etcd.Config{}, "certificate signed by unknown authority"},
		{etcd.Config{CACertFile: stranger.File("ca")}, "certificate signed by unknown authority"},
		{etcd.Config{CACertFile: a.File("ca")}, "certificate required"},
		{etcd.Config{CACertFile: a.File("ca"), CertFile: stranger.File("client"), KeyFile: stranger.File("client-key")}, "unknown certificate authority"},
	} {
		test.config.Endpoints, test.config.Timeout = ends, time.Second
		_, err := open(t, test.config).Get(within(t), p1)
		// What a server says of a client's certificate may get lost with the connection.
		lost := err != nil && test.config.CACertFile == a.File("ca") && strings.Contains(err.Error(), "the server may not accept this client's certificate")
		if err == nil || !strings.Contains(err.Error(), test.want) && !lost {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
	// Certificates are read for each connection: renewed ones count.
	renewed := open(t, etcd.Config{Endpoints: ends, Timeout: time.Second, CACertFile: a.File("ca"), CertFile: a.File("client"), KeyFile: a.File("client-key")})
	if err := os.WriteFile(a.File("client"), []byte(stranger.Text("client")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.File("client-key"), []byte(stranger.Text("client-key")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := renewed.Get(within(t), p1); err == nil {
		t.Error("a client certificate that was replaced by a stranger's is still used")
	}
}
