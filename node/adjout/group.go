package adjout

import (
	"net/netip"
	"sync"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// A group is what all its members hear.
//
// The owner changes it, with the lock, and may read it without. Members read
// it with the lock, and change nothing but themselves and what is kept encoded.
type group struct {
	key  Key
	desk *groups

	// The owner's alone.
	export  exporter
	walk    rib.Ref // how far Work has come
	walking bool
	pending []change
	retired bool
	byAddr  map[netip.Addr]*Member
	via     bool   // there was a route of our own by way of another router
	paths   *paths // with add-path: the family's

	mu       sync.Mutex
	held     bool // nothing is to be said yet
	walked   bool // everything was considered once
	nodes    nodes
	live     journal
	dead     journal
	deadKept int // of the dead, the last time they were looked through
	routes   int // live nodes
	bySource []int32
	members  []*Member
	byPeer   map[uint32]*Member
	idle     int // members that wait to be woken
}

// A change is what was decided for a path.
type change struct {
	ref    rib.Ref
	node   uint32
	source uint32 // the peer that isn't told it
	attrs  *wire.Attrs
}

// consider decides what is told of a prefix and notes what is different.
func (g *group) consider(ref rib.Ref, prefix netip.Prefix, best rib.Path) {
	if g.paths != nil {
		g.considerAll(ref, prefix)
		return
	}
	c := change{ref: ref, node: uint32(ref)}
	if best.Valid() {
		if c.attrs = g.export.decide(prefix, best); c.attrs != nil {
			c.source = g.source(best, c.attrs)
		}
	}
	if g.note(c) {
		g.book().write(uint32(ref), prefix)
	}
}

// source is the peer that isn't told a path: the one it is from. A route of our
// own by way of a router is as good as from that router (RFC 4271 §5.1.3: not
// to a peer with its own address as the next hop).
func (g *group) source(p rib.Path, told *wire.Attrs) uint32 {
	if l := p.Local(); l != nil && l.Gateway.IsValid() && l.Gateway == told.NextHop() {
		g.via = true
		if m := g.byAddr[l.Gateway]; m != nil {
			return uint32(m.peer)
		}
	}
	return uint32(p.Peer().Index)
}

// note takes a decision down if it is another than the last.
func (g *group) note(c change) (differs bool) {
	if differs = g.differs(c); differs {
		g.pending = append(g.pending, c)
	}
	return differs
}

func (g *group) differs(c change) bool {
	n := g.nodes.at(c.node)
	if n == nil || n.state != live {
		return c.attrs != nil
	}
	return n.attrs != c.attrs || n.source != c.source
}

// batch is how many changes are made under one lock.
const batch = 2048

// apply makes the changes that were noted.
func (g *group) apply() {
	for rest := g.pending; len(rest) > 0; {
		part := rest[:min(batch, len(rest))]
		rest = rest[len(part):]
		g.mu.Lock()
		far := g.farthest()
		for i := range part {
			g.change(&part[i], far)
		}
		if g.live.sparse() {
			g.squeeze()
		}
		g.rouse()
		g.mu.Unlock()
	}
	g.desk.unwoken += len(g.pending)
	clear(g.pending)
	g.pending = g.pending[:0]
}

func (g *group) change(c *change, far reach) {
	if c.attrs == nil {
		g.drop(c.node, c.ref, far)
		return
	}
	n := g.nodes.grow(c.node)
	if n.state == live && n.attrs == c.attrs && g.byPeer[n.source] == nil && g.byPeer[c.source] == nil {
		// The same from another source, and neither is here to whom it would
		// make a difference.
		g.live.kept.spoil(n.at)
		g.count(n.source, -1)
		g.count(c.source, 1)
		n.source, n.owed = c.source, false
		return
	}
	owed := g.owes(n, c.source)
	switch n.state {
	case absent:
		n.first = g.live.end()
		g.routes++
		if g.paths != nil {
			g.paths.hold(c.node)
		}
	case live:
		g.live.leave(n.at)
		g.count(n.source, -1)
	case dead:
		g.dead.leave(n.at)
		g.desk.unpin(g.key.Family, c.ref)
		g.routes++
	}
	n.attrs, n.source, n.state, n.owed = c.attrs, c.source, live, owed
	n.at = g.live.enter(c.node)
	g.count(c.source, 1)
}

// count keeps how many live nodes a source has.
func (g *group) count(source uint32, n int32) {
	for len(g.bySource) <= int(source) {
		g.bySource = append(g.bySource, 0)
	}
	g.bySource[source] += n
}

// drop makes a node one to be withdrawn, or forgets it when nobody knows it.
func (g *group) drop(number uint32, ref rib.Ref, far reach) {
	n := g.nodes.at(number)
	g.live.leave(n.at)
	g.count(n.source, -1)
	g.routes--
	owed := g.owes(n, n.source)
	if !owed && far.but(n.source) <= n.first {
		g.forget(number, n)
		return
	}
	n.attrs, n.state, n.owed = nil, dead, owed
	n.at = g.dead.enter(number)
	g.desk.o.Table.Pin(g.key.Family, ref)
}

func (g *group) forget(number uint32, n *node) {
	*n = node{}
	if g.paths != nil {
		g.paths.drop(number)
	}
}

// owes says whether the peer x, which a node's path will be from, knows
// something else by it that it has to forget. To be told to forget too much
// does no harm, and happens to those who are behind.
func (g *group) owes(n *node, x uint32) bool {
	if n.state == absent {
		return false
	}
	m := g.byPeer[x]
	if m == nil {
		return false
	}
	if n.state == dead {
		switch {
		case m.dead > n.at:
			return false // it has forgotten it
		case n.source == x:
			return n.owed
		}
		return m.top() > n.first
	}
	if n.source == x {
		return n.owed && m.top() <= n.at
	}
	return m.top() > n.first
}

// A reach is how far those two members have come that have come farthest: two,
// because one may be the source.
type reach struct {
	peer          uint32
	first, second uint32
}

func (g *group) farthest() (r reach) {
	for _, m := range g.members {
		switch t := m.top(); {
		case t > r.first:
			r.peer, r.first, r.second = uint32(m.peer), t, r.first
		case t > r.second:
			r.second = t
		}
	}
	return r
}

// but returns how far anyone but a peer has come.
func (r reach) but(peer uint32) uint32 {
	if r.peer == peer {
		return r.second
	}
	return r.first
}

// rouse notes that the members have something to hear.
func (g *group) rouse() {
	if g.idle == 0 || g.held {
		return
	}
	for _, m := range g.members {
		if m.idle {
			m.idle = false
			g.desk.wakes = append(g.desk.wakes, m.wake)
		}
	}
	g.idle = 0
}

// book has the prefixes of the group's nodes.
func (g *group) book() *book {
	if g.paths != nil {
		return &g.paths.book
	}
	return &g.desk.books[half(g.key.Family)]
}

// ref is the prefix of a node. The owner asks.
func (g *group) ref(number uint32) rib.Ref {
	if g.paths != nil {
		return g.paths.list[number].ref
	}
	return rib.Ref(number)
}

func (g *group) dest(number uint32) wire.Dest {
	d := wire.Dest{Prefix: g.book().prefix(number, g.key.Family == wire.IPv4)}
	if g.paths != nil {
		d.PathID = number
	}
	return d
}
