package adjout

import (
	"encoding/binary"

	"github.com/calctl/calctl/node/wire"
)

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
		if next > room && (!must || n > 0) {
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
