package main

import (
	"fmt"
	"strings"
)

// rich is what n2 tells in places with filters.
var rich = []string{
	"10.2.0.0/16 bgp_community.add((1, 1)); bgp_path.prepend(65009); bgp_path.prepend(65008);",
	"10.2.1.0/24 bgp_community.add((1, 1)); bgp_community.add((1, 2)); bgp_med = 5;",
	"10.2.1.1/32 bgp_large_community.add((1, 1, 1)); bgp_path.prepend(65008);",
	"10.3.0.0/24",
	"11.2.0.0/24 bgp_community.add((1, 2));",
}

// filtered is a place in which n2 (eBGP) tells what is rich and n3 (iBGP) hears of it,
// with a filter for the sessions with both. Besides, n3 tells a route of its own, and
// r1 has kernel routes. The last arguments are how many routes n2 and n3 hear and how many
// are installed.
func filtered(name, rules string, n2, n3, installed int) place {
	return place{
		name:      name,
		resources: tens + aPeer(2, 65002, "filters: [f]") + aPeer(3, 64512, "filters: [f]") + aFilter("f", rules),
		kernel:    []string{"10.1.8.0/24 via 192.168.1.77 metric 512", "11.1.0.0/24 via 192.168.1.77"},
		links:     []string{"eth1"},
		neighbours: []beside{
			{host: 2, asn: 65002, routes: rich, hears: n2},
			{host: 3, routes: []string{"10.4.0.0/24 bgp_local_pref = 2147482623;"}, hears: n3},
		},
		installed: installed,
	}
}

// rule is a list of one rule for what comes in, and one for what goes out.
func rule(text string) string { return fmt.Sprintf("importV4: [{%[1]s}], exportV4: [{%[1]s}]", text) }

// reject and accept are rules; one that accepts stands before one that rejects all.
func reject(conditions string) string { return rule("action: Reject, " + conditions) }
func accept(conditions string) string {
	return strings.ReplaceAll(rule("action: Accept, "+conditions), "}]", "}, {action: Reject}]")
}

// Without filters n2 hears 3 routes (10.1.0.0/24, 10.1.8.0/24, 10.4.0.0/24), n3 hears 6
// (the first two, and four of n2's), and 6 are installed.
var sameFilters = []place{
	filtered("filter Equal", reject("cidr: '10.2.1.0/24', matchOperator: Equal"), 3, 5, 5),
	filtered("filter NotEqual", reject("cidr: '10.2.1.0/24', matchOperator: NotEqual"), 0, 1, 1),
	filtered("filter In", reject("cidr: '10.2.0.0/16', matchOperator: In"), 3, 3, 3),
	filtered("filter NotIn", reject("cidr: '10.2.0.0/16', matchOperator: NotIn"), 0, 3, 3),
	filtered("filter In accepts what no pool lets out", accept("cidr: '11.0.0.0/8', matchOperator: In"), 1, 2, 1),
	filtered("filter prefixLength", reject("cidr: '10.0.0.0/8', matchOperator: In, prefixLength: {min: 24, max: 30}"), 0, 2, 3),
	filtered("filter prefixLength min", reject("cidr: '10.2.0.0/16', matchOperator: In, prefixLength: {min: 20}"), 3, 4, 4),
	filtered("filter prefixLength max", reject("cidr: '10.2.0.0/16', matchOperator: NotIn, prefixLength: {max: 24}"), 0, 2, 2),
	filtered("filter source", "importV4: [], exportV4: [{action: Accept, source: RemotePeers}, {action: Reject}]", 1, 5, 6),
	filtered("filter source rejects", "exportV4: [{action: Reject, source: RemotePeers}]", 2, 2, 6),
	filtered("filter interface", reject("interface: 'lan*'"), 2, 5, 6),
	filtered("filter interface of what comes in", accept("interface: 'eth0', cidr: '10.2.0.0/16', matchOperator: In"), 0, 3, 3),
	filtered("filter peerType iBGP", reject("peerType: iBGP"), 2, 0, 5),
	filtered("filter peerType eBGP", reject("peerType: eBGP"), 0, 2, 1),
	filtered("filter community", reject("communities: {values: ['1:2']}"), 3, 5, 4),
	filtered("filter large community", accept("communities: {values: ['1:1:1']}"), 0, 1, 1),
	filtered("filter asPathPrefix", reject("asPathPrefix: [65002, 65008]"), 3, 4, 4),
	filtered("filter asPathPrefix of our own", "exportV4: [{action: Reject, asPathPrefix: [64512]}]", 0, 6, 6),
	filtered("filter priority", reject("priority: 2147483547"), 3, 2, 1),
	filtered("filter priority of a kernel route", accept("priority: 512"), 1, 1, 0),
	filtered("filter addCommunity", rule("action: Accept, cidr: '10.2.0.0/16', matchOperator: In, operations: [{addCommunity: {value: '7:7'}}, {addCommunity: {value: '7:7:7'}}, {addCommunity: {value: '1:1'}}]"), 3, 6, 6),
	filtered("filter prependASPath", rule("action: Accept, cidr: '10.0.0.0/8', matchOperator: In, operations: [{prependASPath: {prefix: [65100, 65101]}}]"), 3, 6, 6),
	filtered("filter setPriority", rule("action: Accept, cidr: '10.0.0.0/8', matchOperator: In, operations: [{setPriority: {value: 512}}]"), 3, 6, 6),
	filtered("filter first rule decides", "importV4: [{action: Accept, cidr: '10.2.1.0/24', matchOperator: In}, {action: Reject, cidr: '10.2.0.0/16', matchOperator: In, prefixLength: {min: 17}}, {action: Reject, communities: {values: ['1:1']}}]", 3, 5, 5),
	{
		// Filters are asked in the order of the list; one without a rule for a route leaves
		// it to the next.
		name: "filters in a row",
		resources: tens + aPeer(2, 65002, "filters: [b, a]") + aPeer(3, 64512, "filters: [a, b]") +
			aFilter("a", "importV4: [{action: Reject, cidr: '10.2.1.0/24', matchOperator: In}], exportV4: [{action: Reject, source: RemotePeers}]") +
			aFilter("b", "importV4: [{action: Accept, cidr: '10.2.0.0/16', matchOperator: In}], exportV4: [{action: Accept, cidr: '10.2.1.0/24', matchOperator: In, operations: [{addCommunity: {value: '9:9'}}]}, {action: Accept, cidr: '10.4.0.0/24', matchOperator: Equal}]"),
		neighbours: []beside{
			{host: 2, asn: 65002, routes: rich, hears: 2},
			{host: 3, routes: []string{"10.4.0.0/24", "10.2.1.0/24 bgp_local_pref = 300;"}, hears: 1},
		},
		installed: 6,
	},
}
