package speaker

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/wire"
	"github.com/calctl/calctl/node/wire/wiretest"
)

// TestVerdictsReachNeighbours: of what comes malformed, and of the route that was
// there before, a neighbour hears what the RFCs leave of it: nothing of a route that
// counts as withdrawn or whose session ends, and what is told is well-formed (which
// every player sees to).
func TestVerdictsReachNeighbours(t *testing.T) {
	route := netip.MustParsePrefix(wiretest.Route)
	for _, v := range wiretest.Verdicts {
		if 19+len(v.Body) > wire.MaxExtended {
			t.Fatalf("%s: fits into no message", v.Name)
		}
		t.Run(v.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				want := bgpWith()
				want.Export.Accept = append(want.Export.Accept, netip.MustParsePrefix("0.0.0.0/0"))
				s := onStand(t, Options{}, want)
				from, asn := netip.MustParseAddr("10.0.0.3"), uint32(65001)
				if v.Session.Internal {
					asn = ownASN
				}
				for addr, asn := range map[string]uint32{"10.0.0.2": 64513, from.String(): asn} {
					at := netip.AddrPortFrom(netip.MustParseAddr(addr), 179)
					want.Peers[at] = intent.Peer{Name: addr, ASN: asn, LocalAddress: ourAddr, Passive: true}
				}
				s.apply(want)
				synctest.Wait()
				listener := s.call("10.0.0.2")
				says := wire.Open{}
				bad := s.call(from.String(), func(o *wire.Open) {
					o.AS, o.HasFourOctetAS, o.ExtendedMessage = asn, !v.Session.Narrow, true
					says = *o
				})
				agreed, fault := wire.Negotiate(bad.open, says)
				if fault != nil {
					t.Fatal(fault)
				}
				before := wiretest.Raw(wiretest.Origin, pathFor(v.Session), wiretest.NextHop)
				bad.say(wiretest.Message(0xff, 19+len(before), update, before...))
				if listener.routes[route] == nil {
					t.Fatal("the route isn't told")
				}
				listener.since()
				bad.since()
				// What is wrong was judged by other tests; here it has to arrive. This
				// session has one family, and what else was agreed.
				u, reset := wire.NewDecoder(agreed.Rules(ownASN, asn), new(wire.Table)).Decode(v.Body)
				bad.say(wiretest.Message(0xff, 19+len(v.Body), update, v.Body...))
				there := true
				for _, n := range u.Withdrawn {
					for _, d := range n.Append(nil) {
						there = there && d.Prefix != route
					}
				}
				for _, r := range u.Reach {
					for _, d := range r.Append(nil) {
						there = there || d.Prefix == route
					}
				}
				said := ""
				if reset != nil {
					there, said = false, reset.Notification().String()
				}
				if got := bad.since(); got != said {
					t.Errorf("the peer heard %q, want %q", got, said)
				}
				if is := listener.routes[route] != nil; is != there {
					t.Errorf("the neighbour has the route: %v, want %v; it heard %q", is, there, listener.since())
				}
			})
		})
	}
}

// pathFor is a path from outside as such a session writes it.
func pathFor(s wiretest.Session) []byte {
	if s.Narrow {
		return wiretest.Attr(0x40, 2, wiretest.Seq2(65001, 65010)...)
	}
	return wiretest.Path
}
