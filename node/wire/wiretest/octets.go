package wiretest

import (
	"encoding/binary"
	"net/netip"
)

// The messages are written octet by octet with the functions below, so that they can
// be wrong in any way.

// The path attributes' types (IANA, BGP Path Attributes).
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
	attrIPv6ExtCommunity = 25
	attrLargeCommunities = 32
)

// A Family is an AFI and a SAFI.
type Family struct {
	AFI  uint16
	SAFI uint8
}

// The families that we speak.
var (
	IPv4 = Family{1, 1}
	IPv6 = Family{2, 1}
)

func (f Family) octets() []byte { return []byte{byte(f.AFI >> 8), byte(f.AFI), f.SAFI} }

// Join puts octets one after the other.
func Join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// Attr is a path attribute with a right length; one of more than 255 octets has the
// flag for that.
func Attr(flags, kind uint8, value ...byte) []byte {
	if len(value) > 255 {
		return Join([]byte{flags | 0x10, kind, byte(len(value) >> 8), byte(len(value))}, value)
	}
	return Join([]byte{flags, kind, byte(len(value))}, value)
}

// Body is an UPDATE of its three fields, without a header.
func Body(withdrawn, attrs, nlri []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(withdrawn)))
	b = append(b, withdrawn...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(attrs)))
	return Join(b, attrs, nlri)
}

// NLRI is prefixes.
func NLRI(prefixes ...string) []byte {
	var b []byte
	for _, s := range prefixes {
		p := netip.MustParsePrefix(s)
		b = append(b, byte(p.Bits()))
		b = append(b, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
	}
	return b
}

// Seq4 is an AS_SEQUENCE of AS numbers of four octets.
func Seq4(asns ...uint32) []byte {
	b := []byte{2, byte(len(asns))}
	for _, as := range asns {
		b = binary.BigEndian.AppendUint32(b, as)
	}
	return b
}

// Seq2 is an AS_SEQUENCE of AS numbers of two octets.
func Seq2(asns ...uint16) []byte {
	b := []byte{2, byte(len(asns))}
	for _, as := range asns {
		b = binary.BigEndian.AppendUint16(b, as)
	}
	return b
}

// Addr is an address's octets.
func Addr(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

// MPReach is an MP_REACH_NLRI with right flags.
func MPReach(f Family, nextHop, nlri []byte) []byte {
	return Attr(0x80, attrMPReach, Join(f.octets(), []byte{byte(len(nextHop))}, nextHop, []byte{0}, nlri)...)
}

// MPUnreach is an MP_UNREACH_NLRI with right flags.
func MPUnreach(f Family, nlri []byte) []byte {
	return Attr(0x80, attrMPUnreach, Join(f.octets(), nlri)...)
}

// Attributes that are as they should be, from AS 65001.
var (
	Origin  = Attr(0x40, attrOrigin, 0)
	Path    = Attr(0x40, attrASPath, Seq4(65001, 65010)...)
	NextHop = Attr(0x40, attrNextHop, 192, 0, 2, 1)
	Good    = Join(Origin, Path, NextHop)
	Good6   = Join(Origin, Path) // beside Reach6
	Reach6  = MPReach(IPv6, Addr("2001:db8::1"), NLRI("2001:db8:1::/48"))
)

// Route is the prefix that most of the messages tell.
const Route = "198.51.100.0/24"

// With is an UPDATE for Route whose attributes are good but for those given:
// they replace the good one of their kind.
func With(attrs ...[]byte) []byte {
	parts := [][]byte{Origin, Path, NextHop}
	for _, a := range attrs {
		replaced := false
		for i, p := range parts {
			if p[1] == a[1] {
				parts[i], replaced = a, true
			}
		}
		if !replaced {
			parts = append(parts, a)
		}
	}
	return Body(nil, Join(parts...), NLRI(Route))
}

// Raw is an UPDATE for Route with exactly these attributes.
func Raw(attrs ...[]byte) []byte { return Body(nil, Join(attrs...), NLRI(Route)) }
