package speaker

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// tellsMany makes a peer able to tell several paths to a prefix.
func tellsMany(o *wire.Open) { o.AddPathSend = wire.OnlyIPv4 }

// manyPaths are UPDATEs for some paths to 10.9.0.0/24, of ids from a first on.
func manyPaths(first, n int) []byte {
	dests := make([]wire.Dest, n)
	for i := range dests {
		dests[i] = wire.Dest{Prefix: netip.MustParsePrefix("10.9.0.0/24"), PathID: uint32(first + i)}
	}
	a, err := (&wire.Fields{ASPath: wire.NewASPath(64513), NextHop: netip.MustParseAddr("10.0.1.2")}).Build()
	if err != nil {
		panic(err)
	}
	b, err := wire.Builder{FourOctetAS: true, AddPath: wire.OnlyIPv4}.Reach(nil, wire.IPv4, a, dests)
	if err != nil {
		panic(err)
	}
	return b
}

// TestTooManyPaths: a peer that tells paths to one prefix without end has no
// session and no route, and hears why; another peer with the prefix keeps both.
func TestTooManyPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStand(t, Options{}, bgpWith(), "10.0.1.2", "10.0.2.2")
		a, b := s.call("10.0.1.2", tellsMany), s.call("10.0.2.2")
		b.say(tells("10.9.0.0/24", "10.0.2.2"))
		a.say(manyPaths(1, rib.MaxPaths))
		if p := s.peer(a.addr); p.RoutesIn != rib.MaxPaths {
			t.Fatalf("%d paths", p.RoutesIn)
		}
		a.since()
		b.since()
		a.say(manyPaths(rib.MaxPaths, 2))
		if heard := a.since(); !strings.Contains(heard, "Out of Resources") {
			t.Errorf("the peer heard %q", heard)
		}
		if p := s.peer(a.addr); p.RoutesIn != 0 {
			t.Errorf("%d paths of a peer without a session", p.RoutesIn)
		}
		if p := s.peer(b.addr); p.RoutesIn != 1 {
			t.Errorf("the other peer has %d routes", p.RoutesIn)
		}
		s.awaitRoute("10.9.0.0/24", "10.0.2.2")
	})
}

// TestPathsBySuccessiveIDs: who comes back and numbers its paths anew doesn't
// have too many of them for those that were kept.
func TestPathsBySuccessiveIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStand(t, Options{}, bgpWith(), "10.0.1.2")
		able := restarts(time.Minute, wire.GracefulRestart{Families: wire.OnlyIPv4, Forwarding: wire.OnlyIPv4})
		a := s.call("10.0.1.2", tellsMany, able)
		a.say(manyPaths(1, rib.MaxPaths))
		a.hangUp()
		pass(time.Second)
		a = s.call("10.0.1.2", tellsMany, able)
		a.say(manyPaths(10_001, rib.MaxPaths), endOfRIB)
		if p := s.peer(a.addr); p.RoutesIn != rib.MaxPaths {
			t.Errorf("%d paths; the peer heard %q", p.RoutesIn, a.since())
		}
	})
}
