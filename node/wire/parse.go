package wire

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// A parser reads path attributes one by one and judges each by RFC 7606. Its
// result is in set, which refers to the attributes and to room of its own.
type parser struct {
	rules Rules
	set   set[[]byte]
	notes []Note

	there              [4]uint64 // attributes that came, by type
	path               []byte    // AS_PATH as it came, checked
	as4Path            []byte    // the same of AS4_PATH
	aggregator         []byte
	as4Aggregator      []byte
	wide, large, merge []byte // room: paths of four octets, communities without doubles
}

// shapes is what the RFCs say of an attribute's flags.
var shapes = [256]uint8{
	attrOrigin:           flagTransitive,
	attrASPath:           flagTransitive,
	attrNextHop:          flagTransitive,
	attrMED:              flagOptional,
	attrLocalPref:        flagTransitive,
	attrAtomicAggregate:  flagTransitive,
	attrAggregator:       flagOptional | flagTransitive,
	attrCommunities:      flagOptional | flagTransitive,
	attrOriginatorID:     flagOptional,
	attrClusterList:      flagOptional,
	attrExtCommunities:   flagOptional | flagTransitive,
	attrAS4Path:          flagOptional | flagTransitive,
	attrAS4Aggregator:    flagOptional | flagTransitive,
	attrIPv6ExtCommunity: flagOptional | flagTransitive,
	attrLargeCommunities: flagOptional | flagTransitive,
}

// parse reads a list whose lengths are known to be right. ok says whether the
// set may be used; if not, a note says why its routes are withdrawn.
func (p *parser) parse(how purpose, list, nextHop []byte) (ok bool, err *Error) {
	p.set = set[[]byte]{unknown: p.set.unknown[:0]}
	p.notes, p.there = p.notes[:0], [4]uint64{}
	p.path, p.as4Path, p.aggregator, p.as4Aggregator = nil, nil, nil, nil
	for len(list) > 0 {
		t, _ := cutAttr(list)
		list = list[len(t.tlv):]
		if p.there[t.kind/64]&(1<<(t.kind%64)) != 0 {
			p.discard(t, "again; the first one counts (RFC 7606 §3 g)")
			continue
		}
		p.there[t.kind/64] |= 1 << (t.kind % 64)
		if err := p.attribute(how, t); err != nil {
			return false, err
		}
	}
	p.aggregators()
	p.paths()
	if how != forNothing {
		p.complete(how, nextHop)
	}
	for _, n := range p.notes {
		if n.Verdict == TreatAsWithdraw {
			return false, nil
		}
	}
	return true, nil
}

func (p *parser) has(kind uint8) bool { return p.there[kind/64]&(1<<(kind%64)) != 0 }

// discard leaves an attribute out.
func (p *parser) discard(t attribute, format string, args ...any) {
	p.note(AttributeDiscard, 0, t, format, args...)
}

// withdraw gives up the routes.
func (p *parser) withdraw(subcode uint8, t attribute, format string, args ...any) {
	p.note(TreatAsWithdraw, subcode, t, format, args...)
}

func (p *parser) note(v Verdict, subcode uint8, t attribute, format string, args ...any) {
	n := Note{Verdict: v, Attr: t.kind, Reason: attrName(t.kind) + ": " + fmt.Sprintf(format, args...), subcode: subcode}
	if v == TreatAsWithdraw {
		n.tlv = bytes.Clone(t.tlv)
	}
	if len(p.notes) < maxNotes {
		p.notes = append(p.notes, n)
	} else if last := &p.notes[maxNotes-1]; last.Verdict < v {
		*last = n
	}
}

// attribute judges one attribute.
func (p *parser) attribute(how purpose, t attribute) *Error {
	switch t.kind {
	case attrLocalPref, attrOriginatorID, attrClusterList:
		if p.rules.External() {
			p.discard(t, "from an external peer (RFC 7606 §7.5, §7.9, §7.10)")
			return nil
		}
	case attrAS4Path, attrAS4Aggregator:
		if p.rules.FourOctetAS {
			p.discard(t, "from a peer with four-octet AS numbers (RFC 6793 §3)")
			return nil
		}
	case attrNextHop:
		if how == forIPv4MP || how == forIPv6 {
			return nil
		}
	}
	shape := shapes[t.kind]
	if shape == 0 {
		return p.unknown(t)
	}
	if t.flags&(flagOptional|flagTransitive) != shape {
		p.withdraw(AttributeFlags, t, "flags %#02x (RFC 7606 §3 c)", t.flags)
		return nil
	}
	p.value(t)
	return nil
}

// unknown keeps an optional attribute if it is transitive, and drops it if it
// isn't, both silently (RFC 4271 §5). That we pass it on without knowing it is
// told by the Partial bit.
func (p *parser) unknown(t attribute) *Error {
	if t.flags&flagOptional == 0 {
		return errorf(UpdateError, UnknownWellKnown, bytes.Clone(t.tlv), "attribute %d claims to be well-known (RFC 4271 §6.3)", t.kind)
	}
	if t.flags&flagTransitive != 0 {
		p.set.unknown = append(p.set.unknown, rawAttr[[]byte]{flagOptional | flagTransitive | flagPartial, t.kind, t.value})
	}
	return nil
}

// value reads an attribute whose flags are right.
func (p *parser) value(t attribute) {
	s, v := &p.set, t.value
	switch t.kind {
	case attrOrigin:
		if len(v) != 1 {
			p.withdraw(AttributeLength, t, "%d octets, not 1 (RFC 7606 §7.1)", len(v))
		} else if s.origin = Origin(v[0]); s.origin > OriginIncomplete {
			p.withdraw(InvalidOrigin, t, "value %d (RFC 7606 §7.1)", v[0])
		}
	case attrASPath:
		p.asPath(t)
	case attrNextHop:
		if len(v) != 4 {
			p.withdraw(AttributeLength, t, "%d octets, not 4 (RFC 7606 §7.3)", len(v))
		} else if s.nextHop = addr4(be32(v)); !usable(s.nextHop) {
			p.withdraw(InvalidNextHop, t, "%v can't be a host (RFC 4271 §6.3)", s.nextHop)
		}
	case attrMED:
		s.med, s.hasMED = p.number(t, "§7.4")
	case attrLocalPref:
		s.localPref, s.hasLocalPref = p.number(t, "§7.5")
	case attrAtomicAggregate:
		if len(v) != 0 {
			p.discard(t, "%d octets, not 0 (RFC 7606 §7.6)", len(v))
			return
		}
		s.atomic = true
	case attrAggregator:
		want := 6
		if p.rules.FourOctetAS {
			want = 8
		}
		if len(v) != want {
			p.discard(t, "%d octets, not %d (RFC 7606 §7.7)", len(v), want)
			return
		}
		p.aggregator = v
		s.partial |= partial(t, partialAggregator)
	case attrAS4Aggregator:
		if len(v) != 8 || be32(v) == 0 {
			p.discard(t, "%d octets, or AS 0 (RFC 6793 §6, RFC 7607 §2)", len(v))
			return
		}
		p.as4Aggregator = v
	case attrAS4Path:
		if why := checkPath(v, 4); why != "" || len(v) == 0 {
			p.discard(t, "%s (RFC 6793 §6)", cmp.Or(why, "empty"))
			return
		}
		p.as4Path = v
	case attrCommunities:
		s.communities = p.list(t, 4, "§7.8")
		s.partial |= partial(t, partialCommunities)
	case attrOriginatorID:
		s.originator, s.hasOriginator = p.number(t, "§7.9")
	case attrClusterList:
		s.clusters = p.list(t, 4, "§7.10")
	case attrExtCommunities:
		s.ext = p.list(t, 8, "§7.14")
		s.partial |= partial(t, partialExt)
	case attrIPv6ExtCommunity:
		if p.list(t, 20, "§7.15") != nil {
			_ = p.unknown(t)
		}
	case attrLargeCommunities:
		s.large = p.singles(p.list(t, 12, "§7; RFC 8092 §6"))
		s.partial |= partial(t, partialLarge)
	}
}

func partial(t attribute, bit uint8) uint8 {
	if t.flags&flagPartial != 0 {
		return bit
	}
	return 0
}

func (p *parser) number(t attribute, section string) (uint32, bool) {
	if len(t.value) != 4 {
		p.withdraw(AttributeLength, t, "%d octets, not 4 (RFC 7606 %s)", len(t.value), section)
		return 0, false
	}
	return be32(t.value), true
}

func (p *parser) list(t attribute, each int, section string) []byte {
	if len(t.value) == 0 || len(t.value)%each != 0 {
		p.withdraw(AttributeLength, t, "%d octets, not a multiple of %d (RFC 7606 %s)", len(t.value), each, section)
		return nil
	}
	return t.value
}

// singles removes redundant large communities (RFC 8092 §5).
func (p *parser) singles(v []byte) []byte {
	const each = 12
	if len(v) <= each {
		return v
	}
	p.large = p.large[:0]
	have := make(map[[each]byte]bool, len(v)/each)
	for c := range slices.Chunk(v, each) {
		if k := [each]byte(c); !have[k] {
			have[k] = true
			p.large = append(p.large, c...)
		}
	}
	return p.large
}

// complete looks for what routes can't be without, and at their next hop.
func (p *parser) complete(how purpose, nextHop []byte) {
	for _, kind := range [...]uint8{attrOrigin, attrASPath, attrNextHop} {
		if !p.has(kind) && (kind != attrNextHop || how == forClassic) {
			p.withdraw(MissingWellKnown, attribute{kind: kind}, "missing (RFC 7606 §3 d)")
		}
	}
	if how != forClassic {
		p.set.nextHop, p.set.linkLocal = mpNextHops(nextHop)
		if !usable(p.set.nextHop) {
			p.withdraw(OptionalAttribute, attribute{kind: attrMPReach}, "next hop %v can't be a host (RFC 4271 §6.3)", p.set.nextHop)
		}
	}
	if !p.rules.External() || p.path == nil {
		return
	}
	first := uint32(0)
	if v := p.set.path; len(v) >= 6 && SegmentType(v[0]) == ASSequence {
		first = be32(v[2:])
	}
	t := attribute{kind: attrASPath}
	switch {
	case len(p.set.path) == 0:
		p.withdraw(MalformedASPath, t, "empty, from an external peer (RFC 4271 §5.1.2)")
	case p.rules.EnforceFirstAS && first != p.rules.PeerAS:
		p.withdraw(MalformedASPath, t, "doesn't begin with the peer's AS %d (RFC 4271 §6.3)", p.rules.PeerAS)
	}
}

// attrName names an attribute as its RFC does.
func attrName(kind uint8) string {
	if n, ok := attrNames[kind]; ok {
		return n
	}
	return "attribute " + strconv.Itoa(int(kind))
}

var attrNames = map[uint8]string{
	attrOrigin: "ORIGIN", attrASPath: "AS_PATH", attrNextHop: "NEXT_HOP", attrMED: "MULTI_EXIT_DISC",
	attrLocalPref: "LOCAL_PREF", attrAtomicAggregate: "ATOMIC_AGGREGATE", attrAggregator: "AGGREGATOR",
	attrCommunities: "COMMUNITIES", attrOriginatorID: "ORIGINATOR_ID", attrClusterList: "CLUSTER_LIST",
	attrMPReach: "MP_REACH_NLRI", attrMPUnreach: "MP_UNREACH_NLRI", attrExtCommunities: "EXTENDED COMMUNITIES",
	attrAS4Path: "AS4_PATH", attrAS4Aggregator: "AS4_AGGREGATOR", attrIPv6ExtCommunity: "IPV6 EXTENDED COMMUNITIES",
	attrLargeCommunities: "LARGE_COMMUNITY",
}
