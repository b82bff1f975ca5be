package speaker

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// gather is the least time between two batches. A single change after a quiet
// time is told at once; in a flood, batches grow.
const gather = 2 * time.Millisecond

// tell calls the events, one at a time, until ctx is done.
func (s *Speaker) tell(ctx context.Context) {
	dirty := s.best.dirty
	pause := stopped()
	settle := stopped()
	check := func() {
		settled, next := s.settle.check()
		if settled {
			for s.tellBest() { // what the peers have sent comes before the news that it is all
			}
			call(s.events.Settled)
		}
		settle.Stop()
		if !next.IsZero() {
			settle.Reset(time.Until(next))
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-dirty:
			s.tellBest()
			dirty = nil
			pause.Reset(gather)
		case <-pause.C:
			dirty = s.best.dirty
		case <-s.peers:
			call(s.events.Peers)
		case <-s.settle.wake:
			check()
		case <-settle.C:
			check()
		}
	}
}

// tellBest tells one batch and reports whether there was one.
func (s *Speaker) tellBest() bool {
	batch := s.best.take()
	if len(batch) == 0 {
		return false
	}
	s.settle.moved()
	if s.events.Best != nil {
		s.events.Best(batch)
	}
	return true
}

func call(f func()) {
	if f != nil {
		f()
	}
}

func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// A settler is settling with a clock and a lock.
type settler struct {
	wake chan struct{} // readable when check may have a new answer

	mu sync.Mutex
	s  settling
}

func newSettler() *settler { return &settler{wake: make(chan struct{}, 1)} }

func (s *settler) do(f func(*settling, time.Time)) {
	s.mu.Lock()
	f(&s.s, time.Now())
	s.mu.Unlock()
	wake(s.wake)
}

func (s *settler) want(peers []netip.Addr, enabled bool) {
	s.do(func(s *settling, now time.Time) { s.want(peers, enabled, now) })
}

func (s *settler) up(peer netip.Addr, marker bool) {
	s.do(func(s *settling, now time.Time) { s.up(peer, marker, now) })
}

func (s *settler) down(peer netip.Addr) {
	s.do(func(s *settling, _ time.Time) { s.down(peer) })
}

func (s *settler) endOfRIB(peer netip.Addr) {
	s.do(func(s *settling, _ time.Time) { s.endOfRIB(peer) })
}

// moved needs no check: it only puts one off.
func (s *settler) moved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.moved(time.Now())
}

func (s *settler) check() (bool, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.s.check(time.Now())
}
