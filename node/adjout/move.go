package adjout

import (
	"net/netip"
	"slices"
)

func (s *groups) move(k Key, policy Policy, members []*Member) {
	k = k.normal()
	byGroup := make(map[*group][]*Member)
	var order []*group
	for _, m := range members {
		g := m.group.Load()
		if g == nil || g.key == k || g.key.Family != k.Family || g.key.Builder != k.Builder {
			continue
		}
		if byGroup[g] == nil {
			order = append(order, g)
		}
		if !slices.Contains(byGroup[g], m) {
			byGroup[g] = append(byGroup[g], m)
		}
	}
	for _, g := range order {
		if len(byGroup[g]) < len(g.members) {
			g = s.split(g, byGroup[g])
		}
		s.rename(g, k, policy)
	}
}

// rename makes a group one of another key. There may be one already: adopt
// joins them.
func (s *groups) rename(g *group, k Key, policy Policy) {
	if s.byKey[g.key] == g {
		delete(s.byKey, g.key)
	}
	if s.byKey[k] == nil {
		s.byKey[k] = g
	}
	g.mu.Lock()
	g.key = k
	g.mu.Unlock()
	g.export = newExporter(&g.key, policy, s.o.Attrs)
	g.walk, g.walking = 0, true
}

// split makes a group of some members of one, with all that they know and have
// still to hear.
func (s *groups) split(g *group, members []*Member) *group {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := &group{
		key: g.key, desk: s, held: g.held, walked: g.walked, walk: g.walk, walking: g.walking,
		live: g.live.clone(), dead: g.dead.clone(), deadKept: g.deadKept,
		routes: g.routes, bySource: slices.Clone(g.bySource), paths: g.paths,
		byPeer: make(map[uint32]*Member), byAddr: make(map[netip.Addr]*Member), via: g.via,
	}
	n.mu.Lock() // members come in one by one
	defer n.mu.Unlock()
	for _, page := range g.nodes {
		if page != nil {
			c := *page
			page = &c
		}
		n.nodes = append(n.nodes, page)
	}
	if n.paths != nil {
		n.nodes.each(func(number uint32, _ *node) { n.paths.hold(number) })
	}
	for at := range n.dead.order {
		if number, nd := n.dead.stands(n.nodes, uint32(at)); nd != nil {
			s.o.Table.Pin(n.key.Family, n.ref(number))
		}
	}
	for _, m := range members {
		idle := m.idle
		g.remove(m)
		n.admit(m)
		if m.idle = idle; idle {
			n.idle++
		}
		m.group.Store(n) // whoever waits for g's lock looks again
	}
	s.enlist(n)
	return n
}

func (j *journal) clone() journal {
	return journal{
		state: j.state, order: slices.Clone(j.order), full: j.full,
		kept: cache{moved: make([]uint64, len(j.kept.moved))},
	}
}

// adopt takes members of a group that has come to be like another one into
// that, when they have heard everything: then both know the same.
func (s *groups) adopt() {
	for _, g := range slices.Clone(s.all) {
		to := s.byKey[g.key]
		switch {
		case to == nil:
			s.byKey[g.key] = g // the one of that name has gone
		case to != g && !g.walking && !to.walking:
			s.merge(g, to)
		}
	}
}

func (s *groups) merge(from, to *group) {
	var ready []*Member
	from.mu.Lock()
	for _, m := range from.members {
		if m.at == from.live.end() && m.dead == from.dead.end() && m.ending == noEnding && !m.again {
			ready = append(ready, m)
		}
	}
	if len(ready) > 0 {
		to.mu.Lock()
		for _, m := range ready {
			idle := m.idle
			from.remove(m)
			m.at, m.dead, m.high = to.live.end(), to.dead.end(), 0
			to.admit(m)
			if m.idle = idle; idle {
				to.idle++
			}
			m.group.Store(to)
		}
		to.mu.Unlock()
	}
	empty := len(from.members) == 0
	from.mu.Unlock()
	if empty {
		s.retire(from)
	}
}
