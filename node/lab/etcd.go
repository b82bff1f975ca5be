package lab

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Local is this machine as a host of a lab: programs run beside the test, in
// its network. It needs no root. Tests that use it are left out with -short.
func Local(t testing.TB) *Host {
	t.Helper()
	if testing.Short() {
		t.Skip("real servers are left out with -short")
	}
	dir, err := os.MkdirTemp("", "lab") // short: unix sockets have room for 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return &Host{Lab: &Lab{T: t, dir: dir}, Name: "local"}
}

// FreePort is a TCP port of loopback nobody listens at, in the network of the test.
func FreePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// An Etcd is a running etcd of one member, which keeps its data when it is
// killed. It does not wait for the disk.
type Etcd struct {
	*Process
	Endpoint string // where clients in its network find it
	Socket   string // where clients find it from any network namespace
	data     string
	args     []string
}

// Etcd starts the etcd that .ci/etcd names, with an empty datastore. Its client
// URL is of an address of the host, such as http://10.0.0.1:2379. More flags may follow.
func (h *Host) Etcd(url string, flags ...string) *Etcd {
	h.T.Helper()
	e := &Etcd{Endpoint: url, Socket: "unix://" + filepath.Join(h.dir, h.Name+".etcd.sock"), data: filepath.Join(h.dir, h.Name+".etcd")}
	e.args = append([]string{
		"--data-dir", e.data, "--listen-client-urls", url + "," + e.Socket, "--advertise-client-urls", url,
		"--listen-peer-urls", "http://127.0.0.1:0", "--heartbeat-interval", "10", "--election-timeout", "100", "--unsafe-no-fsync", "--log-level", "error",
	}, flags...)
	e.start(h)
	return e
}

func (e *Etcd) start(h *Host) {
	h.T.Helper()
	_ = os.Remove(strings.TrimPrefix(e.Socket, "unix://")) // of one that was killed
	e.Process = h.Start(h.dep("etcd/etcd"), e.args...)
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(e.Socket, "unix://"))
	}}}
	e.answers("etcd", func() error {
		answer, err := client.Get("http://etcd/health")
		if err != nil {
			return err
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return errors.New(answer.Status)
		}
		return nil
	})
}

// Restart kills etcd, unless that was done before, and starts it on the data it had.
func (e *Etcd) Restart() {
	e.Kill()
	e.start(e.host)
}

// Forget kills etcd and removes all it knows: it comes back as an empty one of the same name.
func (e *Etcd) Forget() {
	e.Kill()
	if err := os.RemoveAll(e.data); err != nil {
		e.host.T.Fatal(err)
	}
}
