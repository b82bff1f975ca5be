package policy_test

import (
	"fmt"
	"net/netip"
	paths "path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/policy/policytest"
	"github.com/calctl/calctl/node/wire"
	"github.com/calctl/calctl/resources"
)

// A plain route is one taken apart into what anybody can read.
type plain struct {
	bits        string     // of the network, such as "0000101" for 10.0.0.0/7
	most        int        // bits an address has
	path        [][]string // elements; one of several numbers is a set
	communities []string
	pref        int
	remote      bool
	out         string // interface
	external    bool
}

// slow is what BGPFilters, blocks, service ranges and pools mean, written from Calico's description
// and not from the code: the route as it passes, or nil, and who decided.
func slow(filters []*resources.BGPFilter, importing bool, e policy.Export, r plain) (*plain, string) {
	for _, f := range filters {
		lists := map[string][]resources.BGPFilterRule{
			"importV4": f.Spec.ImportV4, "exportV4": f.Spec.ExportV4, "importV6": f.Spec.ImportV6, "exportV6": f.Spec.ExportV6,
		}
		list := map[bool]string{true: "import", false: "export"}[importing] + map[int]string{32: "V4", 128: "V6"}[r.most]
		for i, rule := range lists[list] {
			if !slowMatch(rule, r) {
				continue
			}
			who := fmt.Sprintf("BGPFilter(%s) spec.%s[%d]", f.Name, list, i)
			if rule.Action == "Reject" {
				return nil, who
			}
			for _, o := range rule.Operations {
				r = slowOperation(o, r)
			}
			return &r, who
		}
	}
	if importing {
		return &r, "default"
	}
	for _, p := range e.Reject {
		if b, most := bitsOf(p); most == r.most && strings.HasPrefix(r.bits, b) {
			return nil, "IPPool with disableBGPExport"
		}
	}
	kept := []string{"bpf*.cali"}
	if !r.external {
		kept = append(kept, "*.cali", "*.calico")
	}
	if !r.external && !e.Tunnel {
		kept = append(kept, "tunl0")
	}
	for _, pattern := range kept {
		if ok, _ := paths.Match(pattern, r.out); ok {
			return nil, "interface of workloads"
		}
	}
	metric, own := 2147483647-r.pref, []string{}
	for _, p := range e.Blocks {
		if b, most := bitsOf(p); most == r.most && strings.HasPrefix(r.bits, b) {
			own = append(own, b)
		}
	}
	normal := map[int]uint32{32: e.Normal.IPv4, 128: e.Normal.IPv6}[r.most]
	if normal == 0 {
		normal = 1024
	}
	if len(own) > 0 && !slices.Contains(own, r.bits) && metric >= int(normal) {
		return nil, "block of this node"
	}
	for i, p := range slices.Concat(e.Blocks, e.Services, e.Accept) {
		if b, most := bitsOf(p); most == r.most && strings.HasPrefix(r.bits, b) {
			who := "IPPool"
			switch {
			case i < len(e.Blocks):
				who = "block of this node"
			case i < len(e.Blocks)+len(e.Services):
				who = "service range"
			}
			for _, a := range e.Advertise {
				if b, most := bitsOf(a.CIDR); most != r.most || !strings.HasPrefix(r.bits, b) {
					continue
				}
				for _, c := range a.Communities {
					r = slowOperation(resources.BGPFilterOperation{AddCommunity: &resources.BGPFilterAddCommunity{Value: c}}, r)
				}
			}
			return &r, who
		}
	}
	return nil, "default"
}

func bitsOf(p netip.Prefix) (string, int) {
	var b strings.Builder
	for _, octet := range p.Addr().AsSlice() {
		fmt.Fprintf(&b, "%08b", octet)
	}
	return b.String()[:p.Bits()], b.Len()
}

func slowMatch(rule resources.BGPFilterRule, r plain) bool {
	if rule.CIDR != "" {
		net, most := bitsOf(netip.MustParsePrefix(rule.CIDR))
		inside := most == r.most && strings.HasPrefix(r.bits, net)
		same := inside && r.bits == net
		if l := rule.PrefixLength; l != nil {
			same = false // a prefix is never a set of prefixes
			if l.Min != nil && len(r.bits) < int(*l.Min) || l.Max != nil && len(r.bits) > int(*l.Max) {
				inside = false
			}
		}
		if ok := map[string]bool{"Equal": same, "NotEqual": !same, "In": inside, "NotIn": !inside}[rule.MatchOperator]; !ok {
			return false
		}
	}
	if rule.Source == "RemotePeers" && !r.remote {
		return false
	}
	if rule.Interface != "" && !glob(rule.Interface, r.out) {
		return false
	}
	if rule.PeerType != "" && rule.PeerType != map[bool]string{true: "eBGP", false: "iBGP"}[r.external] {
		return false
	}
	if rule.Communities != nil && !slices.Contains(r.communities, rule.Communities.Values[0]) {
		return false
	}
	for i, as := range rule.ASPathPrefix {
		if i >= len(r.path) || !slices.Contains(r.path[i], strconv.Itoa(int(as))) {
			return false
		}
	}
	return rule.Priority == nil || r.pref == 2147483647-*rule.Priority
}

func glob(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	if pattern[0] == '*' {
		return glob(pattern[1:], name) || name != "" && glob(pattern, name[1:])
	}
	return name != "" && pattern[0] == name[0] && glob(pattern[1:], name[1:])
}

func slowOperation(o resources.BGPFilterOperation, r plain) plain {
	switch {
	case o.AddCommunity != nil:
		if !slices.Contains(r.communities, o.AddCommunity.Value) {
			r.communities = append(slices.Clone(r.communities), o.AddCommunity.Value)
		}
	case o.PrependASPath != nil:
		var front [][]string
		for _, as := range o.PrependASPath.Prefix {
			front = append(front, []string{strconv.Itoa(int(as))})
		}
		r.path = append(front, r.path...)
	case o.SetPriority != nil:
		r.pref = 2147483647 - *o.SetPriority.Value
	}
	return r
}

// attrs are the route's attributes, in words.
func (r plain) attrs() string {
	var parts []string
	for _, e := range r.path {
		if len(e) > 1 {
			parts = append(parts, "{"+strings.Join(e, " ")+"}")
		} else {
			parts = append(parts, e...)
		}
	}
	return fmt.Sprintf("path %s, pref %d, %v", strings.Join(parts, " "), r.pref, slices.Sorted(slices.Values(r.communities)))
}

func wordsOf(a *wire.Attrs) string {
	pref := uint32(100)
	if v, ok := a.LocalPref(); ok {
		pref = v
	}
	all := append(strings.Fields(a.Communities().String()), strings.Fields(a.LargeCommunities().String())...)
	return fmt.Sprintf("path %v, pref %d, %v", a.ASPath(), pref, slices.Sorted(slices.Values(all)))
}

type die struct{ policytest.Die }

func (d die) route(external bool) plain {
	r := plain{pref: 100, remote: d.IntN(2) == 0, out: d.One("", "eth0", "eth1", "bond0.7", "tunl0", "bpfin.cali", "x.cali", "x.calico"), external: external}
	for range d.IntN(4) {
		e := []string{strconv.Itoa(d.ASN())}
		if d.Sometimes() {
			e = []string{"65001", "65003"}
		}
		r.path = append(r.path, e)
	}
	for range d.IntN(3) {
		if c := d.Community(); !slices.Contains(r.communities, c) {
			r.communities = append(r.communities, c)
		}
	}
	if d.IntN(2) == 0 {
		r.pref = 2147483647 - d.Priority()
	}
	return r
}

// words are the route's attributes as attrs reads them; without LOCAL_PREF
// when that says nothing, every other time.
func (r plain) words(d die) string {
	text := strings.Split(r.attrs(), ", ")[0]
	if r.pref != 100 || d.IntN(2) == 0 {
		text += fmt.Sprintf(", pref %d", r.pref)
	}
	for _, c := range r.communities {
		text += ", " + map[int]string{1: "community ", 2: "large "}[strings.Count(c, ":")] + c
	}
	return text
}

// TestAgainstTheDescription: random filters over random routes decide as the
// slow evaluator says, by the rule that it names, and leave the same.
func TestAgainstTheDescription(t *testing.T) {
	seen := map[string]int{}
	seeds := uint64(4000)
	if testing.Short() {
		seeds = 600
	}
	for seed := range seeds {
		d := die{policytest.New(seed)}
		var list []*resources.BGPFilter
		for _, name := range []string{"a", "b", "c"}[:d.IntN(4)] {
			f := d.Filter(name)
			if err := f.Validate(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			list = append(list, f)
		}
		external, v4 := d.IntN(2) == 0, d.IntN(3) > 0
		export := policy.Export{}
		for range d.IntN(3) {
			export.Accept = append(export.Accept, d.Prefix(v4))
		}
		for range d.IntN(2) {
			export.Services = append(export.Services, d.Prefix(v4))
		}
		for range d.IntN(2) {
			export.Blocks = append(export.Blocks, d.Prefix(v4))
		}
		if d.Sometimes() {
			export.Normal = policy.Priorities{IPv4: uint32(d.Priority()), IPv6: uint32(d.Priority())}
		}
		export.Tunnel = d.IntN(2) == 0
		for range d.IntN(2) {
			export.Reject = append(export.Reject, d.Prefix(v4))
		}
		for range d.IntN(4) {
			a := policy.Advertisement{CIDR: d.Prefix(v4 || d.Sometimes())}
			for range 1 + d.IntN(2) {
				a.Communities = append(a.Communities, d.Community())
			}
			export.Advertise = append(export.Advertise, a)
		}
		var ins, outs []policy.Filter
		for _, f := range list {
			in, out, err := policy.Of(f, v4)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			ins, outs = append(ins, in), append(outs, out)
		}
		importer, exporter := policy.NewImporter(policy.NewChain(ins...), policy.Priorities{}, external), policy.NewExporter(policy.NewChain(outs...), export, external)
		// Many routes share their attributes.
		var few []plain
		var sets []*wire.Attrs
		for i := range 8 {
			few = append(few, d.route(external))
			sets = append(sets, attrs(t, few[i].words(d)))
		}
		for range 40 {
			i, prefix := d.IntN(len(few)), d.Prefix(v4)
			r := few[i]
			r.bits, r.most = bitsOf(prefix)
			route := policy.Route{Prefix: prefix, Attrs: sets[i], Remote: r.remote, Interface: r.out}
			for _, importing := range []bool{true, false} {
				got := exporter.Judge(route)
				if importing {
					got = importer.Judge(route)
				}
				want, who := slow(list, importing, export, r)
				by := got.By.String()
				if got.Rule != nil {
					by = got.Rule.String()
				}
				seen[got.By.String()]++
				if by != who || (got.Attrs == nil) != (want == nil) || want != nil && wordsOf(got.Attrs) != want.attrs() {
					t.Fatalf("seed %d, importing %v: %v with %s:\ngot  %v by %s\nwant %v by %s", seed, importing, prefix, r.attrs(), got.Attrs != nil, by, want, who)
				}
			}
		}
	}
	for _, s := range []policy.Step{policy.ByDefault, policy.ByRule, policy.ByPool, policy.ByShutPool, policy.ByBlock, policy.ByService, policy.ByInterface} {
		if seen[s.String()] < 100 {
			t.Errorf("%s decided %d times only", s, seen[s.String()])
		}
	}
}
