package policy

import (
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/calctl/calctl/node/wire"
	"github.com/calctl/calctl/resources"
)

// A rule is one of a filter's in a form that is quick to ask. What stands for
// no condition always holds.
type rule struct {
	Place
	prefix     prefixes
	remote     bool   // only routes that a peer told
	interfaces string // a pattern; empty: any
	peer       peerType
	localPref  uint32
	hasPref    bool
	communities
	path   []uint32
	accept bool
	change *change // of what it accepts; nil: none
}

type peerType uint8

const (
	anyPeer peerType = iota
	internal
	external
)

func (t peerType) allows(ext bool) bool { return t == anyPeer || (t == external) == ext }

// holds reports whether all conditions do, but that of the peer's type.
func (r *rule) holds(t *Route) bool {
	return r.prefix.hold(t.Prefix) &&
		(!r.remote || t.Remote) &&
		(!r.hasPref || r.localPref == localPref(t.Attrs)) &&
		(r.interfaces == "" || matches(r.interfaces, t.Interface)) &&
		r.in(t.Attrs) &&
		(len(r.path) == 0 || begins(t.Attrs.ASPath(), r.path))
}

// matches reports whether a name fits a pattern of * and ?. Names of
// interfaces have no slashes.
func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// defaultLocalPref is what BIRD takes a route without LOCAL_PREF to have.
const defaultLocalPref = 100

func localPref(a *wire.Attrs) uint32 {
	if v, ok := a.LocalPref(); ok {
		return v
	}
	return defaultLocalPref
}

// begins reports whether an AS path begins with these numbers, as BIRD finds
// it: a set counts as one element, which is each of its members.
func begins(p wire.ASPath, with []uint32) bool {
	for s := range p.Segments() {
		switch s.Type {
		case wire.ASSequence:
			for i := range s.Len() {
				if len(with) == 0 {
					return true
				}
				if s.AS(i) != with[0] {
					return false
				}
				with = with[1:]
			}
		case wire.ASSet:
			if len(with) == 0 {
				return true
			}
			if !member(s, with[0]) {
				return false
			}
			with = with[1:]
		default:
			return len(with) == 0 // of confederations, which are none of ours
		}
	}
	return len(with) == 0
}

func member(s wire.Segment, as uint32) bool {
	for i := range s.Len() {
		if s.AS(i) == as {
			return true
		}
	}
	return false
}

// communities is one that a route has to carry, standard or large, or none.
type communities struct {
	standard uint32
	large    wire.LargeCommunity
	parts    int // 0, 2 or 3
}

func (c *communities) in(a *wire.Attrs) bool {
	switch c.parts {
	case 2:
		return a.Communities().Has(c.standard)
	case 3:
		return a.LargeCommunities().Has(c.large)
	}
	return true
}

// IsCommunity reports whether a text is a community: aa:nn, or aa:nn:mm.
func IsCommunity(text string) bool {
	_, err := readCommunity(text)
	return err == nil
}

// WithCommunities adds communities to attributes: standard ones, aa:nn, and large
// ones, aa:nn:mm. It fails for a text that is neither.
func WithCommunities(f *wire.Fields, texts ...string) error {
	for _, text := range texts {
		c, err := readCommunity(text)
		if err != nil {
			return err
		}
		c.add(f)
	}
	return nil
}

// readCommunity reads aa:nn or aa:nn:mm.
func readCommunity(text string) (c communities, err error) {
	words := strings.Split(text, ":")
	bits := 16
	if len(words) == 3 {
		bits = 32
	}
	var n [3]uint32
	for i, w := range words {
		v, err := strconv.ParseUint(w, 10, bits)
		if err != nil || len(words) < 2 || len(words) > 3 {
			return c, fmt.Errorf("community '%s': write aa:nn or aa:nn:mm", text)
		}
		n[i] = uint32(v)
	}
	if c.parts = len(words); c.parts == 3 {
		c.large = n
	} else {
		c.standard = n[0]<<16 | n[1]
	}
	return c, nil
}

// compile reads a rule.
func compile(from *resources.BGPFilterRule) (r rule, err error) {
	if r.prefix, err = readPrefixes(from); err != nil {
		return r, err
	}
	r.remote, r.interfaces = from.Source != "", from.Interface
	switch from.PeerType {
	case "":
	case "iBGP":
		r.peer = internal
	case "eBGP":
		r.peer = external
	default:
		return r, fmt.Errorf("peerType '%s': write eBGP or iBGP", from.PeerType)
	}
	if from.Communities != nil {
		if len(from.Communities.Values) != 1 {
			return r, fmt.Errorf("communities.values: write exactly one")
		}
		if r.communities, err = readCommunity(from.Communities.Values[0]); err != nil {
			return r, err
		}
	}
	r.path = numbers(from.ASPathPrefix)
	if from.Priority != nil {
		r.localPref, r.hasPref = LocalPref(uint32(*from.Priority)), true
	}
	switch from.Action {
	case "Accept":
		r.accept = true
	case "Reject":
	default:
		return r, fmt.Errorf("action '%s': write Accept or Reject", from.Action)
	}
	if r.accept && len(from.Operations) > 0 {
		r.change, err = readOperations(from.Operations)
	}
	return r, err
}

func numbers(list []resources.ASN) []uint32 {
	var n []uint32
	for _, as := range list {
		n = append(n, uint32(as))
	}
	return n
}

// prefixes is a set of prefixes: those that cidr, matchOperator and
// prefixLength describe.
type prefixes struct {
	kind     kind
	net      netip.Prefix
	min, max int
}

type kind uint8

const (
	all kind = iota
	none
	equal
	notEqual
	in
	notIn
)

func (s *prefixes) hold(p netip.Prefix) bool {
	switch s.kind {
	case none:
		return false
	case equal:
		return p == s.net
	case notEqual:
		return p != s.net
	case in:
		return s.has(p)
	case notIn:
		return !s.has(p)
	}
	return true
}

func (s *prefixes) has(p netip.Prefix) bool {
	return s.min <= p.Bits() && p.Bits() <= s.max && s.net.Contains(p.Addr())
}

func readPrefixes(from *resources.BGPFilterRule) (s prefixes, err error) {
	if from.CIDR == "" {
		if from.MatchOperator != "" || from.PrefixLength != nil {
			return s, fmt.Errorf("matchOperator and prefixLength need a cidr")
		}
		return s, nil
	}
	net, err := netip.ParsePrefix(from.CIDR)
	if err != nil {
		return s, fmt.Errorf("cidr '%s': write address/length", from.CIDR)
	}
	s.net = net.Masked()
	s.min, s.max = s.net.Bits(), s.net.Addr().BitLen()
	ranged := from.PrefixLength
	if ranged != nil {
		if ranged.Min != nil {
			s.min = max(s.min, int(*ranged.Min))
		}
		if ranged.Max != nil {
			s.max = min(s.max, int(*ranged.Max))
		}
		if s.min > s.max {
			return s, fmt.Errorf("prefixLength: %d to %d is empty", s.min, s.max)
		}
	}
	// With a range, BIRD compares a prefix with a set of them, which are never
	// equal.
	switch from.MatchOperator {
	case "Equal":
		if s.kind = equal; ranged != nil {
			s.kind = none
		}
	case "NotEqual":
		if s.kind = notEqual; ranged != nil {
			s.kind = all
		}
	case "In":
		s.kind = in
	case "NotIn":
		s.kind = notIn
	default:
		return s, fmt.Errorf("matchOperator '%s': write Equal, NotEqual, In or NotIn", from.MatchOperator)
	}
	return s, nil
}
