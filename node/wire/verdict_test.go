package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A verdict is one malformed (or odd) UPDATE and what the RFCs say of it.
type verdict struct {
	name  string
	rfc   string
	rules func() Rules // external by default
	body  []byte

	code, subcode uint8 // of the session reset, or 0
	data          []byte
	want          told   // otherwise
	note          string // part of a note that must be there
}

var route = []string{"198.51.100.0/24"}
var route6 = []string{"2001:db8:1::/48"}

func taw() told     { return told{Withdrawn: route, Verdict: TreatAsWithdraw} }
func taw6() told    { return told{Withdrawn: route6, Verdict: TreatAsWithdraw} }
func discard() told { return told{Reach: route, Verdict: AttributeDiscard} }
func fine() told    { return told{Reach: route} }

// with is an UPDATE for one route whose attributes are good but for those given:
// they replace the good one of their kind.
func with(attrs ...[]byte) []byte {
	parts := [][]byte{origin, path, nextHop}
	for _, a := range attrs {
		replaced := false
		for i, p := range parts {
			if p[1] == a[1] {
				parts[i], replaced = a, true
			}
		}
		if !replaced {
			parts = append(parts, a)
		}
	}
	return body(nil, join(parts...), nlri(route...))
}

// raw is an UPDATE for one route with exactly these attributes.
func raw(attrs ...[]byte) []byte { return body(nil, join(attrs...), nlri(route...)) }

func narrow() Rules { r := external(); r.FourOctetAS = false; return r }

func only(f Families) func() Rules {
	return func() Rules { r := external(); r.Families = f; return r }
}

var verdicts = []verdict{
	// The three fields.
	{name: "no room for the lengths", rfc: "4271 §6.1", body: []byte{0, 0, 0}, code: 1, subcode: 2, data: []byte{0, 22}},
	{name: "withdrawn routes too long", rfc: "4271 §6.3", body: []byte{0, 9, 0, 0}, code: 3, subcode: 1},
	{name: "withdrawn routes take the attributes' length", rfc: "4271 §6.3", body: []byte{0, 1, 0, 0}, code: 3, subcode: 1},
	{name: "attributes too long", rfc: "4271 §6.3", body: []byte{0, 0, 0, 1}, code: 3, subcode: 1},
	{name: "attributes' length all ones", rfc: "4271 §6.3", body: join([]byte{0, 0, 0xff, 0xff}, good), code: 3, subcode: 1},
	{name: "withdrawn prefix of 33 bits", rfc: "7606 §3 i, §5.3", body: body([]byte{33, 1, 2, 3, 4, 5}, nil, nil), code: 3, subcode: 10},
	{name: "withdrawn prefix cut off", rfc: "7606 §3 i, §5.3", body: body([]byte{24, 1, 2}, nil, nil), code: 3, subcode: 10},
	{name: "prefix of 33 bits", rfc: "7606 §5.3", body: body(nil, good, []byte{33, 1, 2, 3, 4, 5}), code: 3, subcode: 10},
	{name: "prefix of 255 bits", rfc: "7606 §5.3", body: body(nil, good, []byte{255}), code: 3, subcode: 10},
	{name: "prefix cut off", rfc: "7606 §5.3", body: body(nil, good, []byte{32, 1, 2, 3}), code: 3, subcode: 10},
	{name: "second prefix cut off", rfc: "7606 §5.3", body: body(nil, good, join(nlri("10.0.0.0/8"), []byte{9, 1})), code: 3, subcode: 10},
	{name: "bad prefix weighs more than a bad attribute", rfc: "7606 §3 h", body: body(nil, join(good, attr(0x80, attrMED, 1)), []byte{24}), code: 3, subcode: 10},
	{name: "host bits", rfc: "4271 §4.3", body: body(nil, good, []byte{20, 10, 1, 0xff}), want: told{Reach: []string{"10.1.240.0/20"}}},
	{name: "default route", rfc: "4271 §4.3", body: body(nil, good, []byte{0}), want: told{Reach: []string{"0.0.0.0/0"}}},
	{name: "prefix in both lists", rfc: "4271 §4.3", body: body(nlri(route...), good, nlri(route...)), want: told{Withdrawn: route, Reach: route}},

	{name: "path identifier cut off", rfc: "7911 §3, 7606 §5.3", rules: addPath, body: body(nil, good, []byte{0, 0, 0}), code: 3, subcode: 10},
	{name: "path identifier without a prefix", rfc: "7911 §3, 7606 §5.3", rules: addPath, body: body(nil, good, []byte{0, 0, 0, 1}), code: 3, subcode: 10},
	{name: "no path identifier where one was agreed", rfc: "7911 §3, 7606 §5.3", rules: addPath, body: body(nil, good, nlri(route...)), code: 3, subcode: 10},
	{name: "path identifier", rfc: "7911 §3", rules: addPath, body: body(nil, good, join([]byte{0, 0, 0, 1}, nlri(route...))), want: fine()},
	{name: "MP_REACH_NLRI path identifier cut off", rfc: "7911 §3, 7606 §5.3", rules: addPath, body: body(nil, join(mpReach(IPv6, addr("2001:db8::1"), []byte{0, 0, 0, 1}), good6), nil), code: 3, subcode: 9},
	{name: "withdrawn path identifier cut off", rfc: "7911 §3, 7606 §5.3", rules: addPath, body: body([]byte{0, 0, 0, 1}, nil, nil), code: 3, subcode: 10},

	// The list of attributes.
	{name: "attribute overruns the list", rfc: "7606 §4", body: raw(good, []byte{0x80, attrMED, 9, 1}), want: taw()},
	{name: "attribute overruns the list, extended", rfc: "7606 §4", body: raw(good, []byte{0x90, attrMED, 1, 0, 1}), want: taw()},
	{name: "one octet left", rfc: "7606 §4", body: raw(good, []byte{0x80}), want: taw()},
	{name: "two octets left", rfc: "7606 §4", body: raw(good, []byte{0x80, attrMED}), want: taw()},
	{name: "three octets left, extended", rfc: "7606 §4", body: raw(good, []byte{0x90, attrMED, 0}), want: taw()},
	{name: "overrun without routes", rfc: "7606 §5.2", body: body(nil, []byte{0x80, attrMED, 9, 1}, nil), code: 3, subcode: 1},
	{name: "MP_REACH_NLRI overruns the list", rfc: "7606 §4, §5.2", body: body(nil, reach6[:len(reach6)-1], nil), code: 3, subcode: 1},
	{name: "overrun beside IPv6 routes", rfc: "7606 §4", body: body(nil, join(reach6, good6, []byte{0x80, attrMED, 9}), nil), want: taw6()},
	{name: "extended length for a short attribute", rfc: "4271 §4.3", body: raw([]byte{0x50, attrOrigin, 0, 1, 0}, path, nextHop), want: fine()},
	{name: "lower flag bits set", rfc: "4271 §4.3", body: with(attr(0x4f&^0x10, attrOrigin, 0)), want: fine()},
	{name: "attributes in descending order", rfc: "4271 §5", body: raw(nextHop, path, origin), want: fine()},
	{name: "attributes without routes", rfc: "7606 §5.2", body: body(nil, good, nil), want: told{}},
	{name: "malformed attribute without routes", rfc: "7606 §5.2", body: body(nil, join(origin, path, attr(0x80, attrMED, 1)), nil), code: 3, subcode: 5, data: attr(0x80, attrMED, 1)},
	{name: "malformed attribute beside withdrawals only", rfc: "7606 §5.2", body: body(nlri(route...), attr(0x40, attrOrigin, 9), nil), code: 3, subcode: 6, data: attr(0x40, attrOrigin, 9)},
	{name: "malformed attribute beside MP_UNREACH_NLRI only", rfc: "7606 §5.2", body: body(nil, join(mpUnreach(IPv6, nlri(route6...)), attr(0x40, attrOrigin, 9)), nil), code: 3, subcode: 6},
	{name: "discard without routes", rfc: "7606 §5.2", body: body(nil, join(good, attr(0x40, attrAtomicAggregate, 1)), nil), want: told{Verdict: AttributeDiscard}},
	{name: "missing attributes without routes", rfc: "7606 §3 d", body: body(nil, origin, nil), want: told{}},
	{name: "ORIGIN twice", rfc: "7606 §3 g", body: raw(origin, attr(0x40, attrOrigin, 9), path, nextHop), want: discard(), note: "again"},
	{name: "unknown attribute twice", rfc: "7606 §3 g", body: raw(good, attr(0xc0, 99, 1), attr(0xc0, 99, 2)), want: discard(), note: "attribute 99"},
	{name: "first ORIGIN malformed, second good", rfc: "7606 §3 g, h", body: raw(attr(0x40, attrOrigin, 9), origin, path, nextHop), want: taw()},
	{name: "discard and withdraw", rfc: "7606 §3 h", body: with(attr(0x40, attrAtomicAggregate, 1), attr(0x80, attrMED, 1)), want: taw()},
	{name: "MP_REACH_NLRI twice", rfc: "7606 §3 g", body: body(nil, join(reach6, reach6, good6), nil), code: 3, subcode: 1},
	{name: "MP_UNREACH_NLRI twice", rfc: "7606 §3 g", body: body(nil, join(mpUnreach(IPv6, nil), mpUnreach(IPv6, nil)), nil), code: 3, subcode: 1},
	{name: "one of 20 faults is grave", rfc: "7606 §3 h", body: raw(join(good, bytes.Repeat(attr(0xc0, 99, 1), 20), attr(0x80, attrMED, 1))), want: taw()},

	{name: "many faults, and the list is cut off", rfc: "7606 §3 h", body: raw(join(good, many(), attr(0x80, attrMED, 1)), []byte{0x80}), want: taw()},

	{name: "many faults, the last one grave, and a foreign family", rfc: "7606 §3 h", body: raw(join(mpReach(NewFamily(25, 70), nil, []byte{1}), good, many(), attr(0x80, attrMED, 1))), want: taw()},

	// Flags (RFC 7606 §3 c).
	{name: "ORIGIN optional", rfc: "7606 §3 c", body: with(attr(0xc0, attrOrigin, 0)), want: taw(), note: "ORIGIN: flags 0xc0"},
	{name: "ORIGIN not transitive", rfc: "7606 §3 c", body: with(attr(0x00, attrOrigin, 0)), want: taw()},
	{name: "AS_PATH optional", rfc: "7606 §3 c", body: with(attr(0xc0, attrASPath, seq4(65001)...)), want: taw()},
	{name: "NEXT_HOP optional", rfc: "7606 §3 c", body: with(attr(0xc0, attrNextHop, 192, 0, 2, 1)), want: taw()},
	{name: "MULTI_EXIT_DISC transitive", rfc: "7606 §3 c", body: with(attr(0xc0, attrMED, 0, 0, 0, 1)), want: taw()},
	{name: "MULTI_EXIT_DISC well-known", rfc: "7606 §3 c", body: with(attr(0x40, attrMED, 0, 0, 0, 1)), want: taw()},
	{name: "LOCAL_PREF optional", rfc: "7606 §3 c", rules: internal, body: with(attr(0xc0, attrLocalPref, 0, 0, 0, 1)), want: taw()},
	{name: "ATOMIC_AGGREGATE optional", rfc: "7606 §3 c", body: with(attr(0xc0, attrAtomicAggregate)), want: taw()},
	{name: "AGGREGATOR well-known", rfc: "7606 §3 c", body: with(attr(0x40, attrAggregator, 0, 0, 0xfd, 0xe9, 192, 0, 2, 1)), want: taw()},
	{name: "COMMUNITIES not transitive", rfc: "7606 §3 c", body: with(attr(0x80, attrCommunities, 0, 1, 0, 1)), want: taw()},
	{name: "COMMUNITIES well-known", rfc: "7606 §3 c", body: with(attr(0x40, attrCommunities, 0, 1, 0, 1)), want: taw()},
	{name: "COMMUNITIES partial", rfc: "4271 §5", body: with(attr(0xe0, attrCommunities, 0, 1, 0, 1)), want: fine()},
	{name: "ORIGIN partial", rfc: "7606 §3 c", body: with(attr(0x60, attrOrigin, 0)), want: fine()},
	{name: "ORIGINATOR_ID transitive", rfc: "7606 §3 c", rules: internal, body: with(attr(0xc0, attrOriginatorID, 1, 2, 3, 4)), want: taw()},
	{name: "CLUSTER_LIST transitive", rfc: "7606 §3 c", rules: internal, body: with(attr(0xc0, attrClusterList, 1, 2, 3, 4)), want: taw()},
	{name: "EXTENDED COMMUNITIES not transitive", rfc: "7606 §3 c", body: with(attr(0x80, attrExtCommunities, 0, 2, 0, 1, 0, 0, 0, 1)), want: taw()},
	{name: "LARGE_COMMUNITY not transitive", rfc: "7606 §3 c", body: with(attr(0x80, attrLargeCommunities, make([]byte, 12)...)), want: taw()},
	{name: "MP_REACH_NLRI transitive", rfc: "7606 §5.3", body: body(nil, join(attr(0xc0, attrMPReach, reach6[3:]...), good6), nil), code: 3, subcode: 4},
	{name: "MP_REACH_NLRI well-known", rfc: "7606 §5.3", body: body(nil, join(attr(0x40, attrMPReach, reach6[3:]...), good6), nil), code: 3, subcode: 4},
	{name: "MP_UNREACH_NLRI transitive", rfc: "7606 §5.3", body: body(nil, attr(0xc0, attrMPUnreach, 0, 2, 1), nil), code: 3, subcode: 4, data: attr(0xc0, attrMPUnreach, 0, 2, 1)},

	// Missing (RFC 7606 §3 d).
	{name: "ORIGIN missing", rfc: "7606 §3 d", body: raw(path, nextHop), want: taw(), note: "ORIGIN: missing"},
	{name: "AS_PATH missing", rfc: "7606 §3 d", body: raw(origin, nextHop), want: taw(), note: "AS_PATH: missing"},
	{name: "NEXT_HOP missing", rfc: "7606 §3 d", body: raw(origin, path), want: taw(), note: "NEXT_HOP: missing"},
	{name: "everything missing", rfc: "7606 §3 d", body: raw(), want: taw()},
	{name: "NEXT_HOP missing beside IPv6 routes", rfc: "4760 §3", body: body(nil, join(reach6, good6), nil), want: told{Reach: route6}},
	{name: "ORIGIN missing beside IPv6 routes", rfc: "7606 §3 d", body: body(nil, join(reach6, path), nil), want: taw6()},
	{name: "LOCAL_PREF missing from an internal peer", rfc: "4271 §5.1.5", rules: internal, body: raw(good), want: fine()},

	// ORIGIN (§7.1).
	{name: "ORIGIN empty", rfc: "7606 §7.1", body: with(attr(0x40, attrOrigin)), want: taw()},
	{name: "ORIGIN of 2 octets", rfc: "7606 §7.1", body: with(attr(0x40, attrOrigin, 0, 0)), want: taw()},
	{name: "ORIGIN 3", rfc: "7606 §7.1", body: with(attr(0x40, attrOrigin, 3)), want: taw(), note: "value 3"},
	{name: "ORIGIN 255", rfc: "7606 §7.1", body: with(attr(0x40, attrOrigin, 255)), want: taw()},

	// AS_PATH (§7.2).
	{name: "AS_PATH with segment type 0", rfc: "7606 §7.2", body: with(attr(0x40, attrASPath, 0, 1, 0, 0, 0, 1)), want: taw()},
	{name: "AS_PATH with segment type 5", rfc: "7606 §7.2", body: with(attr(0x40, attrASPath, 5, 1, 0, 0, 0, 1)), want: taw()},
	{name: "AS_PATH segment overrun", rfc: "7606 §7.2", body: with(attr(0x40, attrASPath, 2, 2, 0, 0, 0, 1)), want: taw()},
	{name: "AS_PATH of two octets in a session of four", rfc: "7606 §7.2", body: with(attr(0x40, attrASPath, seq2(65001)...)), want: taw()},
	{name: "AS_PATH of four octets in a session of two", rfc: "7606 §7.2", rules: narrow, body: with(attr(0x40, attrASPath, seq4(65001)...)), want: taw()},
	{name: "AS_PATH segment underrun", rfc: "7606 §7.2", body: with(attr(0x40, attrASPath, append(seq4(65001), 2)...)), want: taw()},
	{name: "AS_PATH with an empty segment", rfc: "7606 §7.2", body: with(attr(0x40, attrASPath, append(seq4(65001), 2, 0)...)), want: taw()},
	{name: "AS_PATH with AS 0", rfc: "7607 §2", body: with(attr(0x40, attrASPath, seq4(65001, 0)...)), want: taw(), note: "AS 0"},
	{name: "AS_PATH with AS 0, two octets", rfc: "7607 §2", rules: narrow, body: with(attr(0x40, attrASPath, seq2(65001, 0)...)), want: taw()},
	{name: "AS_PATH with a confederation sequence from outside", rfc: "5065 §5", body: with(attr(0x40, attrASPath, 3, 1, 0, 0, 0xfd, 0xe9)), want: taw()},
	{name: "AS_PATH with a confederation set from outside", rfc: "5065 §5", body: with(attr(0x40, attrASPath, append(seq4(65001), 4, 1, 0, 0, 0xfd, 0xe9)...)), want: taw()},
	{name: "AS_PATH with a set", rfc: "4271 §4.3", body: with(attr(0x40, attrASPath, append(seq4(65001), 1, 2, 0, 0, 0, 7, 0, 0, 0, 8)...)), want: fine()},
	{name: "AS_PATH empty from an external peer", rfc: "4271 §5.1.2", body: with(attr(0x40, attrASPath)), want: taw()},
	{name: "AS_PATH empty from an internal peer", rfc: "4271 §5.1.2", rules: internal, body: with(attr(0x40, attrASPath)), want: fine()},
	{name: "first AS is another", rfc: "4271 §6.3", rules: enforce, body: with(attr(0x40, attrASPath, seq4(65002, 65001)...)), want: taw(), note: "doesn't begin with the peer's AS 65001"},
	{name: "first AS is in a set", rfc: "4271 §6.3", rules: enforce, body: with(attr(0x40, attrASPath, 1, 1, 0, 0, 0xfd, 0xe9)), want: taw()},
	{name: "first AS is the peer's", rfc: "4271 §6.3", rules: enforce, body: with(attr(0x40, attrASPath, seq4(65001)...)), want: fine()},
	{name: "first AS is another, a route server's client", rfc: "7947 §2.2.2.1", body: with(attr(0x40, attrASPath, seq4(65002)...)), want: fine()},

	// NEXT_HOP (§7.3).
	{name: "NEXT_HOP of 0 octets", rfc: "7606 §7.3", body: with(attr(0x40, attrNextHop)), want: taw()},
	{name: "NEXT_HOP of 3 octets", rfc: "7606 §7.3", body: with(attr(0x40, attrNextHop, 1, 2, 3)), want: taw()},
	{name: "NEXT_HOP of 5 octets", rfc: "7606 §7.3", body: with(attr(0x40, attrNextHop, 1, 2, 3, 4, 5)), want: taw()},
	{name: "NEXT_HOP of 16 octets", rfc: "7606 §7.3", body: with(attr(0x40, attrNextHop, addr("2001:db8::1")...)), want: taw()},
	{name: "NEXT_HOP 0.0.0.0", rfc: "4271 §6.3, 7606 §3 e", body: with(attr(0x40, attrNextHop, 0, 0, 0, 0)), want: taw()},
	{name: "NEXT_HOP 0.1.2.3", rfc: "4271 §6.3, 7606 §3 e", body: with(attr(0x40, attrNextHop, 0, 1, 2, 3)), want: taw()},
	{name: "NEXT_HOP 127.0.0.1", rfc: "4271 §6.3, 7606 §3 e", body: with(attr(0x40, attrNextHop, 127, 0, 0, 1)), want: taw()},
	{name: "NEXT_HOP multicast", rfc: "4271 §6.3, 7606 §3 e", body: with(attr(0x40, attrNextHop, 224, 0, 0, 1)), want: taw()},
	{name: "NEXT_HOP class E", rfc: "4271 §6.3, 7606 §3 e", body: with(attr(0x40, attrNextHop, 240, 0, 0, 1)), want: taw()},
	{name: "NEXT_HOP broadcast", rfc: "4271 §6.3, 7606 §3 e", body: with(attr(0x40, attrNextHop, 255, 255, 255, 255)), want: taw()},
	{name: "NEXT_HOP malformed beside IPv6 routes only", rfc: "4760 §3", body: body(nil, join(reach6, good6, attr(0xc0, attrNextHop, 1)), nil), want: told{Reach: route6}},

	// MULTI_EXIT_DISC, LOCAL_PREF (§7.4, §7.5).
	{name: "MULTI_EXIT_DISC empty", rfc: "7606 §7.4", body: with(attr(0x80, attrMED)), want: taw()},
	{name: "MULTI_EXIT_DISC of 3 octets", rfc: "7606 §7.4", body: with(attr(0x80, attrMED, 1, 2, 3)), want: taw()},
	{name: "MULTI_EXIT_DISC of 5 octets", rfc: "7606 §7.4", body: with(attr(0x80, attrMED, 1, 2, 3, 4, 5)), want: taw()},
	{name: "LOCAL_PREF of 3 octets from an internal peer", rfc: "7606 §7.5", rules: internal, body: with(attr(0x40, attrLocalPref, 1, 2, 3)), want: taw()},
	{name: "LOCAL_PREF from an external peer", rfc: "7606 §7.5", body: with(attr(0x40, attrLocalPref, 0, 0, 3, 0xe7)), want: discard(), note: "LOCAL_PREF: from an external peer"},
	{name: "LOCAL_PREF malformed from an external peer", rfc: "7606 §7.5", body: with(attr(0xc0, attrLocalPref, 1)), want: discard()},

	// ATOMIC_AGGREGATE, AGGREGATOR (§7.6, §7.7).
	{name: "ATOMIC_AGGREGATE of 1 octet", rfc: "7606 §7.6", body: with(attr(0x40, attrAtomicAggregate, 0)), want: discard()},
	{name: "AGGREGATOR empty", rfc: "7606 §7.7", body: with(attr(0xc0, attrAggregator)), want: discard()},
	{name: "AGGREGATOR of 6 octets in a session of four", rfc: "7606 §7.7", body: with(attr(0xc0, attrAggregator, 0xfd, 0xe9, 192, 0, 2, 1)), want: discard()},
	{name: "AGGREGATOR of 8 octets in a session of two", rfc: "7606 §7.7", rules: narrow, body: with(attr(0x40, attrASPath, seq2(65001)...), attr(0xc0, attrAggregator, 0, 0, 0xfd, 0xe9, 192, 0, 2, 1)), want: discard()},
	{name: "AGGREGATOR with AS 0", rfc: "7607 §2", body: with(attr(0xc0, attrAggregator, 0, 0, 0, 0, 192, 0, 2, 1)), want: discard()},

	// Communities (§7.8, §7.14, §7.15, RFC 8092).
	{name: "COMMUNITIES empty", rfc: "7606 §7.8", body: with(attr(0xc0, attrCommunities)), want: taw()},
	{name: "COMMUNITIES of 3 octets", rfc: "7606 §7.8", body: with(attr(0xc0, attrCommunities, 1, 2, 3)), want: taw()},
	{name: "COMMUNITIES of 5 octets", rfc: "7606 §7.8", body: with(attr(0xc0, attrCommunities, 1, 2, 3, 4, 5)), want: taw()},
	{name: "EXTENDED COMMUNITIES empty", rfc: "7606 §7.14", body: with(attr(0xc0, attrExtCommunities)), want: taw()},
	{name: "EXTENDED COMMUNITIES of 7 octets", rfc: "7606 §7.14", body: with(attr(0xc0, attrExtCommunities, make([]byte, 7)...)), want: taw()},
	{name: "EXTENDED COMMUNITIES of an unknown type", rfc: "7606 §7.14", body: with(attr(0xc0, attrExtCommunities, 0xff, 0xff, 1, 2, 3, 4, 5, 6)), want: fine()},
	{name: "IPV6 EXTENDED COMMUNITIES of 19 octets", rfc: "7606 §7.15", body: with(attr(0xc0, attrIPv6ExtCommunity, make([]byte, 19)...)), want: taw()},
	{name: "IPV6 EXTENDED COMMUNITIES empty", rfc: "7606 §7.15", body: with(attr(0xc0, attrIPv6ExtCommunity)), want: taw()},
	{name: "IPV6 EXTENDED COMMUNITIES", rfc: "5701 §2", body: with(attr(0xc0, attrIPv6ExtCommunity, make([]byte, 20)...)), want: fine()},
	{name: "LARGE_COMMUNITY empty", rfc: "8092 §6", body: with(attr(0xc0, attrLargeCommunities)), want: taw()},
	{name: "LARGE_COMMUNITY of 11 octets", rfc: "8092 §6", body: with(attr(0xc0, attrLargeCommunities, make([]byte, 11)...)), want: taw()},
	{name: "LARGE_COMMUNITY doubled", rfc: "8092 §5", body: with(attr(0xc0, attrLargeCommunities, make([]byte, 24)...)), want: fine()},

	// Reflection (§7.9, §7.10).
	{name: "ORIGINATOR_ID of 3 octets", rfc: "7606 §7.9", rules: internal, body: with(attr(0x80, attrOriginatorID, 1, 2, 3)), want: taw()},
	{name: "ORIGINATOR_ID from an external peer", rfc: "7606 §7.9", body: with(attr(0x80, attrOriginatorID, 1, 2, 3, 4)), want: discard()},
	{name: "CLUSTER_LIST empty", rfc: "7606 §7.10", rules: internal, body: with(attr(0x80, attrClusterList)), want: taw()},
	{name: "CLUSTER_LIST of 6 octets", rfc: "7606 §7.10", rules: internal, body: with(attr(0x80, attrClusterList, 1, 2, 3, 4, 5, 6)), want: taw()},
	{name: "CLUSTER_LIST from an external peer", rfc: "7606 §7.10", body: with(attr(0x80, attrClusterList, 1, 2, 3)), want: discard()},

	// MP_REACH_NLRI, MP_UNREACH_NLRI (§5.3, §7.11).
	{name: "MP_REACH_NLRI of 3 octets", rfc: "7606 §5.3", body: body(nil, join([]byte{0x80, 0x0e, 3, 0, 2, 1}, good6), nil), code: 3, subcode: 9, data: []byte{0x80, 0x0e, 3, 0, 2, 1}},
	{name: "MP_REACH_NLRI empty", rfc: "7606 §5.3", body: body(nil, join(attr(0x80, attrMPReach), good6), nil), code: 3, subcode: 9},
	{name: "MP_REACH_NLRI of 4 octets", rfc: "7606 §5.3", body: body(nil, join(attr(0x80, attrMPReach, 0, 2, 1, 0), good6), nil), code: 3, subcode: 9},
	{name: "next hop of 0 octets", rfc: "7606 §7.11", body: body(nil, join(mpReach(IPv6, nil, nlri(route6...)), good6), nil), code: 3, subcode: 9},
	{name: "next hop of 4 octets for IPv6", rfc: "7606 §7.11", body: body(nil, join(mpReach(IPv6, addr("192.0.2.1"), nlri(route6...)), good6), nil), code: 3, subcode: 9},
	{name: "next hop of 15 octets", rfc: "7606 §7.11", body: body(nil, join(mpReach(IPv6, make([]byte, 15), nlri(route6...)), good6), nil), code: 3, subcode: 9},
	{name: "next hop of 24 octets", rfc: "7606 §7.11", body: body(nil, join(mpReach(IPv6, make([]byte, 24), nlri(route6...)), good6), nil), code: 3, subcode: 9},
	{name: "next hop longer than the attribute", rfc: "7606 §7.11", body: body(nil, join(attr(0x80, attrMPReach, 0, 2, 1, 32, 1, 2, 3), good6), nil), code: 3, subcode: 9},
	{name: "next hop fills the attribute, reserved octet missing", rfc: "7606 §7.11", body: body(nil, join(attr(0x80, attrMPReach, join([]byte{0, 2, 1, 16}, addr("2001:db8::1"))...), good6), nil), code: 3, subcode: 9},
	{name: "IPv6 next hop for IPv4 without agreement", rfc: "7606 §7.11, 8950 §4", body: body(nil, join(mpReach(IPv4, addr("2001:db8::1"), nlri(route...)), good6), nil), code: 3, subcode: 9},
	{name: "IPv6 next hop for IPv4 as agreed", rfc: "8950 §4", rules: byIPv6, body: body(nil, join(mpReach(IPv4, addr("2001:db8::1"), nlri(route...)), good6), nil), want: fine()},
	{name: "IPv4 in MP_REACH_NLRI", rfc: "4760 §3", body: body(nil, join(mpReach(IPv4, addr("192.0.2.1"), nlri(route...)), good6), nil), want: fine()},
	{name: "IPv6 next hop ::", rfc: "4271 §6.3", body: body(nil, join(mpReach(IPv6, addr("::"), nlri(route6...)), good6), nil), want: taw6()},
	{name: "IPv6 next hop ::1", rfc: "4271 §6.3", body: body(nil, join(mpReach(IPv6, addr("::1"), nlri(route6...)), good6), nil), want: taw6()},
	{name: "IPv6 next hop multicast", rfc: "4271 §6.3", body: body(nil, join(mpReach(IPv6, addr("ff02::1"), nlri(route6...)), good6), nil), want: taw6()},
	{name: "IPv6 next hop :: and a link-local one", rfc: "2545 §3", body: body(nil, join(mpReach(IPv6, join(addr("::"), addr("fe80::1")), nlri(route6...)), good6), nil), want: told{Reach: route6}},
	{name: "reserved octet set", rfc: "4760 §3", body: body(nil, join(attr(0x80, attrMPReach, join([]byte{0, 2, 1, 16}, addr("2001:db8::1"), []byte{7}, nlri(route6...))...), good6), nil), want: told{Reach: route6}},
	{name: "MP_REACH_NLRI prefix of 129 bits", rfc: "7606 §5.3", body: body(nil, join(mpReach(IPv6, addr("2001:db8::1"), append([]byte{129}, make([]byte, 17)...)), good6), nil), code: 3, subcode: 9},
	{name: "MP_REACH_NLRI prefix cut off", rfc: "7606 §5.3", body: body(nil, join(mpReach(IPv6, addr("2001:db8::1"), []byte{48, 0x20, 1}), good6), nil), code: 3, subcode: 9},
	{name: "MP_REACH_NLRI IPv4 prefix of 33 bits", rfc: "7606 §5.3", body: body(nil, join(mpReach(IPv4, addr("192.0.2.1"), []byte{33, 1, 2, 3, 4, 5}), good6), nil), code: 3, subcode: 9},
	{name: "MP_REACH_NLRI without prefixes", rfc: "4760 §3", body: body(nil, join(mpReach(IPv6, addr("2001:db8::1"), nil), good6), nil), want: told{}},
	{name: "MP_REACH_NLRI last", rfc: "7606 §5.1", body: body(nil, join(good6, reach6), nil), want: told{Reach: route6}},
	{name: "MP_REACH_NLRI in the middle", rfc: "7606 §5.1", body: body(nil, join(origin, reach6, path), nil), want: told{Reach: route6}},
	{name: "MP_REACH_NLRI beside IPv4 routes", rfc: "7606 §5.1", body: body(nil, join(reach6, good), nlri(route...)), want: told{Reach: append(append([]string{}, route...), route6...)}},
	{name: "all four fields", rfc: "7606 §5.1", body: body(nlri("10.0.0.0/8"), join(reach6, mpUnreach(IPv6, nlri("2001:db8:9::/48")), good), nlri(route...)),
		want: told{Withdrawn: []string{"10.0.0.0/8", "2001:db8:9::/48"}, Reach: append(append([]string{}, route...), route6...)}},
	{name: "all four fields, withdrawn", rfc: "7606 §2", body: body(nlri("10.0.0.0/8"), join(reach6, mpUnreach(IPv6, nlri("2001:db8:9::/48")), good, attr(0x80, attrMED, 1)), nlri(route...)),
		want: told{Verdict: TreatAsWithdraw, Withdrawn: []string{"10.0.0.0/8", "2001:db8:9::/48", route[0], route6[0]}}},
	{name: "MP_UNREACH_NLRI of 2 octets", rfc: "7606 §5.3", body: body(nil, attr(0x80, attrMPUnreach, 0, 2), nil), code: 3, subcode: 9},
	{name: "MP_UNREACH_NLRI empty", rfc: "7606 §5.3", body: body(nil, attr(0x80, attrMPUnreach), nil), code: 3, subcode: 9},
	{name: "MP_UNREACH_NLRI prefix of 200 bits", rfc: "7606 §5.3", body: body(nil, mpUnreach(IPv6, append([]byte{200}, make([]byte, 25)...)), nil), code: 3, subcode: 9},
	{name: "MP_UNREACH_NLRI prefix cut off", rfc: "7606 §5.3", body: body(nil, mpUnreach(IPv6, []byte{64, 1}), nil), code: 3, subcode: 9},

	// Families that were not agreed.
	{name: "IPv6 routes in an IPv4 session", rfc: "4760 §8", rules: only(OnlyIPv4), body: body(nil, join(reach6, good6), nil), want: told{Verdict: FamilyIgnored}, note: "ipv6-unicast was not agreed"},
	{name: "IPv6 withdrawals in an IPv4 session", rfc: "4760 §8", rules: only(OnlyIPv4), body: body(nil, mpUnreach(IPv6, nlri(route6...)), nil), want: told{Verdict: FamilyIgnored}},
	{name: "IPv4 routes in an IPv6 session", rfc: "4760 §8", rules: only(OnlyIPv6), body: raw(good), want: told{Verdict: FamilyIgnored}},
	{name: "IPv4 withdrawals in an IPv6 session", rfc: "4760 §8", rules: only(OnlyIPv6), body: body(nlri(route...), nil, nil), want: told{Verdict: FamilyIgnored}},
	{name: "VPLS routes", rfc: "4760 §8", body: body(nil, join(mpReach(NewFamily(25, 65), []byte{1, 2, 3, 4}, []byte{0, 17, 1, 2, 3}), good6), nil), want: told{Verdict: FamilyIgnored}, note: "afi 25 safi 65"},
	{name: "EVPN routes of garbage", rfc: "4760 §8", body: body(nil, join(mpReach(NewFamily(25, 70), nil, bytes.Repeat([]byte{0xff}, 40)), good6), nil), want: told{Verdict: FamilyIgnored}},
	{name: "FlowSpec routes", rfc: "4760 §8", body: body(nil, join(mpReach(NewFamily(1, 133), nil, []byte{3, 1, 24, 10}), good6), nil), want: told{Verdict: FamilyIgnored}},
	{name: "MUP routes beside IPv4 routes", rfc: "4760 §8", body: body(nil, join(mpReach(NewFamily(1, 85), []byte{1, 2, 3, 4}, []byte{1, 2}), good), nlri(route...)), want: told{Reach: route, Verdict: FamilyIgnored}},
	{name: "IPv4 multicast routes", rfc: "4760 §8", body: body(nil, join(mpReach(NewFamily(1, 2), addr("192.0.2.1"), nlri(route...)), good6), nil), want: told{Verdict: FamilyIgnored}},
	{name: "AFI 0", rfc: "4760 §8", body: body(nil, mpUnreach(0, nil), nil), want: told{Verdict: FamilyIgnored}},
	{name: "foreign routes and a malformed attribute", rfc: "4760 §8", body: body(nil, join(mpReach(NewFamily(25, 70), nil, []byte{1}), origin, attr(0x80, attrMED, 1)), nil), want: told{Verdict: FamilyIgnored}},
	{name: "foreign MP_REACH_NLRI of 3 octets", rfc: "7606 §5.3", body: body(nil, attr(0x80, attrMPReach, 0, 25, 65), nil), code: 3, subcode: 9},

	// What we don't know.
	{name: "unknown well-known attribute", rfc: "4271 §6.3", body: with(attr(0x40, 99, 1, 2)), code: 3, subcode: 2, data: attr(0x40, 99, 1, 2)},
	{name: "attribute 0, well-known", rfc: "4271 §6.3", body: with(attr(0x00, 0)), code: 3, subcode: 2},
	{name: "unknown optional transitive attribute", rfc: "4271 §5", body: with(attr(0xc0, 99, 1, 2)), want: fine()},
	{name: "unknown optional transitive attribute, empty", rfc: "4271 §5", body: with(attr(0xc0, 99)), want: fine()},
	{name: "unknown optional non-transitive attribute", rfc: "4271 §5", body: with(attr(0x80, 99, 1, 2)), want: fine()},
	{name: "PREFIX_SID of garbage", rfc: "8669 §3", body: with(attr(0xc0, 40, 5, 0, 9, 0, 1, 0, 2, 7, 7)), want: fine()},
	{name: "TUNNEL_ENCAP of garbage", rfc: "9012 §2", body: with(attr(0xc0, 23, 1)), want: fine()},
	{name: "PMSI_TUNNEL too short", rfc: "6514 §5", body: with(attr(0xc0, 22, 1)), want: fine()},
	{name: "AIGP of garbage", rfc: "7311 §3", body: with(attr(0x80, 26, 9)), want: fine()},
	{name: "BGP-LS of garbage", rfc: "9552 §5.3", body: with(attr(0x80, 29, 1, 2, 3)), want: fine()},

	// Two octets and four (RFC 6793).
	{name: "AS4_PATH before AS_PATH, session of four", rfc: "6793 §3", body: raw(attr(0xc0, attrAS4Path, seq4(65001)...), good), want: discard(), note: "AS4_PATH"},
	{name: "AS4_PATH before AS_PATH, session of two", rfc: "6793 §4.2.3", rules: narrow, body: raw(attr(0xc0, attrAS4Path, seq4(70000)...), origin, attr(0x40, attrASPath, seq2(23456)...), nextHop), want: fine()},
	{name: "a path that four octets make too long", rfc: "6793 §4.2.3", rules: narrow, body: with(attr(0x40, attrASPath, bytes.Repeat(append([]byte{2, 255}, bytes.Repeat([]byte{0, 1}, 255)...), 100)...)), want: taw(), note: "longer than any message"},
	{name: "AS4_AGGREGATOR, session of four", rfc: "6793 §3", body: with(attr(0xc0, attrAS4Aggregator, make([]byte, 8)...)), want: discard()},
	{name: "AS4_PATH segment overrun", rfc: "6793 §6", rules: narrow, body: with(attr(0x40, attrASPath, seq2(65001)...), attr(0xc0, attrAS4Path, 2, 9, 0, 0, 0, 1)), want: discard()},
	{name: "AS4_PATH with segment type 7", rfc: "6793 §6", rules: narrow, body: with(attr(0x40, attrASPath, seq2(65001)...), attr(0xc0, attrAS4Path, 7, 1, 0, 0, 0, 1)), want: discard()},
	{name: "AS4_PATH empty", rfc: "6793 §6", rules: narrow, body: with(attr(0x40, attrASPath, seq2(65001)...), attr(0xc0, attrAS4Path)), want: discard()},
	{name: "AS4_PATH with AS 0", rfc: "7607 §2", rules: narrow, body: with(attr(0x40, attrASPath, seq2(65001)...), attr(0xc0, attrAS4Path, seq4(0)...)), want: discard()},
	{name: "AS4_AGGREGATOR of 7 octets", rfc: "6793 §6", rules: narrow, body: with(attr(0x40, attrASPath, seq2(65001)...), attr(0xc0, attrAS4Aggregator, make([]byte, 7)...)), want: discard()},
	{name: "AS4_AGGREGATOR with AS 0", rfc: "7607 §2", rules: narrow, body: with(attr(0x40, attrASPath, seq2(65001)...), attr(0xc0, attrAS4Aggregator, make([]byte, 8)...)), want: discard()},

	// End-of-RIB (RFC 4724 §2).
	{name: "End-of-RIB for IPv4", rfc: "4724 §2", body: body(nil, nil, nil), want: told{EndOfRIB: IPv4}},
	{name: "End-of-RIB for IPv6", rfc: "4724 §2", body: body(nil, mpUnreach(IPv6, nil), nil), want: told{EndOfRIB: IPv6}},
	{name: "End-of-RIB for IPv4 in an attribute", rfc: "4724 §2", body: body(nil, mpUnreach(IPv4, nil), nil), want: told{EndOfRIB: IPv4}},
	{name: "End-of-RIB for IPv6, extended length", rfc: "4724 §2", body: body(nil, []byte{0x90, attrMPUnreach, 0, 3, 0, 2, 1}, nil), want: told{EndOfRIB: IPv6}},
	{name: "End-of-RIB for IPv4 in an IPv6 session", rfc: "4724 §2", rules: only(OnlyIPv6), body: body(nil, nil, nil), want: told{}},
	{name: "End-of-RIB for EVPN", rfc: "4724 §2", body: body(nil, mpUnreach(NewFamily(25, 70), nil), nil), want: told{Verdict: FamilyIgnored}},
	{name: "MP_UNREACH_NLRI that is no End-of-RIB", rfc: "4724 §2", body: body(nil, join(mpUnreach(IPv6, nil), origin), nil), want: told{}},
	{name: "empty MP_UNREACH_NLRI beside routes", rfc: "4724 §2", body: body(nil, join(reach6, mpUnreach(IPv6, nil)), nil), want: taw6()},
	{name: "empty MP_UNREACH_NLRI beside withdrawals", rfc: "4724 §2", body: body(nlri(route...), mpUnreach(IPv6, nil), nil), want: told{Withdrawn: route}},
}

// many are 20 attributes that each come twice.
func many() []byte {
	var b []byte
	for kind := range uint8(20) {
		b = append(b, bytes.Repeat(attr(0xc0, 200+kind, 1), 2)...)
	}
	return b
}

func addPath() Rules { r := external(); r.AddPath = Both; return r }
func enforce() Rules { r := external(); r.EnforceFirstAS = true; return r }
func byIPv6() Rules  { r := external(); r.ExtendedNextHop = true; return r }

// TestVerdicts goes through the table twice with one decoder: what it
// remembers must not change what it says.
func TestVerdicts(t *testing.T) {
	for _, v := range verdicts {
		t.Run(v.name+" (RFC "+v.rfc+")", func(t *testing.T) {
			rules := external()
			if v.rules != nil {
				rules = v.rules()
			}
			d := NewDecoder(rules, new(Table))
			for range 2 {
				u, err := d.Decode(bytes.Clone(v.body))
				if v.code != 0 {
					if err == nil {
						t.Fatalf("no session reset but %+v %v", tell(u), u.Notes)
					}
					if err.Code != v.code || err.Subcode != v.subcode {
						t.Fatalf("reset by %v, want %s", err, Words(v.code, v.subcode))
					}
					if v.data != nil && !bytes.Equal(err.Data, v.data) {
						t.Fatalf("data %x, want %x", err.Data, v.data)
					}
					continue
				}
				if err != nil {
					t.Fatalf("session reset: %v", err)
				}
				if diff := cmp.Diff(v.want, tell(u)); diff != "" {
					t.Fatalf("(-want +got)\n%s%v", diff, u.Notes)
				}
				notes(t, u, v.note)
			}
		})
	}
}

// notes checks that a verdict is explained, by a note that says part.
func notes(t *testing.T, u Update, part string) {
	t.Helper()
	if (u.Verdict == OK) != (len(u.Notes) == 0) {
		t.Fatalf("verdict %v with %d notes", u.Verdict, len(u.Notes))
	}
	if len(u.Notes) > maxNotes {
		t.Fatalf("%d notes", len(u.Notes))
	}
	if part == "" {
		return
	}
	for _, n := range u.Notes {
		if strings.Contains(n.Reason, part) {
			return
		}
	}
	t.Fatalf("no note says %q: %v", part, u.Notes)
}
