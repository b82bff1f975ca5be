package rib

import (
	"net/netip"
	"slices"
)

// MaxHops is how many next hops one prefix gets at most: BIRD's limit for
// merged paths. Of more, the lowest addresses are taken.
const MaxHops = 16

// Hops is a set of next hops for the kernel. Equal sets of prefixes that are
// in the table at one time are one pointer. It never changes.
type Hops struct {
	addrs  []netip.Addr
	number uint32
	use    int // prefixes that have it
	key    [MaxHops]uint32
	hop    *hop // that it is alone
	idle   bool // in Table.idleSets
}

// Addrs returns the next hops, sorted, at least one and at most MaxHops. Don't
// change the slice.
func (h *Hops) Addrs() []netip.Addr { return h.addrs }

// hopsOf returns the set for a decision, nil for none.
func (t *Table) hopsOf(paths []Candidate, best int) *Hops {
	if best < 0 || paths[best].Path.b.hop == nil || !paths[best].Reach.Resolvable {
		return nil
	}
	var list [MaxHops]*hop
	n := 0
	for i := range paths {
		if c := &paths[i]; c.Step == StepMultipath || i == best {
			n = insert(&list, n, c.Path.b.hop)
		}
	}
	if n == 1 {
		h := list[0]
		if h.alone == nil {
			h.alone = t.newSet(&Hops{addrs: []netip.Addr{h.Addr}, hop: h})
		}
		return h.alone
	}
	var key [MaxHops]uint32
	for i, h := range list[:n] {
		key[i] = h.number
	}
	s := t.several[key]
	if s == nil {
		s = t.newSet(&Hops{addrs: make([]netip.Addr, n), key: key})
		for i, h := range list[:n] {
			s.addrs[i] = h.Addr
		}
		t.several[key] = s
	}
	return s
}

// insert puts a hop into a sorted list of n, unless it is there or behind a
// full list. It returns the new length.
func insert(list *[MaxHops]*hop, n int, h *hop) int {
	at, _ := slices.BinarySearchFunc(list[:n], h.Addr, func(x *hop, a netip.Addr) int { return x.Addr.Compare(a) })
	if at < n && list[at].Addr == h.Addr || at == MaxHops {
		return n
	}
	n = min(n+1, MaxHops)
	copy(list[at+1:n], list[at:])
	list[at] = h
	return n
}

func (t *Table) newSet(s *Hops) *Hops {
	if n := len(t.freeSets); n > 0 {
		s.number, t.freeSets = t.freeSets[n-1], t.freeSets[:n-1]
		t.sets[s.number] = s
	} else {
		s.number = uint32(len(t.sets))
		t.sets = append(t.sets, s)
	}
	return s
}

// exchange gives a prefix another set.
func (t *Table) exchange(e *entry, to *Hops) {
	if from := t.sets[e.hops]; from != nil {
		if from.use--; from.use == 0 && !from.idle {
			from.idle = true
			t.idleSets = append(t.idleSets, from)
		}
	}
	e.hops = 0
	if to != nil {
		to.use++
		e.hops = to.number
	}
}

// tidy forgets the sets and hops that nobody came back to.
func (t *Table) tidy() {
	for _, s := range t.idleSets {
		if s.idle = false; s.use > 0 {
			continue
		}
		if s.hop != nil {
			s.hop.alone = nil
		} else {
			delete(t.several, s.key)
		}
		t.sets[s.number] = nil
		t.freeSets = append(t.freeSets, s.number)
	}
	t.idleSets = t.idleSets[:0]
	for _, h := range t.idleHops {
		if h.idle = false; h.first == 0 {
			delete(t.hops, h.Addr)
		}
	}
	t.idleHops = t.idleHops[:0]
}
