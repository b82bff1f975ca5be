package adjout

import (
	"net/netip"
	"sync/atomic"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// A Member is one peer in one group. What it still has to hear is two places
// in the group's journals.
type Member struct {
	group atomic.Pointer[group] // nil when it has left; changed under that group's lock
	peer  int                   // its Index
	addr  netip.Addr            // its Address
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
	delete(g.byAddr, m.addr)
	g.recast()
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
	g.nodes.each(func(number uint32, n *node) {
		if n.state == live && n.source != uint32(m.peer) {
			visit(g.dest(number), n.attrs)
		}
	})
}

// newMember joins a group at the beginning of what is told, and at the end of
// what is withdrawn.
func (g *group) newMember(peer *rib.Peer, wake func()) *Member {
	m := &Member{peer: peer.Index, addr: peer.Address, wake: wake, ending: endOfRIB, until: anywhere}
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
	g.byAddr[m.addr] = m
	g.recast()
}

// recast has Work find out anew whose routes are whose, where that may depend on
// who is a member.
func (g *group) recast() {
	if g.via {
		g.walk, g.walking = 0, true
	}
}
