package speaker

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/session"
	"github.com/calctl/calctl/node/wire"
)

// A snapshot is what a speaker has and says, in the reference's terms.
type snapshot struct {
	up     map[tie]bool
	heard  hearsay                     // what peers have said of what
	told   hearsay                     // what they are told
	best   map[netip.Prefix]picked     // the way chosen
	hops   map[netip.Prefix]hops       // and the next hops, with those of equally good ones
	kernel map[netip.Prefix]hops       // what the kernel was told
	counts map[netip.AddrPort]counts   // as node status has them
	behind map[tie]int                 // of what peers are to hear
	stale  map[netip.Prefix]netip.Addr // paths of peers that have gone
}

// picked is a way that was chosen.
type picked struct {
	from netip.Addr // the zero Addr: of its own
	said announcement
}

func (p picked) String() string {
	if !p.from.IsValid() {
		return "own"
	}
	return fmt.Sprintf("from %v %v", p.from, p.said)
}

// look takes a snapshot of a station whose speaker runs.
func (st *station) look() snapshot {
	s := snapshot{
		up: map[tie]bool{}, heard: hearsay{}, told: hearsay{},
		best: map[netip.Prefix]picked{}, hops: map[netip.Prefix]hops{},
		behind: map[tie]int{}, stale: map[netip.Prefix]netip.Addr{},
	}
	c := st.core()
	s.counts = c.counts()
	c.call(func() {
		for at, p := range c.peers {
			t := whose(at.Addr())
			s.up[t] = p.session.Status().State == session.Established
			if p.member == nil {
				continue
			}
			told := map[netip.Prefix]paths{}
			p.member.Told(func(d wire.Dest, a *wire.Attrs) {
				told[d.Prefix] = append(told[d.Prefix], announcementOf(a, d.PathID))
			})
			s.told[t] = told
			s.behind[t] = p.member.Standing().Behind
		}
		for _, f := range []wire.Family{wire.IPv4, wire.IPv6} {
			c.table.Walk(f, 0, 1<<30, func(r rib.Row) { s.row(c.table, r) })
		}
	})
	st.mu.Lock()
	defer st.mu.Unlock()
	s.kernel = maps.Clone(st.kernel)
	return s
}

// row takes in a prefix of the table.
func (s *snapshot) row(table *rib.Table, r rib.Row) {
	if r.Best.Valid() {
		if r.Best.Local() != nil {
			s.best[r.Prefix] = picked{}
		} else {
			s.best[r.Prefix] = picked{r.Best.Peer().Address, announcementOf(r.Best.Attrs(), r.Best.ID)}
		}
		if h := hopsOf(r.Choice); len(h) > 0 {
			s.hops[r.Prefix] = h
		}
	}
	for _, c := range table.Explain(r.Prefix) {
		from := c.Path.Peer()
		if from.Source != rib.BGP {
			continue
		}
		t := whose(from.Address)
		if s.heard[t] == nil {
			s.heard[t] = map[netip.Prefix]paths{}
		}
		s.heard[t][r.Prefix] = append(s.heard[t][r.Prefix], announcementOf(c.Path.Received(), c.Path.ID))
		if c.Path.Stale || !s.up[t] {
			s.stale[r.Prefix] = from.Address
		}
	}
}

func announcementOf(w *wire.Attrs, id uint32) announcement {
	a := announcement{id: id, nextHop: w.NextHop(), origin: int(w.Origin()), med: -1, localPref: -1, originator: w.OriginatorID()}
	for s := range w.ASPath().Segments() {
		var list []uint32
		for i := range s.Len() {
			list = append(list, s.AS(i))
		}
		if s.Type == wire.ASSet {
			a.path = append(a.path, list)
			continue
		}
		for _, as := range list {
			a.path = append(a.path, []uint32{as})
		}
	}
	if v, ok := w.MED(); ok {
		a.med = int64(v)
	}
	if v, ok := w.LocalPref(); ok {
		a.localPref = int64(v)
	}
	a.clusters = slices.Collect(w.ClusterList().All())
	a.communities = slices.Collect(w.Communities().All())
	a.extra = extrasOf(w)
	return a
}

// extrasOf are the attributes that the reference has no other word for.
func extrasOf(w *wire.Attrs) (list []extra) {
	if w.AtomicAggregate() {
		list = append(list, extra{Flags: 0x40, Type: 6})
	}
	if g := w.Aggregator(); g.AS != 0 {
		list = append(list, extra{0xc0, 7, append(binary.BigEndian.AppendUint32(nil, g.AS), g.ID.AsSlice()...)})
	}
	if c := w.ExtCommunities(); c != "" {
		list = append(list, extra{0xc0, extCommunities, []byte(c)})
	}
	if c := w.LargeCommunities(); c != "" {
		list = append(list, extra{0xc0, largeCommunities, []byte(c)})
	}
	for u := range w.Unknown() {
		list = append(list, extra{u.Flags, u.Type, []byte(u.Value)})
	}
	return list
}

// check compares the speakers, in a time of quiet, with the layout.
func (w *world) check() {
	l := w.layout
	seen := map[int]snapshot{}
	for st := range w.running() {
		if st.outsider == nil {
			seen[st.id] = st.look()
			continue
		}
		var faults []string
		seen[st.id], faults = st.outsider.look()
		for _, f := range faults {
			w.problems.add("%d: %s", st.id, f)
		}
	}
	for id, s := range seen {
		fail := func(format string, args ...any) {
			w.problems.add("%d: %s", id, fmt.Sprintf(format, args...))
		}
		if l.sites[id].outside {
			for t, told := range l.says(id, nil) {
				for _, d := range differences(byNumber(told), byNumber(seen[t.peer].heard[tie{id, t.v6}])) {
					fail("was heard wrong by %d (v6 %v): %s", t.peer, t.v6, d)
				}
			}
			continue
		}
		for t := range l.sites[id].ties {
			if s.up[t] != l.joined(id, t) {
				fail("session with %d (v6 %v): up %v, should be %v", t.peer, t.v6, s.up[t], l.joined(id, t))
			}
		}
		for p, from := range s.stale {
			fail("%v from %v is left over", p, from)
		}
		for t, told := range l.says(id, s.heard) {
			if s.behind[t] != 0 {
				fail("%d changes not told to %d", s.behind[t], t.peer)
			}
			at := netip.AddrPortFrom(address(t.peer, t.v6), 179)
			in, out := byNumber(s.heard[t]), byNumber(s.told[t])
			if c := s.counts[at]; int(c.in) != len(in) || int(c.out) != len(out) {
				fail("counts of %d are %v, should be %d in, %d out", t.peer, c, len(in), len(out))
			}
			for _, d := range differences(told, s.told[t]) {
				fail("tells %d (v6 %v): %s", t.peer, t.v6, d)
			}
			back := tie{id, t.v6}
			for _, d := range differences(out, byNumber(seen[t.peer].heard[back])) {
				fail("was heard wrong by %d (v6 %v): %s", t.peer, t.v6, d)
			}
		}
		best, hop := l.chosen(id, s.heard)
		for _, d := range differences(best, s.best) {
			fail("best way to %s", d)
		}
		for _, d := range differences(hop, s.hops) {
			fail("next hops to %s", d)
		}
		for _, d := range differences(hop, s.kernel) {
			fail("kernel's next hops to %s", d)
		}
	}
	if len(w.problems.list) == 0 {
		w.compare(seen)
	}
}

// chosen is what a site must choose for every prefix it knows of.
func (l *layout) chosen(id int, h hearsay) (map[netip.Prefix]picked, map[netip.Prefix]hops) {
	best, hop := map[netip.Prefix]picked{}, map[netip.Prefix]hops{}
	for p := range l.known(id, h) {
		b, via := l.decide(id, l.choices(id, p, h))
		switch {
		case b == nil:
			continue
		case b.local != nil:
			best[p] = picked{}
		default:
			best[p] = picked{address(b.from.peer, b.from.v6), b.said}
		}
		if len(via) > 0 {
			hop[p] = via
		}
	}
	return best, hop
}

// byNumber are paths by prefix and number.
func byNumber(told map[netip.Prefix]paths) map[wire.Dest]announcement {
	list := map[wire.Dest]announcement{}
	for p, said := range told {
		for _, a := range said {
			list[wire.Dest{Prefix: p, PathID: a.id}] = a
		}
	}
	return list
}

// orders is how many orders of events the reference tries to come to the same
// state as the speakers, where there may be more than one.
const orders = 20

// compare looks whether the state all speakers are in together is the one that
// the reference comes to. There are layouts with several stable states
// (RFC 4264); then it is one of them, for each prefix. One that only what has
// happened before leads to, or the numbers that paths have, is known by its
// roots.
func (w *world) compare(seen map[int]snapshot) {
	open := map[netip.Prefix][]string{}
	for i := range orders {
		var r *rand.Rand
		if i > 0 {
			r = rand.New(rand.NewPCG(uint64(i), 0))
		}
		all, ok := w.layout.settle(r)
		if !ok {
			continue
		}
		wrong := map[netip.Prefix][]string{}
		for id, s := range seen {
			for t, told := range all[id] {
				for p, d := range differing(told, s.heard[t]) {
					wrong[p] = append(wrong[p], fmt.Sprintf("%d: from %d: %s", id, t.peer, d))
				}
			}
		}
		if i == 0 {
			open = wrong
		}
		maps.DeleteFunc(open, func(p netip.Prefix, _ []string) bool { return wrong[p] == nil })
		if len(open) == 0 {
			return
		}
	}
	for p, list := range open {
		for _, loose := range w.layout.rootless(p, seen) {
			w.problems.add("%s: it leads in a circle: %s", loose, strings.Join(list, "; "))
		}
	}
}

// rootless are the ways to a prefix that don't come, from site to site, from
// one that has it by itself. If there are none, and every site has chosen and
// told what it must by what it has heard, the state is a stable one.
func (l *layout) rootless(p netip.Prefix, seen map[int]snapshot) []string {
	type said struct {
		to   int
		from tie
		text string
	}
	rooted := map[said]bool{}
	for grown := true; grown; {
		grown = false
		for id, s := range seen {
			if l.sites[id].outside {
				for t, told := range l.says(id, nil) {
					for _, a := range told[p] {
						if x := (said{t.peer, tie{id, t.v6}, a.String()}); !rooted[x] {
							rooted[x], grown = true, true
						}
					}
				}
				continue
			}
			list := l.choices(id, p, s.heard)
			best, _ := l.decide(id, list)
			for t := range s.told {
				for i := range list {
					c := &list[i]
					if c.local == nil && !rooted[said{id, c.from, c.heard}] || !l.all(id, t) && c.key() != best.key() {
						continue
					}
					a, ok := l.tell(id, t, p, c)
					if x := (said{t.peer, tie{id, t.v6}, a.String()}); ok && !rooted[x] {
						rooted[x], grown = true, true
					}
				}
			}
		}
	}
	var loose []string
	for id, s := range seen {
		for t, told := range s.heard {
			for _, a := range told[p] {
				if !rooted[said{id, t, a.String()}] {
					loose = append(loose, fmt.Sprintf("%d: way to %v from %d", id, p, t.peer))
				}
			}
		}
	}
	return loose
}

// leftovers are the goroutines that are left besides the caller's, in its
// bubble.
func leftovers() []string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	all := strings.Split(string(buf), "\n\n")
	_, bubble, ok := strings.Cut(strings.SplitN(all[0], "\n", 2)[0], "synctest bubble ")
	if !ok {
		panic("no bubble in " + all[0])
	}
	var left []string
	for _, g := range all[1:] {
		head, _, _ := strings.Cut(g, "\n")
		if strings.Contains(head, "synctest bubble "+bubble) && !strings.Contains(g, "testing/synctest") {
			left = append(left, g)
		}
	}
	return left
}
