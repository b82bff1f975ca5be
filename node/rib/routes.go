package rib

// routes are the prefixes and paths of one family. Neither has pointers: a
// million of them is nothing to the garbage collector.
type routes struct {
	index
	entries slab[entry]
	paths   slab[path]
	live    int // entries with a path
	touched queue
}

// An entry is a prefix: 10 octets here, 5 (IPv6 17) for its key, and 11 to 21
// for its slots.
type entry struct {
	head uint32 // its paths, the best first while it isn't touched
	hops uint32
	pins uint16
	// touched entries are in the list of that name until the next Commit.
	touched bool
}

// A path is in two lists: of its prefix and of its bundle.
type path struct {
	prefix        uint32
	next          uint32
	bundle        uint32
	id            uint32
	before, after uint32
}

// touched is a prefix to decide on, with what was best before.
type touched struct {
	best    *bundle
	ref, id uint32
}

// A queue grows without copying what is there: half a million prefixes of a
// lost peer are not to cost the double for a moment.
type queue struct {
	chunks []*[chunkLen]touched
	n      int
}

func (q *queue) add(x touched) {
	if q.n == len(q.chunks)*chunkLen {
		q.chunks = append(q.chunks, new([chunkLen]touched))
	}
	q.chunks[q.n/chunkLen][q.n%chunkLen] = x
	q.n++
}

// part returns those from i on, up to a limit or the end of the chunk.
func (q *queue) part(i, limit int) []touched {
	end := min(q.n, i+limit, (i/chunkLen+1)*chunkLen)
	return q.chunks[i/chunkLen][i%chunkLen : (end-1)%chunkLen+1]
}

// reset empties the queue, whose parts are cleared, and keeps a few chunks.
func (q *queue) reset() {
	if len(q.chunks) > 16 {
		q.chunks = append([]*[chunkLen]touched(nil), q.chunks[:16]...)
	}
	q.n = 0
}

// keep finds a prefix or enters it.
func (r *routes) keep(k key) uint32 {
	if ref := r.find(k); ref != 0 {
		return ref
	}
	ref := r.entries.add()
	*r.entries.at(ref) = entry{}
	r.put(k, ref)
	return ref
}

// forget drops a prefix that nobody needs.
func (r *routes) forget(ref uint32) { r.cut(ref, r.entries.drop(ref)) }

// touch has a prefix decided on at the next Commit. It must be called before
// anything about the prefix's paths changes, because it notes the best.
func (t *Table) touch(r *routes, ref uint32) {
	e := r.entries.at(ref)
	if e.touched {
		return
	}
	e.touched = true
	old := touched{ref: ref}
	if e.head != 0 {
		p := r.paths.at(e.head)
		if b := t.bundles[p.bundle]; b.attrs != nil {
			old.best, old.id = b, p.id
		}
	}
	r.touched.add(old)
}

// MaxPaths is how many paths a peer may have to one prefix, which it tells apart
// by their ids (RFC 7911). To find one, the others are looked at, and to decide
// as well, so that it is the peer who would say what a message costs. A network
// that all nodes of a large cluster announce has fewer, behind one reflector.
const MaxPaths = 2048

// path finds a peer's path to a prefix, or 0, and says how many others it has
// passed.
func (t *Table) path(r *routes, ref uint32, peer *Peer, id uint32) (i uint32, others int) {
	for i = r.entries.at(ref).head; i != 0; others++ {
		p := r.paths.at(i)
		if p.id == id && t.bundles[p.bundle].peer == peer {
			break
		}
		i = p.next
	}
	return i, others
}

// pathsOf counts a peer's paths to a prefix.
func (t *Table) pathsOf(r *routes, ref uint32, peer *Peer) (n int) {
	for i := r.entries.at(ref).head; i != 0; {
		p := r.paths.at(i)
		if t.bundles[p.bundle].peer == peer {
			n++
		}
		i = p.next
	}
	return n
}

// add gives a prefix a path.
func (t *Table) add(r *routes, ref uint32, b *bundle, id uint32) {
	t.touch(r, ref)
	i := r.paths.add()
	e := r.entries.at(ref)
	if e.head == 0 {
		r.live++
	}
	*r.paths.at(i) = path{prefix: ref, next: e.head, id: id}
	e.head = i
	t.join(r, i, b)
	c := &t.ledgers[b.peer.Index].half[b.family].counts
	c.Received++
	if b.attrs != nil {
		c.Accepted++
	}
}

// remove takes a path away. Its bundle may go as well.
func (t *Table) remove(r *routes, i uint32) {
	p := r.paths.at(i)
	b := t.bundles[p.bundle]
	t.touch(r, p.prefix)
	at := &r.entries.at(p.prefix).head
	for *at != i {
		at = &r.paths.at(*at).next
	}
	if *at = p.next; r.entries.at(p.prefix).head == 0 {
		r.live--
	}
	c := &t.ledgers[b.peer.Index].half[b.family].counts
	c.Received--
	if b.attrs != nil {
		c.Accepted--
	}
	t.part(r, i, b)
	r.paths.drop(i)
}

// move puts a path into another bundle of its peer. That counts as a change
// only if they aren't the same to others.
func (t *Table) move(r *routes, i uint32, to *bundle) {
	p := r.paths.at(i)
	from := t.bundles[p.bundle]
	if !from.same(to) {
		t.touch(r, p.prefix)
		c := &t.ledgers[to.peer.Index].half[to.family].counts
		if from.attrs != nil {
			c.Accepted--
		}
		if to.attrs != nil {
			c.Accepted++
		}
	}
	// In this order: a bundle that is joined doesn't dissolve, and its new
	// paths come behind those of a walk through the old one.
	t.part(r, i, from)
	t.join(r, i, to)
}

// join appends a path to a bundle.
func (t *Table) join(r *routes, i uint32, b *bundle) {
	p := r.paths.at(i)
	p.bundle, p.before, p.after = b.number, b.last, 0
	if b.last != 0 {
		r.paths.at(b.last).after = i
	} else {
		b.first = i
	}
	b.last = i
	b.count++
}

// part takes a path out of its bundle.
func (t *Table) part(r *routes, i uint32, b *bundle) {
	p := r.paths.at(i)
	if p.before != 0 {
		r.paths.at(p.before).after = p.after
	} else {
		b.first = p.after
	}
	if p.after != 0 {
		r.paths.at(p.after).before = p.before
	} else {
		b.last = p.before
	}
	if b.count--; b.count == 0 {
		t.dissolve(b)
	}
}
