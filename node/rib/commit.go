package rib

// deltas is how many are reported at once: few enough to stay in the cache.
const deltas = 512

// Commit decides on every prefix that was touched since the last time and
// reports those for which the best path or the next hops have changed, each
// once; with AllPaths every one that was touched. IPv4 comes first, then it
// goes by the first touch. Report may be called several times and never with
// nothing. The slice is valid during the call, in which prefixes that were
// reported may be read and pinned; nothing else may be done. It may be nil.
func (t *Table) Commit(report func([]Delta)) {
	for f := range t.routes {
		r := &t.routes[f]
		for from := 0; from < r.touched.n; {
			part := r.touched.part(from, deltas)
			from += len(part)
			for i := range part {
				t.settle(r, f, part[i])
			}
			if len(t.out) > 0 && report != nil {
				report(t.out)
			}
			clear(t.out)
			t.out = t.out[:0]
			for i := range part {
				r.entries.at(part[i].ref).touched = false
				r.release(part[i].ref)
			}
			clear(part)
		}
		r.touched.reset()
	}
	t.tidy()
	for _, i := range t.leaving {
		t.ledgers[i] = nil
	}
	t.leaving = t.leaving[:0]
}

// settle decides on a prefix and notes what changed.
func (t *Table) settle(r *routes, f int, was touched) {
	e := r.entries.at(was.ref)
	t.scratch = t.gather(t.scratch[:0], r, e)
	best := Decide(t.scratch)

	var d Delta
	d.Old = Choice{Hops: t.sets[e.hops]}
	if was.best != nil {
		d.Old.Best = Path{was.best, was.id, was.best.stale}
	}
	d.New.Hops = t.hopsOf(t.scratch, best)
	if best >= 0 {
		d.New.Best = t.scratch[best].Path
		r.lead(e, best)
	}
	if d.Old.Hops != d.New.Hops {
		t.exchange(e, d.New.Hops)
	}
	t.countBest(f, d.Old.Best, -1)
	t.countBest(f, d.New.Best, 1)
	if t.allPaths && (best >= 0 || was.best != nil) || d.BestChanged() || d.HopsChanged() {
		d.Ref, d.Prefix = Ref(was.ref), r.prefix(was.ref)
		t.out = append(t.out, d)
	}
}

func (t *Table) countBest(f int, p Path, n int) {
	if p.Valid() {
		t.ledgers[p.b.peer.Index].half[f].counts.Best += n
	}
}

// gather appends the paths of a prefix, as they are in its list.
func (t *Table) gather(to []Candidate, r *routes, e *entry) []Candidate {
	for i := e.head; i != 0; {
		p := r.paths.at(i)
		b := t.bundles[p.bundle]
		c := Candidate{Path: Path{b, p.id, b.stale}}
		switch {
		case b.hop != nil:
			c.Reach = b.hop.Reach
		case b.local != nil:
			c.Reach = Reach{Resolvable: true, Metric: b.local.Metric}
		}
		to = append(to, c)
		i = p.next
	}
	return to
}

// lead puts the n-th path of a prefix in front.
func (r *routes) lead(e *entry, n int) {
	if n == 0 {
		return
	}
	at := &e.head
	for range n {
		at = &r.paths.at(*at).next
	}
	i := *at
	p := r.paths.at(i)
	*at, p.next, e.head = p.next, e.head, i
}

// release drops a prefix that has neither paths nor pins.
func (r *routes) release(ref uint32) {
	if e := r.entries.at(ref); e.head == 0 && e.pins == 0 && !e.touched {
		r.forget(ref)
	}
}
