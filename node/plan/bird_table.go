package plan

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/calctl/calctl/node/intent"
)

// familyFunctions are what the filters of all peers of a family have in common.
func (b *bird) familyFunctions(six bool) {
	normal := b.normalPriority(six)
	b.line("")
	b.remark("LOCAL_PREF and the kernel's metric say the same of a route. What is better than normal\nwins over all but the networks on interfaces.")
	b.line(`function preferred_%[1]s() {
	if bgp_local_pref > %[2]d then preference = 200;
}
function priority_%[1]s() {
	if source = RTS_BGP && defined(bgp_local_pref) then krt_metric = 2147483647 - bgp_local_pref;
	else {
		if !defined(krt_metric) then krt_metric = %[3]d;
		bgp_local_pref = 2147483647 - krt_metric;
	}
}`, channel(six), localPref(normal), normal)
	b.line("")
	b.remark("What is told of the routes that no filter decides on.")
	b.line("function rest_%s(bool same_as) {", channel(six))
	b.inside(six, b.Export.Reject, "\t", "reject")
	tunnel := ` || ifname = "tunl0"`
	if b.Export.Tunnel {
		tunnel = ""
	}
	b.line("\tif same_as && (ifname ~ \"*.cali\" || ifname ~ \"*.calico\"%s) then reject;", tunnel)
	b.line(`	if ifname ~ "bpf*.cali" then reject;`)
	for _, a := range b.Export.Advertise {
		if a.CIDR.Addr().Is6() != six {
			continue
		}
		add := ""
		for _, c := range a.Communities {
			add += addCommunity(c) + " "
		}
		b.line("\tif net ~ [ %v+ ] then { %s}", a.CIDR, add)
	}
	if list := of(six, b.Export.Blocks); len(list) > 0 {
		b.line("\tif net ~ %s then accept;", exactly(list))
		b.line("\tif net ~ %s then { if krt_metric < %d then accept; reject; }", set(list), b.normalPriority(six))
	}
	b.inside(six, b.Export.Services, "\t", "accept")
	b.inside(six, b.Export.Accept, "\t", "accept")
	b.line("\treject;")
	b.line("}")
}

// inside decides on what lies in one of some prefixes.
func (b *bird) inside(six bool, prefixes []netip.Prefix, indent, decision string) {
	if list := of(six, prefixes); len(list) > 0 {
		b.line("%sif net ~ %s then %s;", indent, set(list), decision)
	}
}

// normalPriority is the metric of routes that are neither better nor worse than usual.
func (b *bird) normalPriority(six bool) int {
	v := b.config().IPv4NormalRoutePriority
	if six {
		v = b.config().IPv6NormalRoutePriority
	}
	if v == nil {
		return 1024
	}
	return *v
}

// kernel is the way to and from the kernel's table.
func (b *bird) kernel(six bool) {
	b.line("")
	b.line("protocol kernel kernel_%s {", channel(six))
	b.line("\t%s {", channel(six))
	b.line("\t\timport all;")
	b.line("\t\texport filter {")
	b.line("\t\t\tif source = RTS_DEVICE then reject;")
	b.inside(six, b.Kernel.Services, "\t\t\t", "reject")
	b.line("\t\t\tif source = RTS_BGP then krt_metric = 2147483647 - bgp_local_pref;")
	b.inside(six, b.Kernel.Pools, "\t\t\t", "reject")
	b.line("\t\t\taccept;")
	b.line("\t\t};")
	b.line("\t};")
	for _, setting := range []string{"learn", "persist", "scan time 2", "metric 0", "merge paths on", "graceful restart on"} {
		b.line("\t%s;", setting)
	}
	b.line("}")
}

// static writes the routes that resources ask for.
func (b *bird) static() {
	for _, six := range []bool{false, true} {
		var routes []string
		for _, p := range slices.SortedFunc(maps.Keys(b.Local), netip.Prefix.Compare) {
			r := b.Local[p]
			switch {
			case r.Source != intent.Static || p.Addr().Is6() != six:
			case r.Gateway.IsValid():
				routes = append(routes, fmt.Sprintf("route %v via %v", p, r.Gateway))
			default:
				routes = append(routes, fmt.Sprintf("route %v blackhole", p))
			}
		}
		if len(routes) == 0 {
			continue
		}
		b.line("")
		b.line("protocol static static_%s {", channel(six))
		b.line("\t%s;", channel(six))
		for _, r := range routes {
			b.line("\t%s;", r)
		}
		b.line("}")
	}
}
