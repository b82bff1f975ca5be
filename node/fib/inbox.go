package fib

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
)

// An inbox takes what is wanted from any goroutine.
type inbox struct {
	mu      sync.Mutex
	batches [][]Route
}

func (in *inbox) put(batch []Route) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.batches = append(in.batches, batch)
}

func (in *inbox) get() [][]Route {
	in.mu.Lock()
	defer in.mu.Unlock()
	batches := in.batches
	in.batches = nil
	return batches
}

// take notes what is wanted now, and queues what differs.
func (s *Syncer) take(batches [][]Route) {
	if len(batches) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first := len(s.removes.ids)
	for _, batch := range batches {
		for i := range batch {
			s.want(&batch[i])
		}
	}
	for i := first; i < len(s.removes.ids); i++ {
		s.removes.after[i] = s.writes.end() // all that came with it
	}
	s.lastVias.forget(s)
}

func (s *Syncer) want(r *Route) {
	if !r.Dst.IsValid() {
		return // nothing that could be in a kernel
	}
	d := dstOf(r.Dst.Masked())
	if len(r.Via) == 0 && s.table.find(d) == 0 {
		return
	}
	id := s.table.open(d)
	via := s.viaOf(r.Via, d.v6())
	e := s.table.at(id)
	same := e.want == via
	s.table.setWant(id, via)
	if via != 0 {
		e.flags |= claimed
	}
	if !same {
		e.refusal = 0
		s.queue(id)
	}
	s.table.forget(id)
}

// viaCache remembers the last next hops: routes come in runs that share them.
type viaCache struct {
	id    uint32 // in use by the cache itself
	v6    bool
	addrs []netip.Addr
}

func (c *viaCache) forget(s *Syncer) {
	s.dropVia(c.id)
	*c = viaCache{}
}

// viaOf gives the number of a set of next hops, resolved, and counts one use.
func (s *Syncer) viaOf(addrs []netip.Addr, v6 bool) uint32 {
	if len(addrs) == 0 {
		return 0
	}
	c := &s.lastVias
	if c.id == 0 || c.v6 != v6 || !slices.Equal(c.addrs, addrs) {
		c.forget(s)
		*c = viaCache{id: s.intern(addrs, v6), v6: v6, addrs: addrs}
	}
	s.table.vias.hold(c.id)
	return c.id
}

func (s *Syncer) intern(addrs []netip.Addr, v6 bool) uint32 {
	sorted := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		sorted[i] = a.Unmap()
	}
	slices.SortFunc(sorted, netip.Addr.Compare)
	sorted = slices.Compact(sorted)
	t := &s.table
	t.key = t.key[:0]
	if v6 {
		t.key = append(t.key, 6)
	}
	for _, a := range sorted {
		t.key = appendAddr(t.key, a)
	}
	id, fresh := t.vias.take(t.key)
	if fresh {
		hops, why := s.facts.resolve(sorted, v6)
		*t.vias.at(id) = nextHops{addrs: sorted, v6: v6, hops: t.setOf(hops), why: why}
	}
	return id
}

func (s *Syncer) dropVia(id uint32) {
	if id == 0 {
		return
	}
	hops := s.table.vias.at(id).hops
	if s.table.vias.drop(id) {
		s.table.sets.drop(hops)
	}
}

// resolveAll looks anew how next hops are reached, and queues the routes of
// those that are reached another way now.
func (s *Syncer) resolveAll() {
	t := &s.table
	clear(s.turns)
	t.vias.each(func(_ uint32, n *nextHops) {
		hops, why := s.facts.resolve(n.addrs, n.v6)
		set := t.setOf(hops)
		n.before, n.hops, n.why = n.hops, set, why
		if to, other := s.turns[n.before]; other && to != set || n.before == set || n.before == 0 {
			set = 0 // they part, or there is nothing to turn
		}
		s.turns[n.before] = set
	})
	// What is turned to must not be turned away itself.
	for _, from := range slices.Sorted(maps.Keys(s.turns)) {
		if s.turns[s.turns[from]] != 0 {
			s.turns[from] = 0
		}
	}
	t.vias.each(func(_ uint32, n *nextHops) {
		if n.before != n.hops {
			all := s.turns[n.before] == 0
			for id := n.first; id != 0; id = t.at(id).next {
				if all || t.at(id).have != n.before {
					s.queue(id)
				}
			}
		}
	})
	for from, to := range s.turns {
		if from == 0 || to == 0 {
			delete(s.turns, from)
			continue
		}
		t.sets.hold(from)
		t.sets.hold(to)
	}
	t.vias.each(func(_ uint32, n *nextHops) {
		t.sets.drop(n.before)
		n.before = 0
	})
}
