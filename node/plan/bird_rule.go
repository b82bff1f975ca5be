package plan

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
)

// filterFunctions writes a function for each list of a BGPFilter that is used. It
// ends the caller's filter if one of the rules decides.
func (b *bird) filterFunctions() {
	used := map[string]policy.Filter{}
	for _, q := range b.Peers {
		for _, f := range slices.Concat(q.Import.Filters(), q.Export.Filters()) {
			used[filterSymbol(f)] = f
		}
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		f := used[name]
		b.line("")
		b.remark("BGPFilter(%s) %s", f.Name, f.List)
		b.line("function %s(bool same_as) {", name)
		for i := range f.Rules {
			b.rule(&f.Rules[i])
		}
		b.line("}")
	}
}

func filterSymbol(f policy.Filter) string { return symbol(f.List, f.Name) }

func (b *bird) rule(r *resources.BGPFilterRule) {
	when, decide := "", "reject;"
	if c := conditions(r); len(c) > 0 {
		when = "if " + strings.Join(c, " && ") + " then "
	}
	if r.Action == "Accept" {
		decide = "accept;"
		if change := operations(r.Operations); len(change) > 0 {
			decide = "{ " + strings.Join(change, " ") + " accept; }"
		}
	}
	b.line("\t%s%s", when, decide)
}

// conditions are those of a rule: all of them have to hold.
func conditions(r *resources.BGPFilterRule) []string {
	var c []string
	switch r.PeerType {
	case "iBGP":
		c = append(c, "same_as")
	case "eBGP":
		c = append(c, "!same_as")
	}
	if p, ok := r.Prefix(); ok {
		if t := prefixes(r, p.Masked()); t != "" {
			c = append(c, t)
		}
	}
	if r.Source != "" {
		c = append(c, "source = RTS_BGP")
	}
	if r.Interface != "" {
		c = append(c, fmt.Sprintf("ifname ~ %q", r.Interface))
	}
	if r.Communities != nil {
		for _, v := range r.Communities.Values {
			list, element := community(v)
			c = append(c, element+" ~ "+list)
		}
	}
	if len(r.ASPathPrefix) > 0 {
		c = append(c, "bgp_path ~ [= "+words(r.ASPathPrefix)+" * =]")
	}
	if r.Priority != nil {
		c = append(c, fmt.Sprintf("bgp_local_pref = %d", localPref(*r.Priority)))
	}
	return c
}

// prefixes is the condition on a route's prefix; empty for one that always holds.
func prefixes(r *resources.BGPFilterRule, p netip.Prefix) string {
	shortest, longest := p.Bits(), p.Addr().BitLen()
	if l := r.PrefixLength; l != nil {
		if l.Min != nil {
			shortest = max(shortest, int(*l.Min))
		}
		if l.Max != nil {
			longest = min(longest, int(*l.Max))
		}
	}
	within := fmt.Sprintf("[ %v{%d,%d} ]", p, shortest, longest)
	switch {
	// With prefixLength, BIRD 1.6 compares a prefix with a set: never equal.
	case r.MatchOperator == "Equal" && r.PrefixLength != nil:
		return "false"
	case r.MatchOperator == "NotEqual" && r.PrefixLength != nil:
		return ""
	case r.MatchOperator == "Equal":
		return "net = " + p.String()
	case r.MatchOperator == "NotEqual":
		return "net != " + p.String()
	case r.MatchOperator == "NotIn":
		return "net !~ " + within
	}
	return "net ~ " + within
}

// operations are what a rule does to what it accepts.
func operations(list []resources.BGPFilterOperation) []string {
	var change []string
	for _, o := range list {
		switch {
		case o.AddCommunity != nil:
			change = append(change, addCommunity(o.AddCommunity.Value))
		case o.PrependASPath != nil:
			for _, as := range slices.Backward(o.PrependASPath.Prefix) {
				change = append(change, fmt.Sprintf("bgp_path.prepend(%d);", uint32(as)))
			}
		case o.SetPriority != nil && o.SetPriority.Value != nil:
			change = append(change, fmt.Sprintf("bgp_local_pref = %d;", localPref(*o.SetPriority.Value)))
		}
	}
	return change
}

// localPref is the LOCAL_PREF that says a metric.
func localPref(metric int) int { return math.MaxInt32 - metric }

func addCommunity(value string) string {
	list, element := community(value)
	return fmt.Sprintf("%s.add(%s);", list, element)
}

// community is one of aa:nn or aa:nn:mm, and the list it belongs to.
func community(value string) (list, element string) {
	list = "bgp_community"
	if strings.Count(value, ":") == 2 {
		list = "bgp_large_community"
	}
	return list, "(" + strings.ReplaceAll(value, ":", ", ") + ")"
}

func words(numbers []resources.ASN) string {
	var list []string
	for _, n := range numbers {
		list = append(list, fmt.Sprint(uint32(n)))
	}
	return strings.Join(list, " ")
}

func prepends(o resources.BGPFilterOperation) bool { return o.PrependASPath != nil }
