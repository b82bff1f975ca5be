package rib

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	"github.com/calctl/calctl/node/wire"
)

// Walk visits about limit prefixes of a family from a position on, 0 at first,
// and returns the next position and whether there are more. Prefixes that have
// a path all the while are visited exactly once, whatever else changes between
// two steps. One that comes meanwhile has its place by its Ref, like all: below
// the position, the Delta that brings it is the only word of it. The order is
// by Ref, roughly that in which prefixes came. Prefixes whose paths are all
// rejected are visited as well; they have no best.
func (t *Table) Walk(family wire.Family, from Ref, limit int, visit func(Row)) (next Ref, more bool) {
	f := halfOf(family)
	if f < 0 {
		return from, false
	}
	r := &t.routes[f]
	i := r.entries.next(uint32(from))
	for ; i != 0; i = r.entries.next(i + 1) {
		if limit <= 0 {
			return Ref(i), true
		}
		if r.entries.at(i).head != 0 {
			limit--
			visit(t.rowAt(r, i))
		}
	}
	return Ref(len(r.entries.used) * chunkLen), false
}

// Lookup returns what was decided for exactly one prefix, and whether it has
// paths.
func (t *Table) Lookup(p netip.Prefix) (Row, bool) {
	r, ref := t.search(p)
	if ref == 0 || r.entries.at(ref).head == 0 {
		return Row{}, false
	}
	return t.rowAt(r, ref), true
}

// Row returns what was decided for a prefix by its number, without a search.
// The row of a number that is not in use is empty.
func (t *Table) Row(family wire.Family, ref Ref) Row {
	if r := t.routesOf(family, ref); r != nil {
		return t.rowAt(r, uint32(ref))
	}
	return Row{}
}

func (t *Table) rowAt(r *routes, ref uint32) Row {
	e := r.entries.at(ref)
	row := Row{Prefix: r.prefix(ref), Ref: Ref(ref), Choice: Choice{Hops: t.sets[e.hops]}}
	if e.head != 0 {
		p := r.paths.at(e.head)
		if b := t.bundles[p.bundle]; b.attrs != nil {
			row.Best = Path{b, p.id, b.stale}
		}
	}
	return row
}

// routesOf returns those of a family, or nil unless ref is in use there.
func (t *Table) routesOf(family wire.Family, ref Ref) *routes {
	f := halfOf(family)
	if f < 0 || !t.routes[f].entries.has(uint32(ref)) {
		return nil
	}
	return &t.routes[f]
}

func (t *Table) search(p netip.Prefix) (*routes, uint32) {
	if !p.IsValid() {
		return nil, 0
	}
	r := &t.routes[halfOf(wire.FamilyOf(p))]
	k, ok := r.keyOf(p)
	if !ok {
		return r, 0
	}
	return r, r.find(k)
}

// Paths appends the accepted paths to a prefix, the best first, then by peer
// and number.
func (t *Table) Paths(to []Path, family wire.Family, ref Ref) []Path {
	r := t.routesOf(family, ref)
	if r == nil {
		return to
	}
	n := len(to)
	for i := r.entries.at(uint32(ref)).head; i != 0; {
		p := r.paths.at(i)
		if b := t.bundles[p.bundle]; b.attrs != nil {
			to = append(to, Path{b, p.id, b.stale})
		}
		i = p.next
	}
	if rest := to[n:]; len(rest) > 2 {
		slices.SortFunc(rest[1:], comparePaths)
	}
	return to
}

func comparePaths(a, b Path) int {
	if a.b.peer != b.b.peer {
		return cmp.Compare(a.b.peer.Index, b.b.peer.Index)
	}
	return cmp.Compare(a.ID, b.ID)
}

// Explain returns all paths to a prefix, rejected ones too, and the step by
// which each was chosen or lost: the best first, then by step, peer and
// number. It decides anew, so it is right before a Commit as well.
func (t *Table) Explain(p netip.Prefix) []Candidate {
	r, ref := t.search(p)
	if ref == 0 {
		return nil
	}
	list := t.gather(nil, r, r.entries.at(ref))
	Decide(list)
	slices.SortFunc(list, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), comparePaths(a.Path, b.Path))
	})
	return list
}

// Pin keeps a prefix's number its own even when it loses its last path, so
// that what must be withdrawn later can be remembered as a number. Every Pin
// needs its Unpin.
func (t *Table) Pin(family wire.Family, ref Ref) {
	if r := t.routesOf(family, ref); r != nil {
		// At the highest count, nobody knows how many there are: pinned for ever.
		if e := r.entries.at(uint32(ref)); e.pins < math.MaxUint16 {
			e.pins++
		}
	}
}

// Unpin ends a Pin.
func (t *Table) Unpin(family wire.Family, ref Ref) {
	if r := t.routesOf(family, ref); r != nil {
		e := r.entries.at(uint32(ref))
		if e.pins > 0 && e.pins < math.MaxUint16 {
			e.pins--
		}
		r.release(uint32(ref))
	}
}
