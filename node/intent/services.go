package intent

import (
	"net/netip"
	"slices"

	"github.com/calctl/calctl/resources"
)

// excludeLabel on a Node, set to "true", keeps the ranges of service addresses from
// being told by it: load balancers outside shall not send to this node
// (Kubernetes' well-known label).
const excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers"

// serviceRanges are the ranges of service addresses of the cluster.
type serviceRanges struct {
	// told are those whose traffic this node asks for; each is a static route.
	told []netip.Prefix
	// kept are those to which the kernel gets no route, told or not: there they
	// would go before what balances the load.
	kept []netip.Prefix
	// reflected are those whose routes a reflector passes on, whoever told them.
	reflected []netip.Prefix
}

// services reads the ranges. A single address is told only where a Service has
// it, of which we know nothing.
func (d *derivation) services() serviceRanges {
	cluster := d.cidrs("serviceClusterIPs", d.global.ServiceClusterIPs)
	external := d.cidrs("serviceExternalIPs", d.global.ServiceExternalIPs)
	balancer := d.cidrs("serviceLoadBalancerIPs", d.global.ServiceLoadBalancerIPs)
	fromStart := d.env.ClusterIPs != nil
	if fromStart {
		cluster = d.env.ClusterIPs
	}
	kept := slices.Concat(cluster, networks(external))
	if how := d.global.ServiceLoadBalancerAggregation; how == nil || *how != "Disabled" {
		kept = slices.Concat(kept, networks(balancer))
	}
	s := serviceRanges{told: kept, kept: kept}
	if d.self.labels[excludeLabel] == "true" {
		s.told = nil
		if fromStart {
			s.told = cluster // Calico has told of them before it looks at labels
		}
	}
	if d.self.reflector {
		s.reflected = slices.Concat(external, balancer)
	}
	return s
}

// cidrs reads one of the lists. An entry without a cidr means nothing.
func (d *derivation) cidrs(field string, blocks []resources.CIDRBlock) []netip.Prefix {
	var list []netip.Prefix
	for i, b := range blocks {
		if b.CIDR == "" {
			continue
		}
		p, err := netip.ParsePrefix(b.CIDR)
		if err != nil {
			d.about(globalKey, "spec.%s[%d].cidr '%s' is not address/length; it is passed over", field, i, b.CIDR)
			continue
		}
		list = append(list, p.Masked())
	}
	return list
}

// networks are the prefixes of more than one address.
func networks(list []netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(list), netip.Prefix.IsSingleIP)
}
