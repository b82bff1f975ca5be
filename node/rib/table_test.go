package rib

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/wire"
)

// A stage is a table with two peers that tell it about the same.
type stage struct {
	*testing.T
	attrs *wire.Table
	t     *Table
	p, q  *Peer
	a, b  *wire.Attrs
	x, y  []wire.Dest
}

func newStage(t *testing.T) *stage {
	s := &stage{T: t, attrs: new(wire.Table)}
	s.t = New(Options{Attrs: s.attrs, Resolve: onLink})
	s.p = s.t.AddPeer(Peer{Name: "p", Address: addr("10.0.0.1"), RouterID: addr("1.1.1.1"), AS: 65001, LocalAS: 64512}, nil)
	s.q = s.t.AddPeer(Peer{Name: "q", Address: addr("10.0.0.2"), RouterID: addr("2.2.2.2"), AS: 65002, LocalAS: 64512}, nil)
	s.a = s.build(wire.Fields{ASPath: wire.NewASPath(65001), NextHop: addr("10.0.0.1")})
	s.b = s.build(wire.Fields{ASPath: wire.NewASPath(65002), NextHop: addr("10.0.0.2")})
	s.x = []wire.Dest{{Prefix: netip.MustParsePrefix("192.0.2.0/24")}}
	s.y = []wire.Dest{{Prefix: netip.MustParsePrefix("198.51.100.0/24")}}
	return s
}

func (s *stage) build(f wire.Fields) *wire.Attrs {
	a, err := f.Build()
	if err != nil {
		s.Fatal(err)
	}
	return s.attrs.Intern(a)
}

// expect commits and compares what was reported, as "prefix peer hops".
func (s *stage) expect(what string, want ...string) {
	s.Helper()
	var got []string
	s.t.Commit(func(list []Delta) {
		for _, d := range list {
			peer := "-"
			if d.New.Best.Valid() {
				peer = d.New.Best.Peer().Name
			}
			w := []string{d.Prefix.String(), peer}
			if d.New.Hops != nil {
				for _, a := range d.New.Hops.Addrs() {
					w = append(w, a.String())
				}
			}
			got = append(got, strings.Join(w, " "))
		}
	})
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (s *stage) nothingTouched(what string) {
	s.Helper()
	if n := s.t.routes[0].touched.n; n != 0 {
		s.Errorf("%s: %d prefixes are decided on anew for nothing", what, n)
	}
}

func TestTwoPeers(t *testing.T) {
	s := newStage(t)
	s.t.Announce(s.p, wire.IPv4, s.a, s.x)
	s.expect("the first", "192.0.2.0/24 p 10.0.0.1")
	s.t.Announce(s.q, wire.IPv4, s.b, s.x)
	s.expect("an equal one", "192.0.2.0/24 p 10.0.0.1 10.0.0.2")
	s.t.Announce(s.q, wire.IPv4, s.b, s.x)
	s.nothingTouched("once more")
	s.t.Withdraw(s.p, wire.IPv4, s.x)
	s.t.Announce(s.p, wire.IPv4, s.a, s.x)
	s.expect("away and back in one batch")
	s.t.Down(s.p, wire.Both)
	s.t.Down(s.p, wire.Both)
	s.expect("the first goes", "192.0.2.0/24 q 10.0.0.2")
	s.t.Withdraw(s.p, wire.IPv4, s.x)
	s.nothingTouched("a withdrawal of nothing")
	s.t.Withdraw(s.q, wire.IPv4, s.x)
	s.expect("the last goes", "192.0.2.0/24 -")
	if s.t.Len(wire.IPv4) != 0 {
		t.Error("something is left")
	}
}

// A peer restarts gracefully, and comes back with one of its two routes.
func TestRestart(t *testing.T) {
	s := newStage(t)
	s.t.Announce(s.p, wire.IPv4, s.a, append(s.x, s.y...))
	s.expect("two", "192.0.2.0/24 p 10.0.0.1", "198.51.100.0/24 p 10.0.0.1")
	s.t.MarkStale(s.p, wire.Both)
	s.nothingTouched("stale")
	if list := s.t.Explain(s.x[0].Prefix); !list[0].Path.Stale {
		t.Error("not stale")
	}
	s.t.Announce(s.p, wire.IPv4, s.a, s.x)
	s.nothingTouched("the same again")
	if list := s.t.Explain(s.x[0].Prefix); list[0].Path.Stale {
		t.Error("still stale")
	}
	s.t.Sweep(s.p, wire.OnlyIPv6)
	s.nothingTouched("End-of-RIB of another family")
	s.t.Sweep(s.p, wire.OnlyIPv4)
	s.expect("End-of-RIB", "198.51.100.0/24 -")
	s.t.Sweep(s.p, wire.Both)
	s.nothingTouched("swept twice")
}

// What a policy rejects or changes is remembered as it came.
func TestPolicyChange(t *testing.T) {
	s := newStage(t)
	s.t.Announce(s.p, wire.IPv4, s.a, append(s.x, s.y...))
	s.t.Commit(nil)
	s.t.SetImport(s.p, AcceptAll)
	if s.t.Reimport(1) != true || s.t.Reimport(1) != false {
		t.Error("two routes aren't two steps")
	}
	s.nothingTouched("a policy with the same outcome")
	s.t.SetImport(s.p, func(_ *Peer, _ wire.Family, p netip.Prefix, a *wire.Attrs) (*wire.Attrs, uint8) {
		if p == s.x[0].Prefix {
			return nil, 0
		}
		return a.WithMED(0).WithMED(1), 0
	})
	s.t.Reimport(10)
	s.expect("one rejected, one changed", "192.0.2.0/24 -", "198.51.100.0/24 p 10.0.0.1")
	if c := s.t.Counts(s.p, wire.IPv4); c != (Counts{Received: 2, Accepted: 1, Best: 1}) {
		t.Errorf("%+v", c)
	}
	list := s.t.Explain(s.x[0].Prefix)
	if len(list) != 1 || list[0].Step != StepRejected || list[0].Path.Attrs() != nil || list[0].Path.Received() != s.a {
		t.Errorf("%+v", list)
	}
	row, ok := s.t.Lookup(s.y[0].Prefix)
	if med, _ := row.Best.Attrs().MED(); !ok || med != 1 || row.Best.Received() != s.a || row.Best.Attrs() != s.attrs.Intern(s.a.WithMED(1)) {
		t.Errorf("%v", row)
	}
	s.t.SetImport(s.p, func(_ *Peer, _ wire.Family, _ netip.Prefix, a *wire.Attrs) (*wire.Attrs, uint8) {
		return a.WithMED(7).WithoutMED(), 0 // a new set that says what came
	})
	s.t.Reimport(10)
	s.expect("all back", "192.0.2.0/24 p 10.0.0.1", "198.51.100.0/24 p 10.0.0.1")
	for _, d := range append(s.x, s.y...) {
		if row, _ := s.t.Lookup(d.Prefix); row.Best.Attrs() != s.a {
			t.Error("an identical outcome isn't the same pointer")
		}
	}
}

func TestNextHopChange(t *testing.T) {
	s := newStage(t)
	s.t.Announce(s.p, wire.IPv4, s.a, s.x)
	s.t.Announce(s.q, wire.IPv4, s.b, append(s.x, s.y...))
	s.expect("both", "192.0.2.0/24 p 10.0.0.1 10.0.0.2", "198.51.100.0/24 q 10.0.0.2")
	except := func(a netip.Addr, r Reach) Resolver {
		return func(b netip.Addr) Reach {
			if a == b {
				return r
			}
			return Reach{Resolvable: true}
		}
	}
	s.t.Resolve(except(addr("10.0.0.1"), Reach{}))
	if n := s.t.routes[0].touched.n; n != 1 {
		t.Errorf("%d prefixes are touched", n)
	}
	s.expect("one is lost", "192.0.2.0/24 q 10.0.0.2")
	s.t.Resolve(except(addr("10.0.0.1"), Reach{true, Far}))
	s.expect("and back behind a gateway")
	if list := s.t.Explain(s.x[0].Prefix); list[1].Step != StepMetric {
		t.Errorf("lost by %v", list[1].Step)
	}
	s.t.Resolve(nil)
	s.expect("none resolves", "192.0.2.0/24 p", "198.51.100.0/24 q")
	if diff := cmp.Diff([]NextHop{{Addr: addr("10.0.0.1")}, {Addr: addr("10.0.0.2")}}, s.t.NextHops(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	s.t.Resolve(onLink)
	s.expect("all do", "192.0.2.0/24 p 10.0.0.1 10.0.0.2", "198.51.100.0/24 q 10.0.0.2")
}

// A peer with add-path has to hear of paths that aren't best.
func TestAllPaths(t *testing.T) {
	s := newStage(t)
	worse := s.attrs.Intern(s.b.Prepend(65002))
	s.t.Announce(s.p, wire.IPv4, s.a, s.x)
	s.t.Commit(nil)
	s.t.Announce(s.q, wire.IPv4, worse, s.x)
	s.expect("one that loses")
	s.t.SetAllPaths(true)
	s.t.Withdraw(s.q, wire.IPv4, s.x)
	s.expect("and goes", "192.0.2.0/24 p 10.0.0.1")
	s.t.Announce(s.q, wire.IPv4, worse, s.x)
	s.expect("and comes", "192.0.2.0/24 p 10.0.0.1")
	row, _ := s.t.Lookup(s.x[0].Prefix)
	if paths := s.t.Paths(nil, wire.IPv4, row.Ref); len(paths) != 2 || paths[1].Peer() != s.q {
		t.Errorf("%v", paths)
	}
}

func TestNonsense(t *testing.T) {
	s := newStage(t)
	s.t.Announce(s.p, wire.IPv4, s.a, []wire.Dest{{}, {Prefix: netip.MustParsePrefix("2001:db8::/32")}, {Prefix: netip.PrefixFrom(addr("1.1.1.1"), 40)}})
	s.t.Announce(s.p, wire.NewFamily(25, 70), s.a, s.x)
	s.t.Announce(nil, wire.IPv4, s.a, s.x)
	s.t.Announce(&Peer{Index: 99}, wire.IPv4, s.a, s.x)
	s.t.Announce(s.t.Local(Direct), wire.IPv4, s.a, s.x)
	s.t.SetLocal(BGP, Local{}, s.x)
	s.t.Announce(s.p, wire.IPv4, nil, s.x)
	s.t.Withdraw(s.p, wire.IPv4, []wire.Dest{{}})
	s.t.UnsetLocal(Kernel, []wire.Dest{{}})
	s.t.RemovePeer(s.t.Local(Direct))
	s.expect("nonsense")
	s.t.Pin(wire.IPv4, 1<<30)
	s.t.Unpin(wire.IPv6, 5)
	if err := empty(s.t); err != "" {
		t.Error(err)
	}
	if row := s.t.Row(wire.IPv4, 7); row != (Row{}) {
		t.Errorf("%v", row)
	}
	if s.t.Explain(netip.Prefix{}) != nil {
		t.Error("explained")
	}
}

func TestWalkLimit(t *testing.T) {
	s := newStage(t)
	var count int
	load(s.t, s.p, wire.IPv4, messages(t, s.attrs, wire.IPv4, 5000, addr("10.0.0.1"), 65001), &count)
	var at Ref
	seen := 0
	for more := true; more; {
		n := 0
		at, more = s.t.Walk(wire.IPv4, at, 700, func(row Row) {
			if row.Prefix != prefixAt(wire.IPv4, seen) {
				t.Fatalf("%v is the %dth", row.Prefix, seen)
			}
			n++
			seen++
		})
		if n > 700 || n == 0 {
			t.Fatalf("visited %d at once", n)
		}
	}
	if seen != 5000 {
		t.Fatal(seen)
	}
	if at, more := s.t.Walk(wire.IPv4, at, 1, func(Row) { t.Error("visited") }); more {
		t.Error(at)
	}
}

// Routes that flap cost no memory for each route.
func TestNoAllocation(t *testing.T) {
	s := newStage(t)
	var count int
	load(s.t, s.p, wire.IPv4, messages(t, s.attrs, wire.IPv4, 1000, addr("10.0.0.1"), 65001), &count)
	list := messages(t, s.attrs, wire.IPv4, 250, addr("10.0.0.2"), 65002)
	n := testing.AllocsPerRun(100, func() {
		s.t.Announce(s.q, wire.IPv4, list[0].attrs, list[0].dests)
		s.t.Commit(func(d []Delta) { count += len(d) })
		s.t.Withdraw(s.q, wire.IPv4, list[0].dests)
		s.t.Commit(func(d []Delta) { count += len(d) })
	})
	if n > 20 {
		t.Errorf("%v allocations for 500 changes", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		s.t.Withdraw(s.q, wire.IPv4, list[0].dests)
		s.t.Commit(nil)
	}); n != 0 {
		t.Errorf("%v allocations for withdrawals of nothing", n)
	}
}

// What was handed out can be read while the table goes on.
func TestHandedOut(t *testing.T) {
	s := newStage(t)
	feed := make(chan Delta, 1000)
	var wg sync.WaitGroup
	wg.Go(func() {
		n := 0
		for d := range feed {
			for _, c := range []Choice{d.Old, d.New} {
				if c.Best.Valid() {
					n += len(c.Best.Peer().Name) + c.Best.Attrs().PathLen() + c.Best.Received().PathLen() + int(c.Best.Preference())
				}
				if c.Hops != nil {
					n += len(c.Hops.Addrs())
				}
			}
			if d.BestChanged() || d.HopsChanged() {
				n++
			}
		}
		if n == 0 {
			t.Error("nothing came")
		}
	})
	send := func(list []Delta) {
		for _, d := range list {
			feed <- d
		}
	}
	one, two := messages(t, s.attrs, wire.IPv4, 1000, addr("10.0.0.1"), 65001), messages(t, s.attrs, wire.IPv4, 1000, addr("10.0.0.2"), 65002)
	for i := range 5 {
		for _, m := range one {
			s.t.Announce(s.p, wire.IPv4, m.attrs, m.dests)
		}
		for _, m := range two {
			s.t.Announce(s.q, wire.IPv4, m.attrs, m.dests)
		}
		s.t.Commit(send)
		s.t.MarkStale(s.p, wire.Both)
		s.t.Resolve(nil)
		s.t.Commit(send)
		s.t.Resolve(onLink)
		s.p = s.t.ReplacePeer(s.p, Peer{Name: fmt.Sprint("p", i), RouterID: addr("3.3.3.3")})
		s.t.Commit(send)
		s.t.Down(s.p, wire.Both)
		s.t.Commit(send)
	}
	close(feed)
	wg.Wait()
}

// Memory goes back when routes do.
func TestGivenBack(t *testing.T) {
	s := newStage(t)
	var count int
	load(s.t, s.p, wire.IPv4, messages(t, s.attrs, wire.IPv4, 50_000, addr("10.0.0.1"), 65001), &count)
	s.t.Down(s.p, wire.Both)
	s.t.Commit(nil)
	r := &s.t.routes[0]
	chunks := len(r.touched.chunks)
	for _, c := range r.entries.items {
		if c != nil {
			chunks++
		}
	}
	for _, c := range r.paths.items {
		if c != nil {
			chunks++
		}
	}
	for _, c := range r.narrow {
		if c != nil {
			chunks++
		}
	}
	if chunks > 20 || len(r.slots) > 1024 {
		t.Errorf("%d chunks and %d slots are left", chunks, len(r.slots))
	}
	if err := empty(s.t); err != "" {
		t.Error(err)
	}
}

// TestMaxPaths: who tells paths without end to one prefix comes to an end, and
// nobody else does.
func TestMaxPaths(t *testing.T) {
	s := newStage(t)
	list := make([]wire.Dest, MaxPaths+1)
	for i := range list {
		list[i] = wire.Dest{Prefix: s.x[0].Prefix, PathID: uint32(i)}
	}
	if !s.t.Announce(s.q, wire.IPv4, s.b, list[:MaxPaths]) || !s.t.Announce(s.p, wire.IPv4, s.a, list[:MaxPaths]) {
		t.Fatal("fewer paths than may be")
	}
	if s.t.Announce(s.p, wire.IPv4, s.b, list) {
		t.Error("one path more than may be")
	}
	if n := s.t.Counts(s.p, wire.IPv4).Received; n != MaxPaths {
		t.Errorf("%d paths", n)
	}
	s.t.Withdraw(s.p, wire.IPv4, list[:1])
	if !s.t.Announce(s.p, wire.IPv4, s.a, list[MaxPaths:]) || !s.t.Announce(s.p, wire.IPv4, s.a, s.y) {
		t.Error("no path where there is room")
	}
	// One that didn't come leaves nothing behind.
	c := s.build(wire.Fields{ASPath: wire.NewASPath(65001, 1), NextHop: addr("10.0.0.1")})
	if s.t.Announce(s.p, wire.IPv4, c, list[:1]) {
		t.Error("one path more than may be, of other attributes")
	}
	s.t.Down(s.p, wire.Both)
	s.t.Down(s.q, wire.Both)
	s.t.Commit(nil)
	for _, b := range s.t.bundles {
		if b != nil {
			t.Errorf("a bundle of %d paths is left", b.count)
		}
	}
}
