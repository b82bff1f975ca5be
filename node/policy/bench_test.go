package policy_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/wire"
)

// BenchmarkJudge is ten rules over 100,000 routes with 100 sets of attributes,
// an operation being for one in ten of them; ns/op is for one route.
func BenchmarkJudge(b *testing.B) {
	rules := ""
	for i := range 7 {
		rules += fmt.Sprintf("- {action: Reject, cidr: 192.168.%d.0/24, matchOperator: In, prefixLength: {min: 25}}\n", i)
	}
	rules += `
- {action: Reject, communities: {values: ['65001:666']}, asPathPrefix: [64512, 65009]}
- {action: Accept, cidr: 10.0.0.0/12, matchOperator: In, operations: [{addCommunity: {value: '64512:1'}}, {prependASPath: {prefix: [64512]}}]}
- {action: Accept, source: RemotePeers, peerType: eBGP, cidr: 10.0.0.0/8, matchOperator: In, interface: 'eth*'}`
	chain := policy.NewChain(filter(b, "f", rules))
	var sets []*wire.Attrs
	for i := range 100 {
		sets = append(sets, attrs(b, fmt.Sprintf("path 64512 %d 65002 65003, community 65001:%d, community 65001:1, community 65001:2", 65001+i, 1000+i)))
	}
	routes := make([]policy.Route, 100_000)
	for i := range routes {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16 << 4), byte(i >> 8), byte(i)})
		if i%10 > 0 {
			a = netip.AddrFrom4([4]byte{10, 16 | byte(i>>16), byte(i >> 8), byte(i)})
		}
		routes[i] = policy.Route{Prefix: netip.PrefixFrom(a, 32), Attrs: sets[i%len(sets)], Remote: true, Interface: "eth0"}
	}
	x := policy.NewExporter(chain, policy.Export{Accept: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, true)
	measure(b, x, routes)
}

// BenchmarkPools is what the pools alone cost, with communities of two prefixes.
func BenchmarkPools(b *testing.B) {
	x := policy.NewExporter(policy.Chain{}, policy.Export{
		Accept: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Advertise: []policy.Advertisement{
			{netip.MustParsePrefix("10.0.0.0/8"), []string{"1:1"}}, {netip.MustParsePrefix("10.0.0.0/12"), []string{"1:2"}},
		},
	}, true)
	routes := make([]policy.Route, 100_000)
	a := attrs(b, "path 1 2 3")
	for i := range routes {
		routes[i] = policy.Route{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32), Attrs: a}
	}
	measure(b, x, routes)
}

func measure(b *testing.B, x *policy.Exporter, routes []policy.Route) {
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if d := x.Judge(routes[i]); d.Attrs == nil {
			b.Fatal(routes[i], d)
		}
		if i++; i == len(routes) {
			i = 0
		}
	}
}
