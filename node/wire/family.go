package wire

import (
	"fmt"
	"net/netip"
)

// A Family is an address family and subsequent family as they stand in a
// message (RFC 4760): AFI<<16 | SAFI. The zero Family is none.
type Family uint32

// The families calctl speaks.
const (
	IPv4 Family = 1<<16 | 1 // IPv4 unicast
	IPv6 Family = 2<<16 | 1 // IPv6 unicast
)

// NewFamily joins the two numbers of a family.
func NewFamily(afi uint16, safi uint8) Family { return Family(afi)<<16 | Family(safi) }

// AFI returns the address family identifier.
func (f Family) AFI() uint16 { return uint16(f >> 16) }

// SAFI returns the subsequent address family identifier.
func (f Family) SAFI() uint8 { return uint8(f) }

// String names the families we speak and gives the numbers of the others.
func (f Family) String() string {
	switch f {
	case IPv4:
		return "ipv4-unicast"
	case IPv6:
		return "ipv6-unicast"
	case 0:
		return "none"
	}
	return fmt.Sprintf("afi %d safi %d", f.AFI(), f.SAFI())
}

// bits is the length of an address of a family we speak.
func (f Family) bits() int {
	if f == IPv6 {
		return 128
	}
	return 32
}

// FamilyOf returns the unicast family of a prefix.
func FamilyOf(p netip.Prefix) Family {
	if p.Addr().Is4() {
		return IPv4
	}
	return IPv6
}

// Families is a set of the families we speak.
type Families uint8

// The sets that are asked for most.
const (
	OnlyIPv4 Families = 1 << iota
	OnlyIPv6
	Both = OnlyIPv4 | OnlyIPv6
)

// SetOf returns the set of the given families; those we don't speak are left out.
func SetOf(families ...Family) Families {
	var s Families
	for _, f := range families {
		s |= f.set()
	}
	return s
}

func (f Family) set() Families {
	switch f {
	case IPv4:
		return OnlyIPv4
	case IPv6:
		return OnlyIPv6
	}
	return 0
}

// Has says whether f is in the set.
func (s Families) Has(f Family) bool { return s&f.set() != 0 }

// List returns the families of the set, IPv4 first.
func (s Families) List() []Family {
	var list []Family
	if s.Has(IPv4) {
		list = append(list, IPv4)
	}
	if s.Has(IPv6) {
		list = append(list, IPv6)
	}
	return list
}

// A Dest is what a message announces or withdraws: a prefix, and which of the
// peer's paths to it is meant (RFC 7911; 0 where add-path was not agreed).
type Dest struct {
	Prefix netip.Prefix
	PathID uint32
}
