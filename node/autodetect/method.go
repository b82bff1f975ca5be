package autodetect

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// FirstFound is the method to use when none is named.
const FirstFound = "first-found"

// ErrNotFound is returned when no interface has an address the method wants.
// It may have one later: a network that is slow to come up is no mistake.
var ErrNotFound = errors.New("failed to autodetect")

// A Family is 4 or 6, for IPv4 and IPv6.
type Family int

// The two families.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// String is the family's name as people write it.
func (f Family) String() string {
	if f == IPv4 {
		return "IPv4"
	}
	return "IPv6"
}

func (f Family) has(a netip.Addr) bool { return a.Is4() == (f == IPv4) }

// A Method is a way of finding this machine's address. Get one from Parse.
type Method struct {
	text string
	find func(Family, []Interface) (netip.Prefix, error)
}

// String is the method as it was written.
func (m Method) String() string { return m.text }

// Find returns the address of a family with the length of its network, such as
// 10.0.0.1/24. Only global unicast addresses count (private ones are).
// Interfaces are tried in the order given; see Interfaces for the right one.
// It fails with ErrNotFound, and for can-reach with what the kernel says.
func (m Method) Find(f Family, interfaces []Interface) (netip.Prefix, error) {
	p, err := m.find(f, interfaces)
	if err != nil {
		return netip.Prefix{}, err
	}
	if !p.IsValid() {
		return netip.Prefix{}, fmt.Errorf("%w an %s address: '%s' finds none on this machine", ErrNotFound, f, m.text)
	}
	return p, nil
}

// Parse reads a method as it is given to --ip-autodetection-method. It looks
// up the name given to can-reach.
func Parse(method string) (Method, error) { return parse(method, thisMachine) }

func parse(method string, net network) (Method, error) {
	m := Method{text: method}
	name, arg, hasArg := strings.Cut(method, "=")
	var err error
	switch {
	case method == "" || method == FirstFound:
		m.text = FirstFound
		m.find = skipping(usualExcludes)
	case method == "kubernetes-internal-ip":
		err = errors.New("IP autodetection method kubernetes-internal-ip needs the Kubernetes datastore; use first-found, interface=, skip-interface=, cidr= or can-reach=")
	case name == "interface" && hasArg:
		m.find, err = byName(arg)
	case name == "skip-interface" && hasArg:
		m.find, err = byOtherName(arg)
	case name == "cidr" && hasArg:
		m.find, err = byNetwork(arg)
	case name == "can-reach" && hasArg:
		m.find, err = byRoute(arg, net)
	default:
		err = fmt.Errorf("invalid IP autodetection method: %s", method)
	}
	if err != nil {
		return Method{}, err
	}
	return m, nil
}

// usualExcludes match the names of interfaces that containers, bridges and
// tunnels are made of, never a machine's uplink.
var usualExcludes = regexp.MustCompile(strings.Join([]string{
	`^docker.*`, `^cbr.*`, `^dummy.*`, `^podman.*`, `^virbr.*`, `^lxcbr.*`, `^veth.*`, `^lo`, `^br-.*`, `^cali.*`,
	`^tunl.*`, `^flannel.*`, `^kube-ipvs.*`, `^cni.*`, `^vxlan\.calico.*`, `^vxlan-v6\.calico.*`,
	`^wireguard\.cali.*`, `^wg-v6\.cali.*`, `^nodelocaldns.*`,
}, "|"))

// skipping finds the first address on an interface none of the patterns match.
func skipping(excludes ...*regexp.Regexp) func(Family, []Interface) (netip.Prefix, error) {
	return func(f Family, interfaces []Interface) (netip.Prefix, error) {
		return first(f, interfaces, func(i Interface, _ netip.Addr) bool {
			for _, e := range excludes {
				if e.MatchString(i.Name) {
					return false
				}
			}
			return true
		}), nil
	}
}

func byOtherName(arg string) (func(Family, []Interface) (netip.Prefix, error), error) {
	pattern, err := patterns(arg)
	if err != nil {
		return nil, err
	}
	return skipping(usualExcludes, pattern), nil
}

// byName finds the first address on an interface whose name matches. Nothing
// is excluded: who names lo means lo.
func byName(arg string) (func(Family, []Interface) (netip.Prefix, error), error) {
	pattern, err := patterns(arg)
	if err != nil {
		return nil, err
	}
	return func(f Family, interfaces []Interface) (netip.Prefix, error) {
		return first(f, interfaces, func(i Interface, _ netip.Addr) bool { return pattern.MatchString(i.Name) }), nil
	}, nil
}

// byNetwork finds the first address inside one of the networks, on any interface.
func byNetwork(arg string) (func(Family, []Interface) (netip.Prefix, error), error) {
	var networks []netip.Prefix
	for _, c := range list(arg) {
		p, err := netip.ParsePrefix(c)
		if err != nil {
			return nil, fmt.Errorf("invalid CIDR specified for IP autodetection: %s", c)
		}
		networks = append(networks, p)
	}
	return func(f Family, interfaces []Interface) (netip.Prefix, error) {
		return first(f, interfaces, func(_ Interface, a netip.Addr) bool {
			for _, n := range networks {
				if n.Contains(a) {
					return true
				}
			}
			return false
		}), nil
	}, nil
}

// patterns reads a list of regular expressions as one that matches what any of
// them does.
func patterns(arg string) (*regexp.Regexp, error) {
	var all []string
	for _, r := range list(arg) {
		// An empty one would match every name: more likely a comma too many.
		if _, err := regexp.Compile(r); err != nil || r == "" {
			return nil, fmt.Errorf("invalid interface regex specified for IP autodetection: %s", r)
		}
		all = append(all, "(?:"+r+")")
	}
	return regexp.Compile(strings.Join(all, "|"))
}

// list takes a comma list apart; there may be blanks around the commas.
func list(arg string) []string {
	items := strings.Split(arg, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// first returns the first address of the family that is fit for BGP and
// wanted, or the zero Prefix.
func first(f Family, interfaces []Interface, wanted func(Interface, netip.Addr) bool) netip.Prefix {
	for _, i := range interfaces {
		for _, p := range i.Addrs {
			if a := p.Addr(); f.has(a) && a.IsGlobalUnicast() && wanted(i, a) {
				return p
			}
		}
	}
	return netip.Prefix{}
}
