package intent

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
)

// A pool is an IPPool whose range can be read.
type pool struct {
	cidr netip.Prefix
	spec resources.IPPoolSpec
}

// readPools reads the IPPools. A disabled pool gives out no new addresses, but
// those it has given out are in use.
func (d *derivation) readPools() []pool {
	pools := make([]pool, 0, len(d.snap.Pools))
	for _, name := range slices.Sorted(maps.Keys(d.snap.Pools)) {
		spec := d.snap.Pools[name].Spec
		cidr, err := netip.ParsePrefix(spec.CIDR)
		if err != nil {
			d.about(resources.Key{Kind: resources.KindIPPool, Name: name},
				"spec.cidr '%s' is not address/length; the pool has no part in what peers are told", spec.CIDR)
			continue
		}
		pools = append(pools, pool{cidr.Masked(), spec})
	}
	return pools
}

// export makes the IPPools, the node's blocks and the service ranges the export policy.
func (d *derivation) export(blocks []netip.Prefix, services services) policy.Export {
	e := policy.Export{
		Blocks:   blocks,
		Normal:   priorities(&d.global),
		Services: widest(slices.Concat(services.told, services.reflected)),
		Tunnel:   d.tunnelled(),
	}
	for _, p := range d.pools {
		if p.spec.DisableBGPExport {
			e.Reject = append(e.Reject, p.cidr)
		} else {
			e.Accept = append(e.Accept, p.cidr)
		}
	}
	for _, list := range []*[]netip.Prefix{&e.Reject, &e.Accept} {
		*list = sortedSet(*list, netip.Prefix.Compare)
	}
	e.Advertise = d.advertise()
	return e
}

// advertise makes the prefixAdvertisements: those of this node if it has any,
// else the cluster's. Named communities are looked up in the same resource.
func (d *derivation) advertise() []policy.Advertisement {
	key, spec := resources.Key{Kind: resources.KindBGPConfiguration, Name: perNode + d.self.name}, &d.global
	if own := d.snap.Configs[key.Name]; own != nil && len(own.Spec.PrefixAdvertisements) > 0 {
		spec = &own.Spec
	} else {
		key.Name = globalName
	}
	named := map[string]string{}
	for _, c := range spec.Communities {
		named[c.Name] = c.Value
	}
	byCIDR := map[netip.Prefix][]string{}
	for i, p := range spec.PrefixAdvertisements {
		cidr, err := netip.ParsePrefix(p.CIDR)
		if err != nil {
			d.about(key, "spec.prefixAdvertisements[%d].cidr '%s' is not address/length; it is passed over", i, p.CIDR)
			continue
		}
		for _, c := range p.Communities {
			value := c
			if !policy.IsCommunity(c) {
				value = named[c]
			}
			if !policy.IsCommunity(value) {
				d.about(key, "spec.prefixAdvertisements[%d].communities: '%s' is neither a community nor the name of one in spec.communities; it is passed over", i, c)
				continue
			}
			byCIDR[cidr.Masked()] = append(byCIDR[cidr.Masked()], value)
		}
	}
	var list []policy.Advertisement
	for _, cidr := range slices.SortedFunc(maps.Keys(byCIDR), netip.Prefix.Compare) {
		list = append(list, policy.Advertisement{CIDR: cidr, Communities: sortedSet(byCIDR[cidr], strings.Compare)})
	}
	return list
}

func sortedSet[E comparable](list []E, compare func(a, b E) int) []E {
	slices.SortFunc(list, compare)
	return slices.Compact(list)
}
