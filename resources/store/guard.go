package store

import (
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/calctl/calctl/resources"
)

// A Guard stands between a Watch and whoever acts on its snapshots. A datastore
// that has lost everything at once is more likely broken, or another one than
// meant, than a wish: such a snapshot is held back, and what was in force before
// stays so. The rule, for all backends:
//
//   - Held back is a snapshot that has none of the resources in force any more, if
//     those were at least two. A resource of the same name with another uid is
//     another resource: a node that registers again in an emptied datastore does
//     not make it a good one.
//   - BlockAffinities have no part in it: Calico's IPAM gives and takes them.
//   - It ends when all that was in force is there again, under whatever uid, or
//     when somebody says that it is meant (Accept).
//
// What is deleted bit by bit is obeyed. The memory is the process's: after a
// restart, what is there counts.
type Guard struct {
	mu      sync.Mutex
	inForce *resources.Snapshot
	held    *resources.Snapshot // the newest that was held back, nil when none is
	since   time.Time
}

// Admit says whether a snapshot may be acted upon. Snapshots come in their order.
func (g *Guard) Admit(snap *resources.Snapshot) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.inForce == nil:
	case g.held != nil && !restored(g.inForce, snap):
		g.held = snap
		return false
	case g.held == nil && lost(g.inForce, snap):
		g.held, g.since = snap, time.Now()
		return false
	}
	g.inForce, g.held = snap, nil
	return true
}

// Accept says that what the datastore holds is meant. It returns the snapshot
// that was held back, which is in force now, or nil if there was none.
func (g *Guard) Accept() *resources.Snapshot {
	g.mu.Lock()
	defer g.mu.Unlock()
	snap := g.held
	if snap != nil {
		g.inForce, g.held = snap, nil
	}
	return snap
}

// Held says what is held back and since when; nil when nothing is.
func (g *Guard) Held() (err error, since time.Time) { //nolint:staticcheck // no failure of Held
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == nil {
		return nil, time.Time{}
	}
	return fmt.Errorf("all %d resources are gone at once; they stay in force until they are back, or until this node gets SIGHUP, which says that it is meant", count(g.inForce)), g.since
}

func lost(before, now *resources.Snapshot) bool {
	for r := range guarded(before) {
		same := now.Get(resources.KeyOf(r))
		if same != nil && (same.Meta().UID == r.Meta().UID || same.Meta().UID == "" || r.Meta().UID == "") {
			return false
		}
	}
	for _, b := range now.Broken {
		if before.Get(b.Key) != nil {
			return false // it is there, whatever is wrong with it
		}
	}
	return count(before) >= 2
}

func restored(before, now *resources.Snapshot) bool {
	for r := range guarded(before) {
		if now.Get(resources.KeyOf(r)) == nil {
			return false
		}
	}
	return true
}

func count(s *resources.Snapshot) (n int) {
	for range guarded(s) {
		n++
	}
	return n
}

// guarded are the resources that count.
func guarded(s *resources.Snapshot) iter.Seq[resources.Resource] {
	return func(yield func(resources.Resource) bool) {
		for r := range s.All() {
			if r.Kind() != resources.KindBlockAffinity && !yield(r) {
				return
			}
		}
	}
}
