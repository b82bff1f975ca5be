package wire

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cut splits what a Builder has written into message bodies and checks that each
// has a good header and routes of one kind only (RFC 7606 §5.1).
func cut(t testing.TB, b []byte, longest int) [][]byte {
	t.Helper()
	var bodies [][]byte
	for len(b) > 0 {
		typ, length, bad := Header(b, longest)
		if bad != nil || typ != TypeUpdate || length > len(b) {
			t.Fatalf("a message of type %v, %d octets of %d: %v", typ, length, len(b), bad)
		}
		s, bad := split(b[headerLen:length])
		if bad != nil {
			t.Fatal(bad)
		}
		p, bad := new(Decoder).locate(s.attributes)
		if bad != nil {
			t.Fatal(bad)
		}
		kinds := 0
		for _, field := range [][]byte{s.withdrawn, s.nlri, p.reach, p.unreach} {
			if len(field) > 0 {
				kinds++
			}
		}
		if kinds > 1 {
			t.Fatalf("%d kinds of routes in one message", kinds)
		}
		bodies = append(bodies, b[headerLen:length])
		b = b[length:]
	}
	return bodies
}

func randomDests(r *rand.Rand, family Family, n int, ids bool) []Dest {
	list := make([]Dest, n)
	for i := range list {
		a := addr4(r.Uint32())
		if family == IPv6 {
			var b [16]byte
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			a = netip.AddrFrom16(b)
		}
		list[i].Prefix, _ = a.Prefix(r.IntN(family.bits() + 1))
		if ids {
			list[i].PathID = r.Uint32()
		}
	}
	return list
}

// TestThereAndBack: what any kind of peer is sent, it reads as it was meant.
func TestThereAndBack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	for range 600 {
		b := Builder{FourOctetAS: rnd.IntN(2) == 0, AddPath: Families(rnd.IntN(4)), MaxLen: []int{0, 4096, 65535}[rnd.IntN(3)]}
		family := []Family{IPv4, IPv6}[rnd.IntN(2)]
		hop := family
		if rnd.IntN(4) == 0 {
			hop = IPv6 // IPv4 routes by an IPv6 next hop, too
		}
		a := build(t, randomFields(rnd, hop))
		routes := randomDests(rnd, family, 1+rnd.IntN(3000), b.AddPath.Has(family))
		wire, err := b.Reach(nil, family, a, routes)
		if err != nil {
			t.Fatal(err)
		}
		rules := Rules{LocalAS: 1, PeerAS: 1, FourOctetAS: b.FourOctetAS, Families: Both, AddPath: b.AddPath, ExtendedNextHop: true}
		table := new(Table)
		table.Intern(a)
		d := NewDecoder(rules, table)
		var got []Dest
		bodies := cut(t, wire, b.maxLen())
		for i, body := range bodies {
			u, bad := d.Decode(body)
			if bad != nil || u.Verdict != OK || len(u.Withdrawn) != 0 || len(u.Reach) != 1 {
				t.Fatalf("%v %v", bad, u.Notes)
			}
			if diff := cmp.Diff(a.Fields(), u.Reach[0].Attrs.Fields(), sameFields); diff != "" {
				t.Fatal(diff)
			}
			if u.Reach[0].Attrs != a {
				t.Fatal("another pointer")
			}
			// Full means that the next prefix, at most 21 octets, has no room.
			if i < len(bodies)-1 && headerLen+len(body) < b.maxLen()-21 {
				t.Fatalf("message %d of %d has %d octets", i, len(bodies), headerLen+len(body))
			}
			got = u.Reach[0].Append(got)
		}
		if !slices.Equal(got, routes) {
			t.Fatal("the prefixes differ")
		}

		got = got[:0]
		for _, body := range cut(t, b.Withdraw(nil, family, routes), b.maxLen()) {
			u, bad := d.Decode(body)
			if bad != nil || u.Verdict != OK || len(u.Withdrawn) != 1 || len(u.Reach) != 0 || u.EndOfRIB != 0 {
				t.Fatalf("%v %v", bad, u.Notes)
			}
			got = u.Withdrawn[0].Append(got)
		}
		if !slices.Equal(got, routes) {
			t.Fatal("the withdrawn prefixes differ")
		}

		u, bad := d.Decode(cut(t, b.EndOfRIB(nil, family), MaxLen)[0])
		if bad != nil || u.EndOfRIB != family {
			t.Fatalf("End-of-RIB: %v %v", u.EndOfRIB, bad)
		}
	}
}

// TestBuilderAppends: what was there stays there.
func TestBuilderAppends(t *testing.T) {
	a := build(t, Fields{ASPath: NewASPath(1), NextHop: netip.MustParseAddr("192.0.2.1")})
	routes := []Dest{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}}
	b := Builder{FourOctetAS: true}
	dst, err := b.Reach([]byte("before"), IPv4, a, routes)
	if err != nil || !strings.HasPrefix(string(dst), "before\xff\xff") {
		t.Fatalf("%x %v", dst, err)
	}
	n := len(dst)
	dst = b.EndOfRIB(b.Withdraw(dst, IPv4, routes), IPv6)
	if got := len(cut(t, dst[6:], MaxLen)); got != 3 || len(dst) <= n {
		t.Fatalf("%d messages", got)
	}
	if got, err := b.Reach(nil, IPv4, a, nil); err != nil || len(got) != 0 {
		t.Errorf("no routes: %x %v", got, err)
	}
	if got := b.Withdraw(nil, IPv6, nil); len(got) != 0 {
		t.Errorf("no withdrawals: %x", got)
	}
}

// TestAttributeOrder: MP_REACH_NLRI first (RFC 7606 §5.1), else ascending
// (RFC 4271 §5), what we don't know among them.
func TestAttributeOrder(t *testing.T) {
	f := Fields{
		ASPath: NewASPath(70000, 1), NextHop: netip.MustParseAddr("192.0.2.1"), HasMED: true, HasLocalPref: true,
		AtomicAggregate: true, Aggregator: Aggregator{70000, addr4(7)}, Communities: NewCommunities(1),
		OriginatorID: addr4(9), ClusterList: ClusterList("").Prepend(4), ExtCommunities: "12345678",
		LargeCommunities: NewLargeCommunities(LargeCommunity{}),
		Unknown:          []RawAttr{{0xe0, 200, ""}, {0xe0, 20, ""}, {0xe0, 11, ""}, {0xe0, 30, ""}},
	}
	for _, tt := range []struct {
		b       Builder
		nextHop string
		want    []uint8
	}{
		{Builder{FourOctetAS: true}, "192.0.2.1", []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 20, 30, 32, 200}},
		{Builder{}, "192.0.2.1", []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 20, 30, 32, 200}},
		{Builder{FourOctetAS: true}, "2001:db8::1", []uint8{14, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 16, 20, 30, 32, 200}},
		{Builder{}, "2001:db8::1", []uint8{14, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 20, 30, 32, 200}},
	} {
		f.NextHop = netip.MustParseAddr(tt.nextHop)
		wire, err := tt.b.Reach(nil, IPv4, build(t, f), []Dest{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}})
		if err != nil {
			t.Fatal(err)
		}
		s, _ := split(cut(t, wire, MaxLen)[0])
		var got []uint8
		for list := s.attributes; len(list) > 0; {
			a, ok := cutAttr(list)
			if !ok {
				t.Fatal("malformed")
			}
			got = append(got, a.kind)
			list = list[len(a.tlv):]
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v, want %v", got, tt.want)
		}
	}
}

// TestNarrow has what a peer with two octets is sent (RFC 6793 §4.2.2).
func TestNarrow(t *testing.T) {
	confed := ASPath([]byte{byte(ConfedSequence), 1, 0, 1, 0x11, 0x70})
	for _, tt := range []struct {
		name      string
		path      ASPath
		agg       uint32
		kinds     []uint8
		as4Octets int
	}{
		{"all fit", NewASPath(1, 65535), 65535, []uint8{1, 2, 3, 7}, 0},
		{"the path doesn't", NewASPath(1, 65536), 7, []uint8{1, 2, 3, 7, 17}, 2 + 8},
		{"the aggregator doesn't", NewASPath(1), 65536, []uint8{1, 2, 3, 7, 18}, 0},
		{"a confederation stays at home", confed + NewASPath(70000), 0, []uint8{1, 2, 3, 17}, 2 + 4},
		{"only a confederation doesn't fit", confed + NewASPath(7), 0, []uint8{1, 2, 3}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := build(t, Fields{ASPath: tt.path, NextHop: addr4(0x0a000001), Aggregator: Aggregator{tt.agg, addr4(7)}})
			wire, err := Builder{}.Reach(nil, IPv4, a, []Dest{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}})
			if err != nil {
				t.Fatal(err)
			}
			s, _ := split(cut(t, wire, MaxLen)[0])
			var kinds []uint8
			for list := s.attributes; len(list) > 0; {
				a, _ := cutAttr(list)
				kinds = append(kinds, a.kind)
				if a.kind == attrAS4Path && len(a.value) != tt.as4Octets {
					t.Errorf("AS4_PATH of %d octets", len(a.value))
				}
				list = list[len(a.tlv):]
			}
			if !slices.Equal(kinds, tt.kinds) {
				t.Errorf("%v, want %v", kinds, tt.kinds)
			}
		})
	}
}

// TestCannotSay: what no message can carry is refused whole.
func TestCannotSay(t *testing.T) {
	big := Fields{ASPath: NewASPath(1), NextHop: addr4(0x0a000001), Unknown: []RawAttr{{0xe0, 99, strings.Repeat("x", 4096-23-4-7-9-4-5)}}}
	short, long := Dest{Prefix: netip.MustParsePrefix("10.0.0.0/8")}, Dest{Prefix: netip.MustParsePrefix("10.0.0.1/32")}
	b := Builder{FourOctetAS: true}
	for _, tt := range []struct {
		name   string
		b      Builder
		attrs  *Attrs
		family Family
		routes []Dest
		want   error
	}{
		{"just fits", b, build(t, big), IPv4, []Dest{long, long}, nil},
		{"an octet more", b, build(t, more(big)), IPv4, []Dest{long}, ErrTooLarge},
		{"an octet more, a short prefix", b, build(t, more(big)), IPv4, []Dest{short}, nil},
		{"a short prefix, then a long one", b, build(t, more(big)), IPv4, []Dest{short, long}, ErrTooLarge},
		{"path identifiers", Builder{FourOctetAS: true, AddPath: Both}, build(t, big), IPv4, []Dest{long}, ErrTooLarge},
		{"extended messages", Builder{FourOctetAS: true, MaxLen: MaxExtended}, build(t, more(big)), IPv4, []Dest{long}, nil},
		{"no next hop", b, build(t, Fields{ASPath: NewASPath(1)}), IPv4, []Dest{long}, ErrNoNextHop},
		{"IPv6 routes by IPv4", b, build(t, Fields{ASPath: NewASPath(1), NextHop: addr4(1)}), IPv6, nil, ErrNoNextHop},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dst, err := tt.b.Reach([]byte("x"), tt.family, tt.attrs, tt.routes)
			if !errors.Is(err, tt.want) || err != nil && string(dst) != "x" {
				t.Fatalf("%v, %d octets", err, len(dst))
			}
			if err == nil {
				cut(t, dst[1:], tt.b.maxLen())
			}
		})
	}
}

// more is the set an octet longer.
func more(f Fields) Fields {
	f.Unknown = []RawAttr{{f.Unknown[0].Flags, f.Unknown[0].Type, f.Unknown[0].Value + "x"}}
	return f
}
