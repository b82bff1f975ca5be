package main

// best is a neighbour's best of the prefixes that several tell.
const best = "10.20.0.0/24 bgp_local_pref = 2147482623;"

// sameKernels are places that differ in which routes are best, and what the kernel gets.
var sameKernels = []place{
	{
		// LOCAL_PREF says the metric of a node's route; better than normal wins over all.
		name:      "priorities",
		resources: tens + two + aPeer(4, 64512, ""),
		kernel:    []string{"10.8.0.0/24 via 192.168.1.77 metric 512", "10.8.1.0/24 via 192.168.1.77 metric 2000", "10.8.2.0/24 via 192.168.1.77 metric 100"},
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.20.0.0/24", "10.8.1.0/24"}, hears: 6},
			{host: 3, routes: []string{best, "10.20.1.0/24 bgp_local_pref = 2147483135;", "10.20.2.0/24 bgp_local_pref = 2147483647;", "10.8.0.0/24 bgp_local_pref = 2147482623;"}, hears: 2},
			{host: 4, routes: []string{"10.20.0.0/24 bgp_local_pref = 2147483135;", "10.20.1.0/24 bgp_local_pref = 2147482623;", "10.8.2.0/24 bgp_local_pref = 2147483646;"}, hears: 2},
		},
		installed: 6,
	},
	{
		name:      "other normal priorities",
		resources: tens + two + aConfig("ipv4NormalRoutePriority: 2048, ipv6NormalRoutePriority: 512"),
		kernel:    []string{"10.8.0.0/24 via 192.168.1.77 metric 1024"},
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.20.0.0/24"}, hears: 3},
			{host: 3, routes: []string{best}, hears: 2},
		},
		installed: 1,
	},
	{
		// Equal in all but the last steps of the decision: all are used.
		name:      "ECMP",
		resources: tens + aPeer(2, 64512, "") + aPeer(3, 64512, "") + aPeer(4, 64512, "") + aPeer(6, 65006, ""),
		neighbours: []beside{
			{host: 2, routes: []string{best, "10.20.1.0/24", "10.20.2.0/24 bgp_med = 5;", "10.20.3.0/24 bgp_origin = ORIGIN_INCOMPLETE;"}, hears: 1},
			{host: 3, routes: []string{best, "10.20.1.0/24 bgp_path.prepend(65009);", "10.20.2.0/24 bgp_med = 5;", "10.20.3.0/24"}, hears: 1},
			{host: 4, routes: []string{best, "10.20.1.0/24", "10.20.2.0/24 bgp_med = 6;", "10.20.3.0/24"}, hears: 1},
			{host: 6, asn: 65006, hears: 5},
		},
		installed: 4,
	},
	{
		name:      "ECMP by eBGP",
		resources: tens + aPeer(2, 65002, "") + aPeer(3, 65003, "") + aPeer(4, 65002, "") + aPeer(6, 64512, ""),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.20.0.0/24", "10.20.1.0/24 bgp_med = 5;", "10.20.2.0/24 bgp_path.prepend(65010);"}, hears: 2},
			{host: 3, asn: 65003, routes: []string{"10.20.0.0/24", "10.20.1.0/24 bgp_med = 6;", "10.20.2.0/24 bgp_path.prepend(65011);"}, hears: 4},
			{host: 4, asn: 65002, routes: []string{"10.20.0.0/24", "10.20.1.0/24 bgp_med = 7;", "10.20.2.0/24"}, hears: 3},
			{host: 6, hears: 4},
		},
		installed: 3,
	},
	{
		// The gateway named reaches the router, which is on no network of r1's.
		name:      "reachableBy",
		resources: tens + two + twice("BGPPeer", "far", "peerIP: '99.0.0.9', asNumber: 65099, reachableBy: '192.168.1.2', filters: [none]") + aFilter("none", "exportV4: [{action: Reject}]"),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.2.0.0/24"}, hears: 2},
			{host: 3, routes: []string{"10.3.0.0/24 bgp_next_hop = 99.0.0.9;"}, hears: 2},
		},
		installed: 3,
	},
	{
		// No way to the next hop: the route is there all the same, and leads nowhere; but
		// what can be reached wins.
		name:      "next hops nowhere",
		resources: tens + two + aPeer(4, 64512, ""),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.20.1.0/24"}, hears: 3},
			{host: 3, routes: []string{"10.20.0.0/24 bgp_next_hop = 99.0.0.7;", "10.20.1.0/24 bgp_next_hop = 99.0.0.7; bgp_local_pref = 2147482623;", "10.20.2.0/24 bgp_next_hop = 10.20.0.7;"}, hears: 2},
			{host: 4, routes: []string{"10.20.2.0/24 bgp_local_pref = 50;"}, hears: 2},
		},
		installed: 3,
	},
	{
		// Next hops are looked up in what others have put into the kernel, the default
		// route among it, and in service ranges, where they lead into a black hole.
		name:      "next hops elsewhere",
		resources: tens + two + aConfig("serviceClusterIPs: "+both("{cidr: '10.96.0.0/16'}")),
		kernel:    []string{"0.0.0.0/0 via 192.168.1.77", "98.0.0.0/8 via 192.168.1.78", "blackhole 97.0.0.0/8", "unreachable 96.0.0.0/8"},
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.20.9.0/24"}, hears: 7},
			{host: 3, routes: []string{
				"10.20.0.0/24 bgp_next_hop = 99.0.0.7;", "10.20.1.0/24 bgp_next_hop = 98.0.0.7;", "10.20.2.0/24 bgp_next_hop = 97.0.0.7;",
				"10.20.3.0/24 bgp_next_hop = 96.0.0.7;", "10.20.4.0/24 bgp_next_hop = 10.96.0.7;",
			}, hears: 3},
		},
		installed: 6,
	},
	programmed("Enabled", 3, 3),
	programmed("Disabled", 1, 1),
	programmed("EnabledIPIPOnly", 2, 1),
	programmed("EnabledNoEncapOnly", 2, 3),
	{
		// Every way to a prefix is told to those who agree.
		name:      "ADD-PATH",
		resources: tens + aPeer(2, 65002, "") + aPeer(3, 65003, "") + aPeer(4, 64512, ""),
		kernel:    []string{"10.20.1.0/24 via 192.168.1.77 metric 512"},
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.20.0.0/24", "10.20.1.0/24"}, hears: 2},
			{host: 3, asn: 65003, channel: "add paths on;", routes: []string{"10.20.0.0/24 bgp_med = 4;"}, hears: 5},
			{host: 4, channel: "add paths on;", routes: []string{"10.4.0.0/24"}, hears: 5},
		},
		installed: 3,
	},
}

// programmed is a place with a pool of each kind, whose routes are the kernel's as
// programClusterRoutes says. There is no IPIP for IPv6.
func programmed(value string, installed, six int) place {
	return place{
		name: "programClusterRoutes " + value,
		resources: aPool("plain", "10.20.0.0/16", "") + twice("IPPool", "vxlan", "cidr: '10.22.0.0/16', vxlanMode: Always") +
			doc("IPPool", "ipip", "cidr: '10.21.0.0/16', ipipMode: Always") + doc("IPPool", "ipip-six", "cidr: 'fd10:21::/32'") + aPool("outer", "10.1.0.0/16", "") +
			two + aConfig("programClusterRoutes: "+value),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.20.1.0/24", "10.21.1.0/24", "10.22.1.0/24", "30.1.0.0/24"}, hears: 1},
			{host: 3, hears: 4},
		},
		installed: installed, six: six,
	}
}
