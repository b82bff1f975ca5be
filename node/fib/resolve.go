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
// a route with the longest match among the foreign routes. Our own routes are
// not among them, so a route can't come to depend on itself. Why is set when
// there are no hops.
func (f *facts) resolve(addrs []netip.Addr, v6 bool) (hops []Hop, why string) {
	var reasons []string
	for _, a := range addrs {
		h, reason := f.reach(a, v6)
		if reason != "" {
			reasons = append(reasons, reason)
		}
		hops = append(hops, h...)
	}
	if hops = canonical(hops); len(hops) == 0 {
		return nil, strings.Join(reasons, "; ")
	}
	return hops[:min(len(hops), MaxHops)], ""
}

// reach resolves one next hop.
func (f *facts) reach(a netip.Addr, v6 bool) ([]Hop, string) {
	switch {
	case a.IsUnspecified():
		return nil, fmt.Sprintf("next hop %s is no address of a router", a)
	case a.IsMulticast():
		return nil, fmt.Sprintf("next hop %s is a multicast address", a)
	case a.IsLoopback():
		return nil, fmt.Sprintf("next hop %s is a loopback address", a)
	case f.own[a.WithZone("")] > 0 && a.Zone() == "":
		return nil, fmt.Sprintf("next hop %s is an address of this host", a)
	case v6 && a.Is4():
		return nil, fmt.Sprintf("next hop %s is an IPv4 address: an IPv6 route can't go through it", a)
	case a.Is6() && a.IsLinkLocalUnicast():
		return f.reachLinkLocal(a)
	}
	why := fmt.Sprintf("next hop %s is not reachable: no route to it", a)
	// From the longest match to the shortest: IPv4 routes of a link that has
	// gone down are gone too, even if we haven't looked yet.
	for dst, list := range f.routes.Supernets(netip.PrefixFrom(a, a.BitLen())) {
		for i := range list {
			if list[i].Type != Unicast {
				return nil, fmt.Sprintf("next hop %s is not reachable: %s is %s", a, dst, typeName(list[i].Type))
			}
			if hops := f.alive(&list[i], a, v6); len(hops) > 0 {
				return hops, ""
			}
			why = fmt.Sprintf("next hop %s is not reachable: no usable link for the route to %s", a, dst)
		}
	}
	return nil, why
}

// alive gives the hops that a packet to a takes by the route, on links that are up.
func (f *facts) alive(r *Foreign, a netip.Addr, v6 bool) []Hop {
	var hops []Hop
	for _, h := range r.Hops {
		if !h.Gateway.IsValid() {
			h.Gateway = a
		}
		if f.links[h.Link].Up && (!v6 || h.Gateway.Is6()) {
			hops = append(hops, h)
		}
	}
	return hops
}

// reachLinkLocal resolves an address that means something on one link only;
// the zone has to say on which, as a name or an index.
func (f *facts) reachLinkLocal(a netip.Addr) ([]Hop, string) {
	zone := a.Zone()
	if zone == "" {
		return nil, fmt.Sprintf("next hop %s is link-local and nothing says on which link", a)
	}
	for _, l := range f.links {
		if l.Name == zone || strconv.Itoa(l.Index) == zone {
			if !l.Up {
				return nil, fmt.Sprintf("next hop %s is not reachable: %s is down", a, l.Name)
			}
			return []Hop{{Gateway: a.WithZone(""), Link: l.Index}}, ""
		}
	}
	return nil, fmt.Sprintf("next hop %s is not reachable: there is no link %s", a, zone)
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
