package fib

import (
	"maps"
	"slices"
)

// A passage is from one set of hops to another.
type passage struct{ from, to uint32 }

// A turn is a set of hops all whose routes are to go by another one: what
// happens when a peer is lost and another one has the same routes, when a route
// to a peer changes, or one of several ways to it.
type turn struct {
	passage
	hops, toHops []Hop
	err          error
}

const (
	// turnFrom is how many routes are turned at least: fewer are written as
	// fast, and leave one object for one set of hops.
	turnFrom = 64
	// turnShare is how much larger the table may be than what is to be turned:
	// to find all the routes of a set, it is walked through.
	turnShare = 256
)

// leaves notes that n routes that go by the hops from are to go by the hops to.
func (s *Syncer) leaves(from, to uint32, n int) {
	if from > odd && to != 0 && from != to {
		s.leaving[passage{from, to}] += n
	}
}

// turning lists the sets that all their routes leave for one other set. What
// leaves says is where to look: since then, anything may have happened.
func (s *Syncer) turning() []turn {
	if s.open || len(s.leaving) == 0 {
		return nil
	}
	t := &s.table
	turns := map[uint32]uint32{} // to what; 0: not known yet
	for p, n := range s.leaving {
		if n >= turnFrom && n*turnShare >= len(t.ids) && 2*n >= t.sets.uses(p.from) {
			turns[p.from] = 0
		}
	}
	clear(s.leaving)
	if len(turns) == 0 {
		return nil
	}
	t.each(func(_ uint32, e *entry) {
		to, is := turns[e.have]
		if !is {
			return
		}
		switch goal := s.goal(e); {
		case goal == 0: // its removal waits
		case goal == e.have, to != 0 && to != goal:
			delete(turns, e.have)
		default:
			turns[e.have] = goal
		}
	})
	var list []turn
	for _, from := range slices.Sorted(maps.Keys(turns)) {
		to := turns[from]
		if turns[to] != 0 || to == 0 { // what is turned to must not be turned away itself
			delete(turns, from)
			continue
		}
		t.sets.hold(from)
		t.sets.hold(to)
		list = append(list, turn{passage: passage{from, to}, hops: *t.sets.at(from), toHops: *t.sets.at(to)})
	}
	return list
}

// goal is the set that the entry, which has one, is about to get: the same if it
// stays, 0 if it goes.
func (s *Syncer) goal(e *entry) uint32 {
	target, blocked := s.target(e)
	switch step := plan(target, e.have, blocked); {
	case s.leftover(e):
		return e.have
	case e.flags&doubled != 0, step == remove:
		return 0
	}
	return target
}

// turned notes what became of it. Routes that could not be turned wait to be
// written already.
func (s *Syncer) turned(list []turn) {
	if len(list) == 0 {
		return
	}
	t := &s.table
	done := map[uint32]uint32{}
	for _, one := range list {
		if one.err == nil {
			done[one.from] = one.to
		}
	}
	t.each(func(_ uint32, e *entry) {
		if to := done[e.have]; to != 0 {
			t.setHave(e, to)
		}
	})
	for _, one := range list {
		t.sets.drop(one.from)
		t.sets.drop(one.to)
	}
}
