package rib

import (
	"maps"
	"net/netip"
	"slices"
)

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

// A Resolver says how a next hop is reached. It is asked when a path with a
// new next hop comes, and about all of them in [Table.Resolve].
type Resolver func(nextHop netip.Addr) Reach

func unresolvable(netip.Addr) Reach { return Reach{} }

// A NextHop is an address that paths lead to.
type NextHop struct {
	Addr netip.Addr
	Reach
}

// A hop is a next hop in use, and the bundles that lead there.
type hop struct {
	NextHop
	number uint32 // never given twice
	first  uint32
	alone  *Hops // the set of this one
	idle   bool  // in Table.idleHops
}

// lead gives a bundle its hop.
func (t *Table) lead(b *bundle) {
	a := b.attrs.NextHop()
	h := t.hops[a]
	if h == nil {
		t.hopCount++
		h = &hop{NextHop: NextHop{Addr: a}, number: t.hopCount}
		if a.IsValid() {
			h.Reach = t.resolver(a)
		}
		t.hops[a] = h
	}
	b.hop, b.hopAfter = h, h.first
	if h.first != 0 {
		t.bundles[h.first].hopBefore = b.number
	}
	h.first = b.number
}

// leave takes a bundle from its hop.
func (t *Table) leave(b *bundle) {
	if b.hopBefore != 0 {
		t.bundles[b.hopBefore].hopAfter = b.hopAfter
	} else {
		b.hop.first = b.hopAfter
	}
	if b.hopAfter != 0 {
		t.bundles[b.hopAfter].hopBefore = b.hopBefore
	}
	// It may come back before the Commit, and then should be the same.
	if h := b.hop; h.first == 0 && !h.idle {
		h.idle = true
		t.idleHops = append(t.idleHops, h)
	}
}

// Resolve asks anew how every next hop in use is reached, and from now on this
// resolver. Only prefixes with a path whose next hop changed are touched. Nil
// resolves nothing.
func (t *Table) Resolve(how Resolver) {
	if how == nil {
		how = unresolvable
	}
	t.resolver = how
	// In order, so that the same changes are reported in the same order; also
	// those just out of use, which may come back before the Commit.
	for _, a := range slices.SortedFunc(maps.Keys(t.hops), netip.Addr.Compare) {
		h := t.hops[a]
		if !a.IsValid() {
			continue
		}
		reach := how(a)
		if reach == h.Reach {
			continue
		}
		h.Reach = reach
		for i := h.first; i != 0; i = t.bundles[i].hopAfter {
			b := t.bundles[i]
			r := &t.routes[b.family]
			for j := b.first; j != 0; j = r.paths.at(j).after {
				t.touch(r, r.paths.at(j).prefix)
			}
		}
	}
}

// NextHops returns the next hops in use and how they are reached, sorted.
func (t *Table) NextHops() []NextHop {
	list := make([]NextHop, 0, len(t.hops))
	for _, h := range t.hops {
		if h.first != 0 && h.Addr.IsValid() {
			list = append(list, h.NextHop)
		}
	}
	slices.SortFunc(list, func(a, b NextHop) int { return a.Addr.Compare(b.Addr) })
	return list
}
