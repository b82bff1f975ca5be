package wire

import (
	"testing"

	"github.com/calctl/calctl/node/wire/wiretest"
)

// The octets of these tests' messages.
var (
	join = wiretest.Join
	attr = wiretest.Attr
	body = wiretest.Body
	nlri = wiretest.NLRI
	seq4 = wiretest.Seq4
	seq2 = wiretest.Seq2
	addr = wiretest.Addr
	with = wiretest.With
	raw  = wiretest.Raw

	nextHop             = wiretest.NextHop
	good, good6, reach6 = wiretest.Good, wiretest.Good6, wiretest.Reach6
)

func mpReach(f Family, nextHop, nlri []byte) []byte {
	return wiretest.MPReach(familyThere(f), nextHop, nlri)
}

func familyThere(f Family) wiretest.Family { return wiretest.Family{AFI: f.AFI(), SAFI: f.SAFI()} }

// external is a session with AS 65001, where all is agreed that is simple.
func external() Rules {
	return Rules{LocalAS: 65000, PeerAS: 65001, FourOctetAS: true, Families: Both}
}

func internal() Rules {
	r := external()
	r.PeerAS = r.LocalAS
	return r
}

func narrow() Rules { r := external(); r.FourOctetAS = false; return r }
func byIPv6() Rules { r := external(); r.ExtendedNextHop = true; return r }

// told is an Update in words.
type told = wiretest.Told

func tell(u Update) told {
	t := told{Grade: wiretest.Grade(u.Verdict.String())}
	if u.Verdict == OK {
		t.Grade = wiretest.OK
	}
	if u.EndOfRIB != 0 {
		t.EndOfRIB = familyThere(u.EndOfRIB)
	}
	for _, n := range u.Withdrawn {
		for d := range n.All() {
			t.Withdrawn = append(t.Withdrawn, d.Prefix.String())
		}
	}
	for _, r := range u.Reach {
		for d := range r.All() {
			t.Reach = append(t.Reach, d.Prefix.String())
		}
	}
	return t
}

func decode(t testing.TB, r Rules, body []byte) Update {
	t.Helper()
	u, err := NewDecoder(r, new(Table)).Decode(body)
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	return u
}
