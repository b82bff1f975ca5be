package resources

import (
	"fmt"
	"net/netip"
	"reflect"
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
	CIDR          string                 `json:"cidr,omitempty" format:"filterPrefix"`
	PrefixLength  *BGPFilterPrefixLength `json:"prefixLength,omitempty"`
	Source        string                 `json:"source,omitempty" oneOf:"RemotePeers"`
	Interface     string                 `json:"interface,omitempty" format:"interface"`
	MatchOperator string                 `json:"matchOperator,omitempty" oneOf:"Equal NotEqual In NotIn"`
	PeerType      string                 `json:"peerType,omitempty" oneOf:"eBGP iBGP"`
	Communities   *BGPFilterCommunities  `json:"communities,omitempty"`
	ASPathPrefix  []ASN                  `json:"asPathPrefix,omitempty"`
	Priority      *int                   `json:"priority,omitempty" range:"1..2147483646"`
	Action        string                 `json:"action" oneOf:"Accept Reject"`
	Operations    []BGPFilterOperation   `json:"operations,omitempty" items:"..10"`
}

// A BGPFilterPrefixLength bounds the length of the prefixes a rule matches.
type BGPFilterPrefixLength struct {
	Min *int32 `json:"min,omitempty"`
	Max *int32 `json:"max,omitempty"`
}

// BGPFilterCommunities are the communities one of which a route must carry.
type BGPFilterCommunities struct {
	Values []string `json:"values" items:"1..1" format:"community" need:"for several communities, write a rule for each"`
}

// A BGPFilterOperation changes an accepted route; exactly one member is set.
type BGPFilterOperation struct {
	AddCommunity  *BGPFilterAddCommunity  `json:"addCommunity,omitempty"`
	PrependASPath *BGPFilterPrependASPath `json:"prependASPath,omitempty"`
	SetPriority   *BGPFilterSetPriority   `json:"setPriority,omitempty"`
}

// BGPFilterAddCommunity adds a standard or large community.
type BGPFilterAddCommunity struct {
	Value string `json:"value" format:"community"`
}

// BGPFilterPrependASPath puts AS numbers in front of the AS path.
type BGPFilterPrependASPath struct {
	Prefix []ASN `json:"prefix" items:"1..10" format:"as"`
}

// BGPFilterSetPriority sets the route's metric.
type BGPFilterSetPriority struct {
	Value *int `json:"value" range:"1..2147483646"`
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
	bad.limits("spec", reflect.ValueOf(&r.Spec).Elem())
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
	if len(r.Operations) > 0 && r.Action == "Reject" {
		bad.Add(at, "", "operations may only be used with action Accept")
	}
	for i, o := range r.Operations {
		set := 0
		for _, is := range []bool{o.AddCommunity != nil, o.PrependASPath != nil, o.SetPriority != nil} {
			if is {
				set++
			}
		}
		if set != 1 {
			bad.Add(indexPath(at+".operations", i), "", fmt.Sprintf("write exactly one of addCommunity, prependASPath and setPriority; there are %d", set))
		}
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
