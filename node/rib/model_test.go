package rib

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/wire"
)

var (
	seeds = flag.Uint64("seeds", 500, "how many random sequences the model test runs")
	first = flag.Uint64("seed", 0, "the first of them")
)

// A model is the table as one would write it without a thought for time or
// memory: everything in maps, everything decided anew for every look.
type model struct {
	paths    map[netip.Prefix]map[who]said
	peers    map[int]*modelPeer
	resolver Resolver
}

type who struct {
	index int
	id    uint32
}

type said struct {
	received, accepted *wire.Attrs
	preference         uint8
	local              *Local
	stale              bool
}

type modelPeer struct {
	peer   *Peer
	policy Policy
}

func newModel(t *Table, how Resolver) *model {
	m := &model{paths: map[netip.Prefix]map[who]said{}, peers: map[int]*modelPeer{}, resolver: how}
	for _, s := range []Source{Direct, Static, Kernel} {
		p := t.Local(s)
		m.peers[p.Index] = &modelPeer{peer: p}
	}
	return m
}

func (m *model) judge(p *modelPeer, prefix netip.Prefix, s *said) {
	s.accepted, s.preference = p.policy(p.peer, wire.FamilyOf(prefix), prefix, s.received)
	if s.preference == 0 || s.accepted == nil {
		s.preference = 100
	}
}

func (m *model) set(prefix netip.Prefix, w who, s said) {
	prefix = prefix.Masked()
	if m.paths[prefix] == nil {
		m.paths[prefix] = map[who]said{}
	}
	m.paths[prefix][w] = s
}

func (m *model) drop(if_ func(netip.Prefix, who, said) bool) {
	for p, list := range m.paths {
		maps.DeleteFunc(list, func(w who, s said) bool { return if_(p, w, s) })
		if len(list) == 0 {
			delete(m.paths, p)
		}
	}
}

func (m *model) change(f func(netip.Prefix, who, *said)) {
	for p, list := range m.paths {
		for w, s := range list {
			f(p, w, &s)
			list[w] = s
		}
	}
}

func of(index int, families wire.Families) func(netip.Prefix, who, said) bool {
	return func(p netip.Prefix, w who, _ said) bool {
		return w.index == index && families.Has(wire.FamilyOf(p))
	}
}

// candidates are what the reference decides on.
func (m *model) candidates(prefix netip.Prefix) []Candidate {
	var list []Candidate
	for w, s := range m.paths[prefix] {
		peer := m.peers[w.index].peer
		b := &bundle{peer: peer, attrs: s.accepted, received: s.received, local: s.local, rank: rank{preference: s.preference}}
		c := Candidate{Path: Path{b: b, ID: w.id, Stale: s.stale}}
		switch {
		case s.local != nil:
			c.Reach = Reach{true, s.local.Metric}
		case s.accepted != nil:
			c.Reach = m.resolver(s.accepted.NextHop())
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Candidate) int { return comparePaths(a.Path, b.Path) })
	return list
}

// A view is what is known of a prefix, in words.
type view struct {
	Best  string
	Hops  string
	Paths []string // accepted, the best first
	Why   []string // all of them, sorted
}

func words(p Path) string {
	if !p.Valid() {
		return ""
	}
	return fmt.Sprintf("%s#%d %s", p.Peer().Name, p.ID, say(p.Attrs())) + localWords(p.Local())
}

func localWords(l *Local) string {
	if l == nil {
		return ""
	}
	return fmt.Sprintf(" %+v", *l)
}

func say(a *wire.Attrs) string {
	if a == nil {
		return "rejected"
	}
	lp, _ := a.LocalPref()
	med, _ := a.MED()
	return fmt.Sprintf("%v [%v] %v lp %d med %d %v %v", a.NextHop(), a.ASPath(), a.Origin(), lp, med, a.Communities(), a.OriginatorID())
}

func (m *model) view(prefix netip.Prefix) view {
	list := m.candidates(prefix)
	best, steps := reference(list)
	var v view
	if best >= 0 {
		v.Best = words(list[best].Path)
		v.Paths = append(v.Paths, v.Best)
	}
	hops := map[netip.Addr]bool{}
	for i, c := range list {
		if (i == best || steps[i] == StepMultipath) && c.Reach.Resolvable && c.Path.Local() == nil {
			hops[c.Path.Attrs().NextHop()] = true
		}
		if i != best && c.Path.Attrs() != nil {
			v.Paths = append(v.Paths, words(c.Path))
		}
		v.Why = append(v.Why, why(c, steps[i]))
	}
	slices.Sort(v.Why)
	v.Hops = hopWords(slices.SortedFunc(maps.Keys(hops), netip.Addr.Compare))
	return v
}

func (h *Hops) words() string {
	if h == nil {
		return "no route"
	}
	return hopWords(h.addrs)
}

func hopWords(list []netip.Addr) string {
	if len(list) > MaxHops {
		list = list[:MaxHops]
	}
	return fmt.Sprint(list)
}

func why(c Candidate, s Step) string {
	return fmt.Sprintf("%s received %s stale %v pref %d reach %v: %v", words(c.Path), say(c.Path.Received()), c.Path.Stale, c.Path.Preference(), c.Reach, s)
}

func viewOf(t *Table, row Row) view {
	v := view{Best: words(row.Best), Hops: "[]"}
	if row.Hops != nil {
		v.Hops = fmt.Sprint(row.Hops.Addrs())
	}
	for _, p := range t.Paths(nil, wire.FamilyOf(row.Prefix), row.Ref) {
		v.Paths = append(v.Paths, words(p))
	}
	for _, c := range t.Explain(row.Prefix) {
		v.Why = append(v.Why, why(c, c.Step))
	}
	slices.Sort(v.Why)
	return v
}

// A run is a table and its model, and those who listen.
type run struct {
	tb    testing.TB
	r     *rand.Rand
	attrs wire.Table
	t     *Table
	m     *model
	names int

	told   map[netip.Prefix]Choice // by Deltas
	walk   map[wire.Family]*walker
	pinned map[Ref]netip.Prefix
	kept   map[Path]string
	log    []string
}

type walker struct {
	at      Ref
	must    map[netip.Prefix]bool // there all the while, and not visited yet
	visited map[netip.Prefix]bool // and there all the while since
}

func (x *run) fatalf(format string, args ...any) {
	x.tb.Helper()
	x.tb.Fatalf(strings.Join(x.log, "\n")+"\n"+format, args...)
}

func (x *run) note(format string, args ...any) { x.log = append(x.log, fmt.Sprintf(format, args...)) }

var modelPrefixes = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/9"),
	netip.MustParsePrefix("10.0.0.0/32"), netip.MustParsePrefix("255.255.255.255/32"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("::/0"), netip.MustParsePrefix("2001:db8::/64"), netip.MustParsePrefix("2001:db8::/65"),
	netip.MustParsePrefix("2001:db8::1/128"), netip.MustParsePrefix("::ffff:10.0.0.0/104"),
}

func (x *run) dests(families wire.Families) []wire.Dest {
	var list []wire.Dest
	for range 1 + x.r.IntN(6) {
		p := modelPrefixes[x.r.IntN(len(modelPrefixes))]
		if families.Has(wire.FamilyOf(p)) {
			if x.r.IntN(8) == 0 && p.Bits() < 32 { // with host bits, which mean nothing
				p = netip.PrefixFrom(p.Addr().Next(), p.Bits())
			}
			list = append(list, wire.Dest{Prefix: p, PathID: []uint32{0, 0, 1, 7}[x.r.IntN(4)]})
		}
	}
	return list
}

// peer returns some BGP peer, nil when there is none.
func (x *run) peer() *modelPeer {
	var list []int
	for i, p := range x.m.peers {
		if p.peer.Source == BGP {
			list = append(list, i)
		}
	}
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	return x.m.peers[list[x.r.IntN(len(list))]]
}

func (x *run) somePeer() Peer {
	x.names++
	p := Peer{
		Name: fmt.Sprint("peer", x.names), AS: 65001 + x.r.Uint32N(2), LocalAS: 65001,
		Address:  netip.AddrFrom4([4]byte{10, 0, 0, byte(x.r.IntN(3))}),
		RouterID: netip.AddrFrom4([4]byte{1, 1, 1, byte(x.r.IntN(3))}),
	}
	return p
}

// somePolicy is a pure function; which one depends on a number.
func (x *run) somePolicy() Policy {
	n := x.r.IntN(5)
	return func(from *Peer, _ wire.Family, p netip.Prefix, a *wire.Attrs) (*wire.Attrs, uint8) {
		switch {
		case n == 0:
			return a, 0
		case n == 1 && (p.Bits()+int(from.AS))%2 == 0:
			return nil, 0
		case n == 2:
			return a.WithLocalPref(uint32(100 + p.Bits()%2)), 0
		case n == 3 && p.Bits() > 16:
			return a.WithNextHop(netip.MustParseAddr("10.1.0.3")), 200
		case n == 4:
			lp, _ := a.LocalPref()
			return a.WithLocalPref(lp), 100 // often what it was
		}
		return a, 100
	}
}

func (x *run) someResolver() Resolver {
	n := x.r.IntN(40)
	return func(a netip.Addr) Reach {
		k := int(a.As4()[3])
		switch (n + k) % 5 {
		case 0:
			return Reach{}
		case 1:
			return Reach{true, Far}
		}
		return Reach{true, 0}
	}
}

func someFamilies(r *rand.Rand) wire.Families {
	return []wire.Families{wire.OnlyIPv4, wire.OnlyIPv6, wire.Both}[r.IntN(3)]
}

// step does one random thing to both.
func (x *run) step() {
	p := x.peer()
	if p == nil {
		x.addPeer()
		return
	}
	switch n := x.r.IntN(100); {
	case n < 40:
		f := someFields(x.r, p.peer.AS)
		a, _ := f.Build()
		a = x.attrs.Intern(a)
		family := families[x.r.IntN(2)]
		dests := x.dests(wire.SetOf(family))
		x.note("announce %s %s %v", p.peer.Name, say(a), dests)
		x.t.Announce(p.peer, family, a, dests)
		for _, d := range dests {
			s := said{received: a}
			x.m.judge(p, d.Prefix, &s)
			x.m.set(d.Prefix, who{p.peer.Index, d.PathID}, s)
		}
	case n < 60:
		family := families[x.r.IntN(2)]
		dests := x.dests(wire.SetOf(family))
		x.note("withdraw %s %v", p.peer.Name, dests)
		x.t.Withdraw(p.peer, family, dests)
		x.m.drop(func(q netip.Prefix, w who, _ said) bool {
			return slices.ContainsFunc(dests, func(d wire.Dest) bool {
				return d.Prefix.Masked() == q && w == who{p.peer.Index, d.PathID}
			})
		})
	case n < 64:
		f := someFamilies(x.r)
		x.note("down %s %v", p.peer.Name, f)
		x.t.Down(p.peer, f)
		x.m.drop(of(p.peer.Index, f))
	case n < 69:
		f := someFamilies(x.r)
		x.note("stale %s %v", p.peer.Name, f)
		x.t.MarkStale(p.peer, f)
		x.m.change(func(q netip.Prefix, w who, s *said) {
			s.stale = s.stale || of(p.peer.Index, f)(q, w, *s)
		})
	case n < 74:
		f := someFamilies(x.r)
		x.note("sweep %s %v", p.peer.Name, f)
		x.t.Sweep(p.peer, f)
		x.m.drop(func(q netip.Prefix, w who, s said) bool { return s.stale && of(p.peer.Index, f)(q, w, s) })
	case n < 78:
		x.note("policy of %s", p.peer.Name)
		p.policy = x.somePolicy()
		x.t.SetImport(p.peer, p.policy)
		x.m.change(func(q netip.Prefix, w who, s *said) {
			if w.index == p.peer.Index {
				x.m.judge(p, q, s)
			}
		})
	case n < 82:
		x.note("reimport")
		x.t.Reimport(1 + x.r.IntN(4))
	case n < 86:
		x.note("resolve")
		x.m.resolver = x.someResolver()
		x.t.Resolve(x.m.resolver)
	case n < 91:
		s := []Source{Direct, Static, Kernel}[x.r.IntN(3)]
		l := Local{Metric: x.r.Uint32N(2), Interface: []string{"", "eth0"}[x.r.IntN(2)]}
		if x.r.IntN(2) == 0 {
			l.Gateway = netip.MustParseAddr("10.9.9.9")
		}
		dests := x.dests(wire.Both)
		x.note("local %v %+v %v", s, l, dests)
		x.t.SetLocal(s, l, dests)
		f := wire.Fields{NextHop: l.Gateway}
		a, _ := f.Build()
		a = x.attrs.Intern(a)
		for _, d := range dests {
			x.m.set(d.Prefix, who{x.t.Local(s).Index, d.PathID}, said{received: a, accepted: a, local: &l, preference: s.Preference()})
		}
	case n < 94:
		s := []Source{Direct, Static, Kernel}[x.r.IntN(3)]
		dests := x.dests(wire.Both)
		x.note("unset local %v %v", s, dests)
		x.t.UnsetLocal(s, dests)
		x.m.drop(func(q netip.Prefix, w who, _ said) bool {
			return slices.ContainsFunc(dests, func(d wire.Dest) bool {
				return d.Prefix.Masked() == q && w == who{x.t.Local(s).Index, d.PathID}
			})
		})
	case n < 96:
		q := x.somePeer()
		q.Name = p.peer.Name + "'"
		if x.r.IntN(3) == 0 {
			q = *p.peer
		}
		x.note("replace %+v by %+v", *p.peer, q)
		old := p.peer
		p.peer = x.t.ReplacePeer(old, q)
		if q.AS != old.AS { // a policy may look at it
			x.t.SetImport(p.peer, p.policy)
			x.m.change(func(q netip.Prefix, w who, s *said) {
				if w.index == p.peer.Index {
					x.m.judge(p, q, s)
				}
			})
		}
	case n < 98 && len(x.m.peers) < 8:
		x.addPeer()
	default:
		x.note("remove %s", p.peer.Name)
		x.t.RemovePeer(p.peer)
		x.m.drop(of(p.peer.Index, wire.Both))
		delete(x.m.peers, p.peer.Index)
		// Gone is gone.
		x.t.Announce(p.peer, wire.IPv4, x.attrs.Intern(new(wire.Attrs)), x.dests(wire.OnlyIPv4))
		if x.t.Counts(p.peer, wire.IPv4) != (Counts{}) {
			x.fatalf("a removed peer has routes")
		}
	}
}

func (x *run) addPeer() {
	p := &modelPeer{policy: x.somePolicy()}
	p.peer = x.t.AddPeer(x.somePeer(), p.policy)
	x.note("add %+v", *p.peer)
	if x.m.peers[p.peer.Index] != nil {
		x.fatalf("index %d is given twice", p.peer.Index)
	}
	x.m.peers[p.peer.Index] = p
}

// commit commits, and lets those who listen hear.
func (x *run) commit() {
	x.note("commit")
	heard := map[netip.Prefix]bool{}
	x.t.Commit(func(list []Delta) {
		if len(list) == 0 {
			x.fatalf("a report of nothing")
		}
		for i := range list {
			d := &list[i]
			if heard[d.Prefix] {
				x.fatalf("%v is reported twice", d.Prefix)
			}
			heard[d.Prefix] = true
			x.note("  %d %v: %s, %s", d.Ref, d.Prefix, words(d.New.Best), d.New.Hops.words())
			if !x.t.allPaths && !d.BestChanged() && !d.HopsChanged() {
				x.fatalf("%v is reported and didn't change", d.Prefix)
			}
			if old := x.told[d.Prefix]; !old.Best.Same(d.Old.Best) || old.Hops != d.Old.Hops {
				x.fatalf("%v: old is %v, was told %v", d.Prefix, d.Old, old)
			}
			x.told[d.Prefix] = d.New
			if row := x.t.Row(wire.FamilyOf(d.Prefix), d.Ref); row.Prefix != d.Prefix || row.Best != d.New.Best || row.Hops != d.New.Hops {
				x.fatalf("row %v isn't what was reported: %v", row, *d)
			}
			if d.New.Best.Valid() {
				x.kept[d.New.Best] = words(d.New.Best)
			} else {
				delete(x.told, d.Prefix)
			}
			if wire.FamilyOf(d.Prefix) == wire.IPv4 && x.pinned[d.Ref] == (netip.Prefix{}) && x.r.IntN(4) == 0 {
				x.t.Pin(wire.IPv4, d.Ref)
				x.pinned[d.Ref] = d.Prefix
			}
		}
	})
	for _, w := range x.walk {
		for _, set := range []map[netip.Prefix]bool{w.must, w.visited} {
			maps.DeleteFunc(set, func(p netip.Prefix, _ bool) bool { return x.m.paths[p] == nil })
		}
	}
}

// check compares everything. All policies must have been run.
func (x *run) check() {
	rows := map[netip.Prefix]Row{}
	for _, f := range families {
		var at Ref
		for more := true; more; {
			at, more = x.t.Walk(f, at, 1+x.r.IntN(3), func(row Row) {
				if _, twice := rows[row.Prefix]; twice {
					x.fatalf("%v is visited twice", row.Prefix)
				}
				rows[row.Prefix] = row
			})
		}
	}
	sets := map[string]*Hops{}
	best := map[string]int{}
	next := map[netip.Addr]bool{}
	for _, p := range modelPrefixes {
		row, there := rows[p]
		if again, ok := x.t.Lookup(p); ok != there || ok != (x.m.paths[p] != nil) || again != row {
			x.fatalf("%v: lookup %v %v, walk %v %v, paths %d", p, again, ok, row, there, len(x.m.paths[p]))
		}
		if !there {
			if x.told[p] != (Choice{}) {
				x.fatalf("%v is gone and nobody was told", p)
			}
			continue
		}
		if want, got := x.m.view(p), viewOf(x.t, row); !reflect.DeepEqual(want, got) {
			x.fatalf("%v (- model, + table):\n%s", p, cmp.Diff(want, got))
		}
		if told := x.told[p]; !told.Best.Same(row.Best) || told.Hops != row.Hops {
			x.fatalf("%v is %v, told was %v", p, row, told)
		}
		if row.Hops != nil {
			k := fmt.Sprint(row.Hops.Addrs())
			if sets[k] != nil && sets[k] != row.Hops {
				x.fatalf("two sets of %s", k)
			}
			sets[k] = row.Hops
		}
		if row.Best.Valid() {
			best[fmt.Sprint(row.Best.Peer().Index, wire.FamilyOf(p))]++
		}
		for w, s := range x.m.paths[p] {
			if s.accepted != nil && x.m.peers[w.index].peer.Source == BGP {
				next[s.accepted.NextHop()] = true
			}
		}
	}
	for _, p := range x.m.peers {
		for _, f := range families {
			want := Counts{Best: best[fmt.Sprint(p.peer.Index, f)]}
			x.m.change(func(q netip.Prefix, w who, s *said) {
				if w.index == p.peer.Index && wire.FamilyOf(q) == f {
					want.Received++
					if s.accepted != nil {
						want.Accepted++
					}
				}
			})
			if got := x.t.Counts(p.peer, f); got != want {
				x.fatalf("%s: counts %+v, want %+v", p.peer.Name, got, want)
			}
		}
	}
	var hops []NextHop
	for _, a := range slices.SortedFunc(maps.Keys(next), netip.Addr.Compare) {
		hops = append(hops, NextHop{a, x.m.resolver(a)})
	}
	if got := x.t.NextHops(); !slices.Equal(got, hops) {
		x.fatalf("next hops %v, want %v", got, hops)
	}
	for _, ref := range slices.Sorted(maps.Keys(x.pinned)) {
		p := x.pinned[ref]
		if got := x.t.Row(wire.IPv4, ref).Prefix; got != p {
			x.fatalf("ref %d is pinned to %v and is %v", ref, p, got)
		}
		if x.r.IntN(3) == 0 {
			x.t.Unpin(wire.IPv4, ref)
			delete(x.pinned, ref)
		}
	}
	if err := consistent(x.t); err != "" {
		x.fatalf("%s", err)
	}
}

// stroll goes on with a walk that takes its time.
func (x *run) stroll(f wire.Family) {
	w := x.walk[f]
	if w == nil {
		w = &walker{must: map[netip.Prefix]bool{}, visited: map[netip.Prefix]bool{}}
		for p := range x.m.paths {
			if wire.FamilyOf(p) == f {
				w.must[p] = true
			}
		}
		x.walk[f] = w
	}
	var more bool
	w.at, more = x.t.Walk(f, w.at, 1, func(row Row) {
		if w.visited[row.Prefix] {
			x.fatalf("a slow walk visits %v twice", row.Prefix)
		}
		w.visited[row.Prefix] = true
		delete(w.must, row.Prefix)
	})
	if !more {
		if len(w.must) > 0 {
			x.fatalf("a slow walk missed %v", w.must)
		}
		delete(x.walk, f)
	}
}

// play runs one random sequence to its end.
func play(t *testing.T, seed uint64) *run {
	x := &run{
		tb: t, r: rand.New(rand.NewPCG(seed, 2)), told: map[netip.Prefix]Choice{},
		walk: map[wire.Family]*walker{}, pinned: map[Ref]netip.Prefix{}, kept: map[Path]string{},
	}
	x.note("seed %d", seed)
	how := x.someResolver()
	x.t = New(Options{Attrs: &x.attrs, Resolve: how, AllPaths: seed%3 == 0})
	x.m = newModel(x.t, how)
	for range 40 {
		for range 1 + x.r.IntN(4) {
			x.step()
		}
		switch x.r.IntN(3) {
		case 0: // many things between two commits
		case 1:
			x.commit()
			x.stroll(families[x.r.IntN(2)])
		case 2:
			for x.t.Reimport(1 + x.r.IntN(5)) {
			}
			x.commit()
			x.check()
		}
	}
	// Away with all: nothing is left.
	for _, i := range slices.Sorted(maps.Keys(x.m.peers)) {
		if p := x.m.peers[i].peer; p.Source == BGP {
			x.t.RemovePeer(p)
		} else {
			x.t.Down(p, wire.Both)
		}
	}
	clear(x.m.paths)
	x.commit()
	for ref := range x.pinned {
		x.t.Unpin(wire.IPv4, ref)
	}
	if len(x.told) > 0 {
		x.fatalf("left: %v", x.told)
	}
	if err := empty(x.t); err != "" {
		x.fatalf("%s", err)
	}
	for p, was := range x.kept {
		if words(p) != was {
			x.fatalf("a path that was kept changed from %s to %s", was, words(p))
		}
	}
	return x
}

func TestModel(t *testing.T) {
	n := *seeds
	if testing.Short() {
		n /= 10
	}
	for seed := *first; seed < *first+n; seed++ {
		play(t, seed)
	}
}

// The same changes are reported in the same words and order, whatever Go's
// maps and the table's hash do.
func TestSameAgain(t *testing.T) {
	for seed := range uint64(50) {
		one, two := play(t, seed), play(t, seed)
		if diff := cmp.Diff(one.log, two.log); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}
