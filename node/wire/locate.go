package wire

import "bytes"

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
