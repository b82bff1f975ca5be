package wire

// checkPath says what is wrong with the segments of a path whose AS numbers
// have the given number of octets (RFC 7606 §7.2, RFC 7607 §2), or "".
func checkPath(v []byte, octets int) string {
	for len(v) > 0 {
		if len(v) == 1 {
			return "a single octet after the last segment"
		}
		kind, n := SegmentType(v[0]), int(v[1])
		switch {
		case kind < ASSet || kind > ConfedSet:
			return "an unrecognized segment type"
		case n == 0:
			return "an empty segment"
		case 2+n*octets > len(v):
			return "a segment longer than the path"
		}
		for i := 2; i < 2+n*octets; i += octets {
			if octets == 2 && be16(v[i:]) == 0 || octets == 4 && be32(v[i:]) == 0 {
				return "AS 0"
			}
		}
		v = v[2+n*octets:]
	}
	return ""
}

func (r Rules) asOctets() int {
	if r.FourOctetAS {
		return 4
	}
	return 2
}

// asPath checks AS_PATH. Confederation segments don't leave a confederation,
// and we are in none (RFC 5065 §5).
func (p *parser) asPath(t attribute) {
	octets := p.rules.asOctets()
	if why := checkPath(t.value, octets); why != "" {
		p.withdraw(MalformedASPath, t, "%s (RFC 7606 §7.2)", why)
		return
	}
	p.path = t.value
	if p.path == nil {
		p.path = []byte{}
	}
	if p.rules.External() {
		for v := t.value; len(v) > 0; v = v[2+int(v[1])*octets:] {
			if SegmentType(v[0]) >= ConfedSequence {
				p.withdraw(MalformedASPath, t, "confederation segments from outside (RFC 5065 §5)")
				return
			}
		}
	}
}

// aggregators decides between AGGREGATOR and AS4_AGGREGATOR (RFC 6793 §4.2.3).
func (p *parser) aggregators() {
	v := p.aggregator
	if v == nil {
		return
	}
	s := &p.set
	if p.rules.FourOctetAS {
		s.aggregatorAS, s.aggregatorID = be32(v), be32(v[4:])
	} else {
		s.aggregatorAS, s.aggregatorID = uint32(be16(v)), be32(v[2:])
		switch {
		case p.as4Aggregator == nil:
		case s.aggregatorAS == ASTrans:
			s.aggregatorAS, s.aggregatorID = be32(p.as4Aggregator), be32(p.as4Aggregator[4:])
		default:
			// Somebody who knew only two octets has aggregated since: both
			// AS4 attributes are of an older path.
			p.as4Path = nil
		}
	}
	if s.aggregatorAS == 0 {
		p.discard(attribute{kind: attrAggregator}, "AS 0 (RFC 7607 §2)")
	}
}

// paths makes the one path of four octets from what came.
func (p *parser) paths() {
	if p.rules.FourOctetAS || p.path == nil {
		p.set.path = p.path
		return
	}
	p.wide = p.wide[:0]
	for v := p.path; len(v) > 0; {
		n := int(v[1])
		p.wide = append(p.wide, v[0], v[1])
		for i := 2; i < 2+2*n; i += 2 {
			p.wide = append(p.wide, 0, 0, v[i], v[i+1])
		}
		v = v[2+2*n:]
	}
	p.set.path = p.wide
	if p.as4Path != nil {
		p.mergePath()
	}
}

// mergePath puts the part of AS_PATH that is newer than AS4_PATH in front of
// it (RFC 6793 §4.2.3). A set counts one and a confederation segment nothing,
// so those go along with their neighbour.
func (p *parser) mergePath() {
	as4 := p.as4Path
	p.merge = p.merge[:0]
	length := 0
	for v := as4; len(v) > 0; v = v[2+4*int(v[1]):] {
		switch SegmentType(v[0]) { // confederation segments have no place here and are left out (RFC 6793 §6)
		case ASSequence:
			length += int(v[1])
		case ASSet:
			length++
		}
	}
	total := 0
	for v := p.wide; len(v) > 0; v = v[2+4*int(v[1]):] {
		switch SegmentType(v[0]) {
		case ASSequence:
			total += int(v[1])
		case ASSet:
			total++
		}
	}
	if total < length || length == 0 {
		return
	}
	lead := total - length
	for v := p.wide; len(v) > 0; v = v[2+4*int(v[1]):] {
		n := int(v[1])
		switch kind := SegmentType(v[0]); {
		case kind == ConfedSequence || kind == ConfedSet:
			p.merge = append(p.merge, v[:2+4*n]...)
			continue
		case lead == 0:
		case kind == ASSet:
			p.merge = append(p.merge, v[:2+4*n]...)
			lead--
			continue
		default:
			n = min(n, lead)
			p.merge = append(append(p.merge, v[0], byte(n)), v[2:2+4*n]...)
			lead -= n
			if n == int(v[1]) {
				continue
			}
		}
		break
	}
	for v := as4; len(v) > 0; v = v[2+4*int(v[1]):] {
		p.appendSegment(v[:2+4*int(v[1])])
	}
	p.set.path = p.merge
}

// appendSegment adds a segment of AS4_PATH to the merged path. A sequence
// continues the sequence before it, so that the path reads as it was sent.
func (p *parser) appendSegment(segment []byte) {
	if SegmentType(segment[0]) > ASSequence {
		return
	}
	last := -1
	for at := 0; at < len(p.merge); at += 2 + 4*int(p.merge[at+1]) {
		last = at
	}
	if last >= 0 && segment[0] == byte(ASSequence) && p.merge[last] == byte(ASSequence) &&
		int(p.merge[last+1])+int(segment[1]) <= 255 {
		p.merge[last+1] += segment[1]
		p.merge = append(p.merge, segment[2:]...)
		return
	}
	p.merge = append(p.merge, segment...)
}
