package fib

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// facts are what the kernel has besides our own routes: the ground that next
// hops are resolved on.
type facts struct {
	links  map[int]Link
	addrs  map[Addr]struct{}
	own    map[netip.Addr]int    // this host's addresses, and on how many links
	routes bart.Table[[]Foreign] // all foreign routes of the main table by destination, lowest metric first

	config Ground
	static *bart.Table[netip.Addr] // that of config
}

func (f *facts) setGround(g Ground) {
	f.config, f.static = g, new(bart.Table[netip.Addr])
	for dst, gateway := range g.Static {
		f.static.Insert(dst, gateway)
	}
}

func newFacts() *facts {
	return &facts{links: map[int]Link{}, addrs: map[Addr]struct{}{}, own: map[netip.Addr]int{}, static: new(bart.Table[netip.Addr])}
}

// link notes a link, and reports whether anything has changed and whether it went down.
func (f *facts) link(l Link, gone bool) (changed, down bool) {
	old, had := f.links[l.Index]
	if gone {
		for a := range f.addrs {
			if a.Link == l.Index {
				f.addr(a, true)
			}
		}
		delete(f.links, l.Index)
		return had, had && old.Up
	}
	f.links[l.Index] = l
	if old.VRF != l.VRF {
		for a := range f.addrs {
			if a.Link == l.Index {
				f.count(a, map[bool]int{true: -1, false: 1}[l.VRF])
			}
		}
	}
	return !had || old != l, had && old.Up && !l.Up
}

// addr notes an address, and reports whether anything has changed.
func (f *facts) addr(a Addr, gone bool) bool {
	_, had := f.addrs[a]
	if had != gone {
		return false
	}
	n := 1
	if gone {
		delete(f.addrs, a)
		n = -1
	} else {
		f.addrs[a] = struct{}{}
	}
	if !f.links[a.Link].VRF {
		f.count(a, n)
	}
	return true
}

// count notes on how many links more the address is this host's.
func (f *facts) count(a Addr, n int) {
	ip := a.Prefix.Addr()
	if f.own[ip] += n; f.own[ip] == 0 {
		delete(f.own, ip)
	}
}

// route notes a foreign route. It reports whether anything has changed, and
// whether it understood what happened: events alone can't tell when routes
// of equal destination and metric stand beside each other.
func (f *facts) route(r *KernelRoute, gone, replaced bool) (changed, sure bool) {
	list, _ := f.routes.Get(r.Dst)
	if gone {
		i := slices.IndexFunc(list, func(o Foreign) bool { return same(o, r.Foreign) })
		if i < 0 {
			// IPv6 tells of single hops of a multipath route.
			return false, !slices.ContainsFunc(list, func(o Foreign) bool { return o.Metric == r.Metric })
		}
		f.put(r.Dst, slices.Delete(slices.Clone(list), i, i+1))
		return true, true
	}
	n := r.Foreign
	n.Hops = slices.Clone(r.Hops)
	rivals := 0
	for i := range list {
		if list[i].Metric != r.Metric {
			continue
		}
		if same(list[i], r.Foreign) {
			return false, true
		}
		rivals++
	}
	list = slices.Clone(list)
	if replaced {
		if i := slices.IndexFunc(list, func(o Foreign) bool { return o.Metric == r.Metric }); i >= 0 {
			list[i] = n
			f.put(r.Dst, list)
			return true, rivals == 1
		}
	}
	// Is it before or behind the others (IPv4), or one with them (IPv6)?
	f.put(r.Dst, append(list, n))
	return true, rivals == 0
}

func (f *facts) put(dst netip.Prefix, list []Foreign) {
	if len(list) == 0 {
		f.routes.Delete(dst)
		return
	}
	slices.SortStableFunc(list, func(a, b Foreign) int { return cmp.Compare(a.Metric, b.Metric) })
	f.routes.Insert(dst, list)
}

func same(a, b Foreign) bool {
	return a.Dst == b.Dst && a.Type == b.Type && a.Metric == b.Metric && a.Protocol == b.Protocol && slices.Equal(a.Hops, b.Hops)
}

// sameHost reports whether links and addresses are the same.
func (f *facts) sameHost(o *facts) bool {
	return maps.Equal(f.links, o.links) && maps.Equal(f.addrs, o.addrs)
}

// without forgets the routes that go through the link alone, and gives their
// destinations. They go with a link that is taken down, and of the IPv4 ones
// nobody tells; a multipath route stays, with one hop less that works.
func (f *facts) without(link int) []netip.Prefix {
	elsewhere := func(h Hop) bool { return h.Link != link }
	bound := func(r Foreign) bool { return len(r.Hops) > 0 && !slices.ContainsFunc(r.Hops, elsewhere) }
	var gone []netip.Prefix
	for dst, list := range f.routes.All() {
		if slices.ContainsFunc(list, bound) {
			gone = append(gone, dst)
		}
	}
	for _, dst := range gone {
		list, _ := f.routes.Get(dst)
		f.put(dst, slices.DeleteFunc(slices.Clone(list), bound))
	}
	return gone
}

// obstacle says what stands in the way of a route of ours to dst with this metric,
// or "". A rival is a route in the very place ours would have; anything else is a
// reason not to want one there at all.
func (f *facts) obstacle(dst netip.Prefix, metric uint32) (why string, rival bool) {
	list, _ := f.routes.Get(dst)
	if r := at(list, metric); r != nil {
		return fmt.Sprintf("another route with metric %d is there, made by %s", metric, protocolName(r.Protocol)), true
	}
	for i := range list {
		r := &list[i]
		if r.Protocol == protocolKernel && r.Type == Unicast && r.Metric > metric && len(r.Hops) == 1 && !r.Hops[0].Gateway.IsValid() {
			// The kernel gives connected IPv6 networks metric 256: a route with a
			// lower one would win over the link itself.
			return "it is the network on " + f.linkName(r.Hops[0].Link), false
		}
	}
	return "", false
}

// at is the first of some routes to one destination that has this metric.
func at(list []Foreign, metric uint32) *Foreign {
	i := slices.IndexFunc(list, func(r Foreign) bool { return r.Metric == metric })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// behind is the place next to the one where a rival is: as good as it gets for
// a route of ours, and there at once when theirs goes. It isn't ok when it is
// taken too.
func (f *facts) behind(dst netip.Prefix, metric uint32) (next uint32, ok bool) {
	list, _ := f.routes.Get(dst)
	next = metric + 1
	return next, next != 0 && at(list, next) == nil
}

// host is what others may know of the facts.
func (f *facts) host() Host {
	var h Host
	for _, l := range f.links {
		if l.Up && !l.VRF {
			h.Interfaces = append(h.Interfaces, f.onLink(l))
		}
	}
	slices.SortFunc(h.Interfaces, func(a, b Interface) int { return cmp.Compare(a.Name, b.Name) })
	for dst, list := range f.routes.AllSorted() {
		if a := dst.Addr(); a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsLoopback() {
			continue
		}
		for _, r := range list {
			if told(&r) {
				r.Hops = slices.Clone(r.Hops)
				h.Foreign = append(h.Foreign, r)
			}
		}
	}
	return h
}

// told says whether others hear of the route: of the types and protocols BIRD
// learns from a kernel, and of connected networks. BIRD's own are what a predecessor
// of ours, in calico-node, has left: stale, and other nodes' to tell.
func told(r *Foreign) bool {
	switch r.Protocol {
	case protocolUnspec, protocolRedirect, protocolBIRD, Protocol:
		return false
	case protocolKernel:
		return r.Type == Unicast
	}
	switch r.Type {
	case Unicast, Blackhole, Unreachable, Prohibit:
		return true
	}
	return false
}

// onLink is a link with its addresses.
func (f *facts) onLink(l Link) Interface {
	i := Interface{Index: l.Index, Name: l.Name}
	for a := range f.addrs {
		switch {
		case a.Link != l.Index || a.Prefix.Addr().IsLinkLocalUnicast():
		case a.Far.IsValid():
			i.Ends = append(i.Ends, End{a.Prefix.Addr(), a.Far})
		default:
			i.Addrs = append(i.Addrs, a.Prefix)
		}
	}
	slices.SortFunc(i.Addrs, netip.Prefix.Compare)
	slices.SortFunc(i.Ends, func(a, b End) int { return cmp.Or(a.Far.Compare(b.Far), a.Own.Compare(b.Own)) })
	return i
}
