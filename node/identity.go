package node

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/calctl/calctl/node/autodetect"
	"github.com/calctl/calctl/resources"
)

// An Identity is what a node says of itself when it registers.
type Identity struct {
	IPv4, IPv6 Address
	ASN        *resources.ASN // nil leaves what the Node resource says
}

// An Address says how a node comes by its address of one family. Get one from
// ParseAddress.
type Address struct {
	family   autodetect.Family
	way      way
	explicit netip.Prefix // without a length of its own when bare is set
	bare     bool
	method   autodetect.Method
}

// A way is one of the things an Address may say.
type way uint8

const (
	keep   way = iota // what the Node resource has; for IPv4, detect when it has none
	none              // this node has no address of the family
	detect            // use the method
	given             // use explicit
)

// ParseAddress reads what calicoctl's --ip and --ip6 take: an address, an
// address with a length, "autodetect", "none" or nothing. method is used for
// detection, first-found when it is empty (calicoctl.md: IP_AUTODETECTION_METHOD).
func ParseAddress(text string, family autodetect.Family, method string) (Address, error) {
	a := Address{family: family}
	if method == "" {
		method = autodetect.FirstFound
	}
	var err error
	if a.method, err = autodetect.Parse(method); err != nil {
		return Address{}, err
	}
	switch text {
	case "":
		return a, nil
	case "none":
		a.way = none
		return a, nil
	case "autodetect":
		a.way = detect
		return a, nil
	}
	a.way = given
	if a.explicit, err = netip.ParsePrefix(text); err != nil {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return Address{}, fmt.Errorf("invalid IP address specified: %s (give an address, address/length, autodetect or none)", text)
		}
		a.explicit, a.bare = netip.PrefixFrom(addr, addr.BitLen()), true
	}
	if a.explicit.Addr().Is4() != (family == autodetect.IPv4) {
		return Address{}, fmt.Errorf("%s is wrong IP version: it is not an %s address", text, family)
	}
	if what := unusable(a.explicit); what != "" {
		return Address{}, fmt.Errorf("%s is %s: give an address of this machine that other nodes reach, autodetect or none", text, what)
	}
	return a, nil
}

// unusable says what an address is when no session can start from it, or none
// that comes from another machine. IPv4's link-local addresses are not among
// them: links to clouds have them, and they need no interface to be named.
func unusable(p netip.Prefix) string {
	a := p.Addr()
	switch {
	case a.IsUnspecified():
		return "the unspecified address"
	case a.IsLoopback():
		return "a loopback address"
	case a.IsMulticast():
		return "a multicast address"
	case a.Is6() && a.IsLinkLocalUnicast():
		return "a link-local address"
	case a.Is4In6():
		return "an IPv4 address written as IPv6"
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "the broadcast address"
	case a.BitLen()-p.Bits() < 2: // a host, or both ends of a link (RFC 3021, RFC 6164)
		return ""
	case a == p.Masked().Addr():
		return "the address of the network itself"
	case a.Is4() && isLast(p):
		return "the broadcast address of its network"
	}
	return ""
}

// isLast reports whether an IPv4 address is the last one of its network.
func isLast(p netip.Prefix) bool {
	next := p.Addr().Next()
	return !next.IsValid() || !p.Contains(next)
}

// Absent returns the addresses somebody has given that none of the interfaces
// has, IPv4 first. That is no mistake, they may come later: until then no
// session can start from them.
func (id Identity) Absent(interfaces []autodetect.Interface) []netip.Addr {
	var absent []netip.Addr
	for _, a := range [...]Address{id.IPv4, id.IPv6} {
		if a.way == given && !present(a.explicit.Addr(), interfaces) {
			absent = append(absent, a.explicit.Addr())
		}
	}
	return absent
}

// names reports whether an address is given.
func (id Identity) names() bool { return id.IPv4.way == given || id.IPv6.way == given }

// says reports whether anything is said that a Node resource does not say itself.
func (id Identity) says() bool { return id.IPv4.way != keep || id.IPv6.way != keep || id.ASN != nil }

func present(a netip.Addr, interfaces []autodetect.Interface) bool {
	return slices.ContainsFunc(interfaces, func(i autodetect.Interface) bool {
		return slices.ContainsFunc(i.Addrs, func(p netip.Prefix) bool { return p.Addr() == a })
	})
}

// resolve is the address to register, empty for none. stored is what the Node
// resource has.
func (a Address) resolve(stored string, interfaces []autodetect.Interface) (string, error) {
	switch {
	case a.way == none:
		return "", nil
	case a.way == given && a.bare:
		return autodetect.ExplicitMask(a.explicit.Addr(), interfaces).String(), nil
	case a.way == given:
		return a.explicit.String(), nil
	case a.way == keep && (stored != "" || a.family == autodetect.IPv6):
		return stored, nil
	}
	found, err := a.method.Find(a.family, interfaces)
	if err != nil {
		return "", fmt.Errorf("%w (name one with %s)", err, map[autodetect.Family]string{autodetect.IPv4: "--ip", autodetect.IPv6: "--ip6"}[a.family])
	}
	return found.String(), nil
}
