package intent

import (
	"cmp"
	"net/netip"
	"path"
	"slices"

	"github.com/calctl/calctl/node/policy"
)

// neverLocal are the interfaces whose networks are never ours to tell about,
// because Calico says so: those of workloads and of kube-proxy.
var neverLocal = []string{"cali*", "kube-ipvs*"}

// localRoutes are the routes the node has without BGP: the networks on its
// interfaces, what resources ask for (static), and what others put into the
// kernel's table. For one prefix the first of them wins, then the lowest metric.
//
// Default routes are among them, as BIRD learns them too; it is the export
// policy that keeps them at home. Families are not looked at: a node without
// an IPv6 address has no IPv6 peers to tell.
func localRoutes(host Host, static map[netip.Prefix]Local, ignored []string, normal policy.Priorities) map[netip.Prefix]Local {
	local := map[netip.Prefix]Local{}
	// Kernel routes first, worst first, so that what is written later is better.
	routes := slices.SortedFunc(slices.Values(host.Routes), worstFirst)
	for _, r := range routes {
		if dst := r.Dst.Masked(); canRoute(dst) {
			local[dst] = Local{Source: Kernel, Gateway: nextHop(dst, r.Gateway), Metric: r.Metric, Interface: r.Interface}
		}
	}
	for dst, l := range static {
		l.Metric = normal.Of(dst)
		local[dst] = l
	}
	// Of two interfaces on one network the first by name counts.
	interfaces := slices.SortedFunc(slices.Values(host.Interfaces), func(a, b Interface) int { return -cmp.Compare(a.Name, b.Name) })
	for _, i := range interfaces {
		if matchesAny(ignored, i.Name) {
			continue
		}
		for _, dst := range networksOn(i) {
			if canRoute(dst) {
				local[dst] = Local{Source: Direct, Metric: normal.Of(dst), Interface: i.Name}
			}
		}
	}
	return local
}

// networksOn are those that an interface leads to without a gateway.
func networksOn(i Interface) []netip.Prefix {
	var list []netip.Prefix
	for _, a := range i.Addrs {
		list = append(list, a.Masked())
	}
	for _, e := range i.Ends {
		list = append(list, e.Far.Masked())
	}
	return list
}

// canRoute reports whether a destination may be told about at all. Link-local,
// multicast and 127/8 mean something else on every machine.
func canRoute(dst netip.Prefix) bool {
	a := dst.Addr()
	return dst.IsValid() && !a.IsLinkLocalUnicast() && !a.IsMulticast() && !a.IsLoopback()
}

// nextHop is a gateway peers can use too: of the destination's family, and not
// one that only has a meaning on our own link. Otherwise peers come by us.
func nextHop(dst netip.Prefix, gateway netip.Addr) netip.Addr {
	if gateway.Is4() != dst.Addr().Is4() || gateway.IsLinkLocalUnicast() {
		return netip.Addr{}
	}
	return gateway
}

// worstFirst orders routes so that of two for one prefix the better comes
// later. Gateway and interface only make the order complete.
func worstFirst(a, b Route) int {
	return cmp.Or(
		-cmp.Compare(a.Metric, b.Metric),
		-a.Gateway.Compare(b.Gateway),
		-cmp.Compare(a.Interface, b.Interface),
	)
}

// matchesAny reports whether a name matches one of the patterns, in which *
// stands for any characters. Names of interfaces have no slashes.
func matchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(p, name); err == nil && ok {
			return true
		}
	}
	return false
}
