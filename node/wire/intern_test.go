package wire

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
)

// TestInternOnePointer: equal sets are one pointer, whichever way they came.
func TestInternOnePointer(t *testing.T) {
	table := new(Table)
	d1, d2 := NewDecoder(external(), table), NewDecoder(narrow(), table)
	u1, err1 := d1.Decode(with())
	u2, err2 := d2.Decode(raw(nextHop, attr(0x40, attrASPath, seq2(65001, 65010)...), []byte{0x50, attrOrigin, 0, 1, 0}))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	a := u1.Reach[0].Attrs
	if u2.Reach[0].Attrs != a {
		t.Error("two sessions, one set, two pointers")
	}
	f := a.Fields()
	if table.Intern(build(t, f)) != a {
		t.Error("built, and another pointer")
	}
	if other := table.Intern(a.WithMED(1)); other == a || table.Intern(a.WithMED(1)) != other {
		t.Error("a new set is not the old one and is itself the next time")
	}
	if table.Intern(nil) != nil {
		t.Error("nothing became something")
	}
	runtime.KeepAlive(a)
}

// TestInternCollision: two sets with one hash stay two.
func TestInternCollision(t *testing.T) {
	table := new(Table)
	one, two := build(t, Fields{ASPath: NewASPath(1)}), build(t, Fields{ASPath: NewASPath(2)})
	for range 3 {
		if intern(table, 42, one.enc, one) != one || intern(table, 42, two.enc, two) != two {
			t.Fatal("one was taken for the other")
		}
	}
}

// TestInternAtOnce: sessions that decode at once get the same pointers.
func TestInternAtOnce(t *testing.T) {
	table := new(Table)
	const sessions, sets = 8, 300
	got := make([][]*Attrs, sessions)
	var wg sync.WaitGroup
	for s := range sessions {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(9, 9)) // the same for all
			for range sets {
				f := randomFields(rnd, IPv4)
				got[s] = append(got[s], table.bytes(f.append(nil)))
				if rnd.IntN(100) == 0 {
					table.Trim()
				}
			}
		})
	}
	wg.Wait()
	for s := range got {
		for i := range got[s] {
			if got[s][i] != got[0][i] {
				t.Fatalf("set %d of session %d is another pointer", i, s)
			}
		}
	}
}

// TestInternForgets: sets that no route uses cost nothing.
func TestInternForgets(t *testing.T) {
	table := new(Table)
	keep := table.Intern(build(t, Fields{ASPath: NewASPath(1)}))
	for i := range uint32(10000) {
		table.Intern(build(t, Fields{ASPath: NewASPath(1, i+2)}))
	}
	runtime.GC()
	runtime.GC()
	if n := table.Len(); n != 1 {
		t.Errorf("%d sets are alive, 1 is used", n)
	}
	table.Trim()
	kept := 0
	for i := range table.shards {
		kept += len(table.shards[i].sets)
	}
	if kept != 1 {
		t.Errorf("%d places are kept for 1 set", kept)
	}
	if table.Intern(build(t, Fields{ASPath: NewASPath(1)})) != keep {
		t.Error("the set that is used was forgotten")
	}
	// Without Trim, insertion alone keeps the table in bounds.
	for i := range uint32(200000) {
		table.Intern(build(t, Fields{ASPath: NewASPath(2, i+2)}))
		if i%20000 == 0 {
			runtime.GC()
		}
	}
	kept = 0
	for i := range table.shards {
		kept += len(table.shards[i].sets)
	}
	if kept > 100000 {
		t.Errorf("%d places after 200000 sets that came and went", kept)
	}
}

// TestCacheIsBounded: a peer that never says the same twice doesn't make its
// decoder grow, and what it evicts is not confused.
func TestCacheIsBounded(t *testing.T) {
	d := NewDecoder(external(), new(Table))
	for i := range uint32(5000) {
		med := attr(0x80, attrMED, byte(i>>24), byte(i>>16), byte(i>>8), byte(i))
		for range 2 {
			u, err := d.Decode(with(med))
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := u.Reach[0].Attrs.MED(); got != i {
				t.Fatalf("MED %d, sent %d", got, i)
			}
		}
	}
	if len(d.seen.places) > largestCache {
		t.Errorf("%d places", len(d.seen.places))
	}
}

// TestCachePurpose: the same octets mean different things for IPv4 and IPv6
// routes, and with another next hop.
func TestCachePurpose(t *testing.T) {
	d := NewDecoder(byIPv6(), new(Table))
	for range 3 {
		for _, tt := range []struct {
			body []byte
			want string
		}{
			{with(), "192.0.2.1"},
			{body(nil, join(reach6, good), nil), "2001:db8::1"},
			{body(nil, join(mpReach(IPv6, addr("2001:db8::2"), nlri("2001:db8:1::/48")), good), nil), "2001:db8::2"},
			{body(nil, join(mpReach(IPv4, addr("2001:db8::2"), nlri("10.0.0.0/8")), good), nil), "2001:db8::2"},
			{body(nil, join(mpReach(IPv4, addr("198.51.100.7"), nlri("10.0.0.0/8")), good), nil), "198.51.100.7"},
		} {
			u, err := d.Decode(tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if got := u.Reach[0].Attrs.NextHop().String(); got != tt.want {
				t.Fatalf("next hop %s, want %s", got, tt.want)
			}
		}
		// Without routes the octets are looked at and make no set; with IPv4
		// routes they need a NEXT_HOP.
		if _, err := d.Decode(body(nil, good6, nil)); err != nil {
			t.Fatal(err)
		}
		u, err := d.Decode(body(nil, good6, nlri("10.0.0.0/8")))
		if err != nil || u.Verdict != TreatAsWithdraw {
			t.Fatalf("%v %v", u.Verdict, err)
		}
	}
}
