package resources

import (
	"fmt"
	"net/netip"
	"strconv"
)

// A BGPFilter is a list of rules for each direction and address family; a
// BGPPeer names the filters its sessions use. The first rule that matches a
// route decides.
type BGPFilter struct {
	TypeMeta
	Metadata `json:"metadata"`
	Spec     BGPFilterSpec `json:"spec"`
}

// BGPFilterSpec is the spec of a BGPFilter.
type BGPFilterSpec struct {
	ExportV4 []BGPFilterRule `json:"exportV4,omitempty"`
	ImportV4 []BGPFilterRule `json:"importV4,omitempty"`
	ExportV6 []BGPFilterRule `json:"exportV6,omitempty"`
	ImportV6 []BGPFilterRule `json:"importV6,omitempty"`
}

// A BGPFilterRule accepts or rejects the routes that meet all its conditions.
type BGPFilterRule struct {
	CIDR          string                 `json:"cidr,omitempty"`
	PrefixLength  *BGPFilterPrefixLength `json:"prefixLength,omitempty"`
	Source        string                 `json:"source,omitempty"`
	Interface     string                 `json:"interface,omitempty"`
	MatchOperator string                 `json:"matchOperator,omitempty"`
	PeerType      string                 `json:"peerType,omitempty"`
	Communities   *BGPFilterCommunities  `json:"communities,omitempty"`
	ASPathPrefix  []ASN                  `json:"asPathPrefix,omitempty"`
	Priority      *int                   `json:"priority,omitempty"`
	Action        string                 `json:"action"`
	Operations    []BGPFilterOperation   `json:"operations,omitempty"`
}

// A BGPFilterPrefixLength bounds the length of the prefixes a rule matches.
type BGPFilterPrefixLength struct {
	Min *int32 `json:"min,omitempty"`
	Max *int32 `json:"max,omitempty"`
}

// BGPFilterCommunities are the communities one of which a route must carry.
type BGPFilterCommunities struct {
	Values []string `json:"values"`
}

// A BGPFilterOperation changes an accepted route; exactly one member is set.
type BGPFilterOperation struct {
	AddCommunity  *BGPFilterAddCommunity  `json:"addCommunity,omitempty"`
	PrependASPath *BGPFilterPrependASPath `json:"prependASPath,omitempty"`
	SetPriority   *BGPFilterSetPriority   `json:"setPriority,omitempty"`
}

// BGPFilterAddCommunity adds a standard or large community.
type BGPFilterAddCommunity struct {
	Value string `json:"value"`
}

// BGPFilterPrependASPath puts AS numbers in front of the AS path.
type BGPFilterPrependASPath struct {
	Prefix []ASN `json:"prefix"`
}

// BGPFilterSetPriority sets the route's metric.
type BGPFilterSetPriority struct {
	Value *int `json:"value"`
}

// Kind is KindBGPFilter.
func (*BGPFilter) Kind() Kind { return KindBGPFilter }

// Default fills in what Calico's clients fill in, which is nothing.
func (r *BGPFilter) Default() { setHead(r) }

// Prefix returns the rule's cidr; ok is false when it has none.
func (r *BGPFilterRule) Prefix() (p netip.Prefix, ok bool) {
	p, err := netip.ParsePrefix(r.CIDR)
	return p, err == nil
}

// Validate returns an Invalid that names every bad field, or nil. A rule
// without conditions is valid: it matches every route.
func (r *BGPFilter) Validate() error {
	var bad Invalid
	bad.metadata(r)
	for _, list := range []struct {
		path  string
		bits  int
		rules []BGPFilterRule
	}{
		{"spec.exportV4", 32, r.Spec.ExportV4},
		{"spec.importV4", 32, r.Spec.ImportV4},
		{"spec.exportV6", 128, r.Spec.ExportV6},
		{"spec.importV6", 128, r.Spec.ImportV6},
	} {
		for i := range list.rules {
			list.rules[i].validate(&bad, indexPath(list.path, i), list.bits)
		}
	}
	return bad.Err()
}

func (r *BGPFilterRule) validate(bad *Invalid, at string, bits int) {
	r.validatePrefix(bad, at, bits)
	if r.MatchOperator != "" {
		bad.oneOf(at+".matchOperator", r.MatchOperator, "Equal", "NotEqual", "In", "NotIn")
	}
	if r.Source != "" {
		bad.oneOf(at+".source", r.Source, "RemotePeers")
	}
	if r.Interface != "" {
		bad.interfaceName(at+".interface", r.Interface)
	}
	if r.PeerType != "" {
		bad.oneOf(at+".peerType", r.PeerType, "eBGP", "iBGP")
	}
	if c := r.Communities; c != nil {
		if len(c.Values) != 1 {
			bad.Add(at+".communities.values", "", fmt.Sprintf("write exactly one community; there are %d. For several, write a rule for each", len(c.Values)))
		}
		for i, v := range c.Values {
			bad.community(indexPath(at+".communities.values", i), v)
		}
	}
	if r.Priority != nil {
		bad.priority(at+".priority", *r.Priority)
	}
	bad.oneOf(at+".action", r.Action, "Accept", "Reject")
	if len(r.Operations) > 0 && r.Action == "Reject" {
		bad.Add(at, "", "operations may only be used with action Accept")
	}
	bad.atMost(at+".operations", len(r.Operations), 10)
	for i := range r.Operations {
		r.Operations[i].validate(bad, indexPath(at+".operations", i))
	}
}

// validatePrefix checks cidr, and prefixLength against it.
func (r *BGPFilterRule) validatePrefix(bad *Invalid, at string, bits int) {
	if (r.CIDR == "") != (r.MatchOperator == "") {
		bad.Add(at, "", "cidr and matchOperator must both be set or both be empty")
	}
	var p netip.Prefix
	if r.CIDR != "" {
		var mend string
		if p, mend = parsePrefix(r.CIDR); mend == "" && p.Addr().BitLen() != bits {
			mend = "write an " + familyName(bits) + " prefix here"
		}
		if mend != "" {
			tag := "netv4"
			if bits == 128 {
				tag = "netv6"
			}
			bad.Add(at+".cidr", r.CIDR, tagged("CIDR", tag, mend))
			p = netip.Prefix{}
		}
	}
	if r.PrefixLength == nil {
		return
	}
	if r.CIDR == "" {
		bad.Add(at, "", "cidr is required when prefixLength is set")
	}
	low, high := r.PrefixLength.Min, r.PrefixLength.Max
	bad.prefixLength(at+".prefixLength.min", low, bits)
	bad.prefixLength(at+".prefixLength.max", high, bits)
	// BIRD refuses such a range, and with it the whole configuration.
	switch {
	case high == nil:
	case low != nil && *low > *high:
		bad.Add(at+".prefixLength", "", fmt.Sprintf("min %d is greater than max %d; no route can match", *low, *high))
	case p.IsValid() && int(*high) < p.Bits() && *high >= 0:
		bad.Add(at+".prefixLength.max", strconv.Itoa(int(*high)), fmt.Sprintf("no prefix inside %s is that short; write %d or more", p, p.Bits()))
	}
}

func (e *Invalid) prefixLength(path string, length *int32, bits int) {
	if length != nil && (*length < 0 || int(*length) > bits) {
		e.Add(path, strconv.Itoa(int(*length)), fmt.Sprintf("write a number from 0 to %d", bits))
	}
}

func (o *BGPFilterOperation) validate(bad *Invalid, at string) {
	set := 0
	if c := o.AddCommunity; c != nil {
		set++
		bad.community(at+".addCommunity.value", c.Value)
	}
	if p := o.PrependASPath; p != nil {
		set++
		if n := len(p.Prefix); n < 1 || n > 10 {
			bad.Add(at+".prependASPath.prefix", "", fmt.Sprintf("write 1 to 10 AS numbers; there are %d", n))
		}
		for i := range p.Prefix {
			bad.realAS(indexPath(at+".prependASPath.prefix", i), &p.Prefix[i])
		}
	}
	if p := o.SetPriority; p != nil {
		set++
		if p.Value == nil {
			bad.Add(at+".setPriority.value", "", "value is required")
		} else {
			bad.priority(at+".setPriority.value", *p.Value)
		}
	}
	if set != 1 {
		bad.Add(at, "", fmt.Sprintf("write exactly one of addCommunity, prependASPath and setPriority; there are %d", set))
	}
}
