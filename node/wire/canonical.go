package wire

import (
	"cmp"
	"encoding/binary"
	"iter"
	"math"
	"net/netip"
	"slices"
	"unsafe"
)

// The attributes that we understand (RFC 4271, 1997, 4456, 4760, 4360, 6793, 8092).
const (
	attrOrigin           = 1
	attrASPath           = 2
	attrNextHop          = 3
	attrMED              = 4
	attrLocalPref        = 5
	attrAtomicAggregate  = 6
	attrAggregator       = 7
	attrCommunities      = 8
	attrOriginatorID     = 9
	attrClusterList      = 10
	attrMPReach          = 14
	attrMPUnreach        = 15
	attrExtCommunities   = 16
	attrAS4Path          = 17
	attrAS4Aggregator    = 18
	attrIPv6ExtCommunity = 25 // its length is checked, otherwise carried as unknown
	attrLargeCommunities = 32
)

// The flags of an attribute (RFC 4271 §4.3).
const (
	flagOptional   uint8 = 0x80
	flagTransitive uint8 = 0x40
	flagPartial    uint8 = 0x20
	flagExtended   uint8 = 0x10
)

// known says whether a canonical encoding's attribute is one of those we unpack.
func known(kind uint8) bool {
	return kind >= attrOrigin && kind <= attrClusterList || kind == attrExtCommunities || kind == attrLargeCommunities
}

// A set is the parts of one canonical encoding before it is written: slices of
// a message for the decoder, strings for [Fields].
type set[T ~string | ~[]byte] struct {
	nextHop, linkLocal           netip.Addr
	path, communities, clusters  T
	ext, large                   T
	unknown                      []rawAttr[T]
	med, localPref, originator   uint32
	aggregatorAS, aggregatorID   uint32
	origin                       Origin
	partial                      uint8
	hasMED, hasLocalPref, atomic bool
	hasOriginator                bool
}

type rawAttr[T ~string | ~[]byte] struct {
	flags, kind uint8
	value       T
}

// append writes the set: next hops with their length before them, so that no
// two sets share an encoding, then the attributes in ascending order.
func (s *set[T]) append(b []byte) []byte {
	unknown := s.unknown
	if len(unknown) > 1 {
		slices.SortStableFunc(unknown, func(x, y rawAttr[T]) int { return cmp.Compare(x.kind, y.kind) })
	}
	// What we don't understand stands where its number belongs.
	upTo := func(b []byte, kind int) []byte {
		for len(unknown) > 0 && int(unknown[0].kind) < kind {
			b = appendAttr(b, unknown[0].flags&^flagExtended, unknown[0].kind, unknown[0].value)
			unknown = unknown[1:]
		}
		return b
	}
	b = appendNextHop(b, s.nextHop, s.linkLocal)
	b = upTo(b, attrOrigin)
	b = append(b, flagTransitive, attrOrigin, 1, byte(s.origin))
	b = appendAttr(b, flagTransitive, attrASPath, s.path)
	if s.hasMED {
		b = appendAttr32(b, flagOptional, attrMED, s.med)
	}
	if s.hasLocalPref {
		b = appendAttr32(b, flagTransitive, attrLocalPref, s.localPref)
	}
	if s.atomic {
		b = append(b, flagTransitive, attrAtomicAggregate, 0)
	}
	if s.aggregatorAS != 0 {
		b = append(b, s.flags(partialAggregator), attrAggregator, 8)
		b = binary.BigEndian.AppendUint32(b, s.aggregatorAS)
		b = binary.BigEndian.AppendUint32(b, s.aggregatorID)
	}
	if len(s.communities) > 0 {
		b = appendAttr(b, s.flags(partialCommunities), attrCommunities, s.communities)
	}
	if s.hasOriginator {
		b = appendAttr32(b, flagOptional, attrOriginatorID, s.originator)
	}
	if len(s.clusters) > 0 {
		b = appendAttr(b, flagOptional, attrClusterList, s.clusters)
	}
	b = upTo(b, attrExtCommunities)
	if len(s.ext) > 0 {
		b = appendAttr(b, s.flags(partialExt), attrExtCommunities, s.ext)
	}
	b = upTo(b, attrLargeCommunities)
	if len(s.large) > 0 {
		b = appendAttr(b, s.flags(partialLarge), attrLargeCommunities, s.large)
	}
	return upTo(b, math.MaxInt)
}

func (s *set[T]) flags(partial uint8) uint8 {
	if s.partial&partial != 0 {
		return flagOptional | flagTransitive | flagPartial
	}
	return flagOptional | flagTransitive
}

// appendAttr writes an attribute, with a length of two octets only when it
// needs them.
func appendAttr[T ~string | ~[]byte](b []byte, flags, kind uint8, value T) []byte {
	if len(value) > 255 {
		b = append(b, flags|flagExtended, kind, byte(len(value)>>8), byte(len(value)))
	} else {
		b = append(b, flags, kind, byte(len(value)))
	}
	return append(b, value...)
}

func appendAttr32(b []byte, flags, kind uint8, value uint32) []byte {
	return append(b, flags, kind, 4, byte(value>>24), byte(value>>16), byte(value>>8), byte(value))
}

// appendNextHop writes the next hops as they stand in an MP_REACH_NLRI: length
// and addresses.
func appendNextHop(b []byte, nextHop, linkLocal netip.Addr) []byte {
	switch {
	case nextHop.Is4():
		a := nextHop.As4()
		return append(append(b, 4), a[:]...)
	case nextHop.Is6():
		at := len(b)
		a := nextHop.As16()
		b = append(append(b, 16), a[:]...)
		if linkLocal.Is6() {
			l := linkLocal.As16()
			b[at] = 32
			b = append(b, l[:]...)
		}
		return b
	}
	return append(b, 0)
}

// attributes walks over a canonical encoding, the next hops cut off.
func attributes(enc string) iter.Seq[RawAttr] {
	return func(yield func(RawAttr) bool) {
		for len(enc) > 0 {
			from, to := 3, 3+int(enc[2])
			if enc[0]&flagExtended != 0 {
				from, to = 4, 4+int(be16(enc[2:]))
			}
			if !yield(RawAttr{enc[0] &^ flagExtended, enc[1], enc[from:to]}) {
				return
			}
			enc = enc[to:]
		}
	}
}

const attrsSize = int(unsafe.Sizeof(Attrs{}))

// newAttrs indexes a canonical encoding. It trusts it: only Fields.append and
// the decoder write one.
func newAttrs(enc string) *Attrs {
	nh := int(enc[0])
	a := &Attrs{enc: enc, body: uint16(1 + nh)}
	switch nh {
	case 4:
		a.nextHop = netip.AddrFrom4([4]byte([]byte(enc[1:5])))
	case 16, 32:
		a.nextHop = netip.AddrFrom16([16]byte([]byte(enc[1:17])))
	}
	for at := 1 + nh; at < len(enc); {
		kind, from, to := enc[at+1], at+3, at+3+int(enc[at+2])
		if enc[at]&flagExtended != 0 {
			from, to = at+4, at+4+int(be16(enc[at+2:]))
		}
		v := enc[from:to]
		switch kind {
		case attrOrigin:
			a.origin = Origin(v[0])
		case attrASPath:
			a.pathAt, a.pathEnd = uint16(from), uint16(to)
			a.firstAS, a.pathLen = ASPath(v).First(), uint16(ASPath(v).Len())
		case attrMED:
			a.med, a.has = be32(v), a.has|hasMED
		case attrLocalPref:
			a.localPref, a.has = be32(v), a.has|hasLocalPref
		case attrAtomicAggregate:
			a.has |= hasAtomic
		case attrAggregator:
			a.aggregator, a.has = uint16(from), a.has|hasAggregator
		case attrCommunities:
			a.communitiesAt, a.communitiesTo = uint16(from), uint16(to)
		case attrOriginatorID:
			a.originator, a.has = be32(v), a.has|hasOriginator
		case attrClusterList:
			a.clustersAt, a.clustersTo = uint16(from), uint16(to)
		case attrExtCommunities:
			a.extAt, a.extTo = uint16(from), uint16(to)
		case attrLargeCommunities:
			a.largeAt, a.largeTo = uint16(from), uint16(to)
		default:
			a.has |= hasUnknown
		}
		at = to
	}
	return a
}

func num4(a netip.Addr) uint32 {
	if !a.Is4() {
		return 0
	}
	v := a.As4()
	return be32(v[:])
}

func addr4(v uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}
