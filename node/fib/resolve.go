package fib

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// resolve works out how the kernel reaches a set of BGP next hops: the hops of
// a route with the longest match among the routes that are not ours, and the static
// ones. Our own otherwise are not among them, so a route can't come to depend on
// itself. When there is no way to any, they are a dead end, and why says why; the zero
// Addr is meant to be one.
func (f *facts) resolve(addrs []netip.Addr, v6 bool) (hops []Hop, why string) {
	if len(addrs) == 1 && !addrs[0].IsValid() {
		return []Hop{{Dead: Blackhole}}, ""
	}
	var reasons []string
	end := Unreachable
	for i, a := range addrs {
		h, not := f.reach(a, v6)
		if len(h) == 0 {
			reasons = append(reasons, not.why)
			if i == 0 {
				end = not.end
			}
		}
		hops = append(hops, h...)
	}
	if hops = canonical(hops); len(hops) == 0 {
		return []Hop{{Dead: end}}, strings.Join(reasons, "; ")
	}
	return hops[:min(len(hops), MaxHops)], ""
}

// A nowhere is that a next hop can't be reached: why, and what becomes of packets
// that are to go by it.
type nowhere struct {
	why   string
	end   RouteType
	final bool // a route says so
}

// unreachable is that nothing leads to a next hop.
func unreachable(format string, args ...any) ([]Hop, nowhere) {
	return nil, nowhere{why: fmt.Sprintf(format, args...), end: Unreachable}
}

// reach resolves one next hop.
func (f *facts) reach(a netip.Addr, v6 bool) ([]Hop, nowhere) {
	switch {
	case !a.IsValid() || a.IsUnspecified():
		return unreachable("next hop %s is no address of a router", a)
	case a.IsMulticast():
		return unreachable("next hop %s is a multicast address", a)
	case a.IsLoopback():
		return unreachable("next hop %s is a loopback address", a)
	case f.own[a.WithZone("")] > 0 && a.Zone() == "":
		return unreachable("next hop %s is an address of this host", a)
	case v6 && a.Is4():
		return unreachable("next hop %s is an IPv4 address: an IPv6 route can't go through it", a)
	case a.Is6() && a.IsLinkLocalUnicast():
		return f.reachLinkLocal(a)
	}
	static, gateway, ok := f.static.LookupPrefixLPM(netip.PrefixFrom(a, a.BitLen()))
	if !ok {
		return f.follow(a, v6, 0)
	}
	// What the kernel has for a smaller network goes first, and if the gateway can't
	// be reached it is as if the route were not there.
	hops, not := f.follow(a, v6, static.Bits()+1)
	switch {
	case len(hops) > 0 || not.final:
		return hops, not
	case !gateway.IsValid():
		return nil, nowhere{fmt.Sprintf("next hop %s is not reachable: %s is a static blackhole", a, static), Blackhole, true}
	}
	if hops, _ := f.follow(gateway, v6, 0); len(hops) > 0 {
		return hops, nowhere{}
	}
	return f.follow(a, v6, 0)
}

// follow resolves a next hop by the kernel's routes to networks with so many bits
// at least.
func (f *facts) follow(a netip.Addr, v6 bool, bits int) ([]Hop, nowhere) {
	why := fmt.Sprintf("next hop %s is not reachable: no route to it", a)
	// From the longest match to the shortest: IPv4 routes of a link that has
	// gone down are gone too, even if we haven't looked yet.
	for dst, list := range f.routes.Supernets(netip.PrefixFrom(a, a.BitLen())) {
		if dst.Bits() < bits {
			break
		}
		for i := range list {
			r := &list[i]
			if r.Type != Unicast {
				end := Unreachable
				if isDeadEnd(r.Type) {
					end = r.Type
				}
				return nil, nowhere{fmt.Sprintf("next hop %s is not reachable: %s is %s", a, dst, typeName(r.Type)), end, true}
			}
			if r.Connected() && len(r.Hops) == 1 && f.config.ignores(f.linkName(r.Hops[0].Link)) {
				why = fmt.Sprintf("next hop %s is not reachable: %s is on an ignored interface", a, dst)
				continue
			}
			if hops := f.alive(r, a, v6); len(hops) > 0 {
				return hops, nowhere{}
			}
			why = fmt.Sprintf("next hop %s is not reachable: no usable link for the route to %s", a, dst)
		}
	}
	return nil, nowhere{why: why, end: Unreachable}
}

func isDeadEnd(t RouteType) bool { return t == Blackhole || t == Unreachable || t == Prohibit }

// alive gives the hops that a packet to a takes by the route, on links that work.
func (f *facts) alive(r *Foreign, a netip.Addr, v6 bool) []Hop {
	var hops []Hop
	for _, h := range r.Hops {
		if !h.Gateway.IsValid() {
			h.Gateway = a
		}
		if f.links[h.Link].works() && (!v6 || h.Gateway.Is6()) {
			hops = append(hops, h)
		}
	}
	return hops
}

// reachLinkLocal resolves an address that means something on one link only;
// the zone has to say on which, as a name or an index.
func (f *facts) reachLinkLocal(a netip.Addr) ([]Hop, nowhere) {
	zone := a.Zone()
	if zone == "" {
		return unreachable("next hop %s is link-local and nothing says on which link", a)
	}
	for _, l := range f.links {
		if l.Name == zone || strconv.Itoa(l.Index) == zone {
			switch {
			case !l.Up:
				return unreachable("next hop %s is not reachable: %s is down", a, l.Name)
			case !l.Carrier:
				return unreachable("next hop %s is not reachable: %s has no carrier", a, l.Name)
			}
			return []Hop{{Gateway: a.WithZone(""), Link: l.Index}}, nowhere{}
		}
	}
	return unreachable("next hop %s is not reachable: there is no link %s", a, zone)
}

// canonical sorts hops and drops duplicates, in place, so that equal sets look equal.
func canonical(hops []Hop) []Hop {
	if len(hops) < 2 {
		return hops
	}
	slices.SortFunc(hops, func(a, b Hop) int {
		return cmp.Or(a.Gateway.Compare(b.Gateway), cmp.Compare(a.Link, b.Link))
	})
	return slices.CompactFunc(hops, func(a, b Hop) bool { return a.Gateway == b.Gateway && a.Link == b.Link })
}

func (f *facts) linkName(index int) string {
	if l, ok := f.links[index]; ok {
		return l.Name
	}
	return "link " + strconv.Itoa(index)
}

// typeName is what a route that isn't unicast does to packets.
func typeName(t RouteType) string {
	switch t {
	case Blackhole:
		return "a blackhole route"
	case Unreachable:
		return "an unreachable route"
	case Prohibit:
		return "a prohibit route"
	case throw:
		return "a throw route"
	}
	return "a route of type " + strconv.Itoa(int(t))
}

// protocolName names who makes routes, as `ip route` does (rt_protos).
func protocolName(p uint8) string {
	switch p {
	case protocolKernel:
		return "the kernel"
	case 3:
		return "boot"
	case 4:
		return "static"
	case 9:
		return "router advertisement"
	case 11:
		return "zebra"
	case 12:
		return "bird"
	case 16:
		return "dhcp"
	case 80:
		return "felix"
	case Protocol:
		return "this program's protocol number"
	case 186:
		return "bgp"
	}
	return "protocol " + strconv.Itoa(int(p))
}
