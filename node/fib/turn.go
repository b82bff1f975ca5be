package fib

import (
	"errors"
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
	if from > odd && to != 0 && from != to && !dead(*s.table.sets.at(from)) && !dead(*s.table.sets.at(to)) {
		s.leaving[passage{from, to}] += n
	}
}

// A delay is that of a turn whose set most routes leave for one other set,
// and some elsewhere: those are written first, then the set is turned.
type delay struct {
	to    uint32
	after uint64 // the position of writes to wait for
}

// due reports whether there is a turn that has waited long enough.
func (s *Syncer) due() bool {
	for _, w := range s.delayed {
		if w.after <= s.writes.done {
			return !s.open
		}
	}
	return false
}

// candidates are the sets that most of their routes are leaving, as far as leaves
// was told, or for whose turn others have been written.
func (s *Syncer) candidates() (votes map[uint32]map[uint32]int) {
	votes = map[uint32]map[uint32]int{}
	for p, n := range s.leaving {
		if _, waits := s.delayed[p.from]; !waits && n >= turnFrom && n*turnShare >= s.table.count && 2*n >= s.table.sets.uses(p.from) {
			votes[p.from] = map[uint32]int{}
		}
	}
	clear(s.leaving)
	for from, w := range s.delayed {
		if w.after <= s.writes.done {
			votes[from] = map[uint32]int{}
		}
	}
	return votes
}

// turning lists the sets that all their routes leave for one other set. Since it
// became known that they may, anything may have happened: all are looked at.
func (s *Syncer) turning() (list []turn) {
	if s.open || len(s.leaving) == 0 && !s.due() {
		return nil
	}
	votes := s.candidates()
	if len(votes) == 0 {
		return nil
	}
	t := &s.table
	froms := slices.Sorted(maps.Keys(votes))
	t.each(func(_ uint32, e *entry) {
		if v := votes[e.have]; v != nil {
			switch goal := s.goal(e); goal {
			case 0: // its removal waits
			case e.have:
				delete(votes, e.have) // it stays
			default:
				v[goal]++
			}
		}
	})
	turns := map[uint32]uint32{}
	var rest []uint32
	for _, from := range froms {
		_, waited := s.delayed[from]
		to, unanimous := most(votes[from])
		switch {
		case to == 0:
		case unanimous:
			turns[from] = to
		case !waited && 2*votes[from][to] >= t.sets.uses(from):
			t.sets.hold(from)
			t.sets.hold(to)
			s.delayed[from] = delay{to, s.writes.end()}
		}
		if waited {
			rest = append(rest, from)
		}
	}
	for _, from := range froms {
		to := turns[from]
		if to == 0 || turns[to] != 0 { // what is turned to must not be turned away itself
			delete(turns, from)
			continue
		}
		t.sets.hold(from)
		t.sets.hold(to)
		list = append(list, turn{passage: passage{from, to}, hops: *t.sets.at(from), toHops: *t.sets.at(to)})
	}
	for _, from := range rest {
		if turns[from] == 0 {
			s.write(from)
		}
		w := s.delayed[from]
		delete(s.delayed, from)
		t.sets.drop(from)
		t.sets.drop(w.to)
	}
	return list
}

// most is the set that most go to, and whether all do; 0 if none do.
func most(votes map[uint32]int) (to uint32, unanimous bool) {
	for goal, n := range votes {
		if n > votes[to] || n == votes[to] && goal < to {
			to = goal
		}
	}
	return to, len(votes) == 1
}

// write queues the routes of a set.
func (s *Syncer) write(set uint32) {
	s.table.each(func(id uint32, e *entry) {
		if e.have == set {
			s.queue(id)
		}
	})
}

// goal is the set that the entry, which has one, is about to get: the same if it
// stays, 0 if it goes. That it may get another metric as well doesn't matter: until
// then it is to go where it will.
func (s *Syncer) goal(e *entry) uint32 {
	target, metric, blocked := s.target(e)
	switch step := plan(target, e.have, e.metric != metric, blocked); {
	case s.leftover(e):
		return e.have
	case e.flags&doubled != 0, step == remove:
		return 0
	}
	return target
}

// turned notes what became of it. Routes that could not be turned are written.
func (s *Syncer) turned(list []turn) {
	if len(list) == 0 {
		return
	}
	t := &s.table
	done := map[uint32]uint32{}
	for _, one := range list {
		if one.err != nil {
			s.write(one.from)
			if r := new(Refusal); errors.As(one.err, &r) || errors.Is(one.err, ErrNoAnswer) {
				s.lookWithin(debounce) // some may have been turned, and be wanted as before again
			}
			continue
		}
		done[one.from] = one.to
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
