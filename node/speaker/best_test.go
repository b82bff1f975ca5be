package speaker

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func v4(a, b, c, d byte) netip.Addr { return netip.AddrFrom4([4]byte{a, b, c, d}) }

// news builds adverts of one prefix: "+1" is a path from 10.0.0.1 by way of
// itself, "+1>9" by way of 10.0.0.9, "+1#2" one with path id 2, "-1" its end,
// "+0" this node's own, "+1>0" one whose next hop can't be used.
func news(t *testing.T, prefix netip.Prefix, words ...string) []advert {
	t.Helper()
	var list []advert
	for _, w := range words {
		a := advert{prefix: prefix, gone: w[0] == '-'}
		var from, via, id byte
		via = 255
		switch {
		case cmpScan(w[1:], "%d#%d", &from, &id):
		case cmpScan(w[1:], "%d>%d", &from, &via):
		case cmpScan(w[1:], "%d", &from):
		default:
			t.Fatalf("what is %q?", w)
		}
		a.path.id = uint32(id)
		if from > 0 {
			a.path.from = v4(10, 0, 0, from)
			if a.path.via = a.path.from; via != 255 {
				a.path.via = v4(10, 0, 0, via)
			}
			if via == 0 || a.gone {
				a.path.via = netip.Addr{}
			}
		}
		list = append(list, a)
	}
	return list
}

func cmpScan(s, format string, to ...any) bool {
	n, err := fmt.Sscanf(s, format, to...)
	return err == nil && n == len(to)
}

func TestBest(t *testing.T) {
	p := netip.MustParsePrefix("10.9.0.0/16")
	const nothing = "nothing"
	tests := []struct {
		name  string
		steps [][]string // told before one take each
		want  []string   // next hops, "" gone, or nothing told
	}{
		{"comes and goes", [][]string{{"+1"}, {"-1"}}, []string{"10.0.0.1", ""}},
		{"moves", [][]string{{"+1"}, {"+1>9"}}, []string{"10.0.0.1", "10.0.0.9"}},
		{"the same again, as when it becomes stale", [][]string{{"+1"}, {"+1"}}, []string{"10.0.0.1", nothing}},
		{"comes and goes unseen", [][]string{{"+1", "-1"}}, []string{nothing}},
		{"goes and comes back", [][]string{{"+1"}, {"-1", "+1"}}, []string{"10.0.0.1", "10.0.0.1"}},
		{"a second path", [][]string{{"+2"}, {"+1"}, {"-2"}}, []string{"10.0.0.2", "10.0.0.1 10.0.0.2", "10.0.0.1"}},
		{"two paths of one neighbour", [][]string{{"+1#1", "+1#2"}, {"-1#1"}, {"-1#2"}}, []string{"10.0.0.1", nothing, ""}},
		{"two neighbours, one next hop", [][]string{{"+1>9"}, {"+2>9"}, {"-1"}}, []string{"10.0.0.9", nothing, nothing}},
		{"one neighbour instead of the other", [][]string{{"+1"}, {"-1", "+2"}}, []string{"10.0.0.1", "10.0.0.2"}},
		{"a route of our own wins", [][]string{{"+1"}, {"-1", "+0"}, {"-0", "+1"}}, []string{"10.0.0.1", "", "10.0.0.1"}},
		{"a route of our own is not told", [][]string{{"+0"}, {"-0"}}, []string{nothing, nothing}},
		{"a next hop that can't be used", [][]string{{"+1>0"}, {"+2"}, {"-2"}, {"-1"}}, []string{nothing, "10.0.0.2", "", nothing}},
		{"what was not there goes", [][]string{{"-1"}}, []string{nothing}},
		{"another's path goes", [][]string{{"+1"}, {"-2"}}, []string{"10.0.0.1", nothing}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBest()
			for i, step := range tt.steps {
				b.update(news(t, p, step...))
				got := nothing
				switch batch := b.take(); {
				case len(batch) > 1:
					t.Fatalf("one prefix twice in a batch: %v", batch)
				case len(batch) == 1 && batch[0].Prefix == p:
					got = joined(batch[0].NextHops)
				}
				if got != tt.want[i] {
					t.Errorf("step %d %v: told %q, want %q", i, step, got, tt.want[i])
				}
			}
			if more := b.take(); len(more) > 0 {
				t.Errorf("left in line: %v", more)
			}
		})
	}
}

// TestBestAgreesWithPlainSets compares the table with a map of maps, for random
// news told in random batches.
func TestBestAgreesWithPlainSets(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	b := newBest()
	plain := map[netip.Prefix]map[path]netip.Addr{} // by path without its next hop
	toldTo := map[netip.Prefix]string{}
	for range 20_000 {
		prefix := netip.PrefixFrom(v4(10, byte(r.IntN(12)), 0, 0), 16)
		p := path{from: v4(10, 0, 0, byte(1+r.IntN(3))), id: uint32(r.IntN(2))}
		a := advert{prefix: prefix, path: p, gone: r.IntN(3) == 0}
		if plain[prefix] == nil {
			plain[prefix] = map[path]netip.Addr{}
		}
		if a.gone {
			delete(plain[prefix], p)
		} else {
			a.path.via = v4(10, 1, 0, byte(r.IntN(3)))
			plain[prefix][p] = a.path.via
		}
		b.update([]advert{a})
		if r.IntN(20) > 0 {
			continue
		}
		for _, c := range b.take() {
			if toldTo[c.Prefix] = joined(c.NextHops); len(c.NextHops) == 0 {
				delete(toldTo, c.Prefix)
			}
		}
		want := map[netip.Prefix]string{}
		for prefix, set := range plain {
			if len(set) > 0 {
				via := slices.SortedFunc(maps.Values(set), netip.Addr.Compare)
				want[prefix] = joined(slices.Compact(via))
			}
		}
		if d := cmp.Diff(want, toldTo, compare); d != "" {
			t.Fatalf("next hops (-want +got):\n%s", d)
		}
	}
	b.clear()
	b.take()
	if b.size() != 0 || len(b.sets) != 0 {
		t.Errorf("%d routes and %d sets are left after clear", b.size(), len(b.sets))
	}
}

func TestBestCapsNextHops(t *testing.T) {
	b := newBest()
	p := netip.MustParsePrefix("10.9.0.0/16")
	for i := range byte(200) {
		b.update([]advert{{prefix: p, path: path{from: v4(10, 0, 0, i), via: v4(10, 0, 0, i)}}})
	}
	batch := b.take()
	if len(batch) != 1 || len(batch[0].NextHops) != maxHops || batch[0].NextHops[0] != v4(10, 0, 0, 0) {
		t.Errorf("got %v", batch)
	}
}

// TestBestIsLean: what is kept of a full table must not be what makes a node
// too large.
func TestBestIsLean(t *testing.T) {
	const n = 200_000
	before := heap()
	b := newBest()
	feed(b, n)
	for len(b.take()) > 0 {
	}
	each := (heap() - before) / n
	t.Logf("%d bytes a route", each)
	if each > 150 {
		t.Errorf("a route takes %d bytes, want 150 at most", each)
	}
	if b.size() != n || len(b.sets) != 250 {
		t.Errorf("%d routes, %d sets", b.size(), len(b.sets))
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// feed announces n prefixes by 250 next hops, in runs of 200.
func feed(b *best, n int) {
	one := make([]advert, 1)
	for i := range n {
		from := v4(10, 0, byte(i/200%250), 1)
		one[0] = advert{prefix: netip.PrefixFrom(v4(byte(i>>16), byte(i>>8), byte(i), 0), 24), path: path{from: v4(10, 0, 0, 1), via: from}}
		b.update(one)
	}
}

func BenchmarkBest(b *testing.B) {
	t := newBest()
	b.ReportAllocs()
	feed(t, b.N)
	for len(t.take()) > 0 {
	}
}
