package speaker

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// tell calls the events that aren't routes, until ctx is done.
func (s *Speaker) tell(ctx context.Context) {
	settle := time.NewTimer(time.Hour)
	settle.Stop()
	check := func() {
		settled, next := s.settle.check()
		if settled {
			if e := s.running.Load(); e != nil {
				(*e).release()
			}
			s.call(s.events.Settled)
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
		case <-s.peers:
			s.call(s.events.Peers)
		case <-s.settle.wake:
			check()
		case <-settle.C:
			check()
		}
	}
}

// tellBest tells changed routes. The engine's owner calls it.
func (s *Speaker) tellBest(piece []Change, more bool) {
	if s.events.Best != nil {
		s.call(func() { s.events.Best(piece, more) })
	}
}

// call tells an event, when no other is being told.
func (s *Speaker) call(event func()) {
	if event == nil {
		return
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	event()
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

func (s *settler) want(peers []netip.AddrPort, enabled bool) {
	s.do(func(s *settling, now time.Time) { s.want(peers, enabled, now) })
}

func (s *settler) up(peer netip.AddrPort, marker bool) {
	s.do(func(s *settling, now time.Time) { s.up(peer, marker, now) })
}

func (s *settler) down(peer netip.AddrPort) {
	s.do(func(s *settling, _ time.Time) { s.down(peer) })
}

func (s *settler) endOfRIB(peer netip.AddrPort) {
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

// wake makes a channel of size 1 readable; a second wake before it is read is
// the same.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
