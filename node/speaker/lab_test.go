package speaker

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/status"
)

const ownASN = 64512

var ownID = netip.MustParseAddr("192.0.2.1")

// here is the test process as a host of a lab.
func here(t testing.TB, l *lab.Lab) *lab.Host {
	t.Helper()
	h := l.Here()
	h.Run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
	return h
}

// A far is a host at the other end of a link, with an IPv4 and an IPv6 address:
// 10.0.N.1 and fd00:N::1 are here, 10.0.N.2 and fd00:N::2 are there.
type far struct {
	*lab.Host
	n int
}

func (f far) here4() netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(f.n), 1}) }
func (f far) addr4() netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(f.n), 2}) }
func (f far) here6() netip.Addr { return netip.MustParseAddr(fmt.Sprintf("fd00:%d::1", f.n)) }
func (f far) addr6() netip.Addr { return netip.MustParseAddr(fmt.Sprintf("fd00:%d::2", f.n)) }

// here is this end's namespace.
func (f far) here() *lab.Host {
	return f.Lab.Here()
}

// fars makes n hosts linked to here.
func fars(t testing.TB, n int) []far {
	t.Helper()
	l := lab.New(t)
	h := here(t, l)
	var list []far
	for i := 1; i <= n; i++ {
		f := far{l.Host(fmt.Sprintf("far%d", i)), i}
		dev := fmt.Sprintf("to%d", i)
		l.Link(h, dev, []string{f.here4().String() + "/24", f.here6().String() + "/64"},
			f.Host, "eth0", []string{f.addr4().String() + "/24", f.addr6().String() + "/64"})
		t.Cleanup(func() { _ = exec.Command("ip", "link", "del", dev).Run() })
		list = append(list, f)
	}
	return list
}

// bird is a BIRD 2 configuration of a far host.
type bird struct {
	asn       uint32
	routes    []string // static routes to announce
	password  string
	passive   bool
	v6        bool   // also a session over IPv6
	extra     string // in the protocols
	channel   string // in their channels, such as another export
	ours      uint32 // the AS number it expects of us, unless ownASN
	noRestart bool   // no graceful restart capability
	addPath   bool   // several paths, both ways (RFC 7911)
}

func (f far) bird(c bird) *lab.Bird {
	f.T.Helper()
	conf := fmt.Sprintf("router id 10.0.%d.2;\nlog stderr all;\nprotocol device {}\n", f.n)
	for _, family := range []string{"ipv4", "ipv6"} {
		conf += fmt.Sprintf("protocol static static_%s {\n %s;\n", family, family)
		for _, r := range c.routes {
			if p := netip.MustParsePrefix(r); p.Addr().Is4() == (family == "ipv4") {
				conf += " route " + r + " blackhole;\n"
			}
		}
		conf += "}\n"
	}
	session := func(name, family string, local, remote netip.Addr) {
		conf += fmt.Sprintf("protocol bgp %s {\n local %v as %d;\n neighbor %v as %d;\n multihop;\n connect delay time 1;\n error wait time 1, 2;\n %s { import all; export all; add paths %s; %s };\n%s",
			name, local, c.asn, remote, cmp.Or(c.ours, ownASN), family, map[bool]string{true: "on", false: "off"}[c.addPath], c.channel, c.extra)
		if c.password != "" {
			conf += fmt.Sprintf(" password %q;\n", c.password)
		}
		if c.passive {
			conf += " passive;\n"
		}
		if c.noRestart {
			conf += " graceful restart off;\n"
		}
		conf += "}\n"
	}
	session("v4", "ipv4", f.addr4(), f.here4())
	if c.v6 {
		session("v6", "ipv6", f.addr6(), f.here6())
	}
	return f.Bird(conf)
}

// A heard speaker remembers what its events tell.
type heard struct {
	*Speaker
	t testing.TB

	log     *lines
	lock    sync.Mutex
	routes  map[netip.Prefix][]netip.Addr
	changes map[netip.Prefix]int // how often each was told of
	batches int
	settled int
	news    int          // calls of Peers
	watch   func(Change) // of every change, if set before the first
}

func speak(t testing.TB) *heard { return speakWith(t, Options{}) }

func speakWith(t testing.TB, o Options) *heard {
	t.Helper()
	h := &heard{t: t, routes: map[netip.Prefix][]netip.Addr{}, changes: map[netip.Prefix]int{}}
	o.Events = Events{
		Best: func(batch []Change, _ bool) {
			h.lock.Lock()
			defer h.lock.Unlock()
			h.batches++
			for _, c := range batch {
				h.changes[c.Prefix]++
				if h.routes[c.Prefix] = c.NextHops; len(c.NextHops) == 0 {
					delete(h.routes, c.Prefix)
				}
				if h.watch != nil {
					h.watch(c)
				}
			}
		},
		Settled: func() { h.lock.Lock(); h.settled++; h.lock.Unlock() },
		Peers:   func() { h.lock.Lock(); h.news++; h.lock.Unlock() },
	}
	h.log = &lines{}
	h.Speaker = New(slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})), o)
	t.Cleanup(func() {
		h.Close()
		if t.Failed() {
			t.Logf("---- the speaker logged:\n%s", h.log.String())
		}
	})
	return h
}

// lines is a buffer for a log.
type lines struct {
	mu sync.Mutex
	b  []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b)
}

func (l *lines) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.b)
}

func (h *heard) apply(want intent.BGP) {
	h.t.Helper()
	if err := h.Apply(context.Background(), want); err != nil {
		h.t.Fatal(err)
	}
}

// route is what the speaker last told of a prefix: "10.0.1.2 10.0.2.2", "" when
// it is gone.
func (h *heard) route(prefix string) string {
	h.lock.Lock()
	defer h.lock.Unlock()
	return joined(h.routes[netip.MustParsePrefix(prefix)])
}

// told is how often the speaker has told of a prefix.
func (h *heard) told(prefix string) int {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.changes[netip.MustParsePrefix(prefix)]
}

func joined(hops []netip.Addr) string {
	s := ""
	for i, a := range hops {
		if i > 0 {
			s += " "
		}
		s += a.String()
	}
	return s
}

func (h *heard) awaitRoute(prefix, hops string) {
	h.t.Helper()
	lab.Until(h.t, 15*time.Second, "route "+prefix, func() error {
		if got := h.route(prefix); got != hops {
			return fmt.Errorf("via %q, want %q (all: %v)", got, hops, h.all())
		}
		return nil
	})
}

func (h *heard) all() []netip.Prefix {
	h.lock.Lock()
	defer h.lock.Unlock()
	return slices.SortedFunc(maps.Keys(h.routes), netip.Prefix.Compare)
}

func (h *heard) peer(addr netip.Addr) status.Peer {
	for _, p := range h.Peers() {
		if p.Address == addr {
			return p
		}
	}
	return status.Peer{}
}

// since is when a session changed its state; unlike peer it asks nobody else.
func (h *heard) since(addr netip.Addr) time.Time {
	for _, p := range h.book.list() {
		if p.Address == addr {
			return p.Since
		}
	}
	return time.Time{}
}

func (h *heard) awaitUp(addr netip.Addr) {
	h.t.Helper()
	lab.Until(h.t, 15*time.Second, "session with "+addr.String(), func() error {
		if p := h.peer(addr); p.State != status.StateUp {
			return fmt.Errorf("%s %s: %s", p.State, p.BGPState, p.LastError)
		}
		return nil
	})
}

func (h *heard) awaitProblem(addr netip.Addr, problem string) {
	h.t.Helper()
	lab.Until(h.t, 15*time.Second, "problem with "+addr.String(), func() error {
		if p := h.peer(addr); p.State == status.StateUp || p.LastError != problem {
			return fmt.Errorf("%s %s: %q, want %q", p.State, p.BGPState, p.LastError, problem)
		}
		return nil
	})
}

// bgpWith is an intent with peers, that announces 172.16.0.0/16 and fd16::/32.
func bgpWith(peers ...map[netip.AddrPort]intent.Peer) intent.BGP {
	want := intent.BGP{
		ASN: ownASN, RouterID: ownID, Port: 179,
		Peers: map[netip.AddrPort]intent.Peer{},
		Local: map[netip.Prefix]intent.Local{
			netip.MustParsePrefix("172.16.1.0/24"): {Metric: 1024}, netip.MustParsePrefix("fd16:1::/64"): {Metric: 1024},
		},
		Export: policy.Export{Accept: []netip.Prefix{netip.MustParsePrefix("172.16.0.0/16"), netip.MustParsePrefix("fd16::/16")}},
	}
	for _, p := range peers {
		maps.Copy(want.Peers, p)
	}
	return want
}

func (f far) peer4(asn uint32, change ...func(*intent.Peer)) map[netip.AddrPort]intent.Peer {
	return onePeer(f, f.addr4(), f.here4(), asn, change)
}

func (f far) peer6(asn uint32) map[netip.AddrPort]intent.Peer {
	return onePeer(f, f.addr6(), f.here6(), asn, nil)
}

func onePeer(f far, addr, local netip.Addr, asn uint32, change []func(*intent.Peer)) map[netip.AddrPort]intent.Peer {
	p := intent.Peer{Name: f.Name, Type: status.Global, ASN: asn, LocalAddress: local}
	for _, c := range change {
		c(&p)
	}
	return map[netip.AddrPort]intent.Peer{netip.AddrPortFrom(addr, 179): p}
}

// birdRoute waits until BIRD has a route with all words, or, without any, none.
func birdRoute(t *testing.T, b *lab.Bird, prefix string, words ...string) {
	t.Helper()
	lab.Until(t, 15*time.Second, "BIRD's route "+prefix, func() error {
		got := b.CLI("show route " + prefix + " all")
		if len(words) == 0 {
			return lab.Contains(got, "Network not found")
		}
		return lab.Contains(got, words...)
	})
}

// ten is an address in 10.0.0.0/16.
func ten(c, d byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, c, d}) }

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
