package main

// alien are kernel routes of all kinds that others have made.
var alien = []string{
	"10.8.0.0/24 via 192.168.1.77", "10.8.1.0/24 via 192.168.1.77 metric 512", "10.8.2.0/24 dev lan0 metric 1024",
	"blackhole 10.8.3.0/24", "unreachable 10.8.4.0/24 metric 2000", "11.1.0.0/24 via 192.168.1.77",
}

// ranges are the service ranges of places.
var ranges = "serviceClusterIPs: " + both("{cidr: '10.96.0.0/16'}") + ", serviceExternalIPs: " + both("{cidr: '10.97.0.0/16'}, {cidr: '10.98.1.1/32'}") +
	", serviceLoadBalancerIPs: " + both("{cidr: '10.99.0.0/16'}, {cidr: '10.98.1.2/32'}")

// sameExports are places that differ in what r1 tells of its routes, and how.
var sameExports = []place{
	{
		name:      "kernel routes of others",
		resources: tens + two,
		kernel:    alien,
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.2.0.0/24"}, hears: 6},
			{host: 3, routes: []string{"10.8.0.0/24", "10.8.3.0/24 bgp_local_pref = 2147482000;"}, hears: 5},
		},
		installed: 3,
	},
	{
		name: "communities",
		resources: tens + two + aConfig("communities: [{name: one, value: '1:10'}, {name: big, value: '64512:1:2'}], prefixAdvertisements: "+
			both("{cidr: '10.0.0.0/8', communities: [one, '1:11']}, {cidr: '10.1.0.0/16', communities: [big, '1:11']}, {cidr: '10.2.1.0/24', communities: ['65535:666']}")),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.2.0.0/24 bgp_community.add((1, 10)); bgp_community.add((1, 12));", "10.2.1.0/24"}, hears: 2},
			{host: 3, routes: []string{"10.3.0.0/24"}, hears: 3},
		},
		installed: 3,
	},
	{
		// What a filter accepts goes without the communities of prefixAdvertisements.
		name: "communities and a filter",
		resources: tens + aPeer(2, 65002, "filters: [f]") + aPeer(3, 64512, "") +
			aFilter("f", "exportV4: [{action: Accept, cidr: '10.3.0.0/24', matchOperator: Equal, operations: [{addCommunity: {value: '5:5'}}]}]") +
			aConfig("prefixAdvertisements: "+both("{cidr: '10.0.0.0/8', communities: ['1:11', '1:1:1']}")),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.2.0.0/24"}, hears: 3},
			{host: 3, routes: []string{"10.3.0.0/24", "10.3.1.0/24"}, hears: 2},
		},
		installed: 3,
	},
	{
		name:      "well-known communities",
		resources: tens + two + aPeer(4, 65004, ""),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{
				"10.2.0.0/24 bgp_community.add((65535, 65281));", "10.2.1.0/24 bgp_community.add((65535, 65282));", "10.2.2.0/24 bgp_community.add((65535, 65283));", "10.2.3.0/24",
			}, hears: 1},
			{host: 3, hears: 4},
			{host: 4, asn: 65004, hears: 2},
		},
		installed: 4,
	},
	{
		name: "nextHopMode",
		resources: tens + aPeer(2, 65002, "nextHopMode: Keep") + aPeer(3, 64512, "nextHopMode: Self") + aPeer(4, 65004, "nextHopMode: Auto") +
			aPeer(6, 64512, "nextHopMode: Keep"),
		kernel: alien,
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.2.0.0/24 bgp_next_hop = 192.168.1.88;"}, hears: 9},
			{host: 3, routes: []string{"10.3.0.0/24 bgp_next_hop = 192.168.1.88;"}, hears: 8},
			{host: 4, asn: 65004, routes: []string{"10.4.0.0/24"}, hears: 9},
			{host: 6, routes: []string{"10.6.0.0/24"}, hears: 8},
		},
		installed: 4,
	},
	{
		name:      "keepOriginalNextHop",
		resources: tens + aPeer(2, 65002, "keepOriginalNextHop: true") + aPeer(3, 64512, "keepOriginalNextHop: true") + aPeer(4, 65004, ""),
		kernel:    []string{"10.8.0.0/24 via 192.168.1.77"},
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.2.0.0/24"}, hears: 4},
			{host: 3, routes: []string{"10.3.0.0/24 bgp_next_hop = 192.168.1.88;"}, hears: 4},
			{host: 4, asn: 65004, routes: []string{"10.4.0.0/24"}, hears: 4},
		},
		installed: 3,
	},
	{
		name: "disableBGPExport",
		resources: aPool("one", "10.1.0.0/16", "") + aPool("kept", "10.2.0.0/16", "disableBGPExport: true") + aPool("old", "10.3.0.0/16", "disabled: true") + two +
			aPool("other", "12.0.0.0/8", "disableBGPExport: true"),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.2.1.0/24", "10.3.0.0/24", "12.1.0.0/24", "10.0.0.0/8"}, hears: 1},
			{host: 3, routes: []string{"10.2.2.0/24"}, hears: 2},
		},
		installed: 5,
	},
	{
		name:      "a filter lets out of a closed pool",
		resources: aPool("kept", "10.0.0.0/8", "disableBGPExport: true") + aPeer(2, 65002, "filters: [f]") + aPeer(3, 64512, "") + aFilter("f", "exportV4: [{action: Accept, cidr: '10.1.0.0/16', matchOperator: In}]"),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.2.0.0/24"}, hears: 1},
			{host: 3},
		},
		installed: 1,
	},
	{
		// Nothing in a range is installed, whoever tells it; single addresses are no range.
		name:      "service ranges",
		resources: two + aConfig(ranges+", prefixAdvertisements: "+both("{cidr: '10.96.0.0/16', communities: ['1:96']}")),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.96.0.0/16", "10.97.1.0/24", "10.98.1.1/32"}, hears: 4},
			{host: 3, routes: []string{"10.99.1.1/32 bgp_local_pref = 2147482623;"}, hears: 4},
		},
		installed: 1,
	},
	{
		name:      "service ranges of a node that takes no load",
		labels:    "node.kubernetes.io/exclude-from-external-load-balancers: 'true'",
		resources: two + aConfig(ranges),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.96.0.0/16", "10.97.1.0/24", "10.98.1.1/32"}},
			{host: 3},
		},
		installed: 1,
	},
	{
		// A block goes as a whole, and of what is inside of it what is better than normal.
		name: "blocks",
		resources: tens + two + aPool("closed", "12.0.0.0/8", "disableBGPExport: true") + aConfig("prefixAdvertisements: "+both("{cidr: '10.8.0.0/16', communities: ['1:8']}")) +
			aBlock("r1", "10.8.0.0/24") + aBlock("r1", "12.7.0.0/24") + aBlock("r1", "20.0.0.0/24") + aBlock("r1", "10.8.2.1/32") + aBlock("r3", "10.9.0.0/24") +
			twice("BlockAffinity", "pending", "node: r1, state: pending, cidr: '10.8.1.0/24'"),
		kernel: []string{
			"10.8.0.1/32 via 192.168.1.77 metric 1024", "10.8.0.2/32 via 192.168.1.77 metric 512", "10.8.1.1/32 via 192.168.1.77 metric 1024",
			"10.8.2.1/32 via 192.168.1.77 metric 1024", "20.0.0.1/32 via 192.168.1.77 metric 2000",
		},
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.8.0.5/32"}, hears: 10},
			{host: 3, routes: []string{
				"10.9.0.0/24", "10.8.0.0/24", "10.8.0.3/32 bgp_local_pref = 2147482623;", "10.8.0.4/32 bgp_local_pref = 2147483135;",
				"10.9.1.0/24 bgp_next_hop = 10.8.0.77;", "10.9.2.0/24 bgp_next_hop = 10.8.0.1;", // nobody's, and a workload's
			}, hears: 6},
		},
		installed: 9,
	},
	{
		// What leads to workloads is not for peers of the own AS, nor for any by eBPF.
		name:      "interfaces of workloads",
		resources: tens + two,
		links:     []string{"x.cali", "y.calico", "tunl0", "bpfin.cali", "cali1"},
		kernel:    []string{"10.8.0.0/24 dev x.cali", "10.8.1.0/24 dev y.calico", "10.8.2.0/24 dev tunl0", "10.8.3.0/24 dev bpfin.cali", "10.8.4.0/24 dev cali1"},
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.2.0.0/24"}, hears: 5},
			{host: 3, hears: 3},
		},
		installed: 1,
	},
	{
		// Told is the other end of the link, and not ours.
		name:      "a point-to-point link",
		resources: tens + two,
		links:     []string{"ppp0"},
		addresses: []string{"10.6.0.1 peer 10.6.0.2/32 dev ppp0"},
		neighbours: []beside{
			{host: 2, asn: 65002, hears: 3},
			{host: 3, routes: []string{"10.3.0.0/24 bgp_next_hop = 10.6.0.2;"}, hears: 2},
		},
		installed: 1,
	},
	{
		// Networks on ignored interfaces are nobody's, and next hops there lead nowhere.
		name:      "ignoredInterfaces",
		resources: tens + two + aConfig("ignoredInterfaces: ['lan*']"),
		kernel:    []string{"10.8.0.0/24 via 192.168.1.77"},
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.2.0.0/24"}, hears: 2},
			{host: 3, routes: []string{"10.3.0.0/24 bgp_next_hop = 10.1.0.7;"}, hears: 2},
		},
		installed: 2,
	},
}
