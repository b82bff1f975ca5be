package intent

import (
	"net/netip"
	"slices"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
)

// serviceAddresses are the addresses of single Services that this node asks the
// traffic of, as routes. Those are, of a Service with
//
//   - an address that is itself an entry of the lists, not one of a network: all its
//     addresses, unless its traffic is to come to its endpoints' nodes only;
//   - such traffic: the addresses that a ready endpoint on this node serves;
//   - any other, if ranges aren't told as a whole: the addresses that a ready endpoint
//     anywhere serves.
//
// Of external and load balancer's addresses there are those inside of the lists only,
// of cluster IPs all, if there is any range of them.
func (d *derivation) serviceAddresses(cluster, external, balancer []netip.Prefix, aggregated bool) []netip.Prefix {
	var list []netip.Prefix
	oneExternal, oneBalancer := singles(external), singles(balancer)
	for i := range d.snap.Services {
		s := &d.snap.Services[i]
		whole := !isLocal(s) && (overlaps(s.ExternalIPs, oneExternal) || overlaps(s.LoadBalancerIPs, oneBalancer))
		told := func(addrs []netip.Addr, in []netip.Prefix) {
			for _, a := range addrs {
				if p := single(a); policy.Within(p, in) && (whole || d.serves(s, p, aggregated)) {
					list = append(list, p)
				}
			}
		}
		if len(cluster) > 0 {
			told(s.ClusterIPs, everywhere)
		}
		told(s.ExternalIPs, external)
		told(s.LoadBalancerIPs, balancer)
	}
	return list
}

// isLocal reports whether traffic of a Service is to come to nodes with endpoints only.
func isLocal(s *resources.Service) bool { return s.ExternalTrafficPolicy == "Local" }

// serves reports whether an endpoint that is ready draws traffic for an address of a
// Service to this node.
func (d *derivation) serves(s *resources.Service, to netip.Prefix, aggregated bool) bool {
	e := &s.IPv6
	if to.Addr().Is4() {
		e = &s.IPv4
	}
	if isLocal(s) {
		return slices.Contains(e.Nodes, d.self.name)
	}
	return !aggregated && e.Any
}

var everywhere = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}

func single(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	return netip.PrefixFrom(a, a.BitLen())
}

func overlaps(addrs []netip.Addr, in []netip.Prefix) bool {
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool { return policy.Within(single(a), in) })
}

// networks are the prefixes of more than one address, singles the others.
func networks(list []netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(list), netip.Prefix.IsSingleIP)
}

func singles(list []netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(list), func(p netip.Prefix) bool { return !p.IsSingleIP() })
}

// widest are prefixes sorted, without those that lie inside of another one.
func widest(list []netip.Prefix) []netip.Prefix {
	var all []netip.Prefix
	for _, p := range sortedSet(slices.Clone(list), netip.Prefix.Compare) {
		if n := len(all); n == 0 || !policy.Within(p, all[n-1:]) {
			all = append(all, p)
		}
	}
	return all
}
