package intent

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
)

// export makes the IPPools the export policy. A disabled pool gives out no new
// addresses, but those it has given out are in use: it is told about.
func (d *derivation) export() policy.Export {
	var e policy.Export
	for _, name := range slices.Sorted(maps.Keys(d.snap.Pools)) {
		spec := d.snap.Pools[name].Spec
		cidr, err := netip.ParsePrefix(spec.CIDR)
		if err != nil {
			d.about(resources.Key{Kind: resources.KindIPPool, Name: name},
				"spec.cidr '%s' is not address/length; the pool has no part in what peers are told", spec.CIDR)
			continue
		}
		if spec.DisableBGPExport {
			e.Reject = append(e.Reject, cidr.Masked())
		} else {
			e.Accept = append(e.Accept, cidr.Masked())
		}
	}
	e.Reject, e.Accept = sortedSet(e.Reject), sortedSet(e.Accept)
	return e
}

func sortedSet(p []netip.Prefix) []netip.Prefix {
	slices.SortFunc(p, netip.Prefix.Compare)
	return slices.Compact(p)
}
