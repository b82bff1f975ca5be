package main

// sameReflectors are places in which r1 tells iBGP peers of each other, or must not.
var sameReflectors = []place{
	{
		name:      "no reflector",
		resources: tens + aPeer(2, 64512, "") + aPeer(3, 64512, "") + aPeer(4, 65004, ""),
		neighbours: []beside{
			{host: 2, routes: []string{"10.2.0.0/24"}, hears: 2},
			{host: 3, routes: []string{"10.3.0.0/24"}, hears: 2},
			{host: 4, asn: 65004, routes: []string{"10.4.0.0/24"}, hears: 3},
		},
		installed: 3,
	},
	{
		name: "clients in two clusters",
		node: "routeReflectorClusterID: 244.0.0.1",
		resources: tens + aNode("n2", "", 2, "") + aNode("n3", "", 3, "") + aNode("n4", "rr: b", 4, "routeReflectorClusterID: 244.0.0.2") +
			doc("BGPPeer", "clients", "nodeSelector: '!has(rr)', peerSelector: has(rr)") +
			doc("BGPPeer", "all", "nodeSelector: has(rr), peerSelector: all()"),
		labels: "rr: a",
		neighbours: []beside{
			{host: 2, routes: []string{"10.2.0.0/24 bgp_local_pref = 200; bgp_med = 3; bgp_community.add((1, 2));"}, hears: 3},
			{host: 3, routes: []string{"10.3.0.0/24"}, hears: 3},
			{host: 4, session: "rr client; rr cluster id 244.0.0.2;", routes: []string{"10.4.0.0/24"}, hears: 3},
		},
		installed: 3,
	},
	{
		name:   "two reflectors of one cluster",
		node:   "routeReflectorClusterID: 244.0.0.1",
		labels: "rr: a",
		resources: tens + aNode("n2", "", 2, "") + aNode("n3", "rr: a", 3, "routeReflectorClusterID: 244.0.0.1") + aNode("n4", "rr: a", 4, "routeReflectorClusterID: 244.0.0.1") +
			doc("BGPPeer", "all", "nodeSelector: has(rr), peerSelector: all()") + aPeer(6, 65006, ""),
		neighbours: []beside{
			{host: 2, routes: []string{"10.2.0.0/24"}, hears: 4},
			{host: 3, routes: []string{"10.3.0.0/24"}, hears: 3},
			{host: 4, routes: []string{"10.4.0.0/24"}, hears: 3},
			{host: 6, asn: 65006, routes: []string{"10.6.0.0/24"}, hears: 4},
		},
		installed: 4,
	},
	{
		// A peer by its address is a client, whoever it is: nothing is known of it.
		name:      "clients by address",
		node:      "routeReflectorClusterID: 244.0.0.1",
		resources: tens + aPeer(2, 64512, "") + aPeer(3, 64512, "nextHopMode: Self") + aPeer(4, 64512, "nextHopMode: Keep"),
		kernel:    []string{"10.8.0.0/24 via 192.168.1.77 metric 512"},
		neighbours: []beside{
			{host: 2, routes: []string{"10.2.0.0/24 bgp_next_hop = 192.168.1.88;"}, hears: 4},
			{host: 3, routes: []string{"10.3.0.0/24"}, hears: 4},
			{host: 4, routes: []string{"10.4.0.0/24"}, hears: 4},
		},
		installed: 3,
	},
	{
		// Marks of other reflectors are kept, and a route that has been here is not taken.
		name:      "reflected before",
		node:      "routeReflectorClusterID: 244.0.0.1",
		resources: tens + aPeer(2, 64512, "") + aPeer(3, 64512, ""),
		neighbours: []beside{
			{host: 2, routes: []string{
				"10.2.0.0/24 bgp_originator_id = 244.9.9.9; bgp_cluster_list.add(244.0.0.7);",
				"10.2.1.0/24 bgp_originator_id = 192.168.1.5; bgp_cluster_list.add(244.0.0.7);",
				"10.2.2.0/24 bgp_originator_id = 244.9.9.9; bgp_cluster_list.add(244.0.0.1);",
			}, hears: 1},
			{host: 3, hears: 2},
		},
		installed: 1,
	},
	{
		name: "service ranges on a reflector",
		node: "routeReflectorClusterID: 244.0.0.1",
		resources: aPeer(2, 64512, "") + aPeer(3, 64512, "") + aPeer(4, 65004, "") +
			aConfig("serviceClusterIPs: "+both("{cidr: '10.96.0.0/16'}")+", serviceExternalIPs: "+both("{cidr: '10.97.0.0/16'}, {cidr: '10.98.1.1/32'}")+
				", serviceLoadBalancerIPs: "+both("{cidr: '10.99.0.0/16'}")+", serviceLoadBalancerAggregation: Disabled"),
		neighbours: []beside{
			{host: 2, routes: []string{"10.96.1.1/32", "10.97.1.1/32", "10.98.1.1/32", "10.99.1.1/32", "10.5.0.0/24"}, hears: 2},
			{host: 3, hears: 6},
			{host: 4, asn: 65004, hears: 6},
		},
		installed: 3,
	},
}
