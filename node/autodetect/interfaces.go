package autodetect

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// An Interface is a network interface with the addresses it has.
type Interface struct {
	Name  string
	Addrs []netip.Prefix // address and length, not masked
}

// Interfaces reads this machine's interfaces in the order Calico walks them:
// the reverse of the kernel's. Those that are down are among them, since an
// uplink may come up later than we do.
func Interfaces() ([]Interface, error) {
	links, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("read the network interfaces: %w", err)
	}
	interfaces := make([]Interface, 0, len(links))
	for _, link := range slices.Backward(links) {
		addrs, err := link.Addrs()
		if err != nil {
			return nil, fmt.Errorf("read the addresses of interface %s: %w", link.Name, err)
		}
		i := Interface{Name: link.Name}
		for _, a := range addrs {
			if p, ok := prefix(a); ok {
				i.Addrs = append(i.Addrs, p)
			}
		}
		interfaces = append(interfaces, i)
	}
	return interfaces, nil
}

// prefix turns what package net has for an address into a Prefix.
func prefix(a net.Addr) (netip.Prefix, bool) {
	n, ok := a.(*net.IPNet)
	if !ok {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(n.IP)
	if !ok {
		return netip.Prefix{}, false
	}
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), bits), true
}

// ExplicitMask gives an address its length: that of the network it has on one
// of the interfaces, else the whole address, /32 or /128.
func ExplicitMask(addr netip.Addr, interfaces []Interface) netip.Prefix {
	for _, i := range interfaces {
		for _, p := range i.Addrs {
			if p.Addr() == addr {
				return p
			}
		}
	}
	return netip.PrefixFrom(addr, addr.BitLen())
}
