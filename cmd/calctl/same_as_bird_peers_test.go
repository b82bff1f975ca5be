package main

// two are a router of another AS and one of our own beside r1, without filters.
var two = aPeer(2, 65002, "") + aPeer(3, 64512, "")

// samePeers are places that differ in how sessions come about, and what they are like.
var samePeers = []place{
	{
		// Of two nodes the one with the greater address dials, compared as text.
		name:      "mesh of three",
		resources: tens + aNode("n2", "", 2, "") + aNode("n7", "", 7, "asNumber: 64512"),
		neighbours: []beside{
			{host: 2, session: "passive on;", routes: []string{"10.2.0.0/24 bgp_local_pref = 2147482623;"}, hears: 1},
			{host: 7, routes: []string{"10.7.0.0/24 bgp_local_pref = 2147482623;"}, hears: 1},
		},
		installed: 2,
	},
	{
		name: "mesh with a password and a restart time",
		resources: tens + aSecret + aNode("n2", "", 2, "") + aNode("n7", "", 7, "") +
			aConfig("nodeMeshPassword: {secretKeyRef: {name: bgp, key: tor}}, nodeMeshMaxRestartTime: 33s"),
		neighbours: []beside{
			{host: 2, session: `password "s3cret";`, routes: []string{"10.2.0.0/24"}, hears: 1},
			{host: 7, session: `password "s3cret";`, routes: []string{"10.7.0.0/24"}, hears: 1},
		},
		installed: 2,
	},
	{
		name:      "mesh across AS numbers and ports",
		node:      "asNumber: 65001",
		resources: tens + aNode("n2", "", 2, "asNumber: 65002") + aNode("n3", "", 3, "") + doc("BGPConfiguration", "node.n3", "listenPort: 1790"),
		neighbours: []beside{
			{host: 2, asn: 65002, towards: 65001, routes: []string{"10.2.0.0/24"}, hears: 2},
			{host: 3, asn: 65001, towards: 65001, port: 1790, session: "passive on;", routes: []string{"10.3.0.0/24"}, hears: 2},
		},
		installed: 2,
	},
	{
		name:      "a BGPPeer for a node of the mesh",
		resources: tens + aNode("n2", "", 2, "") + aNode("n3", "", 3, "") + aPeer(2, 64512, "filters: [f]") + aFilter("f", "exportV4: [{action: Reject}]"),
		neighbours: []beside{
			{host: 2, routes: []string{"10.2.0.0/24"}},
			{host: 3, routes: []string{"10.3.0.0/24"}, hears: 1},
		},
		installed: 2,
	},
	{
		// What the ToR tells is installed and goes to iBGP peers only inside pools; and a
		// kernel route outside pools to nobody.
		name:      "ToR by eBGP",
		resources: tens + two + aPeer(4, 65004, ""),
		kernel:    []string{"11.1.0.0/24 via 192.168.1.77"},
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"0.0.0.0/0", "12.0.0.0/8", "10.2.0.0/24 bgp_med = 7; bgp_path.prepend(65009); bgp_community.add((1, 2)); bgp_large_community.add((1, 2, 3));"}, hears: 2},
			{host: 3, routes: []string{"10.3.0.0/24 bgp_local_pref = 300; bgp_med = 8;", "13.0.0.0/8"}, hears: 2},
			{host: 4, asn: 65004, hears: 3},
		},
		installed: 5,
	},
	{
		name:      "localASNumber",
		resources: tens + aPeer(2, 65002, "localASNumber: 65100") + aPeer(3, 65003, "") + aPeer(4, 65004, "localASNumber: 65004"),
		neighbours: []beside{
			{host: 2, asn: 65002, towards: 65100, routes: []string{"10.2.0.0/24", "10.2.1.0/24 bgp_path.prepend(64512);", "10.2.2.0/24 bgp_path.prepend(65100);"}, hears: 3},
			{host: 3, asn: 65003, routes: []string{"10.3.0.0/24"}, hears: 4},
			{host: 4, asn: 65004, towards: 65004, routes: []string{"10.4.0.0/24 bgp_local_pref = 50;"}, hears: 4},
		},
		installed: 4,
	},
	{
		name:      "numAllowedLocalASNumbers",
		resources: tens + aPeer(2, 65002, "numAllowedLocalASNumbers: 1") + aPeer(3, 65003, ""),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.2.0.0/24 bgp_path.prepend(64512);", "10.2.1.0/24 bgp_path.prepend(64512); bgp_path.prepend(64512);"}, hears: 2},
			{host: 3, asn: 65003, routes: []string{"10.3.0.0/24 bgp_path.prepend(64512);", "10.3.1.0/24"}, hears: 2},
		},
		installed: 2,
	},
	{
		name:      "ttlSecurity",
		resources: tens + aPeer(2, 65002, "ttlSecurity: 1") + aPeer(3, 64512, "ttlSecurity: 2"),
		neighbours: []beside{
			{host: 2, asn: 65002, hops: "multihop 1; ttl security on;", routes: []string{"10.2.0.0/24"}, hears: 2},
			{host: 3, hops: "multihop 2; ttl security on;", routes: []string{"10.3.0.0/24"}, hears: 2},
		},
		installed: 2,
	},
	{
		name:      "password",
		resources: tens + aSecret + aPeer(2, 65002, "password: {secretKeyRef: {name: bgp, key: tor}}") + aPeer(3, 65003, ""),
		neighbours: []beside{
			{host: 2, asn: 65002, session: `password "s3cret";`, routes: []string{"10.2.0.0/24"}, hears: 2},
			{host: 3, asn: 65003, routes: []string{"10.3.0.0/24"}, hears: 2},
		},
		installed: 2,
	},
	{
		name: "ports",
		resources: tens + twice("BGPPeer", "n2", "peerIP: '192.168.1.2:1790', asNumber: 65002") + aPeer(3, 65003, "") +
			aConfig("listenPort: 1179"),
		neighbours: []beside{
			{host: 2, asn: 65002, port: 1790, session: "passive on;", routes: []string{"10.2.0.0/24"}, hears: 2},
			{host: 3, asn: 65003, dials: 1179, routes: []string{"10.3.0.0/24"}, hears: 2},
		},
		installed: 2,
	},
	{
		name:      "sourceAddress None, times",
		resources: tens + aPeer(2, 65002, "sourceAddress: None, keepaliveTime: 20s, maxRestartTime: 45s") + aPeer(3, 65003, "maxRestartTime: 0s"),
		neighbours: []beside{
			{host: 2, asn: 65002, session: "hold time 90;", routes: []string{"10.2.0.0/24"}, hears: 2},
			{host: 3, asn: 65003, routes: []string{"10.3.0.0/24"}, hears: 2},
		},
		installed: 2,
	},
	{
		name:      "bindMode NodeIP",
		resources: tens + two + aConfig("bindMode: NodeIP"),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.2.0.0/24"}, hears: 2},
			{host: 3, routes: []string{"10.3.0.0/24"}, hears: 2},
		},
		installed: 2,
	},
	{
		// node.r1 has a say in port and communities: all of the latter, or none.
		name: "settings of one node",
		resources: tens + two + aConfig("prefixAdvertisements: "+both("{cidr: '10.0.0.0/8', communities: ['1:1']}")) +
			doc("BGPConfiguration", "node.r1", "listenPort: 1179, communities: [{name: own, value: '2:2'}], prefixAdvertisements: "+both("{cidr: '10.1.0.0/16', communities: [own, '3:3:3']}")),
		neighbours: []beside{
			{host: 2, asn: 65002, dials: 1179, routes: []string{"10.2.0.0/24"}, hears: 2},
			{host: 3, dials: 1179, routes: []string{"10.3.0.0/24"}, hears: 2},
		},
		installed: 2,
	},
	{
		// One BGPPeer makes sessions with all nodes that match, and with those that name
		// r1; where one of both is Manual, only its own side has it.
		name:   "peers by selectors",
		labels: "rack: a",
		resources: tens + aConfig("nodeToNodeMeshEnabled: false") +
			aNode("n2", "rack: a", 2, "asNumber: 65002") + aNode("n3", "rack: b", 3, "") + aNode("n4", "rack: c", 4, "") +
			doc("BGPPeer", "in-rack-a", "nodeSelector: rack == 'a', peerSelector: rack == 'a'") +
			doc("BGPPeer", "b-to-a", "nodeSelector: rack == 'b', peerSelector: rack == 'a', maxRestartTime: 44s") +
			doc("BGPPeer", "c-to-a", "nodeSelector: rack == 'c', peerSelector: rack == 'a', reversePeering: Manual") +
			doc("BGPPeer", "a-to-c", "nodeSelector: rack == 'a', peerSelector: rack == 'c', reversePeering: Manual, maxRestartTime: 55s"),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: []string{"10.2.0.0/24"}, hears: 3},
			{host: 3, routes: []string{"10.3.0.0/24"}, hears: 2},
			{host: 4, routes: []string{"10.4.0.0/24"}, hears: 2},
		},
		installed: 3,
	},
}
