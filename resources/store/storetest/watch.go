package storetest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// A watcher runs a Watch and keeps every snapshot it is given.
type watcher struct {
	t     *testing.T
	stop  context.CancelFunc
	ended chan error
	news  chan struct{}

	mu    sync.Mutex
	snaps []*resources.Snapshot
	busy  atomic.Bool
}

func watch(t *testing.T, s store.Store) *watcher {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	w := &watcher{t: t, stop: stop, ended: make(chan error, 1), news: make(chan struct{}, 1)}
	go func() {
		w.ended <- s.Watch(ctx, func(snap *resources.Snapshot) {
			if w.busy.Swap(true) {
				t.Error("Watch calls twice at a time")
			}
			w.mu.Lock()
			w.snaps = append(w.snaps, snap)
			w.mu.Unlock()
			w.busy.Store(false)
			select {
			case w.news <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(w.end)
	return w
}

// end stops the watch and waits until it has ended.
func (w *watcher) end() {
	w.stop()
	select {
	case err := <-w.ended:
		w.ended <- nil
		if err != nil {
			w.t.Errorf("Watch returned %v after its context was done, want nil", err)
		}
	case <-time.After(Patience):
		w.t.Error("Watch goes on after its context is done")
	}
}

func (w *watcher) seen() []*resources.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*resources.Snapshot(nil), w.snaps...)
}

// until waits for a snapshot that is as it should be, and returns it.
func (w *watcher) until(what string, ok func(*resources.Snapshot) bool) *resources.Snapshot {
	w.t.Helper()
	late := time.After(Patience)
	for {
		seen := w.seen()
		if n := len(seen); n > 0 && ok(seen[n-1]) {
			return seen[n-1]
		}
		select {
		case <-w.news:
		case <-late:
			last := "nothing at all"
			if n := len(seen); n > 0 {
				last = fmt.Sprint(all(seen[n-1]))
			}
			w.t.Fatalf("watch does not show %s; after %d snapshots it shows %.2000s", what, len(seen), last)
		}
	}
}

// shows waits for a peer in this version, or with version "" for there being none.
func (w *watcher) shows(name, version string) *resources.Snapshot {
	w.t.Helper()
	return w.until(fmt.Sprintf("BGPPeer(%s) in version %q", name, version), func(snap *resources.Snapshot) bool {
		p := snap.Peers[name]
		return p == nil && version == "" || p != nil && p.ResourceVersion == version
	})
}

func testWatch(t *testing.T, s store.Store) {
	w := watch(t, s)
	w.until("the empty store", func(snap *resources.Snapshot) bool { return len(all(snap)) == 0 })
	first := mustCreate(t, s, peer("p1"))
	w.shows("p1", first.Meta().ResourceVersion)
	next := peer("p1")
	next.Spec.ASNumber = 64999
	second := mustUpdate(t, s, next)
	snap := w.shows("p1", second.Meta().ResourceVersion)
	same(t, "what watch shows", second, resources.Resource(snap.Peers["p1"]))
	third := mustCreate(t, s, peer("p2"))
	snap = w.shows("p2", third.Meta().ResourceVersion)
	same(t, "number of peers", 2, len(snap.Peers))
	if _, err := s.Delete(wait(t), peerKey("p1"), ""); err != nil {
		t.Fatal(err)
	}
	snap = w.shows("p1", "")
	same(t, "number of peers after a deletion", 1, len(snap.Peers))

	// A new watch begins with what is there, in one piece.
	late := watch(t, s)
	late.shows("p2", third.Meta().ResourceVersion)
	same(t, "what the first call shows", 1, len(late.seen()[0].Peers))
}

func testBurst(t *testing.T, s store.Store) {
	w := watch(t, s)
	w.until("the empty store", func(*resources.Snapshot) bool { return true })
	const n = 60
	for i := range n {
		mustCreate(t, s, peer("p"+strconv.Itoa(i)))
	}
	for i := range n / 2 {
		if _, err := s.Delete(wait(t), peerKey("p"+strconv.Itoa(i)), ""); err != nil {
			t.Fatal(err)
		}
	}
	w.until("the end of the burst", func(snap *resources.Snapshot) bool {
		return len(snap.Peers) == n/2 && snap.Peers["p0"] == nil && snap.Peers["p59"] != nil
	})
	t.Logf("%d changes arrived as %d snapshots", n+n/2, len(w.seen())-1)
}

// testSilence makes changes that are none between two that are some: only the
// latter may be told.
func testSilence(t *testing.T, s store.Store) {
	p := mustCreate(t, s, peer("p1"))
	w := watch(t, s)
	w.shows("p1", p.Meta().ResourceVersion)
	for range 5 {
		mustUpdate(t, s, peer("p1"))
	}
	mark := mustCreate(t, s, peer("mark"))
	w.shows("mark", mark.Meta().ResourceVersion)
	same(t, "number of calls for one change", 2, len(w.seen()))
}

// testWhole updates pairs of fields together and never wants to see them differ.
func testWhole(t *testing.T, s store.Store) {
	w := watch(t, s)
	p := peer("p1")
	set := func(n int) {
		v := strconv.Itoa(n)
		p.Labels = map[string]string{"n": v}
		p.Annotations = map[string]string{"n": v}
	}
	set(0)
	mustCreate(t, s, p)
	var last resources.Resource
	for n := range 100 {
		set(n + 1)
		last = mustUpdate(t, s, p)
	}
	w.shows("p1", last.Meta().ResourceVersion)
	newest := -1
	for i, snap := range w.seen() {
		if len(snap.Broken) > 0 {
			t.Errorf("snapshot %d has broken entries: %v", i, snap.Broken)
		}
		p := snap.Peers["p1"]
		switch {
		case p == nil && newest >= 0:
			t.Errorf("snapshot %d has lost the peer", i)
		case p != nil && p.Labels["n"] != p.Annotations["n"]:
			t.Errorf("snapshot %d has label %s and annotation %s", i, p.Labels["n"], p.Annotations["n"])
		case p != nil:
			n, _ := strconv.Atoi(p.Labels["n"])
			if n < newest {
				t.Errorf("snapshot %d goes back from %d to %d", i, newest, n)
			}
			newest = n
		}
	}
}

func testWatchEnds(t *testing.T, s store.Store) {
	mustCreate(t, s, peer("p1"))
	w := watch(t, s)
	w.until("something", func(*resources.Snapshot) bool { return true })
	w.end()
	calls := len(w.seen())
	// Another watch sees the change; the one that has ended must not.
	p := mustCreate(t, s, peer("p2"))
	watch(t, s).shows("p2", p.Meta().ResourceVersion)
	same(t, "calls after the end", calls, len(w.seen()))
}

func testTwoWatchers(t *testing.T, s store.Store) {
	a, b := watch(t, s), watch(t, s)
	p := mustCreate(t, s, peer("p1"))
	a.shows("p1", p.Meta().ResourceVersion)
	b.shows("p1", p.Meta().ResourceVersion)
	a.end()
	p = mustCreate(t, s, peer("p2"))
	b.shows("p2", p.Meta().ResourceVersion)
}

// testOrder writes pairs, the second of which names the first, and never wants
// to see the second alone.
func testOrder(t *testing.T, s store.Store) {
	w := watch(t, s)
	w.until("the empty store", func(*resources.Snapshot) bool { return true })
	n := 0
	for ; len(w.seen()) < 6 && n < 3000; n++ {
		f := &resources.BGPFilter{Metadata: resources.Metadata{Name: "f" + strconv.Itoa(n)}}
		f.Default()
		mustCreate(t, s, f)
		p := peer("p" + strconv.Itoa(n))
		p.Spec.Filters = []string{f.Name}
		mustCreate(t, s, p)
	}
	w.until("all pairs", func(snap *resources.Snapshot) bool { return len(snap.Peers) == n && len(snap.Filters) == n })
	for i, snap := range w.seen() {
		for name, p := range snap.Peers {
			if snap.Filters[p.Spec.Filters[0]] == nil {
				t.Errorf("snapshot %d has the peer %s without its filter", i, name)
			}
		}
	}
	t.Logf("%d changes arrived as %d snapshots", 2*n, len(w.seen())-1)
}

// testMany fills a store under the eyes of a watch, and has another find it full.
func testMany(t *testing.T, s store.Store) {
	n := 5000
	if testing.Short() {
		n = 500
	}
	w := watch(t, s)
	begin := time.Now()
	for i := range n {
		if _, err := s.Create(t.Context(), peer(fmt.Sprintf("p%04d", i))); err != nil {
			t.Fatal(err)
		}
	}
	created := time.Since(begin)
	full := func(snap *resources.Snapshot) bool { return len(snap.Peers) == n }
	w.until("all peers", full)
	seen := time.Since(begin) - created
	begin = time.Now()
	got := mustList(t, s, resources.KindBGPPeer)
	same(t, "number of peers", n, len(got))
	listed := time.Since(begin)
	begin = time.Now()
	late := watch(t, s)
	late.until("all peers", full)
	same(t, "what the first call of a late watch shows", n, len(late.seen()[0].Peers))
	t.Logf("%d created in %v, seen %v later, listed in %v, shown to another watch in %v", n, created, seen, listed, time.Since(begin))
	p := peer("p0250")
	p.Spec.ASNumber = 65000
	last := mustUpdate(t, s, p)
	w.shows("p0250", last.Meta().ResourceVersion)
	late.shows("p0250", last.Meta().ResourceVersion)
}
