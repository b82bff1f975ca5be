package wire

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
