package adjout

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/calctl/calctl/node/rib"
)

// paths number the paths of a family, where several are told to a prefix. The
// number is the path's id on the wire and its node's in every group: so groups
// that have come to be alike can become one. A path keeps it for as long as a
// peer may have heard of it. All of it is the owner's, but for reading the book.
type paths struct {
	book  book     // by number
	heads []uint32 // by Ref: a first path
	list  []numbered
	free  []uint32
	found []rib.Path // scratch: the paths to one prefix, as rib.Table.Paths has them
	known []bool     // scratch: those of them that have a number
}

// numbered is a path with a number.
type numbered struct {
	ref      rib.Ref
	next     uint32 // to the same prefix
	from, id uint32 // the peer, and its number for the path
	groups   uint32 // that have a node of it
}

func newPaths() *paths { return &paths{list: make([]numbered, 1)} }

func (p *paths) head(ref rib.Ref) uint32 {
	if int(ref) < len(p.heads) {
		return p.heads[ref]
	}
	return 0
}

// place returns where a path is in found, or -1.
func (p *paths) place(from, id uint32) int {
	order := func(x rib.Path, _ struct{}) int {
		return cmp.Or(cmp.Compare(uint32(x.Peer().Index), from), cmp.Compare(x.ID, id))
	}
	if len(p.found) == 0 {
		return -1
	}
	if order(p.found[0], struct{}{}) == 0 { // the best, before those in order
		return 0
	}
	if i, ok := slices.BinarySearchFunc(p.found[1:], struct{}{}, order); ok {
		return i + 1
	}
	return -1
}

// add numbers a path. It is to be held, or the number is lost.
func (p *paths) add(ref rib.Ref, prefix netip.Prefix, path rib.Path) uint32 {
	for len(p.heads) <= int(ref) {
		p.heads = append(p.heads, 0)
	}
	n := uint32(len(p.list))
	if last := len(p.free) - 1; last >= 0 {
		n, p.free = p.free[last], p.free[:last]
	} else {
		p.list = append(p.list, numbered{})
	}
	p.list[n] = numbered{ref: ref, next: p.heads[ref], from: uint32(path.Peer().Index), id: path.ID}
	p.heads[ref] = n
	p.book.write(n, prefix)
	return n
}

// hold says that one more group has a node of a path.
func (p *paths) hold(n uint32) { p.list[n].groups++ }

// drop ends a hold. The number is free again when that was the last.
func (p *paths) drop(n uint32) {
	if p.list[n].groups--; p.list[n].groups > 0 {
		return
	}
	at := &p.heads[p.list[n].ref]
	for *at != n {
		at = &p.list[*at].next
	}
	*at = p.list[n].next
	p.list[n] = numbered{}
	p.free = append(p.free, n)
}

// considerAll decides on every path to a prefix.
func (g *group) considerAll(ref rib.Ref, prefix netip.Prefix) {
	p := g.paths
	p.found = g.desk.o.Table.Paths(p.found[:0], g.key.Family, ref)
	p.known = slices.Grow(p.known[:0], len(p.found))[:len(p.found)]
	clear(p.known)
	for n := p.head(ref); n != 0; n = p.list[n].next {
		was := &p.list[n]
		c := change{ref: ref, node: n}
		if i := p.place(was.from, was.id); i >= 0 {
			p.known[i] = true
			if c.attrs = g.export.decide(prefix, p.found[i]); c.attrs != nil {
				c.source = g.source(p.found[i], c.attrs)
			}
		}
		g.note(c)
	}
	for i, path := range p.found {
		if p.known[i] {
			continue
		}
		if a := g.export.decide(prefix, path); a != nil {
			g.note(change{ref: ref, node: p.add(ref, prefix, path), attrs: a, source: g.source(path, a)})
		}
	}
	clear(p.found)
}
