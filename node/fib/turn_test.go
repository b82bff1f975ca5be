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
)

// tell gives the Syncer a batch in pieces of so many routes, and time to act
// upon each.
func tell(s *Syncer, batch []Route, size int) {
	for len(batch) > size {
		s.WantPart(slices.Clone(batch[:size]))
		batch = batch[size:]
		synctest.Wait()
	}
	s.Want(slices.Clone(batch))
	synctest.Wait()
}

// truthful checks that the kernel's routes are what the Syncer takes them for.
func truthful(t *testing.T, s *Syncer, k *mapKernel) {
	t.Helper()
	books := map[place]string{}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table.each(func(_ uint32, e *entry) {
		if e.have != 0 {
			books[place{e.dst.prefix(), e.metric}] = fmt.Sprint(*s.table.sets.at(e.have))
		}
	})
	if diff := cmp.Diff(books, k.ours(), samePlaces); diff != "" {
		t.Errorf("kernel (-as the Syncer has it +as it is):\n%s", diff)
	}
}

// TestLost: when all routes leave a set of next hops for another one, that is
// one operation; when not, those that leave are written.
func TestLost(t *testing.T) {
	const n = 3 * turnFrom
	const a, b, c = "192.0.2.2", "192.0.2.3", "198.51.100.2"
	list := prefixes(n, false)
	static := func(dst netip.Prefix, metric uint32) KernelRoute {
		return KernelRoute{Foreign: Foreign{Type: Unicast, Dst: dst, Hops: []Hop{hop("192.0.2.77", 2)}, Metric: metric, Protocol: 4}}
	}
	leave := make([]Route, 5)
	for i := range leave {
		leave[i].Dst = list[i]
	}
	for _, v := range []struct {
		name   string
		before func(*Syncer, *mapKernel) // the n routes go by a already
		batch  []Route
		ops    int // of them turns:
		turns  int
	}{
		{name: "all", batch: through(list, b), ops: 1, turns: 1},
		{name: "all to several", batch: through(list, b, c), ops: 1, turns: 1},
		{
			name:   "all, to where others are",
			before: func(s *Syncer, _ *mapKernel) { s.Want(through(prefixes(n+5, false)[n:], b)) },
			batch:  through(list, b), ops: 1, turns: 1,
		},
		{name: "all but one", batch: through(list[1:], b), ops: n - 1},
		{name: "half of them to another one", batch: append(through(list[:n/2], b), through(list[n/2:], c)...), ops: n/2 + 1, turns: 1},
		{name: "in thirds", batch: slices.Concat(through(list[:n/3], b), through(list[n/3:2*n/3], c), through(list[2*n/3:], b, c)), ops: n},
		{name: "a few of them to another one", batch: append(through(list[5:], b), through(list[:5], c)...), ops: 6, turns: 1},
		{name: "a few of them to others, and some go", batch: slices.Concat(through(list[10:], b), leave, through(list[5:7], c), through(list[7:10], b, c)), ops: 11, turns: 1},
		{name: "too few for it to be worth it", before: func(s *Syncer, _ *mapKernel) { s.Want(through(list[turnFrom-1:], c)) }, batch: through(list[:turnFrom-1], b), ops: turnFrom - 1},
		{name: "all, and some go", batch: append(through(list[5:], b), leave...), ops: 6, turns: 1},
		{name: "all, there and back", batch: append(through(list, b), through(list, a)...)},
		{
			name: "two that change places",
			before: func(s *Syncer, _ *mapKernel) {
				s.Want(through(prefixes(2*n, false)[n:], b))
			},
			batch: append(through(list, b), through(prefixes(2*n, false)[n:], a)...), ops: n + 1, turns: 1,
		},
		{
			name:   "one after the other",
			before: func(s *Syncer, _ *mapKernel) { s.Want(through(prefixes(2*n, false)[n:], b)) },
			batch:  append(through(list, b), through(prefixes(2*n, false)[n:], c)...), ops: n + 1, turns: 1,
		},
		{
			name: "someone else is in the place of one",
			before: func(_ *Syncer, k *mapKernel) {
				k.someone(static(list[7], metric), false, true)
			},
			batch: through(list, b), ops: 1, turns: 1,
		},
		{
			name: "an earlier run's, that nobody wants yet",
			before: func(_ *Syncer, k *mapKernel) {
				k.someone(KernelRoute{Foreign: Foreign{Type: Unicast, Dst: prefixes(n+1, false)[n], Hops: []Hop{hop(a, 2)}, Metric: metric, Protocol: Protocol}}, false, true)
			},
			batch: through(list, b), ops: n,
		},
		{
			name: "one the kernel has refused to turn before",
			before: func(s *Syncer, k *mapKernel) {
				k.fail = func(int) error { return &Refusal{Errno: syscall.ENOMEM} }
				s.Want(through(list[:1], b))
				synctest.Wait()
				k.fail = func(int) error { return nil }
			},
			batch: through(list[1:], b), ops: 1, turns: 1,
		},
	} {
		for _, size := range []int{10, 2 * n} {
			t.Run(fmt.Sprint(v.name, "/", size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					k := newMapKernel()
					s, stop := start(t, k)
					s.Want(through(list, a))
					synctest.Wait()
					if v.before != nil {
						v.before(s, k)
						synctest.Wait()
					}
					k.ops, k.turns = 0, 0
					tell(s, v.batch, size)
					if k.ops != v.ops || k.turns != v.turns {
						t.Errorf("%d operations, %d of them turns; want %d, %d", k.ops, k.turns, v.ops, v.turns)
					}
					truthful(t, s, k)
					if r := s.Status(); r.Installed != r.Wanted && v.name != "someone else is in the place of one" {
						t.Errorf("status: %+v", r)
					}
					<-time.After(time.Hour) // with scans
					stop()
					if k.ops != v.ops {
						t.Errorf("later, %d more operations", k.ops-v.ops)
					}
				})
			})
		}
	}
}

// TestPieces: of a batch that is not complete, what is new is written, and
// nothing is changed or taken away.
func TestPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &orderKernel{mapKernel: newMapKernel()}
		s, stop := start(t, k)
		list := prefixes(300, false)
		s.Want(through(list[:200], "192.0.2.2"))
		synctest.Wait()
		k.kinds = nil
		s.WantPart(append(through(list[200:250], "192.0.2.3"), Route{Dst: list[0]}, Route{Dst: list[1]}))
		s.WantPart(through(list[2:100], "192.0.2.3"))
		synctest.Wait()
		if want := slices.Repeat([]OpKind{Add}, 50); !slices.Equal(k.kinds, want) {
			t.Errorf("before the end: %v", k.kinds)
		}
		k.kinds = nil
		s.Want(through(list[250:], "192.0.2.3"))
		synctest.Wait()
		if want := slices.Concat(slices.Repeat([]OpKind{Replace}, 98), slices.Repeat([]OpKind{Add}, 50), slices.Repeat([]OpKind{Remove}, 2)); !slices.Equal(k.kinds, want) {
			t.Errorf("at the end: %v", k.kinds)
		}
		s.WantPart(through(list[2:3], "192.0.2.4"))
		synctest.Wait()
		s.Want(nil)
		synctest.Wait()
		if r := s.Status(); r.Installed != 298 {
			t.Errorf("status: %+v", r)
		}
		stop()
		consistent(t, s)
	})
}

// TestExodus: crowds of routes move together, partly together, and come and go
// meanwhile; the kernel refuses some of it. It ends as if only the last wants
// had ever been, and in between the Syncer knows what the kernel has.
func TestExodus(t *testing.T) {
	turns := 0
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) { turns += exodus(t, seed) })
		if t.Failed() {
			t.Fatal("seed", seed)
		}
	}
	if turns < 120 {
		t.Errorf("only %d turns", turns)
	}
}

func exodus(t *testing.T, seed uint64) (turns int) {
	w := rand.New(rand.NewPCG(seed, 2))
	k := newMapKernel()
	fails := seed%2 == 1
	if fails {
		n := 1 + w.IntN(400)
		k.fail = func(op int) error {
			if (op/7)%n == 1 {
				return &Refusal{Errno: syscall.ENOMEM}
			}
			return nil
		}
	}
	vias := map[bool][][]netip.Addr{
		false: {addrs("192.0.2.2"), addrs("192.0.2.3"), addrs("198.51.100.2"), addrs("192.0.2.2", "192.0.2.3"), addrs("203.0.113.1"), addrs("203.0.113.2", "192.0.2.2")},
		true:  {addrs("2001:db8::2"), addrs("2001:db8::3"), addrs("2001:db8::2", "2001:db8::4")},
	}
	way := func(gateway string, link int) {
		k.someone(KernelRoute{Foreign: Foreign{Type: Unicast, Dst: netip.MustParsePrefix("203.0.113.0/24"), Hops: []Hop{hop(gateway, link)}, Protocol: 4}}, false, true)
	}
	way("192.0.2.9", 2)
	dsts := append(prefixes(500, false), prefixes(250, true)...)
	at := func() uint32 { // mostly the usual one
		if w.IntN(3) > 0 {
			return metric
		}
		return someMetrics[w.IntN(len(someMetrics))]
	}
	any := func(v6 bool) []netip.Addr { return vias[v6][w.IntN(len(vias[v6]))] }
	now := map[netip.Prefix]Route{}
	if seed%3 == 2 { // routes of an earlier run
		for _, d := range dsts[:w.IntN(len(dsts))] {
			if d.Addr().Is4() {
				k.put(KernelRoute{Foreign: Foreign{Type: Unicast, Dst: d, Hops: []Hop{hop("192.0.2.2", 2)}, Metric: metric, Protocol: Protocol}})
			}
		}
	}
	s, stop := start(t, k)
	move := func(batch []Route) {
		for _, r := range batch {
			now[r.Dst] = r
		}
		tell(s, batch, 1+w.IntN(2*len(batch)+1))
	}
	settled := w.IntN(12)
	for step := range 25 {
		if step == settled {
			s.Settled()
		}
		var batch []Route
		m := at()
		switch w.IntN(6) {
		case 0: // some do as they like
			for range 1 + w.IntN(40) {
				d := dsts[w.IntN(len(dsts))]
				batch = append(batch, Route{Dst: d, Via: any(d.Addr().Is6()), Metric: at()})
			}
		case 1: // many come
			to4, to6 := any(false), any(true)
			for _, d := range dsts[w.IntN(len(dsts)):] {
				if d.Addr().Is4() {
					batch = append(batch, Route{Dst: d, Via: to4, Metric: m})
				} else {
					batch = append(batch, Route{Dst: d, Via: to6, Metric: m})
				}
			}
		case 2:
			way([]string{"192.0.2.9", "192.0.2.3", "198.51.100.9"}[w.IntN(3)], 2+w.IntN(2))
		default: // a peer is lost: all of its routes go to another one, or some go or stay
			v6 := w.IntN(3) == 0
			from, to, stay, gone, few := any(v6), any(v6), 0, 0, 0
			if w.IntN(3) == 0 {
				stay, gone = w.IntN(10), w.IntN(10)
			}
			if w.IntN(2) == 0 {
				few = w.IntN(30)
			}
			for _, d := range dsts {
				switch {
				case d.Addr().Is6() != v6 || !slices.Equal(now[d].Via, from) || stay > 0 && w.IntN(100) < stay:
				case gone > 0 && w.IntN(100) < gone:
					batch = append(batch, Route{Dst: d})
				case few > 0 && w.IntN(100) < few:
					batch = append(batch, Route{Dst: d, Via: any(v6), Metric: at()})
				default:
					batch = append(batch, Route{Dst: d, Via: to, Metric: m})
				}
			}
		}
		if len(batch) > 0 {
			move(batch)
		}
		if !fails && w.IntN(2) == 0 {
			synctest.Wait()
			truthful(t, s, k)
		}
	}
	s.Settled()
	<-time.After(10 * time.Minute)
	synctest.Wait()
	stop()
	turns = k.turns
	truthful(t, s, k)
	consistent(t, s)
	want := map[place]string{}
	for d, r := range now {
		if len(r.Via) > 0 {
			hops, _ := s.facts.resolve(r.Via, d.Addr().Is6())
			if d.Addr().Is6() && r.Metric == 0 {
				r.Metric = metricIPv6
			}
			want[place{d, r.Metric}] = fmt.Sprint(hops)
		}
	}
	if diff := cmp.Diff(want, k.ours(), samePlaces); diff != "" {
		t.Errorf("kernel (-wanted +there):\n%s", diff)
	}
	return turns
}
