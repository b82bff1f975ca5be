package wire

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var sameFields = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.AllowUnexported(Fields{}), cmpopts.EquateEmpty(),
}

// fields decodes an UPDATE for one route and takes its attributes apart.
func fields(t *testing.T, r Rules, body []byte) Fields {
	t.Helper()
	u := decode(t, r, body)
	if len(u.Reach) != 1 {
		t.Fatalf("%d groups of routes, %v", len(u.Reach), u.Notes)
	}
	return u.Reach[0].Attrs.Fields()
}

func TestAttributesAreRead(t *testing.T) {
	base := Fields{Origin: OriginIGP, ASPath: NewASPath(65001, 65010), NextHop: netip.MustParseAddr("192.0.2.1")}
	v6 := base
	v6.NextHop = netip.MustParseAddr("2001:db8::1")
	for _, tt := range []struct {
		name  string
		rules Rules
		body  []byte
		want  func(f Fields) Fields
	}{
		{"nothing more", external(), with(), func(f Fields) Fields { return f }},
		{"ORIGIN", external(), with(attr(0x40, attrOrigin, 2)), func(f Fields) Fields { f.Origin = OriginIncomplete; return f }},
		{"MULTI_EXIT_DISC 0 is there", external(), with(attr(0x80, attrMED, 0, 0, 0, 0)), func(f Fields) Fields { f.HasMED = true; return f }},
		{"LOCAL_PREF", internal(), with(attr(0x40, attrLocalPref, 0x7f, 0xff, 0xfb, 0xff)), func(f Fields) Fields { f.LocalPref, f.HasLocalPref = 2147482623, true; return f }},
		{"LOCAL_PREF from outside", external(), with(attr(0x40, attrLocalPref, 0, 0, 3, 0xe7)), func(f Fields) Fields { return f }},
		{"reflection", internal(), with(attr(0x80, attrOriginatorID, 10, 0, 0, 9), attr(0x80, attrClusterList, 1, 1, 1, 1, 2, 2, 2, 2)), func(f Fields) Fields {
			f.OriginatorID = netip.MustParseAddr("10.0.0.9")
			f.ClusterList = ClusterList("").Prepend(0x02020202).Prepend(0x01010101)
			return f
		}},
		{"reflection from outside", external(), with(attr(0x80, attrOriginatorID, 10, 0, 0, 9), attr(0x80, attrClusterList, 1, 1, 1, 1)), func(f Fields) Fields { return f }},
		{"an aggregate", external(), with(attr(0x40, attrAtomicAggregate), attr(0xc0, attrAggregator, 0, 1, 0x11, 0x70, 10, 0, 0, 7)), func(f Fields) Fields {
			f.AtomicAggregate, f.Aggregator = true, Aggregator{70000, netip.MustParseAddr("10.0.0.7")}
			return f
		}},
		{"an aggregate's fault leaves no trace", external(), with(attr(0xc0, attrAggregator, 1, 2)), func(f Fields) Fields { return f }},
		{"communities", external(), with(
			attr(0xc0, attrCommunities, 0xfd, 0xe9, 0, 1, 0xff, 0xff, 0xff, 1),
			attr(0xc0, attrExtCommunities, 0, 2, 0xfd, 0xe9, 0, 0, 0, 5),
			attr(0xc0, attrLargeCommunities, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3)), func(f Fields) Fields {
			f.Communities = NewCommunities(65001<<16|1, NoExport)
			f.ExtCommunities = "\x00\x02\xfd\xe9\x00\x00\x00\x05"
			f.LargeCommunities = NewLargeCommunities(LargeCommunity{1, 2, 3})
			return f
		}},
		{"partial stays", external(), with(attr(0xe0, attrCommunities, 0, 1, 0, 1)), func(f Fields) Fields {
			f.Communities, f.partial = NewCommunities(1<<16|1), partialCommunities
			return f
		}},
		{"large communities that repeat", external(), with(attr(0xc0, attrLargeCommunities, slices.Concat(large(9), large(1), large(9), large(2), large(1))...)), func(f Fields) Fields {
			f.LargeCommunities = NewLargeCommunities(LargeCommunity{0, 0, 9}, LargeCommunity{0, 0, 1}, LargeCommunity{0, 0, 2})
			return f
		}},
		{"what we don't know, sorted, partial; non-transitive dropped", external(), with(attr(0xc0, 99, 7), attr(0xc0, 11, 8, 9), attr(0x80, 100, 1)), func(f Fields) Fields {
			f.Unknown = []RawAttr{{0xe0, 11, "\x08\x09"}, {0xe0, 99, "\x07"}}
			return f
		}},
		{"a long attribute", external(), with(attr(0xc0, 99, make([]byte, 300)...)), func(f Fields) Fields {
			f.Unknown = []RawAttr{{0xe0, 99, strings.Repeat("\x00", 300)}}
			return f
		}},
		{"the second is passed over", external(), raw(good, attr(0x80, attrMED, 0, 0, 0, 1), attr(0x80, attrMED, 0, 0, 0, 2)), func(f Fields) Fields {
			f.MED, f.HasMED = 1, true
			return f
		}},
		{"IPv6", external(), body(nil, join(reach6, good6), nil), func(Fields) Fields { return v6 }},
		{"IPv6, NEXT_HOP is passed over", external(), body(nil, join(reach6, good), nil), func(Fields) Fields { return v6 }},
		{"IPv6 and link-local", external(), body(nil, join(mpReach(IPv6, join(addr("2001:db8::1"), addr("fe80::1")), nlri("2001:db8:1::/48")), good6), nil), func(Fields) Fields {
			f := v6
			f.LinkLocal = netip.MustParseAddr("fe80::1")
			return f
		}},
		{"IPv6, the second is no link-local", external(), body(nil, join(mpReach(IPv6, join(addr("2001:db8::1"), addr("2001:db8::2")), nlri("2001:db8:1::/48")), good6), nil), func(Fields) Fields { return v6 }},
		{"IPv6, only the link-local is of use", external(), body(nil, join(mpReach(IPv6, join(addr("::"), addr("fe80::1")), nlri("2001:db8:1::/48")), good6), nil), func(Fields) Fields {
			f := v6
			f.NextHop = netip.MustParseAddr("fe80::1")
			return f
		}},
		{"IPv6, link-local twice", external(), body(nil, join(mpReach(IPv6, join(addr("fe80::1"), addr("fe80::1")), nlri("2001:db8:1::/48")), good6), nil), func(Fields) Fields {
			f := v6
			f.NextHop = netip.MustParseAddr("fe80::1")
			return f
		}},
		{"IPv4 by IPv6", byIPv6(), body(nil, join(mpReach(IPv4, addr("2001:db8::1"), nlri("10.0.0.0/8")), good6), nil), func(Fields) Fields { return v6 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want(base), fields(t, tt.rules, tt.body), sameFields); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func large(last byte) []byte { return []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last} }

// TestFourOctetASNumbers has the merges of RFC 6793 §4.2.3.
func TestFourOctetASNumbers(t *testing.T) {
	set2 := func(asns ...uint16) []byte { b := seq2(asns...); b[0] = byte(ASSet); return b }
	confed2 := func(asns ...uint16) []byte { b := seq2(asns...); b[0] = byte(ConfedSequence); return b }
	set4 := func(asns ...uint32) []byte { b := seq4(asns...); b[0] = byte(ASSet); return b }
	confed4 := func(asns ...uint32) []byte { b := seq4(asns...); b[0] = byte(ConfedSequence); return b }
	agg := func(as uint16) []byte { return attr(0xc0, attrAggregator, byte(as>>8), byte(as), 10, 0, 0, 7) }
	agg4 := attr(0xc0, attrAS4Aggregator, 0, 1, 0x11, 0x70, 10, 0, 0, 8)
	inside := func() Rules { r := narrow(); r.PeerAS = r.LocalAS; return r }
	for _, tt := range []struct {
		name  string
		rules func() Rules
		path  []byte
		as4   []byte
		more  [][]byte
		want  string
		agg   uint32
	}{
		{name: "no AS4_PATH", path: seq2(1, 2, 3), want: "1 2 3"},
		{name: "the whole path", path: seq2(ASTrans, ASTrans), as4: seq4(70000, 70001), want: "70000 70001"},
		{name: "an old speaker in front", path: seq2(1, ASTrans, 3), as4: seq4(70000, 3), want: "1 70000 3"},
		{name: "AS4_PATH longer is ignored", path: seq2(1, 2), as4: seq4(70000, 2, 3), want: "1 2"},
		{name: "a set counts one", path: join(seq2(1), set2(2, 3), seq2(4)), as4: seq4(70004), want: "1 {2 3} 70004"},
		{name: "a set in AS4_PATH counts one", path: join(seq2(1), set2(2, 3)), as4: set4(70002, 70003), want: "1 {70002 70003}"},
		{name: "the cut inside a sequence", path: seq2(1, 2, 3, 4), as4: seq4(70003, 4), want: "1 2 70003 4"},
		{name: "a leading confederation segment stays", rules: inside, path: join(confed2(9), seq2(ASTrans)), as4: seq4(70000), want: "(9) 70000"},
		{name: "an adjacent confederation segment stays", rules: inside, path: join(seq2(1), confed2(9), seq2(ASTrans)), as4: seq4(70000), want: "1 (9) 70000"},
		{name: "confederation segments leave AS4_PATH", path: seq2(ASTrans, 2), as4: join(confed4(65100), seq4(70000, 2)), want: "70000 2"},
		{name: "AGGREGATOR of two octets", path: seq2(1), more: [][]byte{agg(7)}, want: "1", agg: 7},
		{name: "AS4_AGGREGATOR counts", path: seq2(ASTrans), as4: seq4(70000), more: [][]byte{agg(ASTrans), agg4}, want: "70000", agg: 70000},
		{name: "aggregated since: both ignored", path: seq2(ASTrans), as4: seq4(70000), more: [][]byte{agg(7), agg4}, want: "23456", agg: 7},
		{name: "AGGREGATOR without AS4_AGGREGATOR", path: seq2(ASTrans), as4: seq4(70000), more: [][]byte{agg(7)}, want: "70000", agg: 7},
		{name: "AS4_AGGREGATOR alone", path: seq2(ASTrans), as4: seq4(70000), more: [][]byte{agg4}, want: "70000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules := narrow()
			if tt.rules != nil {
				rules = tt.rules()
			}
			attrs := [][]byte{attr(0x40, attrASPath, tt.path...)}
			if tt.as4 != nil {
				attrs = append(attrs, attr(0xc0, attrAS4Path, tt.as4...))
			}
			f := fields(t, rules, with(append(attrs, tt.more...)...))
			if f.ASPath.String() != tt.want || f.Aggregator.AS != tt.agg || len(f.Unknown) != 0 {
				t.Errorf("path %v aggregator %v unknown %v, want %s and %d", f.ASPath, f.Aggregator, f.Unknown, tt.want, tt.agg)
			}
		})
	}
}

// TestMergedSegments: a path that is merged has no segment of more than 255.
func TestMergedSegments(t *testing.T) {
	old, young := make([]uint16, 200), make([]uint16, 56)
	for i := range old {
		old[i] = 7
	}
	for i := range young {
		young[i] = 8
	}
	var as4 []uint32
	for range old {
		as4 = append(as4, 70000)
	}
	for n, want := range map[int]string{55: "255", 56: "56 200"} {
		p := join(seq2(young[:n]...), seq2(old...))
		f := fields(t, narrow(), with(attr(0x40, attrASPath, p...), attr(0xc0, attrAS4Path, seq4(as4...)...)))
		var lengths []string
		for s := range f.ASPath.Segments() {
			lengths = append(lengths, strconv.Itoa(s.Len()))
		}
		if got := strings.Join(lengths, " "); got != want {
			t.Errorf("%d before 200: segments of %s, want %s", n, got, want)
		}
	}
}

func TestASPath(t *testing.T) {
	long := make([]uint32, 254)
	for i := range long {
		long[i] = 7
	}
	mixed := ASPath(join([]byte{byte(ConfedSequence), 1, 0, 0, 0, 9}, seq4(1, 2), []byte{byte(ASSet), 2, 0, 0, 0, 3, 0, 0, 0, 4}))
	for _, tt := range []struct {
		name          string
		path          ASPath
		length        int
		first, origin uint32
		text          string
	}{
		{"empty", "", 0, 0, 0, ""},
		{"sequence", NewASPath(1, 2, 4200000000), 3, 1, 4200000000, "1 2 4200000000"},
		{"mixed", mixed, 3, 1, 0, "(9) 1 2 {3 4}"},
		{"set first", ASPath([]byte{byte(ASSet), 1, 0, 0, 0, 3}), 1, 0, 0, "{3}"},
		{"prepended into the sequence", NewASPath(2, 3).Prepend(9, 1), 4, 9, 3, "9 1 2 3"},
		{"prepended before a confederation", mixed.Prepend(8), 4, 8, 0, "8 (9) 1 2 {3 4}"},
		{"prepended before a set", ASPath([]byte{byte(ASSet), 1, 0, 0, 0, 3}).Prepend(8, 9), 3, 8, 0, "8 9 {3}"},
		{"prepended nothing", NewASPath(2).Prepend(), 1, 2, 2, "2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.path.Len() != tt.length || tt.path.First() != tt.first || tt.path.Origin() != tt.origin || tt.path.String() != tt.text {
				t.Errorf("length %d first %d origin %d %q", tt.path.Len(), tt.path.First(), tt.path.Origin(), tt.path)
			}
		})
	}
	over := NewASPath(long...).Prepend(1, 2, 3)
	var kinds []int
	for s := range over.Segments() {
		kinds = append(kinds, s.Len())
	}
	if over.Len() != 257 || !slices.Equal(kinds, []int{2, 255}) || !strings.HasPrefix(over.String(), "1 2 3 7 7") {
		t.Errorf("254 and 3 before them: %v %v", kinds, over)
	}
	if n := NewASPath(append(long, long...)...); n.Len() != 508 || checkPath([]byte(n), 4) != "" {
		t.Errorf("508 numbers make a path of %d", n.Len())
	}
	if !mixed.Prepend(8).HasPrefix(8) || mixed.HasPrefix(9) || !NewASPath(1, 2, 3).HasPrefix(1, 2) || NewASPath(1).HasPrefix(1, 2) || !NewASPath().HasPrefix() {
		t.Error("HasPrefix")
	}
	if mixed.Count(3) != 1 || NewASPath(5, 6, 5).Count(5) != 2 || mixed.Count(77) != 0 || mixed.Count(9) != 1 {
		t.Error("Count")
	}
}

func TestCommunities(t *testing.T) {
	c := NewCommunities(1, 2, 1)
	if c.Len() != 2 || !c.Has(2) || c.Has(3) || c.Without(1) != NewCommunities(2) || c.Without(9) != c || c.With(2) != c {
		t.Errorf("%v", c)
	}
	if got := NewCommunities(65001<<16 | 10).String(); got != "65001:10" {
		t.Error(got)
	}
	l := NewLargeCommunities(LargeCommunity{4200000000, 1, 2}, LargeCommunity{4200000000, 1, 2})
	if l.Len() != 1 || l.String() != "4200000000:1:2" || !l.Has(LargeCommunity{4200000000, 1, 2}) || l.Has(LargeCommunity{}) {
		t.Errorf("%v", l)
	}
	mixed := ExtCommunities("\x00\x02aaaaaa\x40\x02bbbbbb\x43\x02cccccc")
	if mixed.Len() != 3 || mixed.Transitive() != mixed[:8] || mixed[:8].Transitive() != mixed[:8] {
		t.Errorf("%q", mixed.Transitive())
	}
}

// TestWith: each With changes what it says and nothing else, and the original
// not at all.
func TestWith(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		a := build(t, randomFields(rnd, IPv4))
		before := a.enc
		for name, c := range map[string]struct {
			got  *Attrs
			want func(*Fields)
		}{
			"LocalPref":        {a.WithLocalPref(7), func(f *Fields) { f.LocalPref, f.HasLocalPref = 7, true }},
			"WithoutLocalPref": {a.WithoutLocalPref(), func(f *Fields) { f.LocalPref, f.HasLocalPref = 0, false }},
			"MED":              {a.WithMED(0), func(f *Fields) { f.MED, f.HasMED = 0, true }},
			"WithoutMED":       {a.WithoutMED(), func(f *Fields) { f.MED, f.HasMED = 0, false }},
			"NextHop": {a.WithNextHop(netip.MustParseAddr("2001:db8::9")), func(f *Fields) {
				f.NextHop, f.LinkLocal = netip.MustParseAddr("2001:db8::9"), netip.Addr{}
			}},
			"Community":      {a.WithCommunity(NoExport), func(f *Fields) { f.Communities = f.Communities.With(NoExport) }},
			"LargeCommunity": {a.WithLargeCommunity(LargeCommunity{1}), func(f *Fields) { f.LargeCommunities = f.LargeCommunities.With(LargeCommunity{1}) }},
			"Prepend":        {a.Prepend(65000, 65000), func(f *Fields) { f.ASPath = f.ASPath.Prepend(65000, 65000) }},
			"Reflected": {a.Reflected(9, netip.MustParseAddr("10.9.9.9")), func(f *Fields) {
				f.ClusterList = f.ClusterList.Prepend(9)
				if !f.OriginatorID.IsValid() {
					f.OriginatorID = netip.MustParseAddr("10.9.9.9")
				}
			}},
		} {
			want := a.Fields()
			c.want(&want)
			if diff := cmp.Diff(want, c.got.Fields(), sameFields); diff != "" {
				t.Fatalf("%s: %s", name, diff)
			}
		}
		if a.enc != before {
			t.Fatal("the original has changed")
		}
	}
}

// TestHotFields: what is unpacked for the decision equals what is encoded.
func TestHotFields(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		f := randomFields(rnd, IPv4)
		a := build(t, f)
		if a.PathLen() != f.ASPath.Len() || a.FirstAS() != f.ASPath.First() || a.Origin() != f.Origin {
			t.Fatalf("%v: length %d first %d", f.ASPath, a.PathLen(), a.FirstAS())
		}
		if diff := cmp.Diff(f, a.Fields(), sameFields); diff != "" {
			t.Fatal(diff)
		}
		if lp, ok := a.LocalPref(); lp != f.LocalPref || ok != f.HasLocalPref || a.Size() != attrsSize+len(a.enc) {
			t.Fatalf("LOCAL_PREF %d %v", lp, ok)
		}
		if c := a.ClusterList(); c.Len() > 1 || c.Len() == 1 && !c.Has(be32(f.ClusterList)) {
			t.Fatal(c)
		}
		if b := build(t, f); !a.Equal(b) || a.Equal(nil) || b.WithMED(12345).Equal(a) {
			t.Fatal("Equal")
		}
	}
	if (*Attrs)(nil).Equal(nil) != true {
		t.Error("nothing equals nothing")
	}
}

func TestTooLong(t *testing.T) {
	f := Fields{NextHop: netip.MustParseAddr("192.0.2.1"), Unknown: []RawAttr{{0xe0, 99, strings.Repeat("x", 65000)}}}
	a := build(t, f)
	if b := a.Prepend(make([]uint32, 400)...); b != a {
		t.Error("what no message can carry was made")
	}
	f.Unknown = append(f.Unknown, f.Unknown[0])
	if _, err := f.Build(); err == nil {
		t.Error("130000 octets of attributes")
	}
}

func build(t testing.TB, f Fields) *Attrs {
	t.Helper()
	a, err := f.Build()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// randomFields makes a set that a message of the family can carry.
func randomFields(r *rand.Rand, family Family) Fields {
	maybe := func() bool { return r.IntN(2) == 0 }
	f := Fields{Origin: Origin(r.IntN(3)), NextHop: addr4(0x0a000000 | r.Uint32N(1<<24))}
	if family == IPv6 {
		f.NextHop = netip.MustParseAddr("2001:db8::" + string("123456789"[r.IntN(9)]))
		if maybe() {
			f.LinkLocal = netip.MustParseAddr("fe80::1")
		}
	}
	as := func() uint32 { return []uint32{1 + r.Uint32N(65000), 1 + r.Uint32N(1<<31)}[r.IntN(2)] }
	for range r.IntN(4) {
		f.ASPath = f.ASPath.Prepend(as())
	}
	if maybe() {
		f.ASPath = ASPath(append([]byte{byte(ASSet), 2}, join(seq4(as())[2:], seq4(as())[2:])...)) + f.ASPath
	}
	for range r.IntN(3) {
		f.ASPath = f.ASPath.Prepend(as())
	}
	if f.ASPath == "" {
		f.ASPath = NewASPath(as())
	}
	if maybe() {
		f.MED, f.HasMED = r.Uint32(), true
	}
	if maybe() {
		f.LocalPref, f.HasLocalPref = r.Uint32(), true
	}
	if maybe() {
		f.AtomicAggregate = true
		f.Aggregator = Aggregator{as(), addr4(r.Uint32())}
	}
	for range r.IntN(90) {
		f.Communities = f.Communities.With(r.Uint32())
	}
	for range r.IntN(3) {
		f.LargeCommunities = f.LargeCommunities.With(LargeCommunity{r.Uint32(), r.Uint32(), r.Uint32()})
	}
	if maybe() {
		f.ExtCommunities = "\x00\x02\xfd\xe9\x00\x00\x00\x05"
	}
	if maybe() {
		f.OriginatorID, f.ClusterList = addr4(1+r.Uint32N(1<<31)), ClusterList("").Prepend(r.Uint32())
	}
	if maybe() {
		f.Unknown = []RawAttr{{0xe0, 99, "abc"}, {0xe0, 200, strings.Repeat("z", r.IntN(300))}}
	}
	return f
}
