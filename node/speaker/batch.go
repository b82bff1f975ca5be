package speaker

import (
	"sync"

	"github.com/calctl/calctl/node/wire"
)

// A batch is what a peer has said, in order, copied out of its messages.
type batch struct {
	ops   []op
	dests []wire.Dest // the ops' prefixes, one after the other
}

// An op is one thing a peer has said of the next n prefixes, or of a family.
type op struct {
	n        int
	family   wire.Family
	attrs    *wire.Attrs // nil: withdrawn
	endOfRIB bool
}

// batches are used again: a full table is thousands of them.
var batches = sync.Pool{New: func() any { return new(batch) }}

// add takes in an UPDATE.
func (b *batch) add(u *wire.Update) {
	for _, w := range u.Withdrawn {
		b.routes(w, nil)
	}
	for _, r := range u.Reach {
		b.routes(r.NLRI, r.Attrs)
	}
	if u.EndOfRIB != 0 {
		b.ops = append(b.ops, op{family: u.EndOfRIB, endOfRIB: true})
	}
}

// routes adds a run of prefixes; to the run before it when they say the same.
func (b *batch) routes(n wire.NLRI, attrs *wire.Attrs) {
	if n.Len() == 0 {
		return
	}
	b.dests = n.Append(b.dests)
	if last := len(b.ops) - 1; last >= 0 && b.ops[last].attrs == attrs && b.ops[last].family == n.Family && !b.ops[last].endOfRIB {
		b.ops[last].n += n.Len()
		return
	}
	b.ops = append(b.ops, op{n: n.Len(), family: n.Family, attrs: attrs})
}

// free gives the batch back.
func (b *batch) free() {
	clear(b.ops) // the attributes must not be held
	b.ops, b.dests = b.ops[:0], b.dests[:0]
	batches.Put(b)
}
