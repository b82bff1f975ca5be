package wire

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// The messages of these tests are written octet by octet with the functions
// below, so that they can be wrong in any way.

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func attr(flags, kind uint8, value ...byte) []byte { return appendAttr(nil, flags, kind, value) }

// body makes an UPDATE of its three fields.
func body(withdrawn, attrs, nlri []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(withdrawn)))
	b = append(b, withdrawn...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(attrs)))
	return join(b, attrs, nlri)
}

func nlri(prefixes ...string) []byte {
	var b []byte
	for _, p := range prefixes {
		b = appendNLRI(b, Dest{Prefix: netip.MustParsePrefix(p)}, false)
	}
	return b
}

func seq4(asns ...uint32) []byte {
	b := []byte{byte(ASSequence), byte(len(asns))}
	for _, as := range asns {
		b = binary.BigEndian.AppendUint32(b, as)
	}
	return b
}

func seq2(asns ...uint16) []byte {
	b := []byte{byte(ASSequence), byte(len(asns))}
	for _, as := range asns {
		b = binary.BigEndian.AppendUint16(b, as)
	}
	return b
}

func addr(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

// mpReach is an MP_REACH_NLRI with right flags.
func mpReach(family Family, nextHop, nlri []byte) []byte {
	v := []byte{byte(family.AFI() >> 8), byte(family.AFI()), family.SAFI(), byte(len(nextHop))}
	return attr(flagOptional, attrMPReach, join(v, nextHop, []byte{0}, nlri)...)
}

func mpUnreach(family Family, nlri []byte) []byte {
	v := []byte{byte(family.AFI() >> 8), byte(family.AFI()), family.SAFI()}
	return attr(flagOptional, attrMPUnreach, join(v, nlri)...)
}

var (
	origin  = attr(0x40, attrOrigin, 0)
	path    = attr(0x40, attrASPath, seq4(65001, 65010)...)
	nextHop = attr(0x40, attrNextHop, 192, 0, 2, 1)
	good    = join(origin, path, nextHop)
	good6   = join(origin, path)
	reach6  = mpReach(IPv6, addr("2001:db8::1"), nlri("2001:db8:1::/48"))
)

// external is a session with AS 65001, where all is agreed that is simple.
func external() Rules {
	return Rules{LocalAS: 65000, PeerAS: 65001, FourOctetAS: true, Families: Both}
}

func internal() Rules {
	r := external()
	r.PeerAS = r.LocalAS
	return r
}

// told is an Update in words.
type told struct {
	Withdrawn, Reach []string
	EndOfRIB         Family
	Verdict          Verdict
}

func tell(u Update) told {
	t := told{EndOfRIB: u.EndOfRIB, Verdict: u.Verdict}
	for _, n := range u.Withdrawn {
		for d := range n.All() {
			t.Withdrawn = append(t.Withdrawn, d.Prefix.String())
		}
	}
	for _, r := range u.Reach {
		for d := range r.All() {
			t.Reach = append(t.Reach, d.Prefix.String())
		}
	}
	return t
}

func decode(t testing.TB, r Rules, body []byte) Update {
	t.Helper()
	u, err := NewDecoder(r, new(Table)).Decode(body)
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	return u
}
