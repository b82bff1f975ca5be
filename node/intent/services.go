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

// services are the ranges of service addresses of the cluster, and the addresses of
// single Services.
type services struct {
	// told are those whose traffic this node asks for; each is a static route.
	told []netip.Prefix
	// kept are those to which the kernel gets no route, told or not: there they
	// would go before what balances the load.
	kept []netip.Prefix
	// reflected are the ranges whose routes a reflector passes on, whoever told them.
	reflected []netip.Prefix
}

// services reads the ranges and the Services. A single address is no range, and told
// only where a Service has it.
func (d *derivation) services() services {
	cluster := d.cidrs("serviceClusterIPs", d.global.ServiceClusterIPs)
	external := d.cidrs("serviceExternalIPs", d.global.ServiceExternalIPs)
	balancer := d.cidrs("serviceLoadBalancerIPs", d.global.ServiceLoadBalancerIPs)
	fromStart := d.env.ClusterIPs != nil
	if fromStart {
		cluster = d.env.ClusterIPs
	}
	how := d.global.ServiceLoadBalancerAggregation
	aggregated := how == nil || *how != "Disabled"
	ranges := slices.Concat(cluster, networks(external))
	if aggregated {
		ranges = slices.Concat(ranges, networks(balancer))
	}
	s := services{kept: ranges}
	switch {
	case d.self.labels[excludeLabel] != "true":
		s.told = slices.Concat(ranges, d.serviceAddresses(cluster, external, balancer, aggregated))
		s.kept = s.told
	case fromStart:
		s.told = cluster // Calico has told of them before it looks at labels
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
