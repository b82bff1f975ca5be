package wiretest

import "bytes"

// A Verdict is one malformed (or odd) UPDATE and what the RFCs say of it.
type Verdict struct {
	Name    string
	RFC     string
	Session Session
	Body    []byte // the message, without its header

	Code, Subcode uint8 // of the NOTIFICATION that ends the session, or 0
	Data          []byte
	Want          Told   // otherwise
	Note          string // part of a note that must be there
}

// A Session is what a Verdict supposes of the session. The zero Session is an external
// one of both families with AS numbers of four octets.
type Session struct {
	Internal       bool
	Narrow         bool   // AS numbers of two octets
	AddPath        bool   // towards us, in both families
	ByIPv6         bool   // IPv6 next hops for IPv4 were agreed (RFC 8950)
	EnforceFirstAS bool   // paths have to begin with the peer's AS
	Only           Family // the one family that was agreed, if there is one
}

// Told is what an UPDATE comes to.
type Told struct {
	Withdrawn, Reach []string
	EndOfRIB         Family
	Grade            Grade
}

// A Grade is how much was wrong, in the words of RFC 7606.
type Grade string

// The grades, the mildest first.
const (
	OK               Grade = ""
	FamilyIgnored    Grade = "family ignored"
	AttributeDiscard Grade = "attribute discard"
	TreatAsWithdraw  Grade = "treat-as-withdraw"
)

var (
	internal = Session{Internal: true}
	narrow   = Session{Narrow: true}
	addPath  = Session{AddPath: true}
	enforce  = Session{EnforceFirstAS: true}
	byIPv6   = Session{ByIPv6: true}
	onlyIPv4 = Session{Only: IPv4}
	onlyIPv6 = Session{Only: IPv6}
)

var route = []string{Route}
var route6 = []string{"2001:db8:1::/48"}

func taw() Told     { return Told{Withdrawn: route, Grade: TreatAsWithdraw} }
func taw6() Told    { return Told{Withdrawn: route6, Grade: TreatAsWithdraw} }
func discard() Told { return Told{Reach: route, Grade: AttributeDiscard} }
func fine() Told    { return Told{Reach: route} }

// many are 20 attributes that each come twice.
func many() []byte {
	var b []byte
	for kind := range uint8(20) {
		b = append(b, bytes.Repeat(Attr(0xc0, 200+kind, 1), 2)...)
	}
	return b
}

// Verdicts is every way we know in which an UPDATE can be malformed, or odd, and what
// the RFCs say of it.
var Verdicts = []Verdict{
	// The three fields.
	{Name: "no room for the lengths", RFC: "4271 §6.1", Body: []byte{0, 0, 0}, Code: 1, Subcode: 2, Data: []byte{0, 22}},
	{Name: "withdrawn routes too long", RFC: "4271 §6.3", Body: []byte{0, 9, 0, 0}, Code: 3, Subcode: 1},
	{Name: "withdrawn routes take the attributes' length", RFC: "4271 §6.3", Body: []byte{0, 1, 0, 0}, Code: 3, Subcode: 1},
	{Name: "attributes too long", RFC: "4271 §6.3", Body: []byte{0, 0, 0, 1}, Code: 3, Subcode: 1},
	{Name: "attributes' length all ones", RFC: "4271 §6.3", Body: Join([]byte{0, 0, 0xff, 0xff}, Good), Code: 3, Subcode: 1},
	{Name: "withdrawn prefix of 33 bits", RFC: "7606 §3 i, §5.3", Body: Body([]byte{33, 1, 2, 3, 4, 5}, nil, nil), Code: 3, Subcode: 10},
	{Name: "withdrawn prefix cut off", RFC: "7606 §3 i, §5.3", Body: Body([]byte{24, 1, 2}, nil, nil), Code: 3, Subcode: 10},
	{Name: "prefix of 33 bits", RFC: "7606 §5.3", Body: Body(nil, Good, []byte{33, 1, 2, 3, 4, 5}), Code: 3, Subcode: 10},
	{Name: "prefix of 255 bits", RFC: "7606 §5.3", Body: Body(nil, Good, []byte{255}), Code: 3, Subcode: 10},
	{Name: "prefix cut off", RFC: "7606 §5.3", Body: Body(nil, Good, []byte{32, 1, 2, 3}), Code: 3, Subcode: 10},
	{Name: "second prefix cut off", RFC: "7606 §5.3", Body: Body(nil, Good, Join(NLRI("10.0.0.0/8"), []byte{9, 1})), Code: 3, Subcode: 10},
	{Name: "bad prefix weighs more than a bad attribute", RFC: "7606 §3 h", Body: Body(nil, Join(Good, Attr(0x80, attrMED, 1)), []byte{24}), Code: 3, Subcode: 10},
	{Name: "host bits", RFC: "4271 §4.3", Body: Body(nil, Good, []byte{20, 10, 1, 0xff}), Want: Told{Reach: []string{"10.1.240.0/20"}}},
	{Name: "default route", RFC: "4271 §4.3", Body: Body(nil, Good, []byte{0}), Want: Told{Reach: []string{"0.0.0.0/0"}}},
	{Name: "prefix in both lists", RFC: "4271 §4.3", Body: Body(NLRI(route...), Good, NLRI(route...)), Want: Told{Withdrawn: route, Reach: route}},

	{Name: "path identifier cut off", RFC: "7911 §3, 7606 §5.3", Session: addPath, Body: Body(nil, Good, []byte{0, 0, 0}), Code: 3, Subcode: 10},
	{Name: "path identifier without a prefix", RFC: "7911 §3, 7606 §5.3", Session: addPath, Body: Body(nil, Good, []byte{0, 0, 0, 1}), Code: 3, Subcode: 10},
	{Name: "no path identifier where one was agreed", RFC: "7911 §3, 7606 §5.3", Session: addPath, Body: Body(nil, Good, NLRI(route...)), Code: 3, Subcode: 10},
	{Name: "path identifier", RFC: "7911 §3", Session: addPath, Body: Body(nil, Good, Join([]byte{0, 0, 0, 1}, NLRI(route...))), Want: fine()},
	{Name: "MP_REACH_NLRI path identifier cut off", RFC: "7911 §3, 7606 §5.3", Session: addPath, Body: Body(nil, Join(MPReach(IPv6, Addr("2001:db8::1"), []byte{0, 0, 0, 1}), Good6), nil), Code: 3, Subcode: 9},
	{Name: "withdrawn path identifier cut off", RFC: "7911 §3, 7606 §5.3", Session: addPath, Body: Body([]byte{0, 0, 0, 1}, nil, nil), Code: 3, Subcode: 10},

	// The list of attributes.
	{Name: "attribute overruns the list", RFC: "7606 §4", Body: Raw(Good, []byte{0x80, attrMED, 9, 1}), Want: taw()},
	{Name: "attribute overruns the list, extended", RFC: "7606 §4", Body: Raw(Good, []byte{0x90, attrMED, 1, 0, 1}), Want: taw()},
	{Name: "one octet left", RFC: "7606 §4", Body: Raw(Good, []byte{0x80}), Want: taw()},
	{Name: "two octets left", RFC: "7606 §4", Body: Raw(Good, []byte{0x80, attrMED}), Want: taw()},
	{Name: "three octets left, extended", RFC: "7606 §4", Body: Raw(Good, []byte{0x90, attrMED, 0}), Want: taw()},
	{Name: "overrun without routes", RFC: "7606 §5.2", Body: Body(nil, []byte{0x80, attrMED, 9, 1}, nil), Code: 3, Subcode: 1},
	{Name: "MP_REACH_NLRI overruns the list", RFC: "7606 §4, §5.2", Body: Body(nil, Reach6[:len(Reach6)-1], nil), Code: 3, Subcode: 1},
	{Name: "overrun beside IPv6 routes", RFC: "7606 §4", Body: Body(nil, Join(Reach6, Good6, []byte{0x80, attrMED, 9}), nil), Want: taw6()},
	{Name: "extended length for a short attribute", RFC: "4271 §4.3", Body: Raw([]byte{0x50, attrOrigin, 0, 1, 0}, Path, NextHop), Want: fine()},
	{Name: "lower flag bits set", RFC: "4271 §4.3", Body: With(Attr(0x4f&^0x10, attrOrigin, 0)), Want: fine()},
	{Name: "attributes in descending order", RFC: "4271 §5", Body: Raw(NextHop, Path, Origin), Want: fine()},
	{Name: "attributes without routes", RFC: "7606 §5.2", Body: Body(nil, Good, nil), Want: Told{}},
	{Name: "malformed attribute without routes", RFC: "7606 §5.2", Body: Body(nil, Join(Origin, Path, Attr(0x80, attrMED, 1)), nil), Code: 3, Subcode: 5, Data: Attr(0x80, attrMED, 1)},
	{Name: "malformed attribute beside withdrawals only", RFC: "7606 §5.2", Body: Body(NLRI(route...), Attr(0x40, attrOrigin, 9), nil), Code: 3, Subcode: 6, Data: Attr(0x40, attrOrigin, 9)},
	{Name: "malformed attribute beside MP_UNREACH_NLRI only", RFC: "7606 §5.2", Body: Body(nil, Join(MPUnreach(IPv6, NLRI(route6...)), Attr(0x40, attrOrigin, 9)), nil), Code: 3, Subcode: 6},
	{Name: "discard without routes", RFC: "7606 §5.2", Body: Body(nil, Join(Good, Attr(0x40, attrAtomicAggregate, 1)), nil), Want: Told{Grade: AttributeDiscard}},
	{Name: "missing attributes without routes", RFC: "7606 §3 d", Body: Body(nil, Origin, nil), Want: Told{}},
	{Name: "ORIGIN twice", RFC: "7606 §3 g", Body: Raw(Origin, Attr(0x40, attrOrigin, 9), Path, NextHop), Want: discard(), Note: "again"},
	{Name: "unknown attribute twice", RFC: "7606 §3 g", Body: Raw(Good, Attr(0xc0, 99, 1), Attr(0xc0, 99, 2)), Want: discard(), Note: "attribute 99"},
	{Name: "first ORIGIN malformed, second good", RFC: "7606 §3 g, h", Body: Raw(Attr(0x40, attrOrigin, 9), Origin, Path, NextHop), Want: taw()},
	{Name: "discard and withdraw", RFC: "7606 §3 h", Body: With(Attr(0x40, attrAtomicAggregate, 1), Attr(0x80, attrMED, 1)), Want: taw()},
	{Name: "MP_REACH_NLRI twice", RFC: "7606 §3 g", Body: Body(nil, Join(Reach6, Reach6, Good6), nil), Code: 3, Subcode: 1},
	{Name: "MP_UNREACH_NLRI twice", RFC: "7606 §3 g", Body: Body(nil, Join(MPUnreach(IPv6, nil), MPUnreach(IPv6, nil)), nil), Code: 3, Subcode: 1},
	{Name: "one of 20 faults is grave", RFC: "7606 §3 h", Body: Raw(Join(Good, bytes.Repeat(Attr(0xc0, 99, 1), 20), Attr(0x80, attrMED, 1))), Want: taw()},

	{Name: "many faults, and the list is cut off", RFC: "7606 §3 h", Body: Raw(Join(Good, many(), Attr(0x80, attrMED, 1)), []byte{0x80}), Want: taw()},

	{Name: "many faults, the last one grave, and a foreign family", RFC: "7606 §3 h", Body: Raw(Join(MPReach(Family{25, 70}, nil, []byte{1}), Good, many(), Attr(0x80, attrMED, 1))), Want: taw()},

	// Flags (RFC 7606 §3 c).
	{Name: "ORIGIN optional", RFC: "7606 §3 c", Body: With(Attr(0xc0, attrOrigin, 0)), Want: taw(), Note: "ORIGIN: flags 0xc0"},
	{Name: "ORIGIN not transitive", RFC: "7606 §3 c", Body: With(Attr(0x00, attrOrigin, 0)), Want: taw()},
	{Name: "AS_PATH optional", RFC: "7606 §3 c", Body: With(Attr(0xc0, attrASPath, Seq4(65001)...)), Want: taw()},
	{Name: "NEXT_HOP optional", RFC: "7606 §3 c", Body: With(Attr(0xc0, attrNextHop, 192, 0, 2, 1)), Want: taw()},
	{Name: "MULTI_EXIT_DISC transitive", RFC: "7606 §3 c", Body: With(Attr(0xc0, attrMED, 0, 0, 0, 1)), Want: taw()},
	{Name: "MULTI_EXIT_DISC well-known", RFC: "7606 §3 c", Body: With(Attr(0x40, attrMED, 0, 0, 0, 1)), Want: taw()},
	{Name: "LOCAL_PREF optional", RFC: "7606 §3 c", Session: internal, Body: With(Attr(0xc0, attrLocalPref, 0, 0, 0, 1)), Want: taw()},
	{Name: "ATOMIC_AGGREGATE optional", RFC: "7606 §3 c", Body: With(Attr(0xc0, attrAtomicAggregate)), Want: taw()},
	{Name: "AGGREGATOR well-known", RFC: "7606 §3 c", Body: With(Attr(0x40, attrAggregator, 0, 0, 0xfd, 0xe9, 192, 0, 2, 1)), Want: taw()},
	{Name: "COMMUNITIES not transitive", RFC: "7606 §3 c", Body: With(Attr(0x80, attrCommunities, 0, 1, 0, 1)), Want: taw()},
	{Name: "COMMUNITIES well-known", RFC: "7606 §3 c", Body: With(Attr(0x40, attrCommunities, 0, 1, 0, 1)), Want: taw()},
	{Name: "COMMUNITIES partial", RFC: "4271 §5", Body: With(Attr(0xe0, attrCommunities, 0, 1, 0, 1)), Want: fine()},
	{Name: "ORIGIN partial", RFC: "7606 §3 c", Body: With(Attr(0x60, attrOrigin, 0)), Want: fine()},
	{Name: "ORIGINATOR_ID transitive", RFC: "7606 §3 c", Session: internal, Body: With(Attr(0xc0, attrOriginatorID, 1, 2, 3, 4)), Want: taw()},
	{Name: "CLUSTER_LIST transitive", RFC: "7606 §3 c", Session: internal, Body: With(Attr(0xc0, attrClusterList, 1, 2, 3, 4)), Want: taw()},
	{Name: "EXTENDED COMMUNITIES not transitive", RFC: "7606 §3 c", Body: With(Attr(0x80, attrExtCommunities, 0, 2, 0, 1, 0, 0, 0, 1)), Want: taw()},
	{Name: "LARGE_COMMUNITY not transitive", RFC: "7606 §3 c", Body: With(Attr(0x80, attrLargeCommunities, make([]byte, 12)...)), Want: taw()},
	{Name: "MP_REACH_NLRI transitive", RFC: "7606 §5.3", Body: Body(nil, Join(Attr(0xc0, attrMPReach, Reach6[3:]...), Good6), nil), Code: 3, Subcode: 4},
	{Name: "MP_REACH_NLRI well-known", RFC: "7606 §5.3", Body: Body(nil, Join(Attr(0x40, attrMPReach, Reach6[3:]...), Good6), nil), Code: 3, Subcode: 4},
	{Name: "MP_UNREACH_NLRI transitive", RFC: "7606 §5.3", Body: Body(nil, Attr(0xc0, attrMPUnreach, 0, 2, 1), nil), Code: 3, Subcode: 4, Data: Attr(0xc0, attrMPUnreach, 0, 2, 1)},

	// Missing (RFC 7606 §3 d).
	{Name: "ORIGIN missing", RFC: "7606 §3 d", Body: Raw(Path, NextHop), Want: taw(), Note: "ORIGIN: missing"},
	{Name: "AS_PATH missing", RFC: "7606 §3 d", Body: Raw(Origin, NextHop), Want: taw(), Note: "AS_PATH: missing"},
	{Name: "NEXT_HOP missing", RFC: "7606 §3 d", Body: Raw(Origin, Path), Want: taw(), Note: "NEXT_HOP: missing"},
	{Name: "everything missing", RFC: "7606 §3 d", Body: Raw(), Want: taw()},
	{Name: "NEXT_HOP missing beside IPv6 routes", RFC: "4760 §3", Body: Body(nil, Join(Reach6, Good6), nil), Want: Told{Reach: route6}},
	{Name: "ORIGIN missing beside IPv6 routes", RFC: "7606 §3 d", Body: Body(nil, Join(Reach6, Path), nil), Want: taw6()},
	{Name: "LOCAL_PREF missing from an internal peer", RFC: "4271 §5.1.5", Session: internal, Body: Raw(Good), Want: fine()},

	// ORIGIN (§7.1).
	{Name: "ORIGIN empty", RFC: "7606 §7.1", Body: With(Attr(0x40, attrOrigin)), Want: taw()},
	{Name: "ORIGIN of 2 octets", RFC: "7606 §7.1", Body: With(Attr(0x40, attrOrigin, 0, 0)), Want: taw()},
	{Name: "ORIGIN 3", RFC: "7606 §7.1", Body: With(Attr(0x40, attrOrigin, 3)), Want: taw(), Note: "value 3"},
	{Name: "ORIGIN 255", RFC: "7606 §7.1", Body: With(Attr(0x40, attrOrigin, 255)), Want: taw()},

	// AS_PATH (§7.2).
	{Name: "AS_PATH with segment type 0", RFC: "7606 §7.2", Body: With(Attr(0x40, attrASPath, 0, 1, 0, 0, 0, 1)), Want: taw()},
	{Name: "AS_PATH with segment type 5", RFC: "7606 §7.2", Body: With(Attr(0x40, attrASPath, 5, 1, 0, 0, 0, 1)), Want: taw()},
	{Name: "AS_PATH segment overrun", RFC: "7606 §7.2", Body: With(Attr(0x40, attrASPath, 2, 2, 0, 0, 0, 1)), Want: taw()},
	{Name: "AS_PATH of two octets in a session of four", RFC: "7606 §7.2", Body: With(Attr(0x40, attrASPath, Seq2(65001)...)), Want: taw()},
	{Name: "AS_PATH of four octets in a session of two", RFC: "7606 §7.2", Session: narrow, Body: With(Attr(0x40, attrASPath, Seq4(65001)...)), Want: taw()},
	{Name: "AS_PATH segment underrun", RFC: "7606 §7.2", Body: With(Attr(0x40, attrASPath, append(Seq4(65001), 2)...)), Want: taw()},
	{Name: "AS_PATH with an empty segment", RFC: "7606 §7.2", Body: With(Attr(0x40, attrASPath, append(Seq4(65001), 2, 0)...)), Want: taw()},
	{Name: "AS_PATH with AS 0", RFC: "7607 §2", Body: With(Attr(0x40, attrASPath, Seq4(65001, 0)...)), Want: taw(), Note: "AS 0"},
	{Name: "AS_PATH with AS 0, two octets", RFC: "7607 §2", Session: narrow, Body: With(Attr(0x40, attrASPath, Seq2(65001, 0)...)), Want: taw()},
	{Name: "AS_PATH with a confederation sequence from outside", RFC: "5065 §5", Body: With(Attr(0x40, attrASPath, 3, 1, 0, 0, 0xfd, 0xe9)), Want: taw()},
	{Name: "AS_PATH with a confederation set from outside", RFC: "5065 §5", Body: With(Attr(0x40, attrASPath, append(Seq4(65001), 4, 1, 0, 0, 0xfd, 0xe9)...)), Want: taw()},
	{Name: "AS_PATH with a set", RFC: "4271 §4.3", Body: With(Attr(0x40, attrASPath, append(Seq4(65001), 1, 2, 0, 0, 0, 7, 0, 0, 0, 8)...)), Want: fine()},
	{Name: "AS_PATH empty from an external peer", RFC: "4271 §5.1.2", Body: With(Attr(0x40, attrASPath)), Want: taw()},
	{Name: "AS_PATH empty from an internal peer", RFC: "4271 §5.1.2", Session: internal, Body: With(Attr(0x40, attrASPath)), Want: fine()},
	{Name: "first AS is another", RFC: "4271 §6.3", Session: enforce, Body: With(Attr(0x40, attrASPath, Seq4(65002, 65001)...)), Want: taw(), Note: "doesn't begin with the peer's AS 65001"},
	{Name: "first AS is in a set", RFC: "4271 §6.3", Session: enforce, Body: With(Attr(0x40, attrASPath, 1, 1, 0, 0, 0xfd, 0xe9)), Want: taw()},
	{Name: "first AS is the peer's", RFC: "4271 §6.3", Session: enforce, Body: With(Attr(0x40, attrASPath, Seq4(65001)...)), Want: fine()},
	{Name: "first AS is another, a route server's client", RFC: "7947 §2.2.2.1", Body: With(Attr(0x40, attrASPath, Seq4(65002)...)), Want: fine()},

	// NEXT_HOP (§7.3).
	{Name: "NEXT_HOP of 0 octets", RFC: "7606 §7.3", Body: With(Attr(0x40, attrNextHop)), Want: taw()},
	{Name: "NEXT_HOP of 3 octets", RFC: "7606 §7.3", Body: With(Attr(0x40, attrNextHop, 1, 2, 3)), Want: taw()},
	{Name: "NEXT_HOP of 5 octets", RFC: "7606 §7.3", Body: With(Attr(0x40, attrNextHop, 1, 2, 3, 4, 5)), Want: taw()},
	{Name: "NEXT_HOP of 16 octets", RFC: "7606 §7.3", Body: With(Attr(0x40, attrNextHop, Addr("2001:db8::1")...)), Want: taw()},
	{Name: "NEXT_HOP 0.0.0.0", RFC: "4271 §6.3, 7606 §3 e", Body: With(Attr(0x40, attrNextHop, 0, 0, 0, 0)), Want: taw()},
	{Name: "NEXT_HOP 0.1.2.3", RFC: "4271 §6.3, 7606 §3 e", Body: With(Attr(0x40, attrNextHop, 0, 1, 2, 3)), Want: taw()},
	{Name: "NEXT_HOP 127.0.0.1", RFC: "4271 §6.3, 7606 §3 e", Body: With(Attr(0x40, attrNextHop, 127, 0, 0, 1)), Want: taw()},
	{Name: "NEXT_HOP multicast", RFC: "4271 §6.3, 7606 §3 e", Body: With(Attr(0x40, attrNextHop, 224, 0, 0, 1)), Want: taw()},
	{Name: "NEXT_HOP class E", RFC: "4271 §6.3, 7606 §3 e", Body: With(Attr(0x40, attrNextHop, 240, 0, 0, 1)), Want: taw()},
	{Name: "NEXT_HOP broadcast", RFC: "4271 §6.3, 7606 §3 e", Body: With(Attr(0x40, attrNextHop, 255, 255, 255, 255)), Want: taw()},
	{Name: "NEXT_HOP malformed beside IPv6 routes only", RFC: "4760 §3", Body: Body(nil, Join(Reach6, Good6, Attr(0xc0, attrNextHop, 1)), nil), Want: Told{Reach: route6}},

	// MULTI_EXIT_DISC, LOCAL_PREF (§7.4, §7.5).
	{Name: "MULTI_EXIT_DISC empty", RFC: "7606 §7.4", Body: With(Attr(0x80, attrMED)), Want: taw()},
	{Name: "MULTI_EXIT_DISC of 3 octets", RFC: "7606 §7.4", Body: With(Attr(0x80, attrMED, 1, 2, 3)), Want: taw()},
	{Name: "MULTI_EXIT_DISC of 5 octets", RFC: "7606 §7.4", Body: With(Attr(0x80, attrMED, 1, 2, 3, 4, 5)), Want: taw()},
	{Name: "LOCAL_PREF of 3 octets from an internal peer", RFC: "7606 §7.5", Session: internal, Body: With(Attr(0x40, attrLocalPref, 1, 2, 3)), Want: taw()},
	{Name: "LOCAL_PREF from an external peer", RFC: "7606 §7.5", Body: With(Attr(0x40, attrLocalPref, 0, 0, 3, 0xe7)), Want: discard(), Note: "LOCAL_PREF: from an external peer"},
	{Name: "LOCAL_PREF malformed from an external peer", RFC: "7606 §7.5", Body: With(Attr(0xc0, attrLocalPref, 1)), Want: discard()},

	// ATOMIC_AGGREGATE, AGGREGATOR (§7.6, §7.7).
	{Name: "ATOMIC_AGGREGATE of 1 octet", RFC: "7606 §7.6", Body: With(Attr(0x40, attrAtomicAggregate, 0)), Want: discard()},
	{Name: "AGGREGATOR empty", RFC: "7606 §7.7", Body: With(Attr(0xc0, attrAggregator)), Want: discard()},
	{Name: "AGGREGATOR of 6 octets in a session of four", RFC: "7606 §7.7", Body: With(Attr(0xc0, attrAggregator, 0xfd, 0xe9, 192, 0, 2, 1)), Want: discard()},
	{Name: "AGGREGATOR of 8 octets in a session of two", RFC: "7606 §7.7", Session: narrow, Body: With(Attr(0x40, attrASPath, Seq2(65001)...), Attr(0xc0, attrAggregator, 0, 0, 0xfd, 0xe9, 192, 0, 2, 1)), Want: discard()},
	{Name: "AGGREGATOR with AS 0", RFC: "7607 §2", Body: With(Attr(0xc0, attrAggregator, 0, 0, 0, 0, 192, 0, 2, 1)), Want: discard()},

	// Communities (§7.8, §7.14, §7.15, RFC 8092).
	{Name: "COMMUNITIES empty", RFC: "7606 §7.8", Body: With(Attr(0xc0, attrCommunities)), Want: taw()},
	{Name: "COMMUNITIES of 3 octets", RFC: "7606 §7.8", Body: With(Attr(0xc0, attrCommunities, 1, 2, 3)), Want: taw()},
	{Name: "COMMUNITIES of 5 octets", RFC: "7606 §7.8", Body: With(Attr(0xc0, attrCommunities, 1, 2, 3, 4, 5)), Want: taw()},
	{Name: "EXTENDED COMMUNITIES empty", RFC: "7606 §7.14", Body: With(Attr(0xc0, attrExtCommunities)), Want: taw()},
	{Name: "EXTENDED COMMUNITIES of 7 octets", RFC: "7606 §7.14", Body: With(Attr(0xc0, attrExtCommunities, make([]byte, 7)...)), Want: taw()},
	{Name: "EXTENDED COMMUNITIES of an unknown type", RFC: "7606 §7.14", Body: With(Attr(0xc0, attrExtCommunities, 0xff, 0xff, 1, 2, 3, 4, 5, 6)), Want: fine()},
	{Name: "IPV6 EXTENDED COMMUNITIES of 19 octets", RFC: "7606 §7.15", Body: With(Attr(0xc0, attrIPv6ExtCommunity, make([]byte, 19)...)), Want: taw()},
	{Name: "IPV6 EXTENDED COMMUNITIES empty", RFC: "7606 §7.15", Body: With(Attr(0xc0, attrIPv6ExtCommunity)), Want: taw()},
	{Name: "IPV6 EXTENDED COMMUNITIES", RFC: "5701 §2", Body: With(Attr(0xc0, attrIPv6ExtCommunity, make([]byte, 20)...)), Want: fine()},
	{Name: "LARGE_COMMUNITY empty", RFC: "8092 §6", Body: With(Attr(0xc0, attrLargeCommunities)), Want: taw()},
	{Name: "LARGE_COMMUNITY of 11 octets", RFC: "8092 §6", Body: With(Attr(0xc0, attrLargeCommunities, make([]byte, 11)...)), Want: taw()},
	{Name: "LARGE_COMMUNITY doubled", RFC: "8092 §5", Body: With(Attr(0xc0, attrLargeCommunities, make([]byte, 24)...)), Want: fine()},

	// Reflection (§7.9, §7.10).
	{Name: "ORIGINATOR_ID of 3 octets", RFC: "7606 §7.9", Session: internal, Body: With(Attr(0x80, attrOriginatorID, 1, 2, 3)), Want: taw()},
	{Name: "ORIGINATOR_ID from an external peer", RFC: "7606 §7.9", Body: With(Attr(0x80, attrOriginatorID, 1, 2, 3, 4)), Want: discard()},
	{Name: "CLUSTER_LIST empty", RFC: "7606 §7.10", Session: internal, Body: With(Attr(0x80, attrClusterList)), Want: taw()},
	{Name: "CLUSTER_LIST of 6 octets", RFC: "7606 §7.10", Session: internal, Body: With(Attr(0x80, attrClusterList, 1, 2, 3, 4, 5, 6)), Want: taw()},
	{Name: "CLUSTER_LIST from an external peer", RFC: "7606 §7.10", Body: With(Attr(0x80, attrClusterList, 1, 2, 3)), Want: discard()},

	// MP_REACH_NLRI, MP_UNREACH_NLRI (§5.3, §7.11).
	{Name: "MP_REACH_NLRI of 3 octets", RFC: "7606 §5.3", Body: Body(nil, Join([]byte{0x80, 0x0e, 3, 0, 2, 1}, Good6), nil), Code: 3, Subcode: 9, Data: []byte{0x80, 0x0e, 3, 0, 2, 1}},
	{Name: "MP_REACH_NLRI empty", RFC: "7606 §5.3", Body: Body(nil, Join(Attr(0x80, attrMPReach), Good6), nil), Code: 3, Subcode: 9},
	{Name: "MP_REACH_NLRI of 4 octets", RFC: "7606 §5.3", Body: Body(nil, Join(Attr(0x80, attrMPReach, 0, 2, 1, 0), Good6), nil), Code: 3, Subcode: 9},
	{Name: "next hop of 0 octets", RFC: "7606 §7.11", Body: Body(nil, Join(MPReach(IPv6, nil, NLRI(route6...)), Good6), nil), Code: 3, Subcode: 9},
	{Name: "next hop of 4 octets for IPv6", RFC: "7606 §7.11", Body: Body(nil, Join(MPReach(IPv6, Addr("192.0.2.1"), NLRI(route6...)), Good6), nil), Code: 3, Subcode: 9},
	{Name: "next hop of 15 octets", RFC: "7606 §7.11", Body: Body(nil, Join(MPReach(IPv6, make([]byte, 15), NLRI(route6...)), Good6), nil), Code: 3, Subcode: 9},
	{Name: "next hop of 24 octets", RFC: "7606 §7.11", Body: Body(nil, Join(MPReach(IPv6, make([]byte, 24), NLRI(route6...)), Good6), nil), Code: 3, Subcode: 9},
	{Name: "next hop longer than the attribute", RFC: "7606 §7.11", Body: Body(nil, Join(Attr(0x80, attrMPReach, 0, 2, 1, 32, 1, 2, 3), Good6), nil), Code: 3, Subcode: 9},
	{Name: "next hop fills the attribute, reserved octet missing", RFC: "7606 §7.11", Body: Body(nil, Join(Attr(0x80, attrMPReach, Join([]byte{0, 2, 1, 16}, Addr("2001:db8::1"))...), Good6), nil), Code: 3, Subcode: 9},
	{Name: "IPv6 next hop for IPv4 without agreement", RFC: "7606 §7.11, 8950 §4", Body: Body(nil, Join(MPReach(IPv4, Addr("2001:db8::1"), NLRI(route...)), Good6), nil), Code: 3, Subcode: 9},
	{Name: "IPv6 next hop for IPv4 as agreed", RFC: "8950 §4", Session: byIPv6, Body: Body(nil, Join(MPReach(IPv4, Addr("2001:db8::1"), NLRI(route...)), Good6), nil), Want: fine()},
	{Name: "IPv4 in MP_REACH_NLRI", RFC: "4760 §3", Body: Body(nil, Join(MPReach(IPv4, Addr("192.0.2.1"), NLRI(route...)), Good6), nil), Want: fine()},
	{Name: "IPv6 next hop ::", RFC: "4271 §6.3", Body: Body(nil, Join(MPReach(IPv6, Addr("::"), NLRI(route6...)), Good6), nil), Want: taw6()},
	{Name: "IPv6 next hop ::1", RFC: "4271 §6.3", Body: Body(nil, Join(MPReach(IPv6, Addr("::1"), NLRI(route6...)), Good6), nil), Want: taw6()},
	{Name: "IPv6 next hop multicast", RFC: "4271 §6.3", Body: Body(nil, Join(MPReach(IPv6, Addr("ff02::1"), NLRI(route6...)), Good6), nil), Want: taw6()},
	{Name: "IPv6 next hop :: and a link-local one", RFC: "2545 §3", Body: Body(nil, Join(MPReach(IPv6, Join(Addr("::"), Addr("fe80::1")), NLRI(route6...)), Good6), nil), Want: Told{Reach: route6}},
	{Name: "reserved octet set", RFC: "4760 §3", Body: Body(nil, Join(Attr(0x80, attrMPReach, Join([]byte{0, 2, 1, 16}, Addr("2001:db8::1"), []byte{7}, NLRI(route6...))...), Good6), nil), Want: Told{Reach: route6}},
	{Name: "MP_REACH_NLRI prefix of 129 bits", RFC: "7606 §5.3", Body: Body(nil, Join(MPReach(IPv6, Addr("2001:db8::1"), append([]byte{129}, make([]byte, 17)...)), Good6), nil), Code: 3, Subcode: 9},
	{Name: "MP_REACH_NLRI prefix cut off", RFC: "7606 §5.3", Body: Body(nil, Join(MPReach(IPv6, Addr("2001:db8::1"), []byte{48, 0x20, 1}), Good6), nil), Code: 3, Subcode: 9},
	{Name: "MP_REACH_NLRI IPv4 prefix of 33 bits", RFC: "7606 §5.3", Body: Body(nil, Join(MPReach(IPv4, Addr("192.0.2.1"), []byte{33, 1, 2, 3, 4, 5}), Good6), nil), Code: 3, Subcode: 9},
	{Name: "MP_REACH_NLRI without prefixes", RFC: "4760 §3", Body: Body(nil, Join(MPReach(IPv6, Addr("2001:db8::1"), nil), Good6), nil), Want: Told{}},
	{Name: "MP_REACH_NLRI last", RFC: "7606 §5.1", Body: Body(nil, Join(Good6, Reach6), nil), Want: Told{Reach: route6}},
	{Name: "MP_REACH_NLRI in the middle", RFC: "7606 §5.1", Body: Body(nil, Join(Origin, Reach6, Path), nil), Want: Told{Reach: route6}},
	{Name: "MP_REACH_NLRI beside IPv4 routes", RFC: "7606 §5.1", Body: Body(nil, Join(Reach6, Good), NLRI(route...)), Want: Told{Reach: append(append([]string{}, route...), route6...)}},
	{Name: "all four fields", RFC: "7606 §5.1", Body: Body(NLRI("10.0.0.0/8"), Join(Reach6, MPUnreach(IPv6, NLRI("2001:db8:9::/48")), Good), NLRI(route...)),
		Want: Told{Withdrawn: []string{"10.0.0.0/8", "2001:db8:9::/48"}, Reach: append(append([]string{}, route...), route6...)}},
	{Name: "all four fields, withdrawn", RFC: "7606 §2", Body: Body(NLRI("10.0.0.0/8"), Join(Reach6, MPUnreach(IPv6, NLRI("2001:db8:9::/48")), Good, Attr(0x80, attrMED, 1)), NLRI(route...)),
		Want: Told{Grade: TreatAsWithdraw, Withdrawn: []string{"10.0.0.0/8", "2001:db8:9::/48", route[0], route6[0]}}},
	{Name: "MP_UNREACH_NLRI of 2 octets", RFC: "7606 §5.3", Body: Body(nil, Attr(0x80, attrMPUnreach, 0, 2), nil), Code: 3, Subcode: 9},
	{Name: "MP_UNREACH_NLRI empty", RFC: "7606 §5.3", Body: Body(nil, Attr(0x80, attrMPUnreach), nil), Code: 3, Subcode: 9},
	{Name: "MP_UNREACH_NLRI prefix of 200 bits", RFC: "7606 §5.3", Body: Body(nil, MPUnreach(IPv6, append([]byte{200}, make([]byte, 25)...)), nil), Code: 3, Subcode: 9},
	{Name: "MP_UNREACH_NLRI prefix cut off", RFC: "7606 §5.3", Body: Body(nil, MPUnreach(IPv6, []byte{64, 1}), nil), Code: 3, Subcode: 9},

	// Families that were not agreed.
	{Name: "IPv6 routes in an IPv4 session", RFC: "4760 §8", Session: onlyIPv4, Body: Body(nil, Join(Reach6, Good6), nil), Want: Told{Grade: FamilyIgnored}, Note: "ipv6-unicast was not agreed"},
	{Name: "IPv6 withdrawals in an IPv4 session", RFC: "4760 §8", Session: onlyIPv4, Body: Body(nil, MPUnreach(IPv6, NLRI(route6...)), nil), Want: Told{Grade: FamilyIgnored}},
	{Name: "IPv4 routes in an IPv6 session", RFC: "4760 §8", Session: onlyIPv6, Body: Raw(Good), Want: Told{Grade: FamilyIgnored}},
	{Name: "IPv4 withdrawals in an IPv6 session", RFC: "4760 §8", Session: onlyIPv6, Body: Body(NLRI(route...), nil, nil), Want: Told{Grade: FamilyIgnored}},
	{Name: "VPLS routes", RFC: "4760 §8", Body: Body(nil, Join(MPReach(Family{25, 65}, []byte{1, 2, 3, 4}, []byte{0, 17, 1, 2, 3}), Good6), nil), Want: Told{Grade: FamilyIgnored}, Note: "afi 25 safi 65"},
	{Name: "EVPN routes of garbage", RFC: "4760 §8", Body: Body(nil, Join(MPReach(Family{25, 70}, nil, bytes.Repeat([]byte{0xff}, 40)), Good6), nil), Want: Told{Grade: FamilyIgnored}},
	{Name: "FlowSpec routes", RFC: "4760 §8", Body: Body(nil, Join(MPReach(Family{1, 133}, nil, []byte{3, 1, 24, 10}), Good6), nil), Want: Told{Grade: FamilyIgnored}},
	{Name: "MUP routes beside IPv4 routes", RFC: "4760 §8", Body: Body(nil, Join(MPReach(Family{1, 85}, []byte{1, 2, 3, 4}, []byte{1, 2}), Good), NLRI(route...)), Want: Told{Reach: route, Grade: FamilyIgnored}},
	{Name: "IPv4 multicast routes", RFC: "4760 §8", Body: Body(nil, Join(MPReach(Family{1, 2}, Addr("192.0.2.1"), NLRI(route...)), Good6), nil), Want: Told{Grade: FamilyIgnored}},
	{Name: "AFI 0", RFC: "4760 §8", Body: Body(nil, MPUnreach(Family{}, nil), nil), Want: Told{Grade: FamilyIgnored}},
	{Name: "foreign routes and a malformed attribute", RFC: "4760 §8", Body: Body(nil, Join(MPReach(Family{25, 70}, nil, []byte{1}), Origin, Attr(0x80, attrMED, 1)), nil), Want: Told{Grade: FamilyIgnored}},
	{Name: "foreign MP_REACH_NLRI of 3 octets", RFC: "7606 §5.3", Body: Body(nil, Attr(0x80, attrMPReach, 0, 25, 65), nil), Code: 3, Subcode: 9},

	// What we don't know.
	{Name: "unknown well-known attribute", RFC: "4271 §6.3", Body: With(Attr(0x40, 99, 1, 2)), Code: 3, Subcode: 2, Data: Attr(0x40, 99, 1, 2)},
	{Name: "attribute 0, well-known", RFC: "4271 §6.3", Body: With(Attr(0x00, 0)), Code: 3, Subcode: 2},
	{Name: "unknown optional transitive attribute", RFC: "4271 §5", Body: With(Attr(0xc0, 99, 1, 2)), Want: fine()},
	{Name: "unknown optional transitive attribute, empty", RFC: "4271 §5", Body: With(Attr(0xc0, 99)), Want: fine()},
	{Name: "unknown optional non-transitive attribute", RFC: "4271 §5", Body: With(Attr(0x80, 99, 1, 2)), Want: fine()},
	{Name: "PREFIX_SID of garbage", RFC: "8669 §3", Body: With(Attr(0xc0, 40, 5, 0, 9, 0, 1, 0, 2, 7, 7)), Want: fine()},
	{Name: "TUNNEL_ENCAP of garbage", RFC: "9012 §2", Body: With(Attr(0xc0, 23, 1)), Want: fine()},
	{Name: "PMSI_TUNNEL too short", RFC: "6514 §5", Body: With(Attr(0xc0, 22, 1)), Want: fine()},
	{Name: "AIGP of garbage", RFC: "7311 §3", Body: With(Attr(0x80, 26, 9)), Want: fine()},
	{Name: "BGP-LS of garbage", RFC: "9552 §5.3", Body: With(Attr(0x80, 29, 1, 2, 3)), Want: fine()},

	// Two octets and four (RFC 6793).
	{Name: "AS4_PATH before AS_PATH, session of four", RFC: "6793 §3", Body: Raw(Attr(0xc0, attrAS4Path, Seq4(65001)...), Good), Want: discard(), Note: "AS4_PATH"},
	{Name: "AS4_PATH before AS_PATH, session of two", RFC: "6793 §4.2.3", Session: narrow, Body: Raw(Attr(0xc0, attrAS4Path, Seq4(70000)...), Origin, Attr(0x40, attrASPath, Seq2(23456)...), NextHop), Want: fine()},
	{Name: "a path that four octets make too long", RFC: "6793 §4.2.3", Session: narrow, Body: With(Attr(0x40, attrASPath, bytes.Repeat(append([]byte{2, 255}, bytes.Repeat([]byte{0, 1}, 255)...), 100)...)), Want: taw(), Note: "longer than any message"},
	{Name: "AS4_AGGREGATOR, session of four", RFC: "6793 §3", Body: With(Attr(0xc0, attrAS4Aggregator, make([]byte, 8)...)), Want: discard()},
	{Name: "AS4_PATH segment overrun", RFC: "6793 §6", Session: narrow, Body: With(Attr(0x40, attrASPath, Seq2(65001)...), Attr(0xc0, attrAS4Path, 2, 9, 0, 0, 0, 1)), Want: discard()},
	{Name: "AS4_PATH with segment type 7", RFC: "6793 §6", Session: narrow, Body: With(Attr(0x40, attrASPath, Seq2(65001)...), Attr(0xc0, attrAS4Path, 7, 1, 0, 0, 0, 1)), Want: discard()},
	{Name: "AS4_PATH empty", RFC: "6793 §6", Session: narrow, Body: With(Attr(0x40, attrASPath, Seq2(65001)...), Attr(0xc0, attrAS4Path)), Want: discard()},
	{Name: "AS4_PATH with AS 0", RFC: "7607 §2", Session: narrow, Body: With(Attr(0x40, attrASPath, Seq2(65001)...), Attr(0xc0, attrAS4Path, Seq4(0)...)), Want: discard()},
	{Name: "AS4_AGGREGATOR of 7 octets", RFC: "6793 §6", Session: narrow, Body: With(Attr(0x40, attrASPath, Seq2(65001)...), Attr(0xc0, attrAS4Aggregator, make([]byte, 7)...)), Want: discard()},
	{Name: "AS4_AGGREGATOR with AS 0", RFC: "7607 §2", Session: narrow, Body: With(Attr(0x40, attrASPath, Seq2(65001)...), Attr(0xc0, attrAS4Aggregator, make([]byte, 8)...)), Want: discard()},

	// End-of-RIB (RFC 4724 §2).
	{Name: "End-of-RIB for IPv4", RFC: "4724 §2", Body: Body(nil, nil, nil), Want: Told{EndOfRIB: IPv4}},
	{Name: "End-of-RIB for IPv6", RFC: "4724 §2", Body: Body(nil, MPUnreach(IPv6, nil), nil), Want: Told{EndOfRIB: IPv6}},
	{Name: "End-of-RIB for IPv4 in an attribute", RFC: "4724 §2", Body: Body(nil, MPUnreach(IPv4, nil), nil), Want: Told{EndOfRIB: IPv4}},
	{Name: "End-of-RIB for IPv6, extended length", RFC: "4724 §2", Body: Body(nil, []byte{0x90, attrMPUnreach, 0, 3, 0, 2, 1}, nil), Want: Told{EndOfRIB: IPv6}},
	{Name: "End-of-RIB for IPv4 in an IPv6 session", RFC: "4724 §2", Session: onlyIPv6, Body: Body(nil, nil, nil), Want: Told{}},
	{Name: "End-of-RIB for EVPN", RFC: "4724 §2", Body: Body(nil, MPUnreach(Family{25, 70}, nil), nil), Want: Told{Grade: FamilyIgnored}},
	{Name: "MP_UNREACH_NLRI that is no End-of-RIB", RFC: "4724 §2", Body: Body(nil, Join(MPUnreach(IPv6, nil), Origin), nil), Want: Told{}},
	{Name: "empty MP_UNREACH_NLRI beside routes", RFC: "4724 §2", Body: Body(nil, Join(Reach6, MPUnreach(IPv6, nil)), nil), Want: taw6()},
	{Name: "empty MP_UNREACH_NLRI beside withdrawals", RFC: "4724 §2", Body: Body(NLRI(route...), MPUnreach(IPv6, nil), nil), Want: Told{Withdrawn: route}},
}
