package node

import (
	"fmt"
	"net/netip"

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
	return a, nil
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
