package fib

import "slices"

// A stray is a route of ours beside the one that counts: it has another metric than
// that, and is there because the metric has just changed, because an earlier run ended
// at such a moment, or by someone's hand. It goes as soon as the one that counts is
// as it should be, or nobody wants any.
type stray struct {
	metric uint32
	seen   bool // by the scan that is running, or since
}

// stray notes one of the entry's.
func (s *Syncer) stray(id, metric uint32) {
	list := s.strays[id]
	if i := slices.IndexFunc(list, func(o stray) bool { return o.metric == metric }); i >= 0 {
		list[i].seen = true
		return
	}
	s.strays[id] = append(list, stray{metric, true})
	s.table.at(id).flags |= strayed
}

// unstray notes that one is gone, and reports whether it was known.
func (s *Syncer) unstray(id, metric uint32) bool {
	list, before := s.strays[id], len(s.strays[id])
	list = slices.DeleteFunc(list, func(o stray) bool { return o.metric == metric })
	if len(list) > 0 {
		s.strays[id] = list
	} else {
		delete(s.strays, id)
		s.table.at(id).flags &^= strayed
	}
	return len(list) < before
}

// promote makes the stray with this metric the route that counts, if there is one, and a
// stray of the one that counted.
func (s *Syncer) promote(id, metric uint32) {
	e := s.table.at(id)
	if e.flags&strayed == 0 || e.have != 0 && e.metric == metric || !s.unstray(id, metric) {
		return
	}
	if e.have != 0 {
		s.stray(id, e.metric)
	}
	s.table.setHave(e, odd) // nobody has looked where it leads
	e.metric = metric
}

// missStrays notes that no stray has been seen by the scan that begins, and
// unseenStrays forgets those that it has not found.
func (s *Syncer) missStrays() {
	for _, list := range s.strays {
		for i := range list {
			list[i].seen = false
		}
	}
}

func (s *Syncer) unseenStrays() {
	for id, list := range s.strays {
		for _, o := range slices.Clone(list) {
			if !o.seen {
				s.unstray(id, o.metric)
				s.queue(id)
			}
		}
	}
}
