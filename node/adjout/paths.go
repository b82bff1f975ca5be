package adjout

import (
	"net/netip"

	"github.com/calctl/calctl/node/rib"
)

// paths say which nodes are one prefix's, where several paths are told. A
// node's number is the path's id on the wire: ours, and the same as long as a
// peer has heard of it.
type paths struct {
	heads []uint32 // by Ref: a first node
	list  []pathNode
	free  []uint32
	found []rib.Path // scratch: the paths to one prefix
}

type pathNode struct {
	ref        rib.Ref
	next       uint32
	source, id uint32 // the peer, and its number for the path
}

func newPaths() *paths { return &paths{list: make([]pathNode, 1)} }

func (p *paths) head(ref rib.Ref) uint32 {
	if int(ref) < len(p.heads) {
		return p.heads[ref]
	}
	return 0
}

func (p *paths) find(ref rib.Ref, source, id uint32) uint32 {
	n := p.head(ref)
	for n != 0 && (p.list[n].source != source || p.list[n].id != id) {
		n = p.list[n].next
	}
	return n
}

func (p *paths) add(ref rib.Ref, source, id uint32) uint32 {
	for len(p.heads) <= int(ref) {
		p.heads = append(p.heads, 0)
	}
	n := uint32(len(p.list))
	if last := len(p.free) - 1; last >= 0 {
		n, p.free = p.free[last], p.free[:last]
	} else {
		p.list = append(p.list, pathNode{})
	}
	p.list[n] = pathNode{ref: ref, next: p.heads[ref], source: source, id: id}
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
	for n := p.head(ref); n != 0; n = p.list[n].next {
		g.considerOne(ref, prefix, n)
	}
	for _, path := range p.found {
		source := uint32(path.Peer().Index)
		if p.find(ref, source, path.ID) != 0 {
			continue
		}
		if a := g.export.decide(prefix, path); a != nil {
			g.note(change{ref: ref, source: source, id: path.ID, attrs: a}, prefix)
		}
	}
	clear(p.found)
}

// considerOne decides on a path that there is a node for.
func (g *group) considerOne(ref rib.Ref, prefix netip.Prefix, n uint32) {
	was := &g.paths.list[n]
	c := change{ref: ref, node: n, source: was.source, id: was.id}
	for _, path := range g.paths.found {
		if uint32(path.Peer().Index) == was.source && path.ID == was.id {
			c.attrs = g.export.decide(prefix, path)
			break
		}
	}
	g.note(c, prefix)
}
