package policy_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/wire"
	"github.com/calctl/calctl/resources"
)

// filter reads rules from YAML, as one list of a BGPFilter.
func filter(t testing.TB, name, rules string) policy.Filter {
	t.Helper()
	f := policy.Filter{Name: name, List: "exportV4"}
	if err := yaml.UnmarshalStrict([]byte(rules), &f.Rules); err != nil {
		t.Fatalf("%s: %v", rules, err)
	}
	v4, v6 := &resources.BGPFilter{}, &resources.BGPFilter{}
	v4.Name, v4.Spec.ExportV4 = name, f.Rules
	v6.Name, v6.Spec.ExportV6 = name, f.Rules
	v4.Default()
	v6.Default()
	if err4, err6 := v4.Validate(), v6.Validate(); err4 != nil && err6 != nil {
		t.Fatalf("%s: %v", rules, err4)
	}
	return f
}

// attrs makes attributes of words: "path 1 2 {3 4}", "pref 5", "community
// 1:2", "large 1:2:3".
func attrs(t testing.TB, text string) *wire.Attrs {
	t.Helper()
	f := wire.Fields{NextHop: netip.MustParseAddr("192.0.2.1")}
	for part := range strings.SplitSeq(text, ",") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		switch what, rest := words[0], strings.Join(words[1:], " "); what {
		case "path":
			f.ASPath = path(t, rest)
		case "pref":
			scan(t, rest, "%d", &f.LocalPref)
			f.HasLocalPref = true
		case "community":
			var a, b uint32
			scan(t, rest, "%d:%d", &a, &b)
			f.Communities = f.Communities.With(a<<16 | b)
		case "large":
			var l wire.LargeCommunity
			scan(t, rest, "%d:%d:%d", &l[0], &l[1], &l[2])
			f.LargeCommunities = f.LargeCommunities.With(l)
		default:
			t.Fatalf("what is %q?", part)
		}
	}
	a, err := f.Build()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func scan(t testing.TB, text, format string, to ...any) {
	t.Helper()
	if _, err := fmt.Sscanf(text, format, to...); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
}

// path reads "1 2 {3 4} 5".
func path(t testing.TB, text string) wire.ASPath {
	t.Helper()
	var b []byte
	kind := wire.ASSequence
	var list []uint32
	end := func() {
		if len(list) > 0 {
			b = append(b, byte(kind), byte(len(list)))
			for _, as := range list {
				b = append(b, byte(as>>24), byte(as>>16), byte(as>>8), byte(as))
			}
			list = nil
		}
	}
	for w := range strings.FieldsSeq(strings.NewReplacer("{", " { ", "}", " } ").Replace(text)) {
		switch w {
		case "{":
			end()
			kind = wire.ASSet
		case "}":
			end()
			kind = wire.ASSequence
		default:
			var as uint32
			scan(t, w, "%d", &as)
			list = append(list, as)
		}
	}
	end()
	return wire.ASPath(b)
}

// TestConditions: each condition, by a rule that accepts what it matches. What
// it doesn't is kept, because there are no pools.
func TestConditions(t *testing.T) {
	const (
		v4   = "10.1.0.0/16"
		lo32 = "10.1.2.3/32"
	)
	tests := []struct {
		rule, prefix, attrs, want string
	}{
		{"", v4, "", "yes"}, // no condition

		{"cidr: 10.1.0.0/16, matchOperator: Equal", v4, "", "yes"},
		{"cidr: 10.1.0.0/16, matchOperator: Equal", "10.1.0.0/17", "", "no"},
		{"cidr: 10.1.0.0/16, matchOperator: Equal", "10.0.0.0/15", "", "no"},
		{"cidr: 10.1.0.0/16, matchOperator: NotEqual", v4, "", "no"},
		{"cidr: 10.1.0.0/16, matchOperator: NotEqual", "10.1.0.0/17", "", "yes"},
		{"cidr: 10.1.0.0/16, matchOperator: In", v4, "", "yes"},
		{"cidr: 10.1.0.0/16, matchOperator: In", lo32, "", "yes"},
		{"cidr: 10.1.0.0/16, matchOperator: In", "10.0.0.0/15", "", "no"},
		{"cidr: 10.1.0.0/16, matchOperator: In", "10.2.0.0/16", "", "no"},
		{"cidr: 10.1.0.0/16, matchOperator: NotIn", lo32, "", "no"},
		{"cidr: 10.1.0.0/16, matchOperator: NotIn", "10.2.0.0/16", "", "yes"},
		{"cidr: 10.1.0.0/16, matchOperator: NotIn", "10.0.0.0/15", "", "yes"},
		{"cidr: 0.0.0.0/0, matchOperator: In", "0.0.0.0/0", "", "yes"},
		{"cidr: 0.0.0.0/0, matchOperator: Equal", "0.0.0.0/0", "", "yes"},

		{"cidr: 10.1.0.0/16, matchOperator: In, prefixLength: {min: 24, max: 28}", "10.1.1.0/24", "", "yes"},
		{"cidr: 10.1.0.0/16, matchOperator: In, prefixLength: {min: 24, max: 28}", "10.1.1.0/28", "", "yes"},
		{"cidr: 10.1.0.0/16, matchOperator: In, prefixLength: {min: 24, max: 28}", "10.1.0.0/23", "", "no"},
		{"cidr: 10.1.0.0/16, matchOperator: In, prefixLength: {min: 24, max: 28}", "10.1.1.0/29", "", "no"},
		{"cidr: 10.1.0.0/16, matchOperator: In, prefixLength: {min: 24, max: 28}", "10.2.1.0/24", "", "no"},
		{"cidr: 10.1.0.0/16, matchOperator: In, prefixLength: {min: 8}", "10.0.0.0/15", "", "no"}, // raised to its own
		{"cidr: 10.1.0.0/16, matchOperator: In, prefixLength: {min: 8}", v4, "", "yes"},
		{"cidr: 10.1.0.0/16, matchOperator: In, prefixLength: {max: 24}", v4, "", "yes"},
		{"cidr: 10.1.0.0/16, matchOperator: In, prefixLength: {max: 24}", "10.1.1.0/25", "", "no"},
		{"cidr: 10.1.0.0/16, matchOperator: In, prefixLength: {min: 32}", lo32, "", "yes"},
		{"cidr: 10.1.0.0/16, matchOperator: NotIn, prefixLength: {min: 24}", "10.1.0.0/23", "", "yes"},
		{"cidr: 10.1.0.0/16, matchOperator: NotIn, prefixLength: {min: 24}", "10.1.0.0/24", "", "no"},
		{"cidr: 10.1.0.0/16, matchOperator: Equal, prefixLength: {max: 32}", v4, "", "no"}, // never
		{"cidr: 10.1.0.0/16, matchOperator: Equal, prefixLength: {}", v4, "", "no"},
		{"cidr: 10.1.0.0/16, matchOperator: NotEqual, prefixLength: {min: 16, max: 16}", v4, "", "yes"}, // always
		{"cidr: 10.1.0.0/16, matchOperator: NotEqual, prefixLength: {min: 24}", "11.0.0.0/8", "", "yes"},

		{"cidr: 'fd00::/16', matchOperator: In, prefixLength: {max: 64}", "fd00:1::/64", "", "yes"},
		{"cidr: 'fd00::/16', matchOperator: In, prefixLength: {max: 64}", "fd00:1::/65", "", "no"},
		{"cidr: 'fd00::/16', matchOperator: In", "fd00::1/128", "", "yes"},

		{"communities: {values: ['65001:10']}", v4, "community 65001:10", "yes"},
		{"communities: {values: ['65001:10']}", v4, "community 65001:11, community 65001:10", "yes"},
		{"communities: {values: ['65001:10']}", v4, "community 10:65001", "no"},
		{"communities: {values: ['65001:10']}", v4, "large 65001:10:0", "no"},
		{"communities: {values: ['4200000000:1:2']}", v4, "large 1:1:1, large 4200000000:1:2", "yes"},
		{"communities: {values: ['4200000000:1:2']}", v4, "large 4200000000:1:3", "no"},
		{"communities: {values: ['0:10:20']}", v4, "community 10:20", "no"},

		{"asPathPrefix: [65001, 65002]", v4, "path 65001 65002", "yes"},
		{"asPathPrefix: [65001, 65002]", v4, "path 65001 65002 65003", "yes"},
		{"asPathPrefix: [65001, 65002]", v4, "path 65001", "no"},
		{"asPathPrefix: [65001, 65002]", v4, "path 65003 65001 65002", "no"},
		{"asPathPrefix: [65001, 65002]", v4, "", "no"},
		{"asPathPrefix: [65001, 65002]", v4, "path 65001 {65003 65002}", "yes"}, // a set is one element
		{"asPathPrefix: [65001, 65002]", v4, "path {65001 65002}", "no"},
		{"asPathPrefix: []", v4, "", "yes"},

		{"priority: 2147483547", v4, "", "yes"}, // LOCAL_PREF 100 is what there is without
		{"priority: 2147483547", v4, "pref 100", "yes"},
		{"priority: 1024", v4, "pref 2147482623", "yes"},
		{"priority: 1024", v4, "pref 2147482624", "no"},
		{"priority: 1024", v4, "", "no"},
	}
	for _, tt := range tests {
		chain := policy.NewChain(filter(t, "f", "- {action: Accept, "+tt.rule+"}"))
		x := policy.NewExporter(chain, policy.Export{}, false)
		a := attrs(t, tt.attrs)
		for range 2 { // the second time from memory
			d := x.Judge(policy.Route{Prefix: netip.MustParsePrefix(tt.prefix), Attrs: a})
			if got := yes(d.Attrs != nil); got != tt.want || d.Attrs != nil && d.Attrs != a {
				t.Errorf("%s: %s %s: %s", tt.rule, tt.prefix, tt.attrs, got)
			}
		}
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// TestConditionsOfTheWay: where a route comes from and leads to, and to whom.
func TestConditionsOfTheWay(t *testing.T) {
	for _, tt := range []struct {
		rule     string
		route    policy.Route
		external bool
		want     string
	}{
		{"source: RemotePeers", policy.Route{Remote: true}, false, "yes"},
		{"source: RemotePeers", policy.Route{}, false, "no"},
		{"peerType: eBGP", policy.Route{}, true, "yes"},
		{"peerType: eBGP", policy.Route{}, false, "no"},
		{"peerType: iBGP", policy.Route{}, true, "no"},
		{"peerType: iBGP", policy.Route{}, false, "yes"},
		{"interface: eth0", policy.Route{Interface: "eth0"}, true, "yes"},
		{"interface: eth0", policy.Route{Interface: "eth01"}, true, "no"},
		{"interface: eth0", policy.Route{}, true, "no"},
		{"interface: '*.cali'", policy.Route{Interface: "bpfin.cali"}, true, "yes"},
		{"interface: '*.cali'", policy.Route{Interface: ".cali"}, true, "yes"},
		{"interface: '*.cali'", policy.Route{Interface: "xcali"}, true, "no"},
		{"interface: 'e*h*'", policy.Route{Interface: "eth12"}, true, "yes"},
		{"interface: '*'", policy.Route{Interface: "eth0"}, true, "yes"},
		{"interface: '*'", policy.Route{}, true, "yes"}, // a blackhole has none
		{"source: RemotePeers, interface: eth0", policy.Route{Interface: "eth0"}, true, "no"},
		{"source: RemotePeers, interface: eth0", policy.Route{Interface: "eth0", Remote: true}, true, "yes"},
	} {
		chain := policy.NewChain(filter(t, "f", "- {action: Accept, "+tt.rule+"}"))
		tt.route.Prefix, tt.route.Attrs = netip.MustParsePrefix("10.0.0.0/8"), attrs(t, "")
		x := policy.NewExporter(chain, policy.Export{}, tt.external)
		if got := yes(x.Judge(tt.route).Attrs != nil); got != tt.want {
			t.Errorf("%s, external %v: %+v: %s", tt.rule, tt.external, tt.route, got)
		}
		if x.Interfaces() != strings.Contains(tt.rule, "interface") {
			t.Errorf("%s: Interfaces is %v", tt.rule, x.Interfaces())
		}
	}
}

// TestOperations: what they make of the attributes, in their order.
func TestOperations(t *testing.T) {
	for _, tt := range []struct{ operations, before, after string }{
		{"{addCommunity: {value: '65001:10'}}", "path 1", "path 1, community 65001:10"},
		{"{addCommunity: {value: '65001:10'}}", "community 65001:11", "community 65001:11, community 65001:10"},
		{"{addCommunity: {value: '1:2:3'}}", "community 1:2", "community 1:2, large 1:2:3"},
		{"{prependASPath: {prefix: [7, 8]}}", "path 1 2", "path 7 8 1 2"},
		{"{prependASPath: {prefix: [7, 8]}}", "", "path 7 8"},
		{"{prependASPath: {prefix: [7]}}", "path {1 2}", "path 7 {1 2}"},
		{"{setPriority: {value: 1024}}", "path 1", "path 1, pref 2147482623"},
		{"{setPriority: {value: 1}}", "pref 100", "pref 2147483646"},
		{"{prependASPath: {prefix: [7]}}, {addCommunity: {value: '1:1'}}, {prependASPath: {prefix: [8, 9]}}, {setPriority: {value: 5}}, {setPriority: {value: 6}}",
			"path 1", "path 8 9 7 1, community 1:1, pref 2147483641"},
	} {
		chain := policy.NewChain(filter(t, "f", "- {action: Accept, operations: ["+tt.operations+"]}"))
		p := policy.NewImporter(chain, policy.Priorities{}, true)
		before := attrs(t, tt.before)
		d := p.Judge(policy.Route{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Attrs: before})
		if !d.Attrs.Equal(attrs(t, tt.after)) {
			t.Errorf("%s: %s gives %v %v %v", tt.operations, tt.before, d.Attrs.ASPath(), d.Attrs.Communities(), d.Attrs.LargeCommunities())
		}
		if !before.Equal(attrs(t, tt.before)) {
			t.Errorf("%s: the attributes themselves have changed", tt.operations)
		}
		if again := p.Judge(policy.Route{Prefix: netip.MustParsePrefix("11.0.0.0/8"), Attrs: before}); again.Attrs != d.Attrs {
			t.Errorf("%s: the same set is made twice", tt.operations)
		}
	}

	// What says the same stays the same.
	p := policy.NewImporter(policy.NewChain(filter(t, "f", "- {action: Accept, operations: [{addCommunity: {value: '1:1'}}]}")), policy.Priorities{}, true)
	has := attrs(t, "community 1:1")
	if d := p.Judge(policy.Route{Attrs: has}); d.Attrs != has {
		t.Error("a community that is there was added")
	}

	// What no message could carry is not told, rather than told without it.
	f := wire.Fields{ASPath: wire.NewASPath(make([]uint32, 16_320)...)}
	long, err := f.Build()
	if err != nil {
		t.Fatal(err)
	}
	p = policy.NewImporter(policy.NewChain(filter(t, "f", "- {action: Accept, operations: [{prependASPath: {prefix: [1,2,3,4,5,6,7,8,9,10]}}, {prependASPath: {prefix: [1,2,3,4,5,6,7,8,9,10]}}, {prependASPath: {prefix: [1,2,3,4,5,6,7,8,9,10]}}]}")), policy.Priorities{}, true)
	if d := p.Judge(policy.Route{Attrs: long}); d.Attrs != nil || d.By != policy.ByItsLength {
		t.Errorf("a path of %d octets is let through", len(d.Attrs.ASPath()))
	}
}

// TestChain: who decides.
func TestChain(t *testing.T) {
	first := filter(t, "first", `
- {action: Reject, cidr: 10.1.0.0/16, matchOperator: In, prefixLength: {min: 32}}
- {action: Accept, cidr: 10.1.0.0/16, matchOperator: In, peerType: eBGP, operations: [{addCommunity: {value: '1:1'}}]}
- {action: Reject, cidr: 10.1.2.0/24, matchOperator: Equal}`)
	second := filter(t, "second", `
- {action: Reject, cidr: 10.1.0.0/16, matchOperator: In}
- {action: Accept, cidr: 10.2.0.0/16, matchOperator: In}
- {action: Reject, cidr: 10.3.0.0/16, matchOperator: Equal, prefixLength: {max: 32}}
- {action: Reject, cidr: 10.4.0.0/16, matchOperator: In}`)
	export := policy.Export{
		Accept: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Reject: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/15")},
	}
	chain := policy.NewChain(first, policy.Filter{Name: "empty", List: "exportV4"}, second)
	in, inward := policy.NewImporter(chain, policy.Priorities{}, true), policy.NewImporter(chain, policy.Priorities{}, false)
	out, outward := policy.NewExporter(chain, export, false), policy.NewExporter(chain, export, true)
	for _, tt := range []struct{ prefix, in, inward, out, outward string }{
		{"10.1.2.3/32", "no first 0", "no first 0", "no first 0", "no first 0"},
		{"10.1.2.0/24", "yes first 1", "no first 2", "no first 2", "yes first 1"}, // an Accept ends it all
		{"10.1.3.0/24", "yes first 1", "no second 0", "no second 0", "yes first 1"},
		{"10.2.3.0/24", "yes second 1", "yes second 1", "yes second 1", "yes second 1"}, // in spite of disableBGPExport
		{"10.3.0.0/16", "yes default", "yes default", "no IPPool with disableBGPExport", "no IPPool with disableBGPExport"},
		{"10.4.0.0/16", "no second 3", "no second 3", "no second 3", "no second 3"},
		{"10.5.0.0/16", "yes default", "yes default", "yes IPPool", "yes IPPool"},
		{"192.0.2.0/24", "yes default", "yes default", "no default", "no default"},
	} {
		r := policy.Route{Prefix: netip.MustParsePrefix(tt.prefix), Attrs: attrs(t, "")}
		for what, got := range map[string][2]string{
			"in from eBGP": {say(in.Judge(r)), tt.in}, "in from iBGP": {say(inward.Judge(r)), tt.inward},
			"out to iBGP": {say(out.Judge(r)), tt.out}, "out to eBGP": {say(outward.Judge(r)), tt.outward},
		} {
			if got[0] != got[1] {
				t.Errorf("%s %s: %s, want %s", tt.prefix, what, got[0], got[1])
			}
		}
	}
	if d := out.Judge(policy.Route{Prefix: netip.MustParsePrefix("10.4.0.0/16"), Attrs: attrs(t, "")}); d.Rule.String() != "BGPFilter(second) spec.exportV4[3]" {
		t.Error(d.Rule)
	}
}

func say(d policy.Decision) string {
	s := yes(d.Attrs != nil) + " "
	if d.Rule != nil {
		return s + d.Rule.Filter + fmt.Sprint(" ", d.Rule.Index)
	}
	return s + d.By.String()
}

// TestAdvertise: communities go with what the pools let out, those of all
// prefixes around it, and not with what a filter lets out.
func TestAdvertise(t *testing.T) {
	export := policy.Export{
		Accept: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
		Reject: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")},
		Advertise: []policy.Advertisement{
			{netip.MustParsePrefix("10.0.0.0/8"), []string{"1:1"}},
			{netip.MustParsePrefix("10.1.0.0/16"), []string{"1:2", "1:2:3"}},
			{netip.MustParsePrefix("10.1.2.0/24"), []string{"1:1", "1:4"}},
			{netip.MustParsePrefix("192.0.2.0/24"), []string{"1:5"}},
			{netip.MustParsePrefix("fd00::/16"), []string{"1:6"}},
		},
	}
	x := policy.NewExporter(policy.NewChain(filter(t, "f", "- {action: Accept, cidr: 10.2.0.0/16, matchOperator: Equal}")), export, false)
	a := attrs(t, "path 1")
	for prefix, want := range map[string]string{
		"10.3.0.0/16":  "path 1, pref 100, [1:1]",
		"10.0.0.0/8":   "path 1, pref 100, [1:1]",
		"10.0.0.0/15":  "path 1, pref 100, [1:1]",
		"10.1.0.0/16":  "path 1, pref 100, [1:1 1:2 1:2:3]",
		"10.1.2.3/32":  "path 1, pref 100, [1:1 1:2 1:2:3 1:4]",
		"10.2.0.0/16":  "path 1, pref 100, []",
		"fd00:1::/64":  "path 1, pref 100, [1:6]",
		"fd01::/16":    "path 1, pref 100, []",
		"10.9.1.0/24":  "kept",
		"192.0.2.0/24": "kept",
	} {
		got := "kept"
		if d := x.Judge(policy.Route{Prefix: netip.MustParsePrefix(prefix), Attrs: a}); d.Attrs != nil {
			got = wordsOf(d.Attrs)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", prefix, got, want)
		}
	}
	one := policy.Export{Advertise: []policy.Advertisement{{netip.MustParsePrefix("10.0.0.0/8"), []string{"1:1"}}}}
	if !export.Equal(export) || export.Equal(one) || one.Equal(policy.Export{}) ||
		one.Equal(policy.Export{Advertise: []policy.Advertisement{{netip.MustParsePrefix("10.0.0.0/8"), []string{"1:2"}}}}) {
		t.Error("equal is what is not, or the other way round")
	}
}

// TestChainIsAValue: what is made of the same filters is the same, and gives
// them back.
func TestChainIsAValue(t *testing.T) {
	const rules = "- {action: Accept, cidr: 10.0.0.0/8, matchOperator: In, prefixLength: {min: 9}, communities: {values: ['1:2']}, asPathPrefix: [1, 2], priority: 7, operations: [{setPriority: {value: 5}}]}"
	a, b := policy.NewChain(filter(t, "f", rules)), policy.NewChain(filter(t, "f", rules))
	if a != b || a == (policy.Chain{}) {
		t.Errorf("%v and %v", a, b)
	}
	if again := policy.NewChain(a.Filters()...); again != a {
		t.Errorf("%v comes back as %v", a, again)
	}
	for _, other := range []policy.Chain{
		policy.NewChain(filter(t, "g", rules)),
		policy.NewChain(filter(t, "f", strings.Replace(rules, "min: 9", "min: 10", 1))),
		policy.NewChain(filter(t, "f", rules), filter(t, "f", rules)),
	} {
		if a == other {
			t.Errorf("%v and %v are the same", a, other)
		}
	}
	if empty := policy.NewChain(policy.Filter{Name: "f", List: "importV4"}); empty != (policy.Chain{}) {
		t.Errorf("no rules: %v", empty)
	}
}

// TestUnreadable: a filter that can't be read is found, and stands for one
// that lets nothing pass.
func TestUnreadable(t *testing.T) {
	for _, rule := range []string{
		"{action: Perhaps}", "{action: Accept, cidr: 10.0.0.0/8}", "{action: Accept, matchOperator: In}",
		"{action: Accept, cidr: ten, matchOperator: In}", "{action: Accept, cidr: 10.0.0.0/8, matchOperator: Inside}",
		"{action: Accept, cidr: 10.0.0.0/8, matchOperator: In, prefixLength: {min: 20, max: 10}}",
		"{action: Accept, cidr: 10.0.0.0/8, matchOperator: In, prefixLength: {max: 7}}",
		"{action: Accept, prefixLength: {max: 7}}", "{action: Accept, peerType: both}",
		"{action: Accept, communities: {values: []}}", "{action: Accept, communities: {values: ['1:2', '1:3']}}",
		"{action: Accept, communities: {values: ['1']}}", "{action: Accept, communities: {values: ['65536:1']}}",
		"{action: Accept, communities: {values: ['1:2:3:4']}}", "{action: Accept, operations: [{}]}",
		"{action: Accept, operations: [{addCommunity: {value: x}}]}", "{action: Accept, operations: [{setPriority: {}}]}",
	} {
		f := &resources.BGPFilter{}
		f.Name = "f"
		if err := yaml.UnmarshalStrict([]byte("["+rule+"]"), &f.Spec.ImportV4); err != nil {
			t.Fatal(err)
		}
		in, _, err := policy.Of(f, true)
		if err == nil || !strings.HasPrefix(err.Error(), "spec.importV4[0].") {
			t.Errorf("%s: %v", rule, err)
		}
		if err := f.Validate(); err == nil {
			t.Errorf("%s is valid: a datastore would take it", rule)
		}
		if d := policy.NewImporter(policy.NewChain(in), policy.Priorities{}, true).Judge(policy.Route{Attrs: attrs(t, "")}); d.Attrs != nil {
			t.Errorf("%s lets a route in", rule)
		}
	}
	for _, v4 := range []bool{true, false} {
		in, out := policy.Closed("f", v4)
		for _, f := range []policy.Filter{in, out} {
			if d := policy.NewImporter(policy.NewChain(f), policy.Priorities{}, true).Judge(policy.Route{Attrs: attrs(t, "")}); d.Attrs != nil || d.Rule.Filter != "f" {
				t.Errorf("%+v: %+v", f, d)
			}
		}
	}
}

// TestOfTakesTheRightList: every list counts for its direction and family only.
func TestOfTakesTheRightList(t *testing.T) {
	f := &resources.BGPFilter{}
	f.Name = "f"
	for i, list := range []*[]resources.BGPFilterRule{&f.Spec.ImportV4, &f.Spec.ExportV4, &f.Spec.ImportV6, &f.Spec.ExportV6} {
		*list = make([]resources.BGPFilterRule, i+1)
		for j := range *list {
			(*list)[j].Action = "Accept"
		}
	}
	for i, v4 := range []bool{true, false} {
		in, out, err := policy.Of(f, v4)
		if err != nil || len(in.Rules) != 2*i+1 || len(out.Rules) != 2*i+2 || in.List != []string{"importV4", "importV6"}[i] || out.List != []string{"exportV4", "exportV6"}[i] {
			t.Errorf("IPv4 %v: %v %+v %+v", v4, err, in, out)
		}
	}
}

// TestPoolsArePermits: the fast form means what the slow one says.
func TestPoolsArePermits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	told := 0
	for range 500 {
		e := anyExport(r)
		x := policy.NewExporter(policy.Chain{}, e, false)
		for range 40 {
			p := anyPrefix(r)
			priority := []uint32{0, 512, 1024, 2048}[r.IntN(4)]
			a := attrs(t, fmt.Sprintf("pref %d", policy.LocalPref(priority)))
			permits := e.Permits(p, priority)
			if got := x.Judge(policy.Route{Prefix: p, Attrs: a}).Attrs != nil; got != permits {
				t.Fatalf("%v with %d of %+v: %v, Permits says %v", p, priority, e, got, permits)
			}
			if permits {
				told++
			}
		}
	}
	if told < 100 {
		t.Errorf("only %d prefixes were let out", told)
	}
}

func anyPrefix(r *rand.Rand) netip.Prefix {
	if r.IntN(4) == 0 {
		a := netip.AddrFrom16([16]byte{0xfd, byte(r.IntN(2)), byte(r.IntN(4)) << 6})
		return netip.PrefixFrom(a, r.IntN(20)).Masked()
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(r.IntN(8)) << 5}), r.IntN(17)).Masked()
}

func anyExport(r *rand.Rand) policy.Export {
	var e policy.Export
	for range r.IntN(5) {
		e.Accept = append(e.Accept, anyPrefix(r))
	}
	for range r.IntN(3) {
		e.Reject = append(e.Reject, anyPrefix(r))
		e.Blocks = append(e.Blocks, anyPrefix(r))
	}
	e.Normal.IPv6 = []uint32{0, 2000}[r.IntN(2)]
	return e
}

func TestPermits(t *testing.T) {
	e := policy.Export{
		Accept: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")},
		Reject: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")},
	}
	for p, want := range map[string]bool{
		"10.0.0.0/8":      true,
		"10.2.3.4/32":     true,
		"10.1.0.0/16":     false, // rejects win
		"10.1.2.0/24":     false,
		"10.0.0.0/7":      false, // wider than the pool
		"0.0.0.0/0":       false,
		"192.0.2.0/24":    false,
		"2001:db8:1::/48": true,
		"::/0":            false,
	} {
		if got := e.Permits(netip.MustParsePrefix(p), policy.DefaultPriority); got != want {
			t.Errorf("%s: %v", p, got)
		}
	}
}
