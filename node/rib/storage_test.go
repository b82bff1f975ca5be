package rib

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// The index against Go's map, growing and shrinking.
func TestIndex(t *testing.T) {
	for _, wide := range []bool{false, true} {
		r := rand.New(rand.NewPCG(1, 1))
		var s slab[entry]
		x := newIndex(wide)
		want := map[netip.Prefix]uint32{}
		some := func() netip.Prefix {
			n := uint32(r.IntN(20_000))
			if !wide {
				var b [4]byte
				binary.BigEndian.PutUint32(b[:], n<<8)
				return netip.PrefixFrom(netip.AddrFrom4(b), 24+int(n%9))
			}
			var b [16]byte
			binary.BigEndian.PutUint64(b[4:], uint64(n)<<10) // across the middle
			return netip.PrefixFrom(netip.AddrFrom16(b), 84+int(n%20)).Masked()
		}
		widest := 0
		for phase, grow := range []int{8, 5, 1, 8, 0} {
			for range 60_000 {
				p := some()
				k, ok := x.keyOf(p)
				if !ok {
					t.Fatal(p)
				}
				ref := x.find(k)
				if ref != want[p] {
					t.Fatalf("%v: found %d, want %d", p, ref, want[p])
				}
				switch {
				case ref == 0 && r.IntN(10) < grow:
					ref = s.add()
					x.put(k, ref)
					want[p] = ref
					if x.prefix(ref) != p {
						t.Fatalf("%v became %v", p, x.prefix(ref))
					}
				case ref != 0 && r.IntN(10) >= grow:
					x.cut(ref, s.drop(ref))
					delete(want, p)
				}
			}
			if x.count != len(want) {
				t.Fatalf("phase %d: %d, want %d", phase, x.count, len(want))
			}
			widest = max(widest, len(x.slots))
		}
		for p, ref := range want {
			if k, _ := x.keyOf(p); x.find(k) != ref {
				t.Fatalf("%v is lost", p)
			}
			x.cut(ref, s.drop(ref))
		}
		if widest < 4*fewestSlots || len(x.slots) != fewestSlots {
			t.Errorf("%d slots at most, %d at the end", widest, len(x.slots))
		}
		for c := range s.items {
			if s.items[c] != nil && c > 0 {
				t.Errorf("chunk %d is left", c)
			}
		}
	}
}

func TestIndexRefuses(t *testing.T) {
	v4, v6 := newIndex(false), newIndex(true)
	for _, c := range []struct {
		p        netip.Prefix
		in4, in6 bool
	}{
		{netip.Prefix{}, false, false},
		{netip.PrefixFrom(netip.MustParseAddr("1.2.3.4"), 33), false, false},
		{netip.MustParsePrefix("0.0.0.0/0"), true, false},
		{netip.MustParsePrefix("::/0"), false, true},
		{netip.MustParsePrefix("::ffff:1.2.3.0/120"), false, true},
	} {
		_, in4 := v4.keyOf(c.p)
		_, in6 := v6.keyOf(c.p)
		if in4 != c.in4 || in6 != c.in6 {
			t.Errorf("%v: IPv4 %v, IPv6 %v", c.p, in4, in6)
		}
	}
}

// Numbers are unique, dense, and walked in order; chunks go when they are empty.
func TestSlab(t *testing.T) {
	var s slab[uint32]
	r := rand.New(rand.NewPCG(1, 1))
	live := map[uint32]bool{}
	highest := uint32(0)
	for i := range 100_000 {
		if len(live) < 5000 && r.IntN(10) < 7 || len(live) == 0 {
			n := s.add()
			if n == 0 || live[n] || !s.has(n) {
				t.Fatalf("%d given out", n)
			}
			live[n] = true
			highest = max(highest, n)
		} else {
			for n := range live {
				s.drop(n)
				delete(live, n)
				if s.has(n) {
					t.Fatalf("%d is dropped and there", n)
				}
				break
			}
		}
		if i%5000 == 0 {
			count := 0
			for n := s.next(0); n != 0; n = s.next(n + 1) {
				if !live[n] {
					t.Fatalf("walked to %d", n)
				}
				count++
			}
			if count != len(live) {
				t.Fatalf("walked to %d of %d", count, len(live))
			}
		}
	}
	if highest > 5000 {
		t.Errorf("of at most 5000, one got number %d", highest)
	}
	if s.has(1 << 30) {
		t.Error("a number far out is there")
	}
	for n := range live {
		s.drop(n)
	}
	chunks := 0
	for _, c := range s.items {
		if c != nil {
			chunks++
		}
	}
	if chunks > 1 {
		t.Errorf("%d chunks are left", chunks)
	}
}

func TestQueue(t *testing.T) {
	var q queue
	for _, n := range []int{1, chunkLen - 1, chunkLen, chunkLen + 1, 50 * chunkLen, 3} {
		for i := range n {
			q.add(touched{ref: uint32(i)})
		}
		seen := 0
		for from := 0; from < q.n; {
			part := q.part(from, deltas)
			if len(part) == 0 || len(part) > deltas {
				t.Fatalf("a part of %d", len(part))
			}
			for _, x := range part {
				if x.ref != uint32(seen) {
					t.Fatalf("%d came as %d", x.ref, seen)
				}
				seen++
			}
			from += len(part)
		}
		if seen != n {
			t.Fatalf("%d of %d", seen, n)
		}
		q.reset()
		if len(q.chunks) > 16 || q.n != 0 {
			t.Fatalf("%d chunks are kept", len(q.chunks))
		}
	}
}
