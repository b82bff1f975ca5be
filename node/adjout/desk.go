package adjout

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// groups is the inside of Groups.
type groups struct {
	o       Options
	all     []*group
	byKey   map[Key]*group
	books   [2]book   // by half, for nodes with the numbers of prefixes
	paths   [2]*paths // by half, while there are groups that hear of all
	held    wire.Families
	pins    []pin // to be given back outside of a commit
	wakes   []func()
	unwoken int // changes since members were last woken
	rows    []rib.Row
	every   int // groups that hear of all paths
}

type pin struct {
	family wire.Family
	ref    rib.Ref
}

func half(f wire.Family) int {
	if f == wire.IPv6 {
		return 1
	}
	return 0
}

func newGroups(o Options) *Groups {
	if o.Keep == 0 {
		o.Keep = 4 << 20
	}
	if o.Attrs == nil {
		o.Attrs = new(wire.Table)
	}
	g := &Groups{groups{o: o, byKey: make(map[Key]*group)}}
	if o.Hold {
		g.held = wire.Both
	}
	return g
}

func (s *groups) join(k Key, policy Policy, peer *rib.Peer, wake func()) *Member {
	k = k.normal()
	g := s.byKey[k]
	if g == nil {
		g = s.found(k, policy)
		s.byKey[k] = g
	}
	return g.newMember(peer, wake)
}

// found makes a group that has everything before it.
func (s *groups) found(k Key, policy Policy) *group {
	g := &group{
		key: k, desk: s, walking: true, held: s.held.Has(k.Family),
		live: journal{state: live}, dead: journal{state: dead},
		byPeer: make(map[uint32]*Member), byAddr: make(map[netip.Addr]*Member),
	}
	g.export = newExporter(&g.key, policy, s.o.Attrs)
	if p := &s.paths[half(k.Family)]; k.addPath() {
		if *p == nil {
			*p = newPaths()
		}
		g.paths = *p
	}
	s.enlist(g)
	return g
}

func (s *groups) enlist(g *group) {
	s.all = append(s.all, g)
	if g.paths != nil {
		if s.every++; s.every == 1 {
			s.o.Table.SetAllPaths(true)
		}
	}
}

// retire ends a group that has no members.
func (s *groups) retire(g *group) {
	g.retired = true
	s.all = slices.DeleteFunc(s.all, func(x *group) bool { return x == g })
	if s.byKey[g.key] == g {
		delete(s.byKey, g.key)
	}
	g.mu.Lock()
	for at := range g.dead.order {
		if n, nd := g.dead.stands(g.nodes, uint32(at)); nd != nil {
			s.unpin(g.key.Family, g.ref(n))
		}
	}
	g.mu.Unlock()
	if g.paths == nil {
		return
	}
	g.nodes.each(func(n uint32, _ *node) { g.paths.drop(n) })
	if s.every--; s.every == 0 {
		s.o.Table.SetAllPaths(false)
		s.paths = [2]*paths{}
	}
}

func (s *groups) changed(deltas []rib.Delta) {
	for _, g := range s.all {
		v4 := g.key.Family == wire.IPv4
		for i := range deltas {
			d := &deltas[i]
			if d.Prefix.Addr().Is4() == v4 && (g.paths != nil || d.BestChanged()) {
				g.consider(d.Ref, d.Prefix, d.New.Best)
			}
		}
		g.apply()
	}
	// In a long commit, members begin before it ends; in a short one, they
	// hear of it as a whole, in full messages.
	if s.unwoken >= wakeAfter {
		s.wakeAll()
	}
}

// wakeAfter is how many changes members are woken for within a commit.
const wakeAfter = 16 << 10

func (s *groups) wakeAll() {
	s.unwoken = 0
	for i, wake := range s.wakes {
		s.wakes[i] = nil
		if wake != nil {
			wake()
		}
	}
	s.wakes = s.wakes[:0]
}

// work gives pins back first: a table's Walk must not be disturbed by that.
func (s *groups) work(limit int) (more bool) {
	s.bury()
	walking := 0
	for _, g := range s.all {
		if g.walking {
			walking++
		}
	}
	for _, g := range s.all {
		if g.walking {
			more = s.step(g, max(1, limit/walking)) || more
		}
	}
	s.adopt()
	s.wakeAll()
	for _, g := range s.all {
		more = more || g.walking
	}
	if !more {
		for _, g := range s.all {
			g.export.forget()
		}
	}
	return more
}

// step considers some more prefixes for a group.
func (s *groups) step(g *group, limit int) (more bool) {
	s.rows = s.rows[:0]
	g.walk, g.walking = s.o.Table.Walk(g.key.Family, g.walk, limit, func(r rib.Row) { s.rows = append(s.rows, r) })
	for i := range s.rows {
		r := &s.rows[i]
		g.consider(r.Ref, r.Prefix, r.Best)
	}
	clear(s.rows)
	g.apply()
	if !g.walking {
		g.walk = 0
		g.mu.Lock()
		if !g.walked {
			g.walked = true
			g.rouse() // for End-of-RIB
		}
		g.mu.Unlock()
	}
	return g.walking
}

func (s *groups) bury() {
	for _, g := range s.all {
		g.mu.Lock()
		g.bury()
		g.mu.Unlock()
	}
	for _, p := range s.pins {
		s.o.Table.Unpin(p.family, p.ref)
	}
	s.pins = s.pins[:0]
}

// unpin gives a pin back when that is allowed: not within a commit.
func (s *groups) unpin(family wire.Family, ref rib.Ref) {
	s.pins = append(s.pins, pin{family, ref})
}

func (s *groups) setPolicy(name string, policy Policy) {
	for _, g := range s.all {
		if g.key.Policy == name {
			g.export = newExporter(&g.key, policy, s.o.Attrs)
			g.walk, g.walking = 0, true
		}
	}
}

func (s *groups) reconsider() {
	for _, g := range s.all {
		g.export.forget()
		g.walk, g.walking = 0, true
	}
}

func (s *groups) release(families wire.Families) {
	s.held &^= families
	for _, g := range s.all {
		if families.Has(g.key.Family) {
			g.mu.Lock()
			g.held = false
			g.rouse()
			g.mu.Unlock()
		}
	}
	s.wakeAll()
}

func (s *groups) closeAll() {
	for _, g := range slices.Clone(s.all) {
		for _, m := range slices.Clone(g.members) {
			m.leave()
		}
	}
	s.bury()
}

func (s *groups) list() []Group {
	list := make([]Group, 0, len(s.all))
	for _, g := range s.all {
		g.mu.Lock()
		list = append(list, Group{
			Key: g.key, Members: len(g.members), Routes: g.routes,
			Octets: g.live.kept.octets + g.dead.kept.octets,
		})
		g.mu.Unlock()
	}
	slices.SortStableFunc(list, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Key.Family, b.Key.Family), cmp.Compare(b.Members, a.Members), cmp.Compare(a.Key.Policy, b.Key.Policy))
	})
	return list
}
