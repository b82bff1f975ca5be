package fib

import "net/netip"

// Protocol is the number our routes carry in the kernel (rtm_protocol), shown
// by `ip route` as "proto 179". No other routing daemon uses it: BIRD has 12,
// FRR 11 and 186-198, kube-router 17, Felix 80.
const Protocol = 179

// metricIPv6 is the metric that IPv6 routes get when 0 is asked for, as by those who
// ask for none (linux/ipv6_route.h, IP6_RT_PRIO_USER).
const metricIPv6 = 1024

// MaxHops is how many next hops one kernel route gets at most: BIRD's limit
// for merged paths. Of more, the lowest addresses are taken.
const MaxHops = 16

// A Route is a destination and the next hops to reach it by, as BGP has them:
// they need not be on a link of this host.
type Route struct {
	Dst netip.Prefix
	Via []netip.Addr // none: the route is not wanted any more; the zero Addr alone: a blackhole
	// Metric is the kernel's: of several routes to one destination the lowest counts.
	// In IPv6 it takes 0 for 1024.
	Metric uint32
}

// Host is what the kernel knows besides our own routes.
type Host struct {
	Interfaces []Interface // those that are up and in no VRF, sorted by name
	Foreign    []Foreign   // sorted by destination and metric
}

// An Interface is a network interface that is up.
type Interface struct {
	Index int
	Name  string
	Addrs []netip.Prefix // with the host's own bits; no link-local addresses
	Ends  []End          // of point-to-point links; none of them is in Addrs
}

// An End is an address of this host at one end of a point-to-point link.
type End struct {
	Own netip.Addr
	Far netip.Prefix // the network at the other end, most often one address
}

// A Foreign route is a route of the main table that is not ours.
type Foreign struct {
	Dst      netip.Prefix
	Type     RouteType
	Hops     []Hop // of a Unicast route alone
	Metric   uint32
	Protocol uint8 // who made it: 2 the kernel (a connected network), 3 boot, 4 static, ...
}

// A RouteType says what the kernel does with the packets of a route
// (linux/rtnetlink.h, RTN_*).
type RouteType uint8

// The types of routes that are told to others, and that ours have: packets are passed
// on, dropped without a word, or refused with one of two ICMP messages.
const (
	Unicast     RouteType = 1
	Blackhole   RouteType = 6
	Unreachable RouteType = 7
	Prohibit    RouteType = 8

	throw RouteType = 9
)

// Connected reports whether the kernel made the route itself, for an address on
// the link.
func (f Foreign) Connected() bool { return f.Protocol == protocolKernel }

// A Hop is a next hop as the kernel takes it: a link, and a gateway on it
// unless the destination itself is on the link. A dead end is one as well, alone in
// its route, and has no link.
type Hop struct {
	Gateway netip.Addr // without a zone: Link says where it is
	Link    int        // interface index
	Onlink  bool       // the gateway is on the link whatever the link's addresses say
	Dead    RouteType  // of a dead end: Blackhole, Unreachable or Prohibit; else 0
}

// dead reports whether hops are a dead end.
func dead(hops []Hop) bool { return len(hops) == 1 && hops[0].Dead != 0 }
