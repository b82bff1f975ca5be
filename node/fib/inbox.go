package fib

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
)

// An inbox takes what is wanted from any goroutine.
type inbox struct {
	mu     sync.Mutex
	pieces []piece
	open   bool // the last piece does not complete its batch
}

// A piece is some Routes, in a third of the memory: BGP learns a million routes
// in a second, which wait here while the kernel takes its time.
type piece struct {
	dsts []dst
	runs []stretch
}

// A stretch is that the next n destinations have the same next hops and metric.
type stretch struct {
	n      int
	via    []netip.Addr
	metric uint32
}

func pieceOf(routes []Route) piece {
	p := piece{dsts: make([]dst, 0, len(routes))}
	for i := range routes {
		r := &routes[i]
		if !r.Dst.IsValid() {
			continue // nothing that could be in a kernel
		}
		p.dsts = append(p.dsts, dstOf(r.Dst.Masked()))
		if last := len(p.runs) - 1; last >= 0 && p.runs[last].metric == r.Metric && slices.Equal(p.runs[last].via, r.Via) {
			p.runs[last].n++
		} else {
			p.runs = append(p.runs, stretch{1, r.Via, r.Metric})
		}
	}
	return p
}

func (in *inbox) put(routes []Route, more bool) {
	p := pieceOf(routes)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.pieces, in.open = append(in.pieces, p), more
}

func (in *inbox) get() (pieces []piece, open bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	pieces, in.pieces = in.pieces, nil
	return pieces, in.open
}

// take notes what is wanted now, and queues what differs.
func (s *Syncer) take(pieces []piece, open bool) {
	if len(pieces) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = true
	for _, p := range pieces {
		dsts := p.dsts
		for _, r := range p.runs {
			for _, d := range dsts[:r.n] {
				s.want(d, r.via, r.metric)
			}
			dsts = dsts[r.n:]
		}
	}
	if s.open = open; !open {
		s.removes.release(s.writes.end())
	}
	s.lastVias.forget(s)
}

func (s *Syncer) want(d dst, addrs []netip.Addr, metric uint32) {
	if len(addrs) == 0 && s.table.find(d) == 0 {
		return
	}
	id := s.table.open(d)
	if metric == 0 && d.v6() {
		metric = metricIPv6
	}
	via := s.viaOf(addrs, d.v6(), metric)
	e := s.table.at(id)
	same := e.want == via
	s.table.setWant(id, via)
	if via != 0 {
		e.flags |= claimed
		s.leaves(e.have, s.table.vias.at(via).hops, 1)
	}
	if !same {
		e.refusal = 0
		s.queue(id)
	}
	s.table.forget(id)
}

// viaCache remembers the last next hops: routes come in runs that share them.
type viaCache struct {
	id     uint32 // in use by the cache itself
	v6     bool
	metric uint32
	addrs  []netip.Addr
}

func (c *viaCache) forget(s *Syncer) {
	s.dropVia(c.id)
	*c = viaCache{}
}

// viaOf gives the number of a set of next hops, resolved, and counts one use.
func (s *Syncer) viaOf(addrs []netip.Addr, v6 bool, metric uint32) uint32 {
	if len(addrs) == 0 {
		return 0
	}
	c := &s.lastVias
	if c.id == 0 || c.v6 != v6 || c.metric != metric || !slices.Equal(c.addrs, addrs) {
		c.forget(s)
		*c = viaCache{id: s.intern(addrs, v6, metric), v6: v6, metric: metric, addrs: addrs}
	}
	s.table.vias.hold(c.id)
	return c.id
}

func (s *Syncer) intern(addrs []netip.Addr, v6 bool, metric uint32) uint32 {
	sorted := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		sorted[i] = a.Unmap()
	}
	slices.SortFunc(sorted, netip.Addr.Compare)
	sorted = slices.Compact(sorted)
	t := &s.table
	t.key = binary.NativeEndian.AppendUint32(t.key[:0], metric)
	if v6 {
		t.key = append(t.key, 6)
	}
	for _, a := range sorted {
		t.key = appendAddr(t.key, a)
	}
	id, fresh := t.vias.take(t.key)
	if fresh {
		hops, why := s.facts.resolve(sorted, v6)
		*t.vias.at(id) = nextHops{addrs: sorted, v6: v6, metric: metric, hops: t.setOf(hops), why: why}
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
	t.vias.each(func(via uint32, n *nextHops) {
		hops, why := s.facts.resolve(n.addrs, n.v6)
		before, set := n.hops, t.setOf(hops)
		n.hops, n.why = set, why
		if set != before {
			for id := n.first; id != 0; id = t.at(id).next {
				s.queue(id)
			}
			s.leaves(before, set, t.vias.uses(via))
		}
		t.sets.drop(before)
	})
}
