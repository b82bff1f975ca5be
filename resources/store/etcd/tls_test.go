package etcd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources/store/etcd"
)

// An authority makes certificates for a test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.make("ca", x509.ExtKeyUsageAny)
	return a
}

func (a *authority) file(name string) string { return a.dir + "/" + name + ".pem" }
func (a *authority) text(name string) string {
	text, err := os.ReadFile(a.file(name))
	if err != nil {
		a.t.Fatal(err)
	}
	return string(text)
}

// make writes NAME.pem and NAME-key.pem; the first is the authority's own.
func (a *authority) make(name string, use x509.ExtKeyUsage) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.next++
	c := &x509.Certificate{
		SerialNumber: big.NewInt(a.next), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if a.cert == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
		a.cert, a.key = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name: {Type: "CERTIFICATE", Bytes: der}, name + "-key": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(a.file(file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
}

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	a.make("server", x509.ExtKeyUsageServerAuth)
	a.make("client", x509.ExtKeyUsageClientAuth)
	stranger := newAuthority(t)
	stranger.make("client", x509.ExtKeyUsageClientAuth)
	e := lab.Local(t).Etcd("https://127.0.0.1:"+lab.FreePort(t),
		"--cert-file", a.file("server"), "--key-file", a.file("server-key"), "--client-cert-auth", "--trusted-ca-file", a.file("ca"))
	ends := []string{e.Endpoint}

	apply(t, open(t, etcd.Config{Endpoints: ends, CACertFile: a.file("ca"), CertFile: a.file("client"), KeyFile: a.file("client-key")}), p1YAML)
	inline := open(t, etcd.Config{Endpoints: ends, CACert: a.text("ca"), Cert: a.text("client"), Key: a.text("client-key")})
	if _, err := inline.Get(within(t), p1); err != nil {
		t.Errorf("with certificates as text: %v", err)
	}
	for _, test := range []struct {
		config etcd.Config
		want   string
	}{
		{etcd.Config{}, "certificate signed by unknown authority"},
		{etcd.Config{CACertFile: stranger.file("ca")}, "certificate signed by unknown authority"},
		{etcd.Config{CACertFile: a.file("ca")}, "certificate required"},
		{etcd.Config{CACertFile: a.file("ca"), CertFile: stranger.file("client"), KeyFile: stranger.file("client-key")}, "unknown certificate authority"},
	} {
		test.config.Endpoints, test.config.Timeout = ends, time.Second
		_, err := open(t, test.config).Get(within(t), p1)
		// What a server says of a client's certificate may get lost with the connection.
		lost := err != nil && test.config.CACertFile == a.file("ca") && strings.Contains(err.Error(), "the server may not accept this client's certificate")
		if err == nil || !strings.Contains(err.Error(), test.want) && !lost {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
	// Certificates are read for each connection: renewed ones count.
	renewed := open(t, etcd.Config{Endpoints: ends, Timeout: time.Second, CACertFile: a.file("ca"), CertFile: a.file("client"), KeyFile: a.file("client-key")})
	if err := os.WriteFile(a.file("client"), []byte(stranger.text("client")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file("client-key"), []byte(stranger.text("client-key")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := renewed.Get(within(t), p1); err == nil {
		t.Error("a client certificate that was replaced by a stranger's is still used")
	}
}
