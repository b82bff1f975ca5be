package fib

import (
	"net/netip"
	"testing"
)

// TestVRF: what is on a link of a VRF is none of the main table's business, neither its
// networks nor its addresses, which may be others' here; whenever it comes or goes.
func TestVRF(t *testing.T) {
	f := ground()
	next, other := netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("198.51.100.1")
	own := func(step string, wantNext, wantOther bool, interfaces int) {
		t.Helper()
		if a, b := f.own[next] > 0, f.own[other] > 0; a != wantNext || b != wantOther {
			t.Errorf("%s: our own: %s %v, %s %v", step, next, a, other, b)
		}
		if hops, why := f.reach(next, false); (len(hops) == 0) != wantNext {
			t.Errorf("%s: %s by %v: %v", step, next, hops, why)
		}
		if got := len(f.host().Interfaces); got != interfaces {
			t.Errorf("%s: %d interfaces, want %d", step, got, interfaces)
		}
	}
	eth1 := f.links[3]
	in := eth1
	in.VRF = true
	own("before", false, true, 4)
	f.link(in, false)
	own("in a VRF", false, false, 3)
	f.addr(Addr{Link: 3, Prefix: netip.PrefixFrom(next, 24)}, false)
	own("with the address of somebody in the main table", false, false, 3)
	f.link(in, false)
	own("told again", false, false, 3)
	f.link(eth1, false)
	own("out of it", true, true, 4)
	f.link(in, false)
	own("in again", false, false, 3)
	f.link(in, true)
	own("gone", false, false, 3)
	if len(f.own) != 7 {
		t.Errorf("addresses left: %v", f.own)
	}
}
