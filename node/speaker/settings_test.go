package speaker

import (
	"net/netip"
	"testing"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/status"
)

// TestLocalAS: towards one peer this node is in another AS, and that alone is
// in what it hears. Which of the two makes a peer internal, too.
func TestLocalAS(t *testing.T) {
	f := fars(t, 2)
	b1 := f[0].bird(bird{asn: 64513, ours: 64600, routes: []string{"10.2.0.0/24"}})
	b2 := f[1].bird(bird{asn: 64601, ours: 64601})
	s := speak(t)
	everything := rules(t, "- {action: Accept}")
	s.apply(bgpWith(f[0].peer4(64513, func(p *intent.Peer) { p.LocalASN, p.Export = 64600, everything }),
		f[1].peer4(64601, func(p *intent.Peer) { p.LocalASN, p.Export = 64601, everything })))
	s.awaitUp(f[0].addr4())
	birdRoute(t, b1, "172.16.1.0/24", "BGP.as_path: 64600\n")
	birdRoute(t, b2, "172.16.1.0/24", "BGP.as_path: \n", "BGP.local_pref: 2147482623")
	birdRoute(t, b2, "10.2.0.0/24", "BGP.as_path: 64513\n")
}

// TestAllowedLocalAS: our AS may be in a path as often as was said, and another
// number costs no session.
func TestAllowedLocalAS(t *testing.T) {
	f := fars(t, 1)[0]
	f.bird(bird{asn: 64513, routes: []string{"10.2.0.0/24", "10.3.0.0/24"},
		channel: "export filter { bgp_path.prepend(64512); if net = 10.3.0.0/24 then bgp_path.prepend(64512); accept; };"})
	s := speak(t)
	with := func(n int, one, two string) {
		t.Helper()
		s.apply(bgpWith(f.peer4(64513, func(p *intent.Peer) { p.AllowedLocalAS = n })))
		s.awaitRoute("10.2.0.0/24", one)
		s.awaitRoute("10.3.0.0/24", two)
	}
	with(1, "10.0.1.2", "")
	up := s.since(f.addr4())
	with(2, "10.0.1.2", "10.0.1.2")
	with(0, "", "")
	with(1, "10.0.1.2", "")
	if !s.since(f.addr4()).Equal(up) {
		t.Error("the session was reset")
	}
}

// TestNextHopModes: what a peer hears as next hop, by mode, without a new session.
func TestNextHopModes(t *testing.T) {
	f := fars(t, 3)
	f[0].bird(bird{asn: 64513, routes: []string{"10.2.0.0/24"}})
	internal := f[1].bird(bird{asn: ownASN})
	external := f[2].bird(bird{asn: 64515})
	s := speak(t)
	everything := rules(t, "- {action: Accept}")
	with := func(mode intent.NextHopMode, atInternal, atExternal string) {
		t.Helper()
		m := func(p *intent.Peer) { p.NextHop, p.Export = mode, everything }
		s.apply(bgpWith(f[0].peer4(64513), f[1].peer4(ownASN, m), f[2].peer4(64515, m)))
		birdRoute(t, internal, "10.2.0.0/24", "BGP.next_hop: "+atInternal)
		birdRoute(t, external, "10.2.0.0/24", "BGP.next_hop: "+atExternal)
	}
	with(intent.NextHopAuto, "10.0.1.2", "10.0.3.1")
	up := [2]time.Time{s.since(f[1].addr4()), s.since(f[2].addr4())}
	with(intent.NextHopSelf, "10.0.2.1", "10.0.3.1")
	with(intent.NextHopKeep, "10.0.1.2", "10.0.1.2")
	with(intent.NextHopAuto, "10.0.1.2", "10.0.3.1")
	if !s.since(f[1].addr4()).Equal(up[0]) || !s.since(f[2].addr4()).Equal(up[1]) {
		t.Error("a session was reset")
	}
}

// TestTTLSecurity: only who is near enough gets a session. BIRD's packets come
// with TTL 64, as from 192 hops away, unless it is told otherwise.
func TestTTLSecurity(t *testing.T) {
	f := fars(t, 3)
	near := f[0].bird(bird{asn: 64513, routes: []string{"10.2.0.0/24"}, extra: " ttl security on;\n"})
	f[1].bird(bird{asn: 64514, routes: []string{"10.3.0.0/24"}})
	f[2].bird(bird{asn: 64515, routes: []string{"10.4.0.0/24"}})
	s := speak(t)
	within := func(hops uint8) func(*intent.Peer) { return func(p *intent.Peer) { p.TTLSecurity = hops } }
	s.apply(bgpWith(f[2].peer4(64515, within(191)), f[0].peer4(64513, within(1)), f[1].peer4(64514, within(192))))
	s.awaitRoute("10.2.0.0/24", "10.0.1.2")
	s.awaitRoute("10.3.0.0/24", "10.0.2.2")
	birdRoute(t, near, "172.16.1.0/24", "64512")
	s.apply(bgpWith(f[2].peer4(64515, within(191)))) // the others came up, and go, beside it
	s.awaitRoute("10.3.0.0/24", "")
	if p := s.peer(f[2].addr4()); p.State == status.StateUp || s.route("10.4.0.0/24") != "" {
		t.Errorf("a session with a peer too far away: %+v", p)
	}
}

// TestListenOn: with addresses to listen on, nobody is answered on others.
func TestListenOn(t *testing.T) {
	f := fars(t, 2)
	s := speak(t)
	want := bgpWith(f[0].peer4(64513), f[1].peer4(64514))
	want.Listen = []netip.Addr{f[0].here4()}
	s.apply(want)
	if c := Diff(s.have, want); !c.Empty() {
		t.Errorf("left to do: %+v", c)
	}
	if c, err := f[0].Dial(f[0].addr4(), netip.AddrPortFrom(f[0].here4(), 179)); err != nil {
		t.Error(err)
	} else {
		_ = c.Close()
	}
	if c, err := f[1].Dial(f[1].addr4(), netip.AddrPortFrom(f[1].here4(), 179)); err == nil {
		_ = c.Close()
		t.Error("listens on another address")
	}
	want.Listen = nil
	s.apply(want)
	if c, err := f[1].Dial(f[1].addr4(), netip.AddrPortFrom(f[1].here4(), 179)); err != nil {
		t.Error(err)
	} else {
		_ = c.Close()
	}
}
