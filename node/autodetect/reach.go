package autodetect

import (
	"fmt"
	"net"
	"net/netip"
)

// A network is what can-reach asks beyond the interfaces.
type network struct {
	// lookup finds the addresses of a host.
	lookup func(host string) ([]netip.Addr, error)
	// source says which address packets to another one are sent from.
	source func(to netip.Addr) (netip.Addr, error)
}

var thisMachine = network{lookup: lookup, source: source}

// byRoute finds the address packets to a host would be sent from. It must be on
// an interface, whose network it gets its length from.
func byRoute(host string, n network) (func(Family, []Interface) (netip.Prefix, error), error) {
	addrs, err := n.lookup(host)
	if err != nil || len(addrs) == 0 {
		return nil, fmt.Errorf("cannot resolve address specified for IP autodetection: %s", host)
	}
	return func(f Family, interfaces []Interface) (netip.Prefix, error) {
		for _, to := range addrs {
			if !f.has(to) {
				continue
			}
			from, err := n.source(to)
			if err != nil {
				return netip.Prefix{}, fmt.Errorf("%w an %s address: no way to reach %s: %w", ErrNotFound, f, host, err)
			}
			return first(f, interfaces, func(_ Interface, a netip.Addr) bool { return a == from }), nil
		}
		return netip.Prefix{}, fmt.Errorf("address for IP autodetection does not resolve to an %s address: %s", f, host)
	}, nil
}

func lookup(host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	found, err := net.LookupIP(host)
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, ip := range found {
		if a, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, a.Unmap())
		}
	}
	return addrs, nil
}

// source asks the kernel: connecting a UDP socket chooses the source address
// and sends nothing.
func source(to netip.Addr) (netip.Addr, error) {
	const anyPort = 80
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, anyPort)))
	if err != nil {
		return netip.Addr{}, err
	}
	defer func() { _ = c.Close() }()
	local := c.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
	return local.Unmap().WithZone(""), nil
}
