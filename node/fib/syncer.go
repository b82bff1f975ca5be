package fib

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// A Syncer keeps the kernel's routes as they are wanted. Only the goroutine of
// Run changes its state, under mu where others may look at it.
type Syncer struct {
	kernel Kernel
	log    *slog.Logger
	stale  int           // routes of an earlier run at the start
	wake   chan struct{} // size 1
	host   chan struct{} // size 1
	reach  chan struct{} // size 1

	inbox   inbox
	settled atomic.Bool

	mu       sync.Mutex
	table    table
	facts    *facts
	ground   sync.RWMutex // of facts, inside mu: who asks Reach must not wait for a big batch
	reasons  reasons
	contests contests
	swept    bool // Settled has been said and seen to
	open     bool // the batch of what was taken last isn't complete

	// writes and removes are entries that wait for their turn; a removal waits
	// for the writes that were there before it, so that nothing is taken away
	// whose replacement isn't in place yet. refused are entries the kernel
	// said no to, which wait for retryAt or for news.
	writes, removes queue
	refused         []uint32
	first           []uint32 // entries with strays to remove, before all others
	strays          map[uint32][]stray

	moved    bool          // the facts changed: next hops may resolve otherwise
	scanAt   time.Time     // when to read the kernel
	rested   time.Time     // no scan before then
	barred   bool          // the log was told that we may not write
	lostAt   time.Time     // when the log was told of lost events
	retryAt  time.Time     // when to try the refused again; zero: no need
	backoff  time.Duration // how far away retryAt is put the next time
	tried    int           // how many were refused when the timer last rang
	most     int           // writes of a round, and removals
	round    round
	ahead    round            // the next one, if it was planned while the kernel took this one
	leaving  map[passage]int  // routes that are to go from one set to another
	delayed  map[uint32]delay // turns of sets that wait for other writes
	lastVias viaCache
}

// The times of the Syncer.
const (
	// debounce is how long a scan waits for a burst of link events to end.
	debounce = 5 * time.Millisecond
	// verifyEvery is how often the kernel is read without a reason: for the
	// changes nobody tells of.
	verifyEvery = time.Minute
	// tidyAfter is when what nobody needs is looked for after Settled.
	tidyAfter  = 2 * time.Second
	retryFirst = 100 * time.Millisecond
	retryMost  = 10 * time.Second
)

// NewSyncer reads the kernel once: what is there of an earlier run is adopted
// as it is, and Host, Stale and Status answer from then on. Nothing is written
// before Run.
func NewSyncer(k Kernel, log *slog.Logger) (*Syncer, error) {
	s := &Syncer{
		kernel:  k,
		log:     log,
		wake:    make(chan struct{}, 1),
		host:    make(chan struct{}, 1),
		reach:   make(chan struct{}, 1),
		table:   newTable(),
		facts:   newFacts(),
		leaving: map[passage]int{},
		delayed: map[uint32]delay{},
		strays:  map[uint32][]stray{},
		backoff: retryFirst,
		most:    roundSize,
	}
	if err := s.look(); err != nil && !errors.Is(err, ErrInterrupted) {
		return nil, fmt.Errorf("reading the kernel's routes: %w", err)
	}
	s.moved = false // from nothing
	s.stale = s.count().Stale
	if s.stale > 0 {
		log.Info("the kernel has routes of an earlier run", "routes", s.stale)
	}
	return s, nil
}

// Want says what the routes of a batch should be from now on; of several
// wants for one destination the last one counts. It never blocks, and keeps
// nothing of the batch but the next hops, which nobody changes any more.
func (s *Syncer) Want(batch []Route) {
	s.inbox.put(batch, false)
	notify(s.wake)
}

// WantPart is Want for a piece of a batch that is not complete: others follow
// at once, of which Want is told the last. In between, new routes are written,
// but none is changed or deleted: when all that go one way are to go another
// one, that may be done by one operation.
func (s *Syncer) WantPart(piece []Route) {
	s.inbox.put(piece, true)
	notify(s.wake)
}

// Settled says that all routes that were to be expected have been wanted by
// now: what is left in the kernel of an earlier run, and nobody wants, is
// deleted from now on. Before, it is left alone.
func (s *Syncer) Settled() {
	s.settled.Store(true)
	notify(s.wake)
}

// Stale says whether the kernel forwarded by routes of an earlier run when the
// Syncer was made.
func (s *Syncer) Stale() bool { return s.stale > 0 }

// Host says what the kernel has besides our routes.
func (s *Syncer) Host() Host {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.facts.host()
}

// HostChanged gets a value after Host has changed. It is for one reader.
func (s *Syncer) HostChanged() <-chan struct{} { return s.host }

// Run writes routes until ctx is done, and leaves them all in the kernel then.
// An error means that the kernel can't be followed any more.
func (s *Syncer) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	again := make(chan struct{}, 1)
	var attending sync.WaitGroup
	defer attending.Wait()
	defer cancel()
	ended := make(chan error, 1)
	attending.Go(func() { ended <- s.attend(ctx, again) })

	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		busy, err := s.turn()
		if err != nil {
			return err
		}
		notify(again)
		if busy {
			continue
		}
		timer.Reset(time.Until(s.nextTime()))
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
		case err := <-ended:
			if ctx.Err() == nil {
				return err
			}
		}
	}
	return nil
}

// attend wakes Run when the kernel has something to tell, once for each time
// that Run has listened.
func (s *Syncer) attend(ctx context.Context, again <-chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-again:
		}
		if err := s.kernel.Wait(ctx); err != nil {
			return err
		}
		notify(s.wake)
	}
}

// turn does what there is to do, but no more than one round of writing, so
// that news never waits long. It reports whether there is more.
func (s *Syncer) turn() (busy bool, err error) {
	settled := s.settled.Load() // before the inbox: what was wanted before Settled is then known
	// While the kernel can have a round at once, it need not wait for the inbox.
	if len(s.ahead.moves) == 0 || settled && !s.swept {
		s.take(s.inbox.get())
	}
	if err := s.listen(); err != nil {
		return false, err
	}
	now := time.Now()
	if !now.Before(s.scanAt) {
		if err := s.look(); err != nil {
			s.log.Warn("the kernel's routes could not be read, trying again", "error", err)
		} else if s.swept {
			s.kernel.Tidy()
		}
		// What happened while we read is in there already, mostly: hear it
		// before writing makes it old news.
		if err := s.listen(); err != nil {
			return false, err
		}
	}
	s.mu.Lock()
	if s.moved {
		s.moved = false
		s.resolveAll()
		s.retry()
		notify(s.host)
		notify(s.reach)
	}
	if !s.retryAt.IsZero() && !now.Before(s.retryAt) {
		if s.backoff = min(2*s.backoff, retryMost); len(s.refused) < s.tried {
			s.backoff = retryFirst // it gets better
		}
		s.tried = len(s.refused)
		s.retry()
	}
	if settled && !s.swept {
		s.sweep()
	}
	s.calm(now)
	turns := s.turning()
	s.mu.Unlock()

	for i := range turns {
		turns[i].err = s.kernel.Turn(turns[i].hops, turns[i].toHops)
	}

	s.mu.Lock()
	s.turned(turns)
	s.plan()
	s.mu.Unlock()

	s.apply()

	s.mu.Lock()
	defer s.mu.Unlock()
	s.record()
	return len(s.ahead.moves) > 0 || len(s.first) > 0 || s.mayWrite() || s.mayRemove() || s.due(), nil
}

// nextTime is when turn has something to do even if nothing happens.
func (s *Syncer) nextTime() time.Time {
	next := s.scanAt
	for _, at := range []time.Time{s.retryAt, s.contests.next} {
		if !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	return next
}

// retry queues what the kernel refused, scattered.
func (s *Syncer) retry() {
	scatter(s.refused)
	for _, id := range s.refused {
		s.table.at(id).flags &^= retrying
		s.queue(id)
	}
	s.refused = s.refused[:0]
	s.retryAt = time.Time{}
}

// sweep queues what an earlier run has left and nobody wants.
func (s *Syncer) sweep() {
	s.swept = true
	s.lookWithin(tidyAfter)
	var left []uint32
	s.table.each(func(id uint32, e *entry) {
		if e.want == 0 && (e.have != 0 || e.flags&strayed != 0) {
			left = append(left, id)
		}
	})
	scatter(left)
	for _, id := range left {
		s.queue(id)
	}
	if n := len(left); n > 0 {
		s.log.Info("deleting routes of an earlier run that nobody wants any more", "routes", n)
	}
}

// notify leaves a sign that something has happened, if there is none yet.
func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
