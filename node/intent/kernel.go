package intent

import (
	"net/netip"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
)

// The values of programClusterRoutes, which say whose routes BGP programs: those
// of which pools. The rest Calico leaves to Felix.
const (
	programAll     = "Enabled"
	programNone    = "Disabled"
	programIPIP    = "EnabledIPIPOnly"
	programNoEncap = "EnabledNoEncapOnly"
)

// programs is the value, empty where nothing is said.
func (d *derivation) programs() string {
	if v := d.global.ProgramClusterRoutes; v != nil {
		return *v
	}
	return ""
}

// kernel says which routes aren't for the kernel.
func (d *derivation) kernel(services []netip.Prefix) policy.Kernel {
	k := policy.Kernel{Services: widest(services)}
	for _, p := range d.pools {
		if d.leavesOut(&p.spec) {
			k.Pools = append(k.Pools, p.cidr)
		}
	}
	k.Pools = sortedSet(k.Pools, netip.Prefix.Compare)
	return k
}

// leavesOut reports whether the routes of a pool aren't for the kernel. Calico's
// default leaves those of pools with encapsulation to Felix. Here is no Felix, so
// where nothing is said nothing is left out.
func (d *derivation) leavesOut(pool *resources.IPPoolSpec) bool {
	vxlan, ipip := encapsulates(pool.VXLANMode), encapsulates(pool.IPIPMode)
	switch d.programs() {
	case "":
		return false
	case programAll:
		return vxlan
	case programNone:
		return true
	case programIPIP:
		return vxlan || !ipip
	}
	return vxlan || ipip // programNoEncap, and what nobody knows, as in Calico
}

func encapsulates(mode string) bool { return mode != "" && mode != "Never" }

// tunnelled reports whether the routes of IPIP pools are BGP's, so that those by
// the tunnel are for peers as well.
func (d *derivation) tunnelled() bool {
	return d.programs() == programAll || d.programs() == programIPIP
}
