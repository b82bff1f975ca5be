package wire

import (
	"bytes"
	"net/netip"
)

// A Decoder reads the UPDATEs of one session. It remembers the attributes it
// has seen, so that most messages cost no attribute parsing; it is for one
// goroutine.
type Decoder struct {
	rules Rules
	table *Table
	seen  cache

	// The lists of the Update that is being made, and room to work in, reused.
	withdrawn []NLRI
	reach     []Reach
	notes     []Note
	parser    parser
	rest      []byte // a message's attributes without those that hold routes
	key       []byte // the same with the next hop
	canonical []byte
}

// NewDecoder makes a decoder for a session, whose attributes are interned in table.
func NewDecoder(rules Rules, table *Table) *Decoder {
	return &Decoder{rules: rules, table: table, parser: parser{rules: rules}}
}

// Decode reads the body of an UPDATE: what follows the header. An error resets
// the session; everything milder is in the Update's verdict.
func (d *Decoder) Decode(body []byte) (Update, *Error) {
	d.withdrawn, d.reach, d.notes = d.withdrawn[:0], d.reach[:0], d.notes[:0]
	s, err := split(body)
	if err != nil {
		return Update{}, err
	}
	// Where the routes are must be certain before anything else counts
	// (RFC 7606 §3 j).
	parts, err := d.locate(s.attributes)
	if err != nil {
		return Update{}, err
	}
	classic, err := d.classic(s.withdrawn, s.nlri)
	if err != nil {
		return Update{}, err
	}
	if parts.unreach != nil {
		if err := d.unreach(parts.unreach); err != nil {
			return Update{}, err
		}
	}
	mp, err := d.mpReach(parts.reach)
	if err != nil {
		return Update{}, err
	}

	u := Update{EndOfRIB: d.endOfRIB(body, s, parts)}
	if parts.broken != "" {
		d.note(Note{Verdict: TreatAsWithdraw, Reason: parts.broken, subcode: MalformedAttributes})
	}
	if err := d.attributes(classic, mp, parts, mp.ignored || classic.count == 0 && len(s.nlri) > 0); err != nil {
		return Update{}, err
	}
	u.Withdrawn, u.Reach, u.Notes = d.withdrawn, d.reach, d.notes
	for _, n := range d.notes {
		u.Verdict = max(u.Verdict, n.Verdict)
	}
	if u.Verdict == TreatAsWithdraw {
		for _, r := range u.Reach {
			u.Withdrawn = append(u.Withdrawn, r.NLRI)
		}
		d.withdrawn, u.Reach = u.Withdrawn, nil
	}
	return u, nil
}

// sections are the three fields of an UPDATE (RFC 4271 §4.3).
type sections struct{ withdrawn, attributes, nlri []byte }

func split(body []byte) (sections, *Error) {
	if len(body) < 4 {
		return sections{}, badLength(headerLen+len(body), "an UPDATE has at least 23 octets")
	}
	w := 2 + int(be16(body))
	if w+2 > len(body) {
		return sections{}, errorf(UpdateError, MalformedAttributes, nil,
			"the withdrawn routes, %d octets, reach past the end of the message", w-2)
	}
	a := w + 2 + int(be16(body[w:]))
	if a > len(body) {
		return sections{}, errorf(UpdateError, MalformedAttributes, nil,
			"the attributes, %d octets, reach past the end of the message", a-w-2)
	}
	return sections{body[2:w], body[w+2 : a], body[a:]}, nil
}

// classic counts the IPv4 routes outside of attributes.
func (d *Decoder) classic(withdrawn, nlri []byte) (NLRI, *Error) {
	if len(withdrawn)+len(nlri) == 0 {
		return NLRI{}, nil
	}
	if !d.rules.Families.Has(IPv4) {
		d.note(Note{Verdict: FamilyIgnored, Reason: "ipv4-unicast was not agreed (RFC 4760 §8)"})
		return NLRI{}, nil
	}
	ids := d.rules.AddPath.Has(IPv4)
	w, ok := countNLRI(withdrawn, IPv4, ids)
	if !ok {
		return NLRI{}, errorf(UpdateError, InvalidNetwork, nil, "the withdrawn routes are malformed after %d prefixes (RFC 7606 §5.3)", w)
	}
	n, ok := countNLRI(nlri, IPv4, ids)
	if !ok {
		return NLRI{}, errorf(UpdateError, InvalidNetwork, nil, "the NLRI are malformed after %d prefixes (RFC 7606 §5.3)", n)
	}
	if w > 0 {
		d.withdrawn = append(d.withdrawn, NLRI{IPv4, withdrawn, w, ids})
	}
	return NLRI{IPv4, nlri, n, ids}, nil
}

// endOfRIB recognizes the two forms of RFC 4724 §2: an UPDATE with nothing in
// it, for IPv4, or with an MP_UNREACH_NLRI alone that withdraws nothing.
func (d *Decoder) endOfRIB(body []byte, s sections, p parts) Family {
	family := Family(0)
	switch {
	case len(body) == 4:
		family = IPv4
	case len(s.withdrawn)+len(s.nlri)+len(p.rest) > 0 || p.reach != nil || p.broken != "":
	case p.unreach != nil && len(value(p.unreach)) == 3:
		family = familyOf(value(p.unreach))
	}
	if !d.rules.Families.Has(family) {
		return 0
	}
	return family
}

// attributes fills in what is said of the routes of a message. ignored says
// that there were routes which we don't look at.
func (d *Decoder) attributes(classic NLRI, mp mpRoutes, p parts, ignored bool) *Error {
	if classic.count > 0 {
		a, err := d.lookup(forClassic, p.rest, nil)
		if err != nil {
			return err
		}
		d.reach = append(d.reach, Reach{classic, a})
	}
	if mp.count > 0 {
		how := forIPv6
		if mp.Family == IPv4 {
			how = forIPv4MP
		}
		a, err := d.lookup(how, p.rest, mp.nextHop)
		if err != nil {
			return err
		}
		d.reach = append(d.reach, Reach{mp.NLRI, a})
	}
	if len(d.reach) > 0 || ignored || len(p.rest) == 0 && p.broken == "" {
		return nil
	}
	// Attributes without routes: the routes may be what an error has hidden,
	// so that treat-as-withdraw would not be enough (RFC 7606 §5.2).
	if _, err := d.lookup(forNothing, p.rest, nil); err != nil {
		return err
	}
	for _, n := range d.notes {
		if n.Verdict == TreatAsWithdraw {
			return errorf(UpdateError, n.subcode, n.tlv, "%s; and there are no routes to withdraw (RFC 7606 §5.2)", n.Reason)
		}
	}
	return nil
}

// purpose says which routes attributes are read for: they need different ones.
type purpose uint8

const (
	forNothing purpose = iota // no routes: only looking for errors
	forClassic                // the NLRI field; NEXT_HOP is needed
	forIPv4MP                 // MP_REACH_NLRI; NEXT_HOP is ignored (RFC 4760 §3)
	forIPv6
)

// lookup returns the set that the attributes rest and a next hop make. It is
// nil, with a note, when the routes must be withdrawn.
func (d *Decoder) lookup(how purpose, rest, nextHop []byte) (*Attrs, *Error) {
	key := rest
	if len(nextHop) > 0 {
		d.key = append(append(d.key[:0], rest...), nextHop...)
		key = d.key
	}
	kind := uint8(how) | uint8(len(nextHop))<<2
	hash := d.table.hash(key) + uint64(kind)
	if e := d.seen.get(hash, kind, key); e != nil {
		for _, n := range e.notes {
			d.note(n)
		}
		return e.attrs, nil
	}
	ok, err := d.parser.parse(how, key[:len(rest)], key[len(rest):])
	for _, n := range d.parser.notes {
		d.note(n)
	}
	if err != nil || !ok {
		return nil, err
	}
	var a *Attrs
	if how != forNothing {
		d.canonical = d.parser.set.append(d.canonical[:0])
		if len(d.canonical) > 1<<16-1 {
			d.note(Note{Verdict: TreatAsWithdraw, Reason: "the attributes are longer than any message that could pass them on"})
			return nil, nil
		}
		a = d.table.bytes(d.canonical)
	}
	d.seen.put(d.table, hash, kind, key, a, d.parser.notes)
	return a, nil
}

// maxNotes bounds what one message can make us say.
const maxNotes = 16

// note keeps a fault of the message, once, and the strongest in any case.
func (d *Decoder) note(n Note) {
	for _, have := range d.notes {
		if have.Attr == n.Attr && have.Reason == n.Reason {
			return
		}
	}
	if len(d.notes) < maxNotes {
		d.notes = append(d.notes, n)
	} else if last := &d.notes[maxNotes-1]; last.Verdict < n.Verdict {
		*last = n
	}
}

// parts are the path attributes of a message, those that hold routes taken out.
type parts struct {
	reach, unreach []byte // whole attributes
	rest           []byte // the others
	broken         string // how the list ends before its end
}

// locate finds the attributes that hold routes. It goes by lengths only; that
// is all that a message with attributes seen before needs.
func (d *Decoder) locate(list []byte) (parts, *Error) {
	var p parts
	from, copied := 0, false // from: where what is not yet in p.rest begins
	at := 0
	for at < len(list) {
		t, ok := cutAttr(list[at:])
		if !ok {
			p.broken = "the last attribute reaches past the end of the list (RFC 7606 §4)"
			break
		}
		if t.kind != attrMPReach && t.kind != attrMPUnreach {
			at += len(t.tlv)
			continue
		}
		if err := p.routes(t); err != nil {
			return p, err
		}
		if !copied {
			d.rest, copied = d.rest[:0], true
		}
		d.rest = append(d.rest, list[from:at]...)
		at += len(t.tlv)
		from = at
	}
	if !copied {
		p.rest = list[:at]
		return p, nil
	}
	d.rest = append(d.rest, list[from:at]...)
	p.rest = d.rest
	return p, nil
}

func (p *parts) routes(t attribute) *Error {
	if t.flags&(flagOptional|flagTransitive) != flagOptional {
		return errorf(UpdateError, AttributeFlags, bytes.Clone(t.tlv), "%s: flags %#02x (RFC 7606 §5.3)", attrName(t.kind), t.flags)
	}
	to := &p.reach
	if t.kind == attrMPUnreach {
		to = &p.unreach
	}
	if *to != nil {
		return errorf(UpdateError, MalformedAttributes, nil, "%s twice (RFC 7606 §3 g)", attrName(t.kind))
	}
	*to = t.tlv
	return nil
}

// An attribute is one of a message, cut out and not yet understood.
type attribute struct {
	flags, kind uint8
	value, tlv  []byte
}

// cutAttr takes the first attribute of a list.
func cutAttr(list []byte) (attribute, bool) {
	if len(list) < 3 {
		return attribute{}, false
	}
	from, to := 3, 3+int(list[2])
	if list[0]&flagExtended != 0 {
		if len(list) < 4 {
			return attribute{}, false
		}
		from, to = 4, 4+int(be16(list[2:]))
	}
	if to > len(list) {
		return attribute{}, false
	}
	return attribute{list[0], list[1], list[from:to], list[:to]}, true
}

// value is what stands in a whole attribute.
func value(tlv []byte) []byte {
	if tlv[0]&flagExtended != 0 {
		return tlv[4:]
	}
	return tlv[3:]
}

func familyOf(v []byte) Family { return NewFamily(be16(v), v[2]) }

// unreach takes the withdrawals of an MP_UNREACH_NLRI.
func (d *Decoder) unreach(tlv []byte) *Error {
	v := value(tlv)
	if len(v) < 3 {
		return errorf(UpdateError, OptionalAttribute, bytes.Clone(tlv), "MP_UNREACH_NLRI: %d octets, fewer than 3 (RFC 7606 §5.3)", len(v))
	}
	family := familyOf(v)
	if !d.rules.Families.Has(family) {
		d.note(Note{Verdict: FamilyIgnored, Attr: attrMPUnreach, Reason: family.String() + " was not agreed (RFC 4760 §8)"})
		return nil
	}
	ids := d.rules.AddPath.Has(family)
	n, ok := countNLRI(v[3:], family, ids)
	if !ok {
		return errorf(UpdateError, OptionalAttribute, bytes.Clone(tlv), "MP_UNREACH_NLRI: malformed after %d prefixes (RFC 7606 §5.3)", n)
	}
	if n > 0 {
		d.withdrawn = append(d.withdrawn, NLRI{family, v[3:], n, ids})
	}
	return nil
}

// mpRoutes is what an MP_REACH_NLRI holds.
type mpRoutes struct {
	NLRI
	nextHop []byte
	ignored bool // routes of a family that was not agreed
}

func (d *Decoder) mpReach(tlv []byte) (mpRoutes, *Error) {
	if tlv == nil {
		return mpRoutes{}, nil
	}
	v := value(tlv)
	if len(v) < 5 {
		return mpRoutes{}, errorf(UpdateError, OptionalAttribute, bytes.Clone(tlv), "MP_REACH_NLRI: %d octets, fewer than 5 (RFC 7606 §5.3)", len(v))
	}
	family := familyOf(v)
	if !d.rules.Families.Has(family) {
		d.note(Note{Verdict: FamilyIgnored, Attr: attrMPReach, Reason: family.String() + " was not agreed (RFC 4760 §8)"})
		return mpRoutes{ignored: true}, nil
	}
	length := int(v[3])
	expected := length == 16 || length == 32
	if family == IPv4 {
		expected = length == 4 || expected && d.rules.ExtendedNextHop
	}
	if !expected || 5+length > len(v) {
		return mpRoutes{}, errorf(UpdateError, OptionalAttribute, bytes.Clone(tlv), "MP_REACH_NLRI: a next hop of %d octets for %v (RFC 7606 §7.11)", length, family)
	}
	ids := d.rules.AddPath.Has(family)
	nlri := v[5+length:] // an octet between them is reserved and ignored
	n, ok := countNLRI(nlri, family, ids)
	if !ok {
		return mpRoutes{}, errorf(UpdateError, OptionalAttribute, bytes.Clone(tlv), "MP_REACH_NLRI: malformed after %d prefixes (RFC 7606 §5.3)", n)
	}
	return mpRoutes{NLRI: NLRI{family, nlri, n, ids}, nextHop: v[4 : 4+length]}, nil
}

// mpNextHops reads the one or two addresses of an MP_REACH_NLRI. Where only
// the link-local one is of use, it is the next hop.
func mpNextHops(v []byte) (nextHop, linkLocal netip.Addr) {
	if len(v) == 4 {
		return addr4(be32(v)), linkLocal
	}
	nextHop = netip.AddrFrom16([16]byte(v[:16]))
	if len(v) == 32 {
		linkLocal = netip.AddrFrom16([16]byte(v[16:]))
		if !linkLocal.IsLinkLocalUnicast() {
			return nextHop, netip.Addr{}
		}
		if nextHop.IsUnspecified() || nextHop.IsLinkLocalUnicast() {
			return linkLocal, netip.Addr{}
		}
	}
	return nextHop, linkLocal
}

// usable says whether an address could be a next hop at all (RFC 4271 §6.3:
// "a valid IP host address").
func usable(a netip.Addr) bool {
	if a.Is4() {
		first := a.As4()[0]
		return first != 0 && first != 127 && first < 224
	}
	return a.Is6() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast()
}
