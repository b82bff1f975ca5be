package wire

import "net/netip"

// mpNextHops reads the one or two addresses of an MP_REACH_NLRI. Where only
// the link-local one is of use, it is the next hop.
func mpNextHops(v []byte) (nextHop, linkLocal netip.Addr) {
	if len(v) == 4 {
		return addr4(be32(v)), linkLocal
	}
	nextHop = netip.AddrFrom16([16]byte(v[:16]))
	if len(v) == 32 {
		linkLocal = netip.AddrFrom16([16]byte(v[16:]))
		if !linkLocal.IsLinkLocalUnicast() {
			return nextHop, netip.Addr{}
		}
		if nextHop.IsUnspecified() || nextHop.IsLinkLocalUnicast() {
			return linkLocal, netip.Addr{}
		}
	}
	return nextHop, linkLocal
}

// usable says whether an address could be a next hop at all (RFC 4271 §6.3:
// "a valid IP host address").
func usable(a netip.Addr) bool {
	if a.Is4() {
		first := a.As4()[0]
		return first != 0 && first != 127 && first < 224
	}
	return a.Is6() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast()
}
