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
// meant, than a wish; one that is locked for a migration is not to be followed. Such
// a snapshot is held back, and what was in force before stays so. The rules, for all
// backends:
//
//   - Held back is a snapshot that has none of the resources in force any more, if
//     those were at least two. A resource of the same name with another uid is
//     another resource: a node that registers again in an emptied datastore does
//     not make it a good one.
//   - BlockAffinities have no part in it, which Calico's IPAM gives and takes, nor
//     what a datastore says of itself.
//   - It ends when all that was in force is there again, under whatever uid, and
//     Nodes that had an address have one. A Node of Kubernetes is made by its kubelet,
//     and what has to write its address is the node itself: it may do so once only
//     addresses are missing (Bare).
//   - Held back is a snapshot of a locked datastore, until it is unlocked. The first
//     one is not: who has nothing in force takes what there is, as long as it is not
//     half of an import.
//   - Either ends when somebody says that what is there is meant (Accept).
//
// What is deleted bit by bit is obeyed. The memory is the process's: after a
// restart, what is there counts.
type Guard struct {
	mu      sync.Mutex
	inForce *resources.Snapshot
	held    *resources.Snapshot // the newest that was held back, nil when none is
	since   time.Time
	lost    bool // inForce is gone, and is not all there again
	bare    bool // all there again but the addresses of Nodes
}

// Admit says whether a snapshot may be acted upon. Snapshots come in their order.
func (g *Guard) Admit(snap *resources.Snapshot) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.inForce == nil:
	case g.lost:
		var there bool
		there, g.lost = again(g.inForce, snap)
		g.bare = there && g.lost
	default:
		g.lost = lost(g.inForce, snap)
	}
	lock := snap.Lock()
	admitted := !g.lost && !lock.Importing && (!lock.Locked || g.inForce == nil)
	if admitted {
		g.inForce = snap
	}
	switch {
	case admitted && !lock.Locked:
		g.held = nil
		return true
	case g.held == nil:
		g.since = time.Now()
	}
	g.held = snap // of a locked datastore the next ones, if this one isn't
	return admitted
}

// Accept says that what the datastore holds is meant. It returns the snapshot
// that was held back, which is in force now, or nil if there was none.
func (g *Guard) Accept() *resources.Snapshot {
	g.mu.Lock()
	defer g.mu.Unlock()
	snap := g.held
	if snap != nil {
		g.inForce, g.held, g.lost, g.bare = snap, nil, false, false
	}
	return snap
}

// Bare tells whether what is held back lacks nothing but addresses of Nodes.
func (g *Guard) Bare() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bare
}

// Held says what is held back and since when; nil when nothing is.
func (g *Guard) Held() (err error, since time.Time) { //nolint:staticcheck // no failure of Held
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == nil {
		return nil, time.Time{}
	}
	if !g.lost {
		return fmt.Errorf("%w; until then changes are not followed", locked(g.held.Lock())), g.since
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
		if b.Key != clusterKey && before.Get(b.Key) != nil {
			return false // it is there, whatever is wrong with it
		}
	}
	return count(before) >= 2
}

// again tells whether all of before is there now, and whether it still lacks something.
func again(before, now *resources.Snapshot) (there, lacking bool) {
	for r := range guarded(before) {
		switch is := now.Get(resources.KeyOf(r)).(type) {
		case nil:
			return false, true
		case *resources.Node:
			lacking = lacking || r.(*resources.Node).HasAddress() && !is.HasAddress()
		}
	}
	return true, lacking
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
			if k := r.Kind(); k != resources.KindBlockAffinity && k != resources.KindClusterInformation && !yield(r) {
				return
			}
		}
	}
}
