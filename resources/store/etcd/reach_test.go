package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store/etcd"
)

var p1 = resources.Key{Kind: resources.KindBGPPeer, Name: "p1"}

const p1YAML = "{kind: BGPPeer, apiVersion: projectcalico.org/v3, metadata: {name: p1}, spec: {peerIP: 192.0.2.1, asNumber: 1}}"

// hole is a TCP port at which everybody is let in and nobody is answered.
func hole(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String()
}

// Nobody there is an error in good time, which says where and why.
func TestNobodyAnswers(t *testing.T) {
	refused := "http://127.0.0.1:" + lab.FreePort(t)
	for _, test := range []struct {
		config etcd.Config
		want   string
	}{
		{etcd.Config{Endpoints: []string{refused}}, "connection refused"},
		{etcd.Config{Endpoints: []string{refused}, Username: "u", Password: "geheim"}, "connection refused"},
		{etcd.Config{Endpoints: []string{hole(t)}}, "no answer in time, which is 300ms"},
	} {
		test.config.Timeout = 300 * time.Millisecond
		s := open(t, test.config)
		for what, ask := range map[string]func(context.Context) error{
			"Get":  func(ctx context.Context) error { return second(s.Get(ctx, p1)) },
			"List": func(ctx context.Context) error { return second(s.List(ctx, resources.KindNode)) },
			"Create": func(ctx context.Context) error {
				return second(s.Create(ctx, &resources.Node{Metadata: resources.Metadata{Name: "a"}}))
			},
			"Update": func(ctx context.Context) error {
				return second(s.Update(ctx, &resources.Node{Metadata: resources.Metadata{Name: "a"}}))
			},
			"Delete": func(ctx context.Context) error { return second(s.Delete(ctx, p1, "")) },
		} {
			begin := time.Now()
			err := ask(t.Context())
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("%s took %v", what, took)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "datastore etcd "+test.config.Endpoints[0]) || strings.Contains(err.Error(), "geheim") {
				t.Errorf("%s: %v, want %q", what, err, test.want)
			}
		}
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := s.Get(ctx, p1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the caller's own deadline: %v", err)
		}
		stop()
	}
}

// An endpoint that is down, or silent, is left for one that answers.
func TestFailover(t *testing.T) {
	e := startEtcd(t)
	s := open(t, etcd.Config{Endpoints: []string{"http://127.0.0.1:" + lab.FreePort(t), hole(t), e.Endpoint}})
	apply(t, s, p1YAML)
	for range 10 {
		if _, err := s.Get(within(t), p1); err != nil {
			t.Error(err)
		}
	}
}

func TestPermissions(t *testing.T) {
	e := startEtcd(t)
	c := raw(t, e)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := within(t)
	for _, name := range []string{"root", "calico", "stranger"} {
		must(c.RoleAdd(ctx, name))
		must(c.UserAdd(ctx, name, "geheim"))
		must(c.UserGrantRole(ctx, name, name))
	}
	must(c.RoleGrantPermission(ctx, "calico", "/calico/", "/calico0", clientv3.PermissionType(clientv3.PermReadWrite)))
	must(c.AuthEnable(ctx))

	login := func(user, password string) *etcd.Store {
		return open(t, etcd.Config{Endpoints: []string{e.Endpoint}, Username: user, Password: password})
	}
	s := login("calico", "geheim")
	apply(t, s, p1YAML)
	ctx, stop := context.WithCancel(t.Context())
	seen := make(chan int, 100)
	done := make(chan error)
	go func() { done <- s.Watch(ctx, func(snap *resources.Snapshot) { seen <- len(snap.Peers) }) }()
	if n := <-seen; n != 1 {
		t.Errorf("a watch with a password shows %d peers, want 1", n)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, test := range []struct {
		s    *etcd.Store
		want string
	}{
		{login("", ""), "user name is empty"},
		{login("calico", "falsch"), "authentication failed, invalid user ID or password"},
		{login("stranger", "geheim"), "permission denied"},
	} {
		_, err := test.s.Get(within(t), p1)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "falsch") {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
}

func TestConfigurations(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		config etcd.Config
		want   string
	}{
		{etcd.Config{}, "no etcd endpoints specified"},
		{etcd.Config{Endpoints: []string{"http://a:1"}, SRVDomain: "b"}, "multiple discovery or bootstrap options specified"},
		{etcd.Config{Endpoints: []string{"a:1"}}, "etcd endpoint 'a:1' is no URL: write it as in http://10.0.0.1:2379"},
		{etcd.Config{Endpoints: []string{"http://a"}}, "etcd endpoint 'http://a' has no port"},
		{etcd.Config{Endpoints: []string{"http://a:1"}, Username: "u"}, "username and password belong together"},
		{etcd.Config{Endpoints: []string{"http://a:1"}, CertFile: "c"}, "certificate and its key belong together"},
		{etcd.Config{Endpoints: []string{"http://a:1"}, CACertFile: "c", CACert: "c"}, "Cannot mix inline certificate-key and certificate / key files"},
		{etcd.Config{Endpoints: []string{"http://a:1"}, CACertFile: dir + "/none"}, "etcd's CA certificate: open " + dir + "/none: no such file"},
		{etcd.Config{Endpoints: []string{"http://a:1"}, CACert: "rubbish"}, "holds no certificate in PEM"},
		{etcd.Config{Endpoints: []string{"http://a:1"}, Cert: "c", Key: "k"}, "etcd's client certificate: tls: failed to find any PEM data"},
	} {
		if s, err := etcd.Open(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, %v; want %q", test.config, s, err, test.want)
		}
	}
}

// A cluster is found by its SRV records.
func TestDiscovery(t *testing.T) {
	e := startEtcd(t)
	host, port, _ := net.SplitHostPort(strings.TrimPrefix(e.Endpoint, "http://"))
	s := open(t, etcd.Config{SRVDomain: "example.com"})
	etcd.SetLookup(s, func(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
		if service != "etcd-client" {
			return "", nil, &net.DNSError{Err: "no such host", Name: fmt.Sprintf("_%s._%s.%s", service, proto, name), IsNotFound: true}
		}
		var n uint16
		_, err := fmt.Sscan(port, &n)
		return "", []*net.SRV{{Target: host + ".", Port: n}}, err
	})
	apply(t, s, p1YAML)
	nowhere := open(t, etcd.Config{SRVDomain: "example.com"})
	etcd.SetLookup(nowhere, func(context.Context, string, string, string) (string, []*net.SRV, error) {
		return "", nil, errors.New("no such host")
	})
	if _, err := nowhere.Get(within(t), p1); err == nil || !strings.Contains(err.Error(), "no etcd is announced for example.com: no such host") {
		t.Errorf("Get where nobody is announced: %v", err)
	}
	if got := s.Health().Location; got != "etcd of example.com" {
		t.Errorf("location is %q", got)
	}
}
