package adjout

import (
	"slices"
	"sync"

	"github.com/calctl/calctl/node/wire"
)

// A chunk is encoded at a time: about what a session asks for at once, and so
// little that nobody waits for the lock for long.
const (
	chunkOctets = 64 << 10
	chunkNodes  = 16 << 10
)

// A press is what is needed while a chunk is made. Presses are shared by all
// groups: few are at work at any time.
type press struct {
	stacks []stack
	of     map[stackKey]int32
	sheets []sheet
	dests  []wire.Dest
	bytes  []byte
	owed   []debt
}

// A stack is nodes that go into the same messages.
type stack struct {
	stackKey
	first, last int32 // sheets
	n           int
}

type stackKey struct {
	attrs  *wire.Attrs // nil: to be withdrawn
	source uint32
}

type sheet struct {
	node uint32
	next int32
}

var presses = sync.Pool{New: func() any { return &press{of: make(map[stackKey]int32)} }}

// encode says what stands in a journal from a place on. It is called with the
// group's lock.
func (g *group) encode(j *journal, from uint32) *chunk {
	p := presses.Get().(*press)
	to := p.collect(g, j, from)
	c := &chunk{from: from, to: to, owed: slices.Clone(p.owed)}
	p.print(g, c)
	c.bytes = slices.Clone(p.bytes)
	p.clear()
	presses.Put(p)
	return c
}

// collect puts nodes on stacks until there are enough.
func (p *press) collect(g *group, j *journal, from uint32) (to uint32) {
	current := int32(-1)
	room := chunkOctets
	for to = from; to < j.end() && room > 0 && len(p.sheets) < chunkNodes; to++ {
		n, nd := j.stands(g.nodes, to)
		if nd == nil {
			continue
		}
		if nd.owed {
			p.owed = append(p.owed, debt{nd.source, n})
		}
		key := stackKey{nd.attrs, nd.source}
		if current < 0 || p.stacks[current].stackKey != key {
			var ok bool
			if current, ok = p.of[key]; !ok {
				current = int32(len(p.stacks))
				p.of[key] = current
				p.stacks = append(p.stacks, stack{stackKey: key, first: -1})
				if key.attrs != nil {
					room -= key.attrs.Size()
				}
			}
		}
		s, i := &p.stacks[current], int32(len(p.sheets))
		p.sheets = append(p.sheets, sheet{n, -1})
		if s.first < 0 {
			s.first = i
		} else {
			p.sheets[s.last].next = i
		}
		s.last = i
		s.n++
		room -= 4
	}
	return to
}

// print writes the stacks as messages, source by source.
func (p *press) print(g *group, c *chunk) {
	slices.SortStableFunc(p.stacks, func(a, b stack) int { return int(a.source) - int(b.source) })
	for i := range p.stacks {
		s := &p.stacks[i]
		p.dests = p.dests[:0]
		for at := s.first; at >= 0; at = p.sheets[at].next {
			p.dests = append(p.dests, g.dest(p.sheets[at].node))
		}
		p.bytes = g.say(p.bytes, s.attrs, p.dests)
		if last := len(c.parts) - 1; last >= 0 && c.parts[last].source == s.source {
			c.parts[last].end = len(p.bytes)
		} else {
			c.parts = append(c.parts, part{s.source, len(p.bytes)})
		}
	}
}

// say appends messages that announce routes, or withdraw them.
func (g *group) say(to []byte, a *wire.Attrs, dests []wire.Dest) []byte {
	if a != nil {
		if out, err := g.key.Builder.Reach(to, g.key.Family, a, dests); err == nil {
			return out
		}
		// No message can say this. What was said before must not stay.
	}
	return g.key.Builder.Withdraw(to, g.key.Family, dests)
}

func (p *press) clear() {
	clear(p.of)
	clear(p.stacks)
	p.stacks, p.sheets, p.dests, p.bytes, p.owed = p.stacks[:0], p.sheets[:0], p.dests[:0], p.bytes[:0], p.owed[:0]
}
