package wire

import "iter"

// A Verdict is what became of an UPDATE (RFC 7606 §2), the weakest first. The
// strongest, the session reset, is an [*Error] instead.
type Verdict uint8

// The verdicts.
const (
	OK               Verdict = iota
	FamilyIgnored            // routes of a family that was not agreed were passed over; the rest counts
	AttributeDiscard         // an attribute was left out; the routes count
	TreatAsWithdraw          // the routes count as withdrawn
)

// String names the verdict as RFC 7606 does.
func (v Verdict) String() string {
	switch v {
	case OK:
		return "ok"
	case FamilyIgnored:
		return "family ignored"
	case AttributeDiscard:
		return "attribute discard"
	}
	return "treat-as-withdraw"
}

// A Note is one fault of an UPDATE that did not end the session.
type Note struct {
	Verdict Verdict
	Attr    uint8  // the attribute at fault, 0 when it is none
	Reason  string // "ORIGIN: value 7 (RFC 7606 §7.1)"
	subcode uint8  // what the fault is called when it does end the session
	tlv     []byte // and what the NOTIFICATION shows of it
}

// An Update is a decoded UPDATE. What it holds is valid until the decoder's
// next Decode, and no longer than the message it was made from; the attributes
// are for ever.
//
// Withdrawals come first: a prefix in both lists is announced (RFC 4271 §4.3).
type Update struct {
	Withdrawn []NLRI  // also those that the verdict withdraws
	Reach     []Reach // each with its attributes
	EndOfRIB  Family  // the family whose End-of-RIB this is (RFC 4724 §2), or 0
	Verdict   Verdict
	Notes     []Note // why, when the verdict is not OK
}

// Reach is routes of one family that share their attributes.
type Reach struct {
	NLRI
	Attrs *Attrs
}

// NLRI is a run of prefixes of one family, checked and still encoded.
type NLRI struct {
	Family Family
	raw    []byte
	count  int
	ids    bool // a path identifier before each (RFC 7911)
}

// Len returns how many prefixes there are.
func (n NLRI) Len() int { return n.count }

// All returns each prefix, its host bits cleared.
func (n NLRI) All() iter.Seq[Dest] {
	return func(yield func(Dest) bool) {
		for raw := n.raw; len(raw) > 0; {
			var d Dest
			if d, raw = next(raw, n.Family, n.ids); !yield(d) {
				return
			}
		}
	}
}

// Append adds each prefix to a list.
func (n NLRI) Append(list []Dest) []Dest {
	for raw := n.raw; len(raw) > 0; {
		var d Dest
		d, raw = next(raw, n.Family, n.ids)
		list = append(list, d)
	}
	return list
}

// Rules are what was agreed for a session, as far as reading UPDATEs goes.
type Rules struct {
	LocalAS, PeerAS uint32   // equal: an internal peer
	FourOctetAS     bool     // AS numbers have four octets (RFC 6793)
	Families        Families // routes of others are ignored
	AddPath         Families // where the peer sends path identifiers (RFC 7911)
	ExtendedNextHop bool     // IPv4 routes may have IPv6 next hops (RFC 8950)
	EnforceFirstAS  bool     // an external peer's path must begin with its AS (RFC 4271 §6.3)
}

// External says whether the peer is in another AS.
func (r Rules) External() bool { return r.LocalAS != r.PeerAS }
