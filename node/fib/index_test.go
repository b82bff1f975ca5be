package fib

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"unsafe"
)

// TestIndex lets destinations of both families come and go, many and few, and
// compares with a map.
func TestIndex(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table, known := newTable(), map[dst]uint32{}
	some := func() dst {
		n := rng.Uint32N(3000)
		a := netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 0})
		if n%2 == 0 {
			a = netip.AddrFrom16(a.As16())
		}
		return dstOf(netip.PrefixFrom(a, 24+int(n%3)))
	}
	for i := range 200_000 {
		d := some()
		if got := table.find(d); got != known[d] {
			t.Fatalf("step %d: %s is number %d, want %d", i, d.prefix(), got, known[d])
		}
		// Waves: mostly coming, then mostly going.
		if coming := i/20_000%2 == 0; (rng.IntN(10) < 8) == coming {
			known[d] = table.open(d)
		} else if id := known[d]; id != 0 {
			table.forget(id)
			delete(known, d)
		}
	}
	if table.count != len(known) {
		t.Errorf("%d are counted, %d are there", table.count, len(known))
	}
	for d, id := range known {
		if table.find(d) != id || table.at(id).dst != d {
			t.Errorf("%s is not number %d", d.prefix(), id)
		}
	}
}

// TestEntrySize: a million routes take that many times as much.
func TestEntrySize(t *testing.T) {
	if n := unsafe.Sizeof(entry{}); n > 44 {
		t.Errorf("an entry has %d octets", n)
	}
}
