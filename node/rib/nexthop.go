package rib

import "net/netip"

// Reach is what the kernel's table says of a next hop.
type Reach struct {
	Resolvable bool
	// Metric is the distance to the next hop (RFC 4271 §9.1.2.2 e); less is
	// better. BIRD's are 0 for a next hop on a link and [Far] for one behind a
	// gateway; paths of different metrics are never merged.
	Metric uint32
}

// Far is the metric of a next hop whose distance is unknown, because it is
// reached through a gateway.
const Far uint32 = 1<<32 - 1

// MaxHops is how many next hops one prefix gets at most: BIRD's limit for
// merged paths. Of more, the lowest addresses are taken.
const MaxHops = 16

// Hops is a set of next hops for the kernel. Equal sets of prefixes that are
// in the table at one time are one pointer. It never changes.
type Hops struct {
	addrs []netip.Addr
	use   int // prefixes that have it
}

// Addrs returns the next hops, sorted, at least one and at most MaxHops. Don't
// change the slice.
func (h *Hops) Addrs() []netip.Addr { return h.addrs }
