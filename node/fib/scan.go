package fib

import (
	"errors"
	"net/netip"
	"slices"
	"time"
)

// lookWithin asks for a scan in a while, but not so often that scans take up
// more than a quarter of the time.
func (s *Syncer) lookWithin(d time.Duration) {
	at := time.Now().Add(d)
	if at.Before(s.rested) {
		at = s.rested
	}
	if at.Before(s.scanAt) {
		s.scanAt = at
	}
}

// look reads everything from the kernel and notes what is otherwise than we thought.
func (s *Syncer) look() error {
	started := time.Now()
	var fresh *facts
	var err error
	for range 3 {
		fresh = newFacts()
		s.mu.Lock()
		s.table.each(func(_ uint32, e *entry) { e.flags &^= seen | doubled })
		s.missStrays()
		s.mu.Unlock()
		err = s.kernel.Scan(func(ev *Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.see(ev, fresh)
		})
		if !errors.Is(err, ErrInterrupted) {
			break
		}
	}
	took := time.Since(started)
	s.rested = time.Now().Add(3 * took)
	s.scanAt = time.Now().Add(max(verifyEvery, 200*took))
	if err != nil {
		s.lookWithin(retryFirst)
	}
	// What an incomplete scan has not seen may be there all the same. Only if
	// we know nothing yet it is better than nothing.
	if err != nil && (len(s.facts.links) > 0 || !errors.Is(err, ErrInterrupted)) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.unseen()
	}
	s.learn(fresh)
	return err
}

// see notes one thing a scan has found.
func (s *Syncer) see(ev *Event, fresh *facts) {
	switch ev.Kind {
	case LinkEvent:
		fresh.link(ev.Link, false)
	case AddrEvent:
		fresh.addr(ev.Addr, false)
	case RouteEvent:
		switch {
		case ev.Route.own():
			s.seeOwn(ev)
		case minds(&ev.Route):
			fresh.route(&ev.Route, false, ev.Again)
		}
	}
}

// seeOwn notes a route of ours that a scan has found. The same one may be told twice,
// as IPv6 does while its table changes; two are there if they differ.
func (s *Syncer) seeOwn(ev *Event) {
	had, id := uint32(0), s.table.find(dstOf(ev.Route.Dst))
	if id != 0 {
		had = s.table.at(id).have
	}
	id, stray := s.found(&ev.Route)
	if stray {
		return
	}
	e := s.table.at(id)
	before, now := e.flags, e.flags&^named|seen
	if ev.Route.Object != 0 {
		now |= named
	}
	if before&seen != 0 && !ev.Again && (e.have != had || before&named != now&named) {
		now |= doubled
	}
	e.flags = now
	if now&doubled != 0 {
		s.queue(id)
	}
}

// minds says whether a foreign route can matter. Link-local networks are on
// every link, and thousands of links are nothing unusual.
func minds(r *KernelRoute) bool {
	a := r.Dst.Addr()
	return r.Protocol != Protocol && !a.IsLinkLocalUnicast() && !a.IsMulticast()
}

// found notes a route of ours as the kernel has it, and gives its entry. Beside one
// of another metric that is known already, it is a stray.
func (s *Syncer) found(r *KernelRoute) (id uint32, stray bool) {
	id = s.table.open(dstOf(r.Dst))
	e := s.table.at(id)
	if e.have != 0 && e.metric != r.Metric {
		s.stray(id, r.Metric)
		s.queue(id)
		return id, true
	}
	set := uint32(odd)
	if r.Odd {
		s.table.sets.hold(odd)
	} else {
		set = s.table.setOf(r.Hops)
	}
	if set != e.have {
		s.table.setHave(e, set)
		s.queue(id)
	}
	e.metric = r.Metric
	s.table.sets.drop(set)
	return id, false
}

// unseen notes that the routes of ours a scan has not found are gone.
func (s *Syncer) unseen() {
	n := 0
	s.table.each(func(id uint32, e *entry) {
		if e.have != 0 && e.flags&seen == 0 {
			s.table.setHave(e, 0)
			s.queue(id)
			n++
		}
	})
	s.unseenStrays()
	if n > 0 {
		s.log.Info("routes were gone from the kernel", "routes", n)
	}
}

// learn takes the facts of a scan for the facts we know.
func (s *Syncer) learn(fresh *facts) {
	old := s.facts
	fresh.config, fresh.static = old.config, old.static
	s.ground.Lock()
	s.facts = fresh
	s.ground.Unlock()
	differ := func(dst netip.Prefix, list []Foreign, other *facts) {
		if there, _ := other.routes.Get(dst); !slices.EqualFunc(list, there, same) {
			s.moved = true
			s.touch(dst)
		}
	}
	for dst, list := range old.routes.All() {
		differ(dst, list, fresh)
	}
	for dst, list := range fresh.routes.All() {
		differ(dst, list, old)
	}
	s.moved = s.moved || !old.sameHost(fresh)
}

// touch queues the route to dst, because someone else's route to it has changed.
func (s *Syncer) touch(dst netip.Prefix) {
	if id := s.table.find(dstOf(dst)); id != 0 {
		s.queue(id)
	}
}

// listen notes what has happened in the kernel.
func (s *Syncer) listen() error {
	err := s.kernel.Changes(func(ev *Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hear(ev)
	})
	if errors.Is(err, ErrLost) {
		if now := time.Now(); now.After(s.lostAt.Add(verifyEvery)) {
			s.lostAt = now // one line for a storm
			s.log.Info("more kernel events came than could be kept, reading everything")
		}
		s.lookWithin(0)
		return nil
	}
	return err
}

// hear notes one event.
func (s *Syncer) hear(ev *Event) {
	s.ground.Lock()
	defer s.ground.Unlock()
	switch ev.Kind {
	case ObjectEvent:
		s.lookWithin(debounce)
	case LinkEvent:
		dead := s.facts.links[ev.Link.Index].Carrier && !ev.Link.Carrier
		changed, down := s.facts.link(ev.Link, ev.Gone)
		s.moved = s.moved || changed
		if dead && !down && s.uses(ev.Link.Index) {
			s.lookWithin(debounce) // nobody tells which objects went with it
		}
		if !down {
			return
		}
		for _, dst := range s.facts.without(ev.Link.Index) {
			s.touch(dst)
		}
		// Routes of ours have gone too, perhaps. Links of containers come and
		// go all day; only those of routers are worth a scan.
		if s.uses(ev.Link.Index) {
			s.lookWithin(debounce)
		}
	case AddrEvent:
		if !s.facts.addr(ev.Addr, ev.Gone) {
			return
		}
		s.moved = true
		// With an IPv4 address go the routes that have it as their source, and
		// with the last one of a link all routes through it.
		if ev.Gone && ev.Addr.Prefix.Addr().Is4() {
			s.lookWithin(debounce)
		}
	case RouteEvent:
		switch {
		case ev.Route.own():
			s.hearOwn(ev)
		case minds(&ev.Route):
			s.hearForeign(ev)
		}
	}
}

// hearOwn notes that someone has changed a route of ours.
func (s *Syncer) hearOwn(ev *Event) {
	id := s.table.find(dstOf(ev.Route.Dst))
	before := uint32(0)
	if id != 0 {
		before = s.table.at(id).have
	}
	if !ev.Gone {
		var stray bool
		if id, stray = s.found(&ev.Route); stray {
			s.taken(id, before)
		} else if s.table.at(id).have != before {
			s.taken(id, before)
			if before != 0 && !ev.Replaced {
				s.lookWithin(debounce) // beside ours, perhaps
			}
		}
		return
	}
	if id == 0 {
		return
	}
	e := s.table.at(id)
	if before == 0 || e.metric != ev.Route.Metric {
		if !s.unstray(id, ev.Route.Metric) && ev.Route.Metric == 0 && !e.dst.v6() {
			s.lookWithin(debounce) // removing it may have hit another one: see Remove
		}
		s.table.forget(id)
		return
	}
	s.taken(id, before)
	left := uint32(0)
	if e.dst.v6() && ev.Route.Object == 0 {
		// IPv6 tells of each hop that is taken out of a multipath route.
		set := s.table.setOf(ev.Route.Hops)
		if set != e.have {
			left = odd
		}
		s.table.sets.drop(set)
	}
	s.table.setHave(e, left)
	s.queue(id)
}

// hearForeign notes that a route of someone else has changed.
func (s *Syncer) hearForeign(ev *Event) {
	changed, sure := s.facts.route(&ev.Route, ev.Gone, ev.Replaced)
	if !sure {
		s.lookWithin(debounce)
	}
	if !changed {
		return
	}
	s.moved = true
	if id := s.table.find(dstOf(ev.Route.Dst)); id != 0 {
		e := s.table.at(id)
		if ev.Route.Metric == e.metric && !ev.Gone && e.have != 0 {
			if ev.Replaced {
				s.taken(id, e.have)
				s.table.setHave(e, 0)
			} else {
				s.lookWithin(debounce)
			}
		}
		s.queue(id)
	}
}

// uses reports whether a route of ours goes through the link.
func (s *Syncer) uses(link int) bool {
	found := false
	s.table.sets.each(func(_ uint32, hops *[]Hop) {
		found = found || slices.ContainsFunc(*hops, func(h Hop) bool { return h.Link == link })
	})
	return found
}
