package adjout

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/calctl/calctl/node/rib"
)

// paths say which nodes are one prefix's, where several paths are told. A
// node's number is the path's id on the wire: ours, and the same as long as a
// peer has heard of it.
type paths struct {
	heads []uint32 // by Ref: a first node
	list  []pathNode
	free  []uint32
	found []rib.Path // scratch: the paths to one prefix, as rib.Table.Paths has them
	noded []bool     // scratch: those of them that there is a node for
}

type pathNode struct {
	ref      rib.Ref
	next     uint32
	from, id uint32 // the peer, and its number for the path
}

func newPaths() *paths { return &paths{list: make([]pathNode, 1)} }

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

func (p *paths) add(ref rib.Ref, from, id uint32) uint32 {
	for len(p.heads) <= int(ref) {
		p.heads = append(p.heads, 0)
	}
	n := uint32(len(p.list))
	if last := len(p.free) - 1; last >= 0 {
		n, p.free = p.free[last], p.free[:last]
	} else {
		p.list = append(p.list, pathNode{})
	}
	p.list[n] = pathNode{ref: ref, next: p.heads[ref], from: from, id: id}
	p.heads[ref] = n
	return n
}

func (p *paths) remove(n uint32) {
	at := &p.heads[p.list[n].ref]
	for *at != n {
		at = &p.list[*at].next
	}
	*at = p.list[n].next
	p.list[n] = pathNode{}
	p.free = append(p.free, n)
}

// considerAll decides on every path to a prefix.
func (g *group) considerAll(ref rib.Ref, prefix netip.Prefix) {
	p := g.paths
	p.found = g.desk.o.Table.Paths(p.found[:0], g.key.Family, ref)
	p.noded = slices.Grow(p.noded[:0], len(p.found))[:len(p.found)]
	clear(p.noded)
	for n := p.head(ref); n != 0; n = p.list[n].next {
		was := &p.list[n]
		c := change{ref: ref, node: n}
		if i := p.place(was.from, was.id); i >= 0 {
			p.noded[i] = true
			if c.attrs = g.export.decide(prefix, p.found[i]); c.attrs != nil {
				c.source = g.source(p.found[i], c.attrs)
			}
		}
		g.note(c, prefix)
	}
	for i, path := range p.found {
		if p.noded[i] {
			continue
		}
		if a := g.export.decide(prefix, path); a != nil {
			g.note(change{ref: ref, from: uint32(path.Peer().Index), id: path.ID, attrs: a, source: g.source(path, a)}, prefix)
		}
	}
	clear(p.found)
}
