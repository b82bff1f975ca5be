package trial

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
)

// A namer knows which resources the parts of a policy are from.
type namer map[policy.Step][]named

// named is a prefix, and the place in a resource that says it.
type named struct {
	prefix netip.Prefix
	place  string
}

func newNamer(snap *resources.Snapshot, node string, e intent.Environment) namer {
	n := namer{}
	for _, name := range slices.Sorted(maps.Keys(snap.Pools)) {
		key, spec := resources.Key{Kind: resources.KindIPPool, Name: name}, snap.Pools[name].Spec
		if spec.DisableBGPExport {
			n.add(policy.ByShutPool, spec.CIDR, key.String()+" spec.disableBGPExport")
		} else {
			n.add(policy.ByPool, spec.CIDR, key.String()+" spec.cidr")
		}
		n.add(policy.ByKeptPool, spec.CIDR, cluster.String()+" spec.programClusterRoutes")
	}
	for _, name := range slices.Sorted(maps.Keys(snap.Blocks)) {
		if block, ok := snap.Blocks[name].Block(node); ok {
			n.add(policy.ByBlock, block.String(), resources.Key{Kind: resources.KindBlockAffinity, Name: name}.String()+" spec.cidr")
		}
	}
	var spec resources.BGPConfigurationSpec
	if c := snap.Configs[cluster.Name]; c != nil {
		spec = c.Spec
	}
	for _, p := range e.ClusterIPs {
		n.add(policy.ByService, p.String(), "environment variable CALICO_ADVERTISE_CLUSTER_IPS")
	}
	for _, list := range []struct {
		field  string
		blocks []resources.CIDRBlock
	}{
		{"serviceClusterIPs", spec.ServiceClusterIPs},
		{"serviceExternalIPs", spec.ServiceExternalIPs},
		{"serviceLoadBalancerIPs", spec.ServiceLoadBalancerIPs},
	} {
		for i, b := range list.blocks {
			n.add(policy.ByService, b.CIDR, fmt.Sprintf("%s spec.%s[%d]", cluster, list.field, i))
		}
	}
	for i := range snap.Services { // of external and other addresses the ranges are named
		s := &snap.Services[i]
		for _, a := range s.ClusterIPs {
			n.add(policy.ByService, netip.PrefixFrom(a, a.BitLen()).String(), fmt.Sprintf("Service(%s/%s) spec.clusterIPs", s.Namespace, s.Name))
		}
	}
	return n
}

// cluster is the resource that says what is so on all nodes.
var cluster = resources.Key{Kind: resources.KindBGPConfiguration, Name: "default"}

func (n namer) add(s policy.Step, cidr, place string) {
	if p, err := netip.ParsePrefix(cidr); err == nil { // else it has no part in the policy either
		n[s] = append(n[s], named{p.Masked(), place})
	}
}

// rule names what decided on a route to a prefix. Of several resources that do it
// is the first by kind, field and name.
func (n namer) rule(d policy.Decision, to netip.Prefix) string {
	if d.Rule != nil {
		return d.Rule.String()
	}
	for _, l := range n[d.By] {
		if l.prefix.Bits() <= to.Bits() && l.prefix.Contains(to.Addr()) {
			return l.place
		}
	}
	return d.By.String()
}
