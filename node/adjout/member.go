package adjout

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// A Member is one peer in one group. What it still has to hear is two places
// in the group's journals.
type Member struct {
	group atomic.Pointer[group] // nil when it has left; changed under that group's lock
	peer  int                   // its Index
	wake  func()

	// Under the group's lock.
	idle   bool
	at     uint32 // the next place of the live journal
	dead   uint32 // and of the dead one
	high   uint32 // how far it had come before it began anew for a refresh
	ending ending
	until  uint32 // the place in the live journal at which the end is to be said
	ended  bool   // End-of-RIB was said
	again  bool   // another refresh is asked for
	marked bool   // by a peer that knows BoRR and EoRR

	// Of whoever calls Fill.
	rest  [][]byte // messages that it has taken and not yet handed on
	first int      // in rest
}

// An ending is the mark that a member is on the way to.
type ending uint8

const (
	noEnding ending = iota
	endOfRIB
	endOfRefresh // without a mark
	markedEnd    // EoRR
)

// anywhere stands for a place that isn't known yet.
const anywhere = ^uint32(0)

// top is how far the member has ever come: what began to be told at that place
// or later, it doesn't know.
func (m *Member) top() uint32 { return max(m.at, m.high) }

// enter locks the member's group; nil when it has left.
func (m *Member) enter() *group {
	for {
		g := m.group.Load()
		if g == nil {
			return nil
		}
		g.mu.Lock()
		if m.group.Load() == g {
			return g
		}
		g.mu.Unlock() // it has moved meanwhile
	}
}

func (m *Member) fill(buf []byte) []byte {
	start := len(buf)
	for {
		for m.first < len(m.rest) {
			var left []byte
			buf, left = pour(buf, m.rest[m.first], len(buf) == start)
			if m.rest[m.first] = left; len(left) > 0 {
				return buf
			}
			m.first++
		}
		clear(m.rest)
		m.rest, m.first = m.rest[:0], 0
		if !m.take(len(buf) > start) {
			return buf
		}
	}
}

// pour appends whole messages while they fit, the first one in any case if must.
func pour(buf, from []byte, must bool) (out, left []byte) {
	room := cap(buf) - len(buf)
	if len(from) <= room {
		return append(buf, from...), nil
	}
	n := 0
	for n < len(from) {
		next := n + int(binary.BigEndian.Uint16(from[n+16:]))
		if next > room && !(must && n == 0) {
			break
		}
		n = next
	}
	return append(buf, from[:n]...), from[n:]
}

// take gets the next messages from the group and says whether to go on: there
// may have been none among them for this member. After said, there is no need
// for a wake: the session will ask again.
func (m *Member) take(said bool) (more bool) {
	g := m.enter()
	if g == nil {
		return false
	}
	defer g.mu.Unlock()
	if !g.held {
		switch {
		case m.dead < g.dead.end():
			m.dead = m.read(g, &g.dead, m.dead)
			return true
		case m.ends(g):
			return true
		case m.at < g.live.end():
			m.at = m.read(g, &g.live, m.at)
			return true
		}
	}
	if !said && !m.idle {
		m.idle = true
		if g.idle++; g.idle == len(g.members) {
			g.live.kept.drop()
			g.dead.kept.drop()
		}
	}
	return false
}

// ends says the marks that are due, and begins what follows them.
func (m *Member) ends(g *group) bool {
	if m.ending == noEnding {
		if !m.again {
			return false
		}
		// What has changed since the member was last asked lies behind what it
		// is told again.
		m.again = false
		m.high, m.at = m.top(), 0
		m.ending, m.until = endOfRefresh, g.live.end()
		if m.marked {
			m.ending = markedEnd
			m.speak(wire.AppendRefresh(nil, wire.Refresh{Family: g.key.Family, Subtype: wire.RefreshBegin}))
		}
		return true
	}
	if m.until == anywhere && g.walked {
		m.until = g.live.end()
	}
	if m.at < m.until || m.until == anywhere {
		return false
	}
	switch m.ending {
	case endOfRIB:
		m.ended = true
		m.speak(g.key.Builder.EndOfRIB(nil, g.key.Family))
	case markedEnd:
		m.speak(wire.AppendRefresh(nil, wire.Refresh{Family: g.key.Family, Subtype: wire.RefreshEnd}))
	}
	m.ending, m.until = noEnding, anywhere
	return true
}

func (m *Member) speak(b []byte) { m.rest = append(m.rest, b) }

// read takes the next chunk of a journal and returns where it ends.
func (m *Member) read(g *group, j *journal, from uint32) (to uint32) {
	if len(g.members) == 1 {
		// Nobody needs the chunk if it is all the member's own.
		if from, to = m.pass(g, j, from); from == to {
			return to
		}
	}
	c := j.kept.get(from)
	if c == nil {
		c = g.encode(j, from)
		if len(g.members) > 1 {
			j.kept.put(c, g.desk.o.Keep)
		}
	}
	begin, end := 0, 0
	for _, p := range c.parts {
		if p.source == uint32(m.peer) {
			if begin < end {
				m.speak(c.bytes[begin:end])
			}
			begin = p.end
		}
		end = p.end
	}
	if begin < end {
		m.speak(c.bytes[begin:end])
	}
	m.settle(g, c)
	return c.to
}

// passable is how many places are passed under one lock.
const passable = 64 << 10

// pass skips what the member isn't told, up to the first thing that it is; to
// equals from when there was none.
func (m *Member) pass(g *group, j *journal, from uint32) (at, to uint32) {
	limit := min(j.end(), from+passable)
	for at = from; at < limit; at++ {
		if _, n := j.stands(g.nodes, at); n != nil && (n.source != uint32(m.peer) || n.owed) {
			return at, limit
		}
	}
	return limit, limit
}

// settle has the member forget those of its own routes instead of which it
// knows others.
func (m *Member) settle(g *group, c *chunk) {
	var dests []wire.Dest
	for _, d := range c.owed {
		if d.source == uint32(m.peer) {
			dests = append(dests, g.dest(d.node))
		}
	}
	if dests != nil {
		m.speak(g.key.Builder.Withdraw(nil, g.key.Family, dests))
	}
}

func (m *Member) refresh(marked bool) {
	g := m.enter()
	if g == nil {
		return
	}
	m.again, m.marked = true, marked
	wake := m.idle && !g.held
	if wake {
		m.idle = false
		g.idle--
	}
	g.mu.Unlock()
	if wake && m.wake != nil {
		m.wake()
	}
}

func (m *Member) leave() {
	g := m.enter()
	if g == nil {
		return
	}
	m.group.Store(nil)
	last := g.remove(m)
	g.mu.Unlock()
	if last {
		g.desk.retire(g)
	}
}

// remove takes a member out and says whether it was the last.
func (g *group) remove(m *Member) (last bool) {
	for i, x := range g.members {
		if x == m {
			g.members = append(g.members[:i], g.members[i+1:]...)
			break
		}
	}
	delete(g.byPeer, uint32(m.peer))
	if m.idle {
		g.idle--
		m.idle = false
	}
	return len(g.members) == 0
}

func (m *Member) key() Key {
	g := m.enter()
	if g == nil {
		return Key{}
	}
	defer g.mu.Unlock()
	return g.key
}

func (m *Member) standing() (s Standing) {
	g := m.enter()
	if g == nil {
		return s
	}
	defer g.mu.Unlock()
	s.Routes = g.routes
	if m.peer < len(g.bySource) {
		s.Routes -= int(g.bySource[m.peer])
	}
	s.Behind = int(g.live.end()-m.at) + int(g.dead.end()-m.dead)
	s.Behind = min(s.Behind, g.live.full+g.dead.full)
	s.Ended = m.ended
	return s
}

func (m *Member) told(visit func(wire.Dest, *wire.Attrs)) {
	g := m.group.Load()
	if g == nil {
		return
	}
	// The owner calls, who alone changes nodes.
	for page, ns := range g.nodes {
		if ns == nil {
			continue
		}
		for i := range ns {
			if n := &ns[i]; n.state == live && n.source != uint32(m.peer) {
				visit(g.dest(uint32(page<<pageBits|i)), n.attrs)
			}
		}
	}
}

// newMember joins a group at the beginning of what is told, and at the end of
// what is withdrawn.
func (g *group) newMember(peer *rib.Peer, wake func()) *Member {
	m := &Member{peer: peer.Index, wake: wake, ending: endOfRIB, until: anywhere}
	g.mu.Lock()
	m.dead = g.dead.end()
	m.group.Store(g)
	g.admit(m)
	g.mu.Unlock()
	return m
}

func (g *group) admit(m *Member) {
	g.members = append(g.members, m)
	g.byPeer[uint32(m.peer)] = m
}
