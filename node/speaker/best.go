package speaker

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
)

// maxHops bounds the next hops of one prefix. BIRD's merge paths takes 16.
const maxHops = 64

// maxBatch bounds a batch of changes, so that building one does not keep the
// table locked for long.
const maxBatch = 1 << 15

// A path is one way to a prefix, as far as the kernel is concerned.
type path struct {
	from netip.Addr // the neighbour; the zero Addr: this node's own route
	id   uint32     // RFC 7911; 0 without
	via  netip.Addr // the zero Addr when the next hop can't be used
}

// A paths is a set of equally good paths, shared by all prefixes that have it:
// a million routes have a few hundred of them. It does not change.
type paths struct {
	key  string // its encoding
	all  []path // sorted by neighbour and id
	hops []netip.Addr
	uses int
}

// best are the best paths of all prefixes. GoBGP tells only what was added to
// or taken from a prefix's set (since v4.7), so the sets are kept here.
//
// Prefixes whose next hops have changed since they were last taken wait in
// line once, however often they change: a slow consumer gets fewer, larger
// batches and always the newest state.
type best struct {
	// dirty is readable when there is something to take.
	dirty chan struct{}

	mu     sync.Mutex
	routes map[netip.Prefix]route
	sets   map[string]*paths
	line   []netip.Prefix
	key    []byte // scratch
	// The last single path that was made a set: a full table comes in runs.
	last    path
	lastSet *paths
}

// A route is what is known of a prefix.
type route struct {
	paths  *paths // nil: no path
	queued bool   // waits in line
	told   bool   // the consumer has next hops for it
}

func newBest() *best {
	return &best{dirty: make(chan struct{}, 1), routes: map[netip.Prefix]route{}, sets: map[string]*paths{}}
}

// An advert is news of one path.
type advert struct {
	prefix netip.Prefix
	path   path
	gone   bool
}

// update takes in news, in order.
func (b *best) update(news []advert) {
	b.mu.Lock()
	for _, n := range news {
		b.one(n)
	}
	waiting := len(b.line) > 0
	b.mu.Unlock()
	if waiting {
		wake(b.dirty)
	}
}

func (b *best) one(n advert) {
	r, known := b.routes[n.prefix]
	if n.gone && r.paths == nil {
		return
	}
	next := b.changed(r.paths, n)
	if next == r.paths {
		return
	}
	same := slices.Equal(r.paths.nextHops(), next.nextHops())
	b.release(r.paths)
	r.paths = next
	if !same && !r.queued {
		r.queued = true
		b.line = append(b.line, n.prefix)
	}
	switch {
	case next != nil || r.queued || r.told:
		b.routes[n.prefix] = r
	case known:
		delete(b.routes, n.prefix)
	}
}

// changed returns the set that old becomes, with one more use; old itself when
// nothing changes.
func (b *best) changed(old *paths, n advert) *paths {
	if old == nil {
		return b.single(n.path)
	}
	at, had := slices.BinarySearchFunc(old.all, n.path, comparePaths)
	switch {
	case n.gone && !had, !n.gone && had && old.all[at] == n.path:
		return old
	case n.gone && len(old.all) == 1:
		return nil
	}
	all := make([]path, 0, len(old.all)+1)
	all = append(all, old.all[:at]...)
	if !n.gone {
		all = append(all, n.path)
	}
	if had {
		at++
	}
	return b.intern(append(all, old.all[at:]...))
}

func (b *best) single(p path) *paths {
	if b.lastSet == nil || b.last != p || b.lastSet.uses == 0 {
		b.last, b.lastSet = p, b.intern([]path{p})
		return b.lastSet
	}
	b.lastSet.uses++
	return b.lastSet
}

// intern returns the shared set of sorted paths, with one more use.
func (b *best) intern(all []path) *paths {
	b.key = b.key[:0]
	for _, p := range all {
		b.key = appendAddr(b.key, p.from)
		b.key = binary.BigEndian.AppendUint32(b.key, p.id)
		b.key = appendAddr(b.key, p.via)
	}
	set, ok := b.sets[string(b.key)]
	if !ok {
		set = &paths{key: string(b.key), all: slices.Clone(all), hops: hops(all)}
		b.sets[set.key] = set
	}
	set.uses++
	return set
}

func (b *best) release(set *paths) {
	if set == nil {
		return
	}
	if set.uses--; set.uses == 0 {
		delete(b.sets, set.key)
	}
}

// take returns the next batch of changes, empty when there are none.
func (b *best) take() []Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.line), maxBatch)
	batch := make([]Change, 0, n)
	for _, prefix := range b.line[:n] {
		r := b.routes[prefix]
		via := r.paths.nextHops()
		if len(via) > 0 || r.told {
			batch = append(batch, Change{Prefix: prefix, NextHops: via})
		}
		r.queued, r.told = false, len(via) > 0
		if r.paths == nil {
			delete(b.routes, prefix)
		} else {
			b.routes[prefix] = r
		}
	}
	if b.line = b.line[n:]; len(b.line) == 0 {
		b.line = nil // what a burst needed is given back
	} else {
		wake(b.dirty)
	}
	return batch
}

// clear forgets every path: the speaker that had them is gone.
func (b *best) clear() {
	b.mu.Lock()
	for prefix, r := range b.routes {
		b.release(r.paths)
		r.paths = nil
		if !r.queued {
			r.queued = true
			b.line = append(b.line, prefix)
		}
		b.routes[prefix] = r
	}
	waiting := len(b.line) > 0
	b.mu.Unlock()
	if waiting {
		wake(b.dirty)
	}
}

// size is the number of prefixes with a path.
func (b *best) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.routes)
}

// nextHops are the set's next hops: sorted, each once. They are shared and
// must not be changed.
func (s *paths) nextHops() []netip.Addr {
	if s == nil {
		return nil
	}
	return s.hops
}

// hops are the next hops of paths: none when this node has the prefix itself,
// for then the kernel has the route already.
func hops(all []path) []netip.Addr {
	via := make([]netip.Addr, 0, len(all))
	for _, p := range all {
		if !p.from.IsValid() {
			return nil
		}
		if p.via.IsValid() {
			via = append(via, p.via)
		}
	}
	slices.SortFunc(via, netip.Addr.Compare)
	via = slices.Compact(via)
	return via[:min(len(via), maxHops):min(len(via), maxHops)]
}

func comparePaths(a, b path) int {
	if c := a.from.Compare(b.from); c != 0 {
		return c
	}
	switch {
	case a.id < b.id:
		return -1
	case a.id > b.id:
		return 1
	}
	return 0
}

// appendAddr appends an address so that no two look alike: length, bytes, zone.
func appendAddr(b []byte, a netip.Addr) []byte {
	b = append(b, byte(a.BitLen()))
	if a.Is4() {
		v := a.As4()
		return append(b, v[:]...)
	}
	if a.Is6() {
		v := a.As16()
		b = append(append(b, v[:]...), byte(len(a.Zone())))
		b = append(b, a.Zone()...)
	}
	return b
}

// wake makes a channel of size 1 readable; a second wake before it is read is the same.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
