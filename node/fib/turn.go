package fib

// A turn is a set of hops all whose routes are to go by another one: what
// happens when a route to a peer changes, or one of several ways to it.
type turn struct {
	from, to     uint32
	hops, toHops []Hop
	err          error
}

// turning lists what resolveAll has found to turn.
func (s *Syncer) turning() []turn {
	if len(s.turns) == 0 {
		return nil
	}
	t := &s.table
	var list []turn
	t.sets.each(func(from uint32, hops *[]Hop) {
		if to := s.turns[from]; to != 0 {
			list = append(list, turn{from: from, to: to, hops: *hops, toHops: *t.sets.at(to)})
		}
	})
	return list
}

// turned notes what became of it. Where a set could not be turned, its routes
// are queued and written one by one.
func (s *Syncer) turned(list []turn) {
	if len(list) == 0 {
		return
	}
	t := &s.table
	done := make(map[uint32]turn, len(list))
	for _, one := range list {
		done[one.from] = one
	}
	t.each(func(id uint32, e *entry) {
		one, was := done[e.have]
		if !was {
			return
		}
		if one.err == nil {
			t.setHave(e, one.to)
		}
		if target, _ := s.target(e); target != e.have && (e.want != 0 || one.err == nil) {
			s.queue(id)
		}
	})
	for _, one := range list {
		t.sets.drop(one.from)
		t.sets.drop(one.to)
	}
	clear(s.turns)
}
