package adjout

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// The model plays a speaker: peers come and go, announce and withdraw,
// policies change, and some peers read slowly. When all is quiet, everyone must
// know exactly what a slow and obvious computation says.

type world struct {
	t      *testing.T
	r      *rand.Rand
	table  *rib.Table
	groups *Groups
	peers  []*player
	policy map[string]Policy
	size   int // prefixes of a family
	seed   uint64
	live   bool // ears have goroutines
}

type player struct {
	peer    *rib.Peer
	policy  string
	hop     NextHop
	all     bool // add-path
	narrow  bool
	long    bool // extended messages
	slow    bool
	members [2]*Member
	ears    [2]*ear
	stop    [2]func() // of their goroutines
}

const ourAS = 64512

func newWorld(t *testing.T, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	w := &world{t: t, r: r, seed: seed, size: 5 + r.IntN(150), policy: map[string]Policy{"": TellAll}}
	w.table = rib.New(rib.Options{Attrs: &interned, Resolve: func(netip.Addr) rib.Reach { return rib.Reach{Resolvable: true} }})
	w.groups = New(Options{Table: w.table, Attrs: &interned, Hold: r.IntN(3) == 0, Keep: r.IntN(3) * 2000})
	if r.IntN(4) == 0 {
		w.size = 3000
	}
	for i := range 2 + r.IntN(8) {
		w.addPlayer(i)
	}
	return w
}

func (w *world) addPlayer(i int) {
	as := uint32(ourAS)
	if w.r.IntN(2) == 0 {
		as = 65000 + uint32(w.r.IntN(2))
	}
	a := netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})
	p := &player{
		policy: []string{"", "a", "a", "b"}[w.r.IntN(4)],
		hop:    []NextHop{NextHopUsual, NextHopUsual, NextHopSelf, NextHopKeep}[w.r.IntN(4)],
		all:    w.r.IntN(4) == 0, narrow: w.r.IntN(6) == 0, long: w.r.IntN(6) == 0, slow: w.r.IntN(3) == 0,
	}
	p.peer = w.table.AddPeer(rib.Peer{
		Name: a.String(), Address: a, RouterID: a, AS: as, LocalAS: ourAS,
		Client: as == ourAS && w.r.IntN(2) == 0, ClusterID: 7,
	}, nil)
	w.peers = append(w.peers, p)
}

func (w *world) key(p *player, f wire.Family) Key {
	k := Key{
		Family: f, External: p.peer.External(), LocalAS: ourAS, Self: netip.MustParseAddr("198.51.100.1"),
		NextHop: p.hop, Client: p.peer.Client, ClusterID: 7,
		Builder: wire.Builder{FourOctetAS: !p.narrow}, Policy: p.policy,
	}
	if f == wire.IPv6 {
		k.Self = netip.MustParseAddr("2001:db8::1")
	}
	if p.all {
		k.Builder.AddPath = wire.Both
	}
	if p.long {
		k.Builder.MaxLen = wire.MaxExtended
	}
	return k
}

func family(i int) wire.Family { return []wire.Family{wire.IPv4, wire.IPv6}[i] }

func (w *world) join(p *player) {
	for i := range p.members {
		k := w.key(p, family(i))
		e := newEar(w.t, k)
		p.members[i] = w.groups.Join(k, w.policy[p.policy], p.peer, e.wake)
		e.from = p.members[i]
		p.ears[i] = e
	}
	if w.live {
		p.listen()
	}
}

func (w *world) leave(p *player) {
	for _, m := range p.members {
		m.Leave()
	}
	p.silence()
	for i := range p.members {
		p.members[i], p.ears[i] = nil, nil
	}
}

func (w *world) attrs(f int, from *rib.Peer) *wire.Attrs {
	n := w.r.IntN(6)
	fields := wire.Fields{MED: uint32(n & 1), HasMED: n&2 != 0, NextHop: netip.AddrFrom4([4]byte{203, 0, 113, byte(n)})}
	if f == 1 {
		fields.NextHop = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(n)})
	}
	fields.ASPath = wire.NewASPath(65000 + uint32(n&1))
	switch w.r.IntN(12) {
	case 0:
		fields.Communities = wire.NewCommunities(wire.NoExport)
	case 1:
		fields.Communities = wire.NewCommunities(wire.NoAdvertise)
	case 2:
		fields.ASPath = wire.NewASPath(4200000000, 65000)
	}
	if !from.External() {
		fields.LocalPref, fields.HasLocalPref = uint32(100+w.r.IntN(3)), true
	}
	a, err := fields.Build()
	if err != nil {
		w.t.Fatal(err)
	}
	return interned.Intern(a)
}

func (w *world) dests(f int) (list []wire.Dest) {
	begin, n := w.r.IntN(w.size), 1+w.r.IntN(20)
	if w.size > 1000 {
		n = w.r.IntN(1500)
	}
	for i := range n {
		d := wire.Dest{Prefix: prefix4((begin + i) % w.size)}
		if f == 1 {
			d.Prefix = prefix6((begin + i) % w.size)
		}
		list = append(list, d)
	}
	return list
}

// somePolicy depends on prefix and source, and changes attributes.
func (w *world) somePolicy() Policy {
	salt := w.r.IntN(100)
	return func(r Route) *wire.Attrs {
		a := r.Prefix.Addr().AsSlice()
		switch h := (int(a[2])*7 + int(a[len(a)/2-1])*3 + r.From.Index + salt) % 5; h {
		case 0:
			return nil
		case 1:
			return r.Attrs.Prepend(uint32(65100 + salt))
		case 2:
			return r.Attrs.WithLocalPref(uint32(200 + salt))
		}
		return r.Attrs
	}
}

func (w *world) step() {
	p := w.peers[w.r.IntN(len(w.peers))]
	f := w.r.IntN(2)
	switch n := w.r.IntN(100); {
	case n < 25:
		w.table.Announce(p.peer, family(f), w.attrs(f, p.peer), w.dests(f))
	case n < 37:
		w.table.Withdraw(p.peer, family(f), w.dests(f))
	case n < 40:
		w.table.Down(p.peer, wire.Both)
	case n < 44:
		hop := netip.Addr{}
		if w.r.IntN(2) == 0 {
			hop = []netip.Addr{netip.MustParseAddr("192.0.2.200"), p.peer.Address}[w.r.IntN(2)]
		}
		w.table.SetLocal(rib.Kernel, rib.Local{Gateway: hop}, w.dests(0))
	case n < 47:
		w.table.UnsetLocal(rib.Kernel, w.dests(0))
	case n < 60:
		w.commit()
	case n < 63:
		if p.members[0] == nil {
			w.join(p)
		}
	case n < 65:
		if p.members[0] != nil {
			w.leave(p)
		}
	case n < 66:
		w.replacePlayer(p)
	case n < 68:
		name := []string{"a", "b"}[w.r.IntN(2)]
		w.policy[name] = w.somePolicy()
		w.groups.SetPolicy(name, w.policy[name])
	case n < 70:
		w.moveSome()
	case n < 72:
		if p.members[f] != nil {
			p.members[f].Refresh(w.r.IntN(2) == 0)
		}
	case n < 76:
		w.commit()
		w.groups.Work(w.r.IntN(200))
	case n < 77:
		w.groups.Release(wire.Both)
	default:
		for _, p := range w.peers {
			if p.members[0] != nil && !w.live && (!p.slow || w.r.IntN(10) == 0) && w.r.IntN(2) == 0 {
				p.ears[0].ask(w.r.IntN(5000))
				p.ears[1].ask(w.r.IntN(70000))
			}
		}
	}
}

func (w *world) commit() {
	w.table.Commit(w.groups.Changed)
	w.groups.Work(w.r.IntN(200))
}

func (w *world) replacePlayer(p *player) {
	if p.members[0] != nil {
		w.leave(p)
	}
	w.table.RemovePeer(p.peer)
	w.commit()
	for i, q := range w.peers {
		if q == p {
			w.addPlayer(i)
			w.peers[i] = w.peers[len(w.peers)-1]
			w.peers = w.peers[:len(w.peers)-1]
		}
	}
}

// moveSome gives some peers of one kind another policy.
func (w *world) moveSome() {
	from, to := []string{"", "a", "b"}[w.r.IntN(3)], []string{"", "a", "b"}[w.r.IntN(3)]
	for f := range 2 {
		byKey := map[Key][]*Member{}
		for _, p := range w.peers {
			if p.members[0] != nil && p.policy == from && (p.peer.Index+w.size)%3 > 0 {
				k := w.key(p, family(f))
				k.Policy = to
				byKey[k] = append(byKey[k], p.members[f])
			}
		}
		for k, members := range byKey {
			w.groups.Move(k, w.policy[to], members...)
		}
	}
	for _, p := range w.peers {
		if p.members[0] != nil && p.policy == from && (p.peer.Index+w.size)%3 > 0 {
			p.policy = to
		}
	}
}

// quiet lets everything come to its end, and compares.
func (w *world) quiet() {
	w.groups.Release(wire.Both)
	w.table.Commit(w.groups.Changed)
	// Groups become one when their members have heard everything, and may look
	// at everything again after that.
	for more := true; more; more = w.groups.Work(0) {
		for w.groups.Work(100) {
		}
		for _, p := range w.peers {
			for f := range p.members {
				if p.members[f] != nil {
					p.ears[f].askAll(1 + w.r.IntN(70000))
				}
			}
		}
	}
	for _, p := range w.peers {
		for f, m := range p.members {
			if m == nil {
				continue
			}
			e := p.ears[f]
			want := w.expect(p, f)
			have := e.table
			if p.all {
				e.table = byPath(w.t, m, have)
			}
			if list := e.differences(want); len(list) > 0 {
				w.t.Fatalf("seed %d: %s %v: %d differences: %s\nits group has %v", w.seed, p.peer.Name, family(f), len(list), list[0], e.told(m, want))
			}
			e.table = have
			if e.ended != 1 {
				w.t.Fatalf("seed %d: %d End-of-RIBs", w.seed, e.ended)
			}
			if e.begun != e.over {
				w.t.Fatalf("seed %d: %d BoRR, %d EoRR", w.seed, e.begun, e.over)
			}
			if s := m.Standing(); s.Routes != len(want) || s.Behind != 0 || !s.Ended {
				w.t.Fatalf("seed %d: standing %+v, should know %d routes", w.seed, s, len(want))
			}
			told := 0
			m.Told(func(d wire.Dest, _ *wire.Attrs) {
				if told++; have[d] == nil {
					w.t.Fatalf("seed %d: Told says %v", w.seed, d)
				}
			})
			if told != len(want) {
				w.t.Fatalf("seed %d: Told says %d, should be %d", w.seed, told, len(want))
			}
		}
	}
}

// expect computes what a peer should know. With add-path, the ids are those
// of the peers.
func (w *world) expect(p *player, f int) map[wire.Dest]*wire.Attrs {
	k := w.key(p, family(f))
	want := map[wire.Dest]*wire.Attrs{}
	var paths []rib.Path
	for i := range w.size {
		prefix := prefix4(i)
		if f == 1 {
			prefix = prefix6(i)
		}
		row, ok := w.table.Lookup(prefix)
		if !ok {
			continue
		}
		paths = paths[:0]
		if p.all {
			paths = w.table.Paths(paths, family(f), row.Ref)
		} else if row.Best.Valid() {
			paths = append(paths, row.Best)
		}
		for _, path := range paths {
			if path.Peer() == p.peer {
				continue
			}
			a, _ := k.Export(w.policy[p.policy], Route{Prefix: prefix, From: path.Peer(), Local: path.Local(), Held: path.Attrs()})
			if a == nil || path.Local() != nil && a.NextHop() == p.peer.Address {
				continue
			}
			d := wire.Dest{Prefix: prefix}
			if p.all {
				d.PathID = uint32(path.Peer().Index + 1)
			}
			want[d] = a
		}
	}
	return want
}

// byPath gives paths the ids that expect uses.
func byPath(t *testing.T, m *Member, have map[wire.Dest]*wire.Attrs) map[wire.Dest]*wire.Attrs {
	out := map[wire.Dest]*wire.Attrs{}
	g := m.group.Load()
	for d, a := range have {
		if int(d.PathID) >= len(g.paths.list) {
			t.Fatalf("path id %d", d.PathID)
		}
		n := g.paths.list[d.PathID]
		out[wire.Dest{Prefix: d.Prefix, PathID: n.from + 1}] = a
	}
	return out
}

// empty ends everything and looks for what was left over.
func (w *world) empty() {
	for _, p := range w.peers {
		w.table.Down(p.peer, wire.Both)
	}
	for i := range w.size {
		w.table.UnsetLocal(rib.Kernel, []wire.Dest{{Prefix: prefix4(i)}})
	}
	w.quiet()
	for _, g := range w.groups.all {
		if g.routes != 0 || g.live.full != 0 || g.dead.full != 0 {
			w.t.Fatalf("seed %d: left over: %d routes, %d live, %d dead", w.seed, g.routes, g.live.full, g.dead.full)
		}
	}
	w.groups.Close()
	for _, f := range []wire.Family{wire.IPv4, wire.IPv6} {
		// Nothing is pinned any more: every number is free again.
		for ref := rib.Ref(0); ref < 5000; ref++ {
			if row := w.table.Row(f, ref); row.Prefix.IsValid() {
				w.t.Fatalf("seed %d: %v is still in the table", w.seed, row.Prefix)
			}
		}
	}
}

func TestModel(t *testing.T) {
	seeds := 100
	if testing.Short() {
		seeds = 30
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, uint64(seed))
			for range 4 {
				for range 100 {
					w.step()
				}
				w.quiet()
			}
			w.empty()
		})
	}
}
