package fib

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/status"
)

// world makes random wants: few destinations, so that they meet again.
type world struct {
	*rand.Rand
	dsts []netip.Prefix
	vias [][]netip.Addr // for IPv4
	via6 [][]netip.Addr
}

func newWorld(seed uint64) *world {
	w := &world{
		Rand: rand.New(rand.NewPCG(seed, 1)),
		dsts: append(prefixes(60, false), prefixes(30, true)...),
	}
	for _, list := range [][]string{
		{"192.0.2.2"}, {"192.0.2.3"}, {"192.0.2.2", "192.0.2.3"}, {"192.0.2.2", "198.51.100.2"}, {"198.51.100.7"},
		{"203.0.113.1"}, {"192.0.2.1"}, {}, {},
	} {
		w.vias = append(w.vias, addrs(list...))
	}
	for _, list := range [][]string{{"2001:db8::2"}, {"2001:db8::3", "2001:db8::2"}, {"2001:db8:ff::1"}, {}} {
		w.via6 = append(w.via6, addrs(list...))
	}
	return w
}

// someMetrics are what routes have that are elevated, as usual, and from elsewhere.
var someMetrics = []uint32{0, metric, 1024, 2147483547}

func (w *world) metric() uint32 { return someMetrics[w.IntN(len(someMetrics))] }

func addrs(texts ...string) (list []netip.Addr) {
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

func (w *world) batch(n int) []Route {
	b := make([]Route, n)
	for i := range b {
		b[i] = Route{Dst: w.dsts[w.IntN(len(w.dsts))], Metric: w.metric()}
		if b[i].Dst.Addr().Is4() {
			b[i].Via = w.vias[w.IntN(len(w.vias))]
		} else {
			b[i].Via = w.via6[w.IntN(len(w.via6))]
		}
	}
	return b
}

// only is what is left of batches if each destination is wanted once, at last.
func only(batches [][]Route) []Route {
	last := map[netip.Prefix]Route{}
	for _, b := range batches {
		for _, r := range b {
			last[r.Dst] = r
		}
	}
	var list []Route
	for _, r := range last {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Route) int { return a.Dst.Compare(b.Dst) })
	return list
}

// fresh is the state an empty mapKernel gets by these wants.
func fresh(t *testing.T, wants []Route) (m map[place]string, r status.Routes) {
	k := newMapKernel()
	s, stop := start(t, k)
	s.Want(wants)
	s.Settled()
	synctest.Wait()
	stop()
	return k.ours(), s.Status()
}

// TestAnyOrderEndsTheSame: whatever is wanted in between, whatever others do
// to the table meanwhile, told or not, whatever fails: it ends as if only the
// last wants had ever been.
func TestAnyOrderEndsTheSame(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { anyOrder(t, seed) })
		})
	}
}

func anyOrder(t *testing.T, seed uint64) {
	w := newWorld(seed)
	k := newMapKernel()
	for range w.IntN(30) { // of an earlier run
		k.put(w.anyones(Protocol))
	}
	if seed%2 == 1 {
		n := 2 + int(seed)%5
		k.fail = func(op int) error {
			switch {
			case op%n != 0:
				return nil
			case op%(2*n) == 0:
				return ErrNoAnswer
			}
			return &Refusal{Errno: syscall.ENOMEM}
		}
	}
	if seed%3 == 1 {
		k.interrupt = func(scan int) bool { return scan%4 != 0 }
	}
	s, err := NewSyncer(k, verbose(t))
	if err != nil {
		t.Fatal(err)
	}
	if seed%4 > 1 { // rounds that are full, and planned while the kernel takes its time
		s.most, k.pause = 1+w.IntN(8), time.Duration(w.IntN(2))*time.Millisecond
	}
	most := 20
	if seed%4 == 3 { // nothing but new routes, mostly
		w.dsts, w.vias, w.via6, most = append(prefixes(600, false), w.dsts...), w.vias[:7], w.via6[:3], 60
	}
	stop := run(t, s)
	var batches [][]Route
	settle := w.IntN(40)
	for i := range 40 {
		b := w.batch(1 + w.IntN(most))
		batches = append(batches, b)
		s.Want(b)
		if i == settle {
			s.Settled()
		}
		switch w.IntN(5) {
		case 0:
			k.someone(w.anyones(Protocol), w.IntN(2) == 0, w.IntN(4) > 0)
		case 1:
			k.someone(w.anyones(4), true, true)
		case 2:
			k.lose()
		case 3:
			synctest.Wait()
		}
	}
	<-time.After(10 * time.Minute) // retries and verification, in no time
	synctest.Wait()
	stop()
	wants := only(batches)
	routes, report := fresh(t, wants)
	if diff := cmp.Diff(routes, k.ours(), samePlaces); diff != "" {
		t.Errorf("kernel (-only the last wants +all):\n%s", diff)
	}
	if diff := cmp.Diff(report, s.Status(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("status (-only the last wants +all):\n%s", diff)
	}
	consistent(t, s)
}

// TestSettledBehindAFullRound: what was wanted before Settled is not deleted, though a
// round is planned already.
func TestSettledBehindAFullRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newMapKernel()
		k.pause = time.Millisecond
		k.put(ourRoute(netip.MustParsePrefix("10.1.0.0/24"), hop("192.0.2.2", 2)))
		s, err := NewSyncer(k, verbose(t))
		if err != nil {
			t.Fatal(err)
		}
		s.most = 2
		stop := run(t, s)
		s.Want(through(prefixes(10, false), "192.0.2.2"))
		synctest.Wait() // the kernel has the first two
		s.Want(want("10.1.0.0/24 192.0.2.2"))
		s.Settled()
		<-time.After(time.Second)
		synctest.Wait()
		stop()
		if r := s.Status(); k.ops != 10 || r.Installed != 11 {
			t.Errorf("%d operations for 10 new routes: %+v", k.ops, r)
		}
	})
}

// anyones is a random route in one of our places.
func (w *world) anyones(protocol uint8) KernelRoute {
	dst := w.dsts[w.IntN(len(w.dsts))]
	hop := Hop{Gateway: netip.MustParseAddr([]string{"192.0.2.2", "192.0.2.77"}[w.IntN(2)]), Link: 2}
	if dst.Addr().Is6() {
		hop.Gateway = netip.MustParseAddr([]string{"2001:db8::2", "2001:db8::77"}[w.IntN(2)])
	}
	return KernelRoute{Foreign: Foreign{Type: Unicast, Dst: dst, Hops: []Hop{hop}, Metric: w.metric(), Protocol: protocol}}
}

// consistent checks the books of a Syncer that has nothing to do: lists,
// counts of use, forgotten entries.
func consistent(t *testing.T, s *Syncer) {
	t.Helper()
	viaUses, setUses := map[uint32]uint32{}, map[uint32]uint32{odd: 1}
	entries := 0
	if len(s.strays) > 0 || len(s.first) > 0 {
		t.Errorf("there are strays still: %v, %v", s.strays, s.first)
	}
	s.table.each(func(_ uint32, e *entry) {
		entries++
		if e.want == 0 && e.have == 0 {
			t.Errorf("entry %s is of no use", e.dst.prefix())
		}
		if e.flags&(toWrite|toRemove|retrying|moving|strayed) != 0 {
			t.Errorf("entry %s still waits: flags %b", e.dst.prefix(), e.flags)
		}
		viaUses[e.want]++
		setUses[e.have]++
	})
	if entries != s.table.count {
		t.Errorf("%d entries, %d in the index", entries, s.table.count)
	}
	s.table.vias.each(func(id uint32, n *nextHops) {
		setUses[n.hops]++
		length := uint32(0)
		for e := n.first; e != 0; e = s.table.at(e).next {
			length++
		}
		if uses := s.table.vias.items[id].uses; uses != viaUses[id] || length != uses {
			t.Errorf("next hops %v: %d uses counted, %d entries, %d in their list", n.addrs, uses, viaUses[id], length)
		}
	})
	s.table.sets.each(func(id uint32, hops *[]Hop) {
		if uses := s.table.sets.items[id].uses; uses != setUses[id] {
			t.Errorf("hops %v: %d uses counted, %d there are", *hops, uses, setUses[id])
		}
	})
}

// TestFailingKernel: every second operation fails, and all routes get there.
func TestFailingKernel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newMapKernel()
		k.fail = func(op int) error {
			if op%2 == 0 {
				return &Refusal{Errno: syscall.ENOBUFS}
			}
			return nil
		}
		s, stop := start(t, k)
		var batch []Route
		for _, p := range prefixes(10_000, false) {
			batch = append(batch, Route{Dst: p, Via: addrs("192.0.2.2"), Metric: metric})
		}
		s.Want(batch)
		synctest.Wait()
		r := s.Status()
		if r.NotInstalled == 0 || len(r.Failed) != maxFailures || r.Failed[0].Reason != "the kernel says: no buffer space available" {
			t.Errorf("status after the first try: %d not installed, failed %v", r.NotInstalled, r.Failed)
		}
		if !slices.IsSortedFunc(r.Failed, func(a, b status.RouteFailure) int { return a.Prefix.Compare(b.Prefix) }) {
			t.Error("failures are not sorted")
		}
		<-time.After(time.Minute)
		if r := s.Status(); r.Installed != 10_000 || r.NotInstalled != 0 {
			t.Errorf("status in the end: %+v", r)
		}
		stop()
		consistent(t, s)
	})
}

// TestRetriesSlowDown: a kernel that refuses a route for good is asked at most every
// ten seconds, and at once when something has changed.
func TestRetriesSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newMapKernel()
		k.fail = func(int) error { return &Refusal{Errno: syscall.EPERM} }
		s, stop := start(t, k)
		s.Want(want("10.1.0.0/24 192.0.2.2"))
		<-time.After(5 * time.Minute)
		synctest.Wait()
		if k.ops < 30 || k.ops > 40 {
			t.Errorf("%d tries in five minutes, want about one in ten seconds", k.ops)
		}
		k.fail = func(int) error { return nil }
		k.someone(KernelRoute{Foreign: Foreign{Type: Unicast, Dst: netip.MustParsePrefix("10.9.0.0/24"), Hops: []Hop{{Link: 2}}, Protocol: 4}}, false, true)
		synctest.Wait()
		if r := s.Status(); r.Installed != 1 {
			t.Errorf("status after news: %+v", r)
		}
		stop()
	})
}

// TestAddBeforeDelete: what takes over is there before what goes is gone.
func TestAddBeforeDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &orderKernel{mapKernel: newMapKernel()}
		s, stop := start(t, k)
		var old, next []Route
		for _, p := range prefixes(2*roundSize, false) {
			old = append(old, Route{Dst: p, Via: addrs("192.0.2.2"), Metric: metric})
			next = append(next, Route{Dst: p})
		}
		for _, p := range prefixes(2*roundSize, true) {
			next = append(next, Route{Dst: p, Via: addrs("2001:db8::2"), Metric: metric})
		}
		s.Want(old)
		synctest.Wait()
		k.kinds = nil
		s.Want(next)
		synctest.Wait()
		stop()
		if len(k.kinds) != 4*roundSize || !slices.IsSorted(k.kinds) {
			t.Errorf("%d operations, in the order %v", len(k.kinds), slices.Compact(k.kinds))
		}
	})
}

// TestMix: many new routes are written in no order, all of them, but in theirs
// while removals wait for some.
func TestMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &orderKernel{mapKernel: newMapKernel()}
		s, stop := start(t, k)
		defer stop()
		many := through(prefixes(2*manyWait, false), "192.0.2.2")
		s.Want(many)
		synctest.Wait()
		if len(k.ours()) != len(many) || len(k.dsts) != len(many) {
			t.Fatalf("%d routes by %d operations, want %d by as many", len(k.ours()), len(k.dsts), len(many))
		}
		steps := 0
		for i, p := range k.dsts[1 : manyWait/2] {
			if k.dsts[i].Compare(p) < 0 {
				steps++
			}
		}
		if n := manyWait / 2; steps < n/3 || steps > n*2/3 {
			t.Errorf("of %d routes %d come after one before them", n, steps)
		}

		// What takes over is all there before what goes is gone.
		gone := many[0].Dst
		k.dsts = nil
		heirs := through(prefixes(2*manyWait, true), "2001:db8::2")
		s.Want(append([]Route{{Dst: gone}}, heirs...))
		s.Want(through(prefixes(4*manyWait, false)[2*manyWait:], "192.0.2.2"))
		synctest.Wait()
		if at := slices.Index(k.dsts, gone); len(k.dsts) != 4*manyWait+1 || at < len(heirs) {
			t.Errorf("of %d operations the removal is number %d", len(k.dsts), at)
		} else if late := slices.IndexFunc(k.dsts[at+1:], func(p netip.Prefix) bool { return p.Addr().Is6() }); late >= 0 {
			t.Errorf("the removal didn't wait for %v", k.dsts[at+1+late])
		}
	})
}

// An orderKernel notes what it is told to do.
type orderKernel struct {
	*mapKernel
	kinds []OpKind
	dsts  []netip.Prefix
}

func (k *orderKernel) Apply(ops []Op, errs []error) {
	for _, op := range ops {
		k.kinds, k.dsts = append(k.kinds, op.Kind), append(k.dsts, op.Dst)
	}
	k.mapKernel.Apply(ops, errs)
}

// TestWantNeverBlocks: nobody runs, and Want returns.
func TestWantNeverBlocks(t *testing.T) {
	s, err := NewSyncer(newMapKernel(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		s.Want(want("10.1.0.0/24 192.0.2.2"))
	}
	s.Settled()
	s.Want(nil)
	s.Want([]Route{{}})                                                           // no prefix at all
	s.Want([]Route{{Dst: netip.PrefixFrom(netip.MustParseAddr("10.1.0.9"), 24)}}) // not masked
	stop := run(t, s)
	defer stop()
	wait(t, func() string { return cmp.Diff(status.Routes{}, s.Status()) })
}
