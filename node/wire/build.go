package wire

import (
	"encoding/binary"
	"errors"
)

// A Builder writes UPDATEs as one kind of peer wants them. It is a value
// without memory of its own: peers for whom it is equal can share what it
// wrote. Nothing is allocated while dst has room.
//
// A message carries one thing only: withdrawals or routes, in or out of
// attributes (RFC 7606 §5.1). MP_REACH_NLRI and MP_UNREACH_NLRI come first, as
// that section wants it, the other attributes in ascending order.
type Builder struct {
	FourOctetAS bool     // the peer reads AS numbers of four octets (RFC 6793)
	AddPath     Families // where a path identifier goes before each prefix (RFC 7911)
	MaxLen      int      // of a message: 4096, or 65535 where agreed (RFC 8654); 0 means 4096
}

// What can't be announced, because no message can say it.
var (
	ErrNoNextHop = errors.New("route has no next hop of a family that can carry it")
	ErrTooLarge  = errors.New("attributes of a route leave no room in a message for a prefix")
)

func (b Builder) maxLen() int {
	if b.MaxLen == 0 {
		return MaxLen
	}
	return b.MaxLen
}

// Reach appends to dst the messages that announce routes, all of one family
// and with the attributes a, as few and as full as possible. It fails with
// [ErrTooLarge] or [ErrNoNextHop] and then has appended nothing; such routes
// are to be withdrawn instead.
//
// IPv4 routes go into the NLRI field, or into MP_REACH_NLRI when their next
// hop is an IPv6 address (RFC 8950); the peer must have agreed to that.
func (b Builder) Reach(dst []byte, family Family, a *Attrs, routes []Dest) ([]byte, error) {
	if !a.nextHop.IsValid() || family == IPv6 && a.nextHop.Is4() {
		return dst, ErrNoNextHop
	}
	classic := a.nextHop.Is4()
	// Whatever this grows dst by is used again at once.
	start := len(dst)
	dst = b.appendAttrs(dst, a, classic)
	fixed := headerLen + 4 + len(dst) - start
	dst = dst[:start]
	if !classic {
		fixed += 4 + 3 + 1 + int(a.enc[0]) + 1
	}
	ids := b.AddPath.Has(family)
	for len(routes) > 0 {
		at := len(dst)
		dst = append(begin(dst, TypeUpdate), 0, 0, 0, 0)
		if classic {
			dst = b.appendAttrs(dst, a, true)
			binary.BigEndian.PutUint16(dst[at+headerLen+2:], uint16(fixed-headerLen-4))
		} else {
			dst = append(dst, flagOptional|flagExtended, attrMPReach, 0, 0)
			dst = append(dst, byte(family.AFI()>>8), byte(family.AFI()), family.SAFI())
			dst = append(append(dst, a.enc[:a.body]...), 0)
		}
		n := len(routes)
		dst, routes = fillNLRI(dst, routes, b.maxLen()-fixed, ids)
		if n == len(routes) {
			return dst[:start], ErrTooLarge
		}
		if !classic {
			length := len(dst) - at - headerLen - 4 - 4
			binary.BigEndian.PutUint16(dst[at+headerLen+4+2:], uint16(length))
			dst = b.appendAttrs(dst, a, false)
			binary.BigEndian.PutUint16(dst[at+headerLen+2:], uint16(len(dst)-at-headerLen-4))
		}
		dst = finish(dst, at)
	}
	return dst, nil
}

// fillNLRI appends as many prefixes as fit into room octets and returns the others.
func fillNLRI(dst []byte, routes []Dest, room int, ids bool) ([]byte, []Dest) {
	for i, d := range routes {
		need := 1 + (d.Prefix.Bits()+7)>>3
		if ids {
			need += 4
		}
		if room -= need; room < 0 {
			return dst, routes[i:]
		}
		dst = appendNLRI(dst, d, ids)
	}
	return dst, nil
}

// Withdraw appends the messages that withdraw routes, all of one family.
func (b Builder) Withdraw(dst []byte, family Family, routes []Dest) []byte {
	ids := b.AddPath.Has(family)
	for len(routes) > 0 {
		at := len(dst)
		dst = append(begin(dst, TypeUpdate), 0, 0)
		if family == IPv4 {
			dst, routes = fillNLRI(dst, routes, b.maxLen()-headerLen-4, ids)
			binary.BigEndian.PutUint16(dst[at+headerLen:], uint16(len(dst)-at-headerLen-2))
			dst = finish(append(dst, 0, 0), at)
			continue
		}
		dst = appendUnreach(append(dst, 0, 0), family)
		dst, routes = fillNLRI(dst, routes, b.maxLen()-headerLen-4-7, ids)
		length := len(dst) - at - headerLen - 4
		binary.BigEndian.PutUint16(dst[at+headerLen+2:], uint16(length))
		binary.BigEndian.PutUint16(dst[at+headerLen+4+2:], uint16(length-4))
		dst = finish(dst, at)
	}
	return dst
}

func appendUnreach(dst []byte, family Family) []byte {
	return append(dst, flagOptional|flagExtended, attrMPUnreach, 0, 3, byte(family.AFI()>>8), byte(family.AFI()), family.SAFI())
}

// EndOfRIB appends the marker that says the initial table was sent (RFC 4724 §2).
func (b Builder) EndOfRIB(dst []byte, family Family) []byte {
	at := len(dst)
	dst = append(begin(dst, TypeUpdate), 0, 0, 0, 0)
	if family != IPv4 {
		dst = appendUnreach(dst, family)
		dst[at+headerLen+3] = 7
	}
	return finish(dst, at)
}

// appendAttrs writes the attributes but MP_REACH_NLRI. To a peer with
// four-octet AS numbers they go as we keep them.
func (b Builder) appendAttrs(dst []byte, a *Attrs, nextHop bool) []byte {
	if !b.FourOctetAS {
		return appendNarrow(dst, a, nextHop)
	}
	dst = append(dst, a.enc[a.body:a.pathEnd]...)
	if nextHop {
		dst = appendAttr32(dst, flagTransitive, attrNextHop, num4(a.nextHop))
	}
	return append(dst, a.enc[a.pathEnd:]...)
}

// appendNarrow writes the attributes for a peer with two-octet AS numbers,
// what they lose beside them in AS4_PATH and AS4_AGGREGATOR (RFC 6793 §4.2.2).
func appendNarrow(dst []byte, a *Attrs, nextHop bool) []byte {
	var lossy, done bool
	agg := a.Aggregator()
	for t := range attributes(a.enc[a.body:]) {
		if t.Type > attrAS4Path && !done {
			dst, done = appendAS4(dst, a.ASPath(), agg, lossy), true
		}
		switch t.Type {
		case attrASPath:
			dst, lossy = appendNarrowPath(dst, a.ASPath())
			if nextHop {
				dst = appendAttr32(dst, flagTransitive, attrNextHop, num4(a.nextHop))
			}
		case attrAggregator:
			dst = append(dst, t.Flags, attrAggregator, 6)
			dst = binary.BigEndian.AppendUint16(dst, narrowAS(agg.AS))
			dst = append(dst, t.Value[4:]...)
		default:
			dst = appendAttr(dst, t.Flags, t.Type, t.Value)
		}
	}
	if !done {
		dst = appendAS4(dst, a.ASPath(), agg, lossy)
	}
	return dst
}

func narrowAS(as uint32) uint16 {
	if as > 65535 {
		return ASTrans
	}
	return uint16(as)
}

// appendNarrowPath writes AS_PATH with AS_TRANS for what doesn't fit, and says
// whether AS4_PATH must say more.
func appendNarrowPath(dst []byte, path ASPath) (out []byte, lossy bool) {
	length := 0
	for s := range path.Segments() {
		length += 2 + 2*s.Len()
	}
	dst = appendHead(dst, flagTransitive, attrASPath, length)
	for s := range path.Segments() {
		dst = append(dst, byte(s.Type), byte(s.Len()))
		for i := range s.Len() {
			lossy = lossy || s.Type <= ASSequence && s.AS(i) > 65535
			dst = binary.BigEndian.AppendUint16(dst, narrowAS(s.AS(i)))
		}
	}
	return dst, lossy
}

// appendAS4 writes what was lost. Confederation segments don't go into
// AS4_PATH (RFC 6793 §3).
func appendAS4(dst []byte, path ASPath, agg Aggregator, lossy bool) []byte {
	if lossy {
		length := 0
		for s := range path.Segments() {
			if s.Type <= ASSequence {
				length += 2 + len(s.asns)
			}
		}
		dst = appendHead(dst, flagOptional|flagTransitive, attrAS4Path, length)
		for s := range path.Segments() {
			if s.Type <= ASSequence {
				dst = append(append(dst, byte(s.Type), byte(s.Len())), s.asns...)
			}
		}
	}
	if agg.AS > 65535 {
		dst = append(dst, flagOptional|flagTransitive, attrAS4Aggregator, 8)
		dst = binary.BigEndian.AppendUint32(dst, agg.AS)
		dst = binary.BigEndian.AppendUint32(dst, num4(agg.ID))
	}
	return dst
}

func appendHead(dst []byte, flags, kind uint8, length int) []byte {
	if length > 255 {
		return append(dst, flags|flagExtended, kind, byte(length>>8), byte(length))
	}
	return append(dst, flags, kind, byte(length))
}
