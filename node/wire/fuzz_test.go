package wire

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/osrg/gobgp/v4/pkg/packet/bgp"

	"github.com/calctl/calctl/node/wire/wiretest"
)

// The rules that a fuzzer chooses from by one octet.
func someRules(b byte) Rules {
	r := Rules{LocalAS: 65000, PeerAS: 65000 + uint32(b&1), FourOctetAS: b&2 != 0, Families: Families(b >> 2 & 3), ExtendedNextHop: b&16 != 0, EnforceFirstAS: b&32 != 0}
	if b&64 != 0 {
		r.AddPath = Both
	}
	return r
}

// FuzzUpdate: no octets make the decoder panic; its verdict is the same the
// second time; what it accepts can be written again and then says the same.
func FuzzUpdate(f *testing.F) {
	for _, v := range wiretest.Verdicts {
		rules := rulesOf(v.Session)
		for b := range 256 {
			if someRules(byte(b)) == rules {
				f.Add(byte(b), v.Body)
			}
		}
		f.Add(byte(0x7e), v.Body)
	}
	for _, family := range []Family{IPv4, IPv6} {
		f.Add(byte(0x0f), feed(f, family, 1, 1)[0])
	}
	f.Fuzz(func(t *testing.T, b byte, body []byte) {
		rules := someRules(b)
		table := new(Table)
		d := NewDecoder(rules, table)
		kept := bytes.Clone(body)
		u, err := d.Decode(body)
		first, attrs := tell(u), sets(u)
		check(t, u, err)
		again, err2 := d.Decode(body)
		if (err == nil) != (err2 == nil) || !cmp.Equal(first, tell(again)) || !slices.Equal(attrs, sets(again)) {
			t.Fatalf("first %v %v, then %v %v", first, err, tell(again), err2)
		}
		if !bytes.Equal(body, kept) {
			t.Fatal("the message was changed")
		}
		if err != nil {
			return
		}
		for _, r := range again.Reach {
			rewrite(t, rules, table, r)
		}
	})
}

func sets(u Update) []*Attrs {
	var list []*Attrs
	for _, r := range u.Reach {
		list = append(list, r.Attrs)
	}
	return list
}

// check is what holds for every answer of the decoder.
func check(t *testing.T, u Update, err *Error) {
	t.Helper()
	if err != nil {
		if err.Code != UpdateError && err.Code != HeaderError || err.Subcode == 0 || err.Why == "" {
			t.Fatalf("%v", err)
		}
		if len(u.Reach)+len(u.Withdrawn) != 0 {
			t.Fatal("routes beside a reset")
		}
		return
	}
	notes(t, u, "")
	if u.Verdict == TreatAsWithdraw && len(u.Reach) != 0 {
		t.Fatal("routes that should be withdrawn")
	}
	for _, n := range u.Withdrawn {
		run(t, n)
	}
	for _, r := range u.Reach {
		run(t, r.NLRI)
		if r.Attrs == nil || !usable(r.Attrs.NextHop()) {
			t.Fatalf("routes by %v", r.Attrs)
		}
	}
}

// run checks that both ways of reading prefixes give as many valid ones as are counted.
func run(t *testing.T, n NLRI) {
	t.Helper()
	list := n.Append(nil)
	if len(list) != n.Len() || len(list) == 0 || !slices.Equal(list, slices.Collect(n.All())) {
		t.Fatalf("%d prefixes, counted %d", len(list), n.Len())
	}
	for _, d := range list {
		if !d.Prefix.IsValid() || d.Prefix != d.Prefix.Masked() || FamilyOf(d.Prefix) != n.Family {
			t.Fatalf("%v in %v", d.Prefix, n.Family)
		}
	}
}

// rewrite sends routes on and reads them again.
func rewrite(t *testing.T, rules Rules, table *Table, r Reach) {
	t.Helper()
	b := Builder{FourOctetAS: true, MaxLen: MaxExtended, AddPath: rules.AddPath}
	wire, err := b.Reach(nil, r.Family, r.Attrs, r.Append(nil))
	if errors.Is(err, ErrTooLarge) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	rules.FourOctetAS, rules.ExtendedNextHop, rules.Families = true, true, Both
	rules.PeerAS = rules.LocalAS
	d := NewDecoder(rules, table)
	var got []Dest
	for _, body := range cut(t, wire, MaxExtended) {
		u, bad := d.Decode(body)
		if bad != nil || u.Verdict != OK || len(u.Reach) != 1 {
			t.Fatalf("what we wrote: %v %v", bad, u.Notes)
		}
		if u.Reach[0].Attrs != r.Attrs {
			t.Fatal(cmp.Diff(r.Attrs.Fields(), u.Reach[0].Attrs.Fields(), sameFields))
		}
		got = u.Reach[0].Append(got)
	}
	if !slices.Equal(got, r.Append(nil)) {
		t.Fatal("the prefixes differ")
	}
	// A peer with two octets reads what it can; nothing is malformed for it.
	b.FourOctetAS, rules.FourOctetAS = false, false
	if wire, err = b.Reach(nil, r.Family, r.Attrs, r.Append(nil)); err != nil {
		return
	}
	d = NewDecoder(rules, table)
	for _, body := range cut(t, wire, MaxExtended) {
		if u, bad := d.Decode(body); bad != nil || u.Verdict != OK {
			t.Fatalf("what we wrote for two octets: %v %v", bad, u.Notes)
		}
	}
}

// FuzzStream: any octets are messages or end in an error, whichever way they
// arrive, with extended messages or without.
func FuzzStream(f *testing.F) {
	f.Add([]byte{}, false)
	f.Add(AppendKeepalive(AppendKeepalive(nil)), false)
	f.Add(message(0xff, 4096, 2, 1, 2, 3), false)
	f.Add(message(0xff, 4097, 2, make([]byte, 4078)...), true)
	f.Add(message(0, 19, 4), false)
	f.Add(message(0xff, 19, 77), true)
	f.Add(Builder{}.EndOfRIB(AppendOpen(nil, Open{AS: 1, ID: addr4(1)}), IPv6), false)
	f.Fuzz(func(t *testing.T, stream []byte, extended bool) {
		var lists [2][][]byte
		var ends [2]error
		for i, from := range []io.Reader{bytes.NewReader(stream), &pieces{bytes.NewReader(stream), 7}} {
			r := NewReader(from)
			longest := MaxLen
			if extended {
				longest = MaxExtended
				r.SetMax(longest)
			}
			for {
				typ, body, err := r.Next()
				if err != nil {
					ends[i] = err
					break
				}
				if n := headerLen + len(body); n < typ.shortest() || n > longest {
					t.Fatalf("%v of %d octets", typ, len(body))
				}
				lists[i] = append(lists[i], append([]byte{byte(typ)}, body...))
			}
		}
		if !cmp.Equal(lists[0], lists[1]) || ends[0].Error() != ends[1].Error() {
			t.Fatalf("%v, in pieces %v", ends[0], ends[1])
		}
		var again []byte
		for _, m := range lists[0] {
			at := len(again)
			again = finish(append(begin(again, Type(m[0])), m[1:]...), at)
		}
		if !bytes.HasPrefix(stream, again) {
			t.Fatal("the messages are not those of the stream")
		}
	})
}

// FuzzOpen: what is accepted can be said again and then means the same, and
// negotiating with it is safe.
func FuzzOpen(f *testing.F) {
	f.Add(open(0))
	f.Add(open(255, 255, 0, 5, 2, 0, 2, 70, 0))
	f.Add(open(caps(attrCap(1, 0, 1, 0, 1), attrCap(64, 0xc0, 120, 0, 1, 1, 0x80), attrCap(65, 0, 1, 0x11, 0x70), attrCap(69, 0, 1, 1, 3), attrCap(71, 0, 1, 1, 0x80, 1, 0, 0), attrCap(73, 1))...))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := DecodeOpen(body)
		if err != nil {
			if err.Code != OpenError && err.Code != HeaderError {
				t.Fatal(err)
			}
			return
		}
		if o.AS == 0 || !o.ID.Is4() || len(o.Unknown) > maxUnknown || len(o.OtherFamilies) > maxUnknown {
			t.Fatalf("%+v", o)
		}
		mine := Open{AS: 65000, ID: addr4(1), Capabilities: Capabilities{Families: Both, ExtendedMessage: true, GracefulRestart: &GracefulRestart{}}}
		if a, err := Negotiate(mine, o); err == nil && (a.Families == 0 || a.Families&^Both != 0) {
			t.Fatalf("%+v", a)
		}
		if len(o.LongLived) > 30 {
			return // one capability can't say what several may
		}
		b := AppendOpen(nil, o)
		back, err := DecodeOpen(b[headerLen:])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(o, back, sameOpen); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzNotification: whatever a peer says at the end is safe to be logged.
func FuzzNotification(f *testing.F) {
	f.Add([]byte{6, 2, 3, 'a', 'b', 'c'})
	f.Add([]byte{6, 9, 6, 4, 2, 0xff, '\n'})
	f.Fuzz(func(t *testing.T, body []byte) {
		n := DecodeNotification(body)
		for _, r := range n.String() {
			if !unicode.IsPrint(r) || r == utf8.RuneError {
				t.Fatalf("%q", n.String())
			}
		}
		if len(body) < 2 || len(body) > MaxLen-headerLen {
			return
		}
		if b := AppendNotification(nil, n); !bytes.Equal(b[headerLen:], body) {
			t.Fatalf("%x", b)
		}
	})
}

// FuzzRefresh: what is read is what is written.
func FuzzRefresh(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1})
	f.Add([]byte{0, 1, 1, 1, 9})
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeRefresh(body)
		if err == nil && !bytes.Equal(AppendRefresh(nil, r)[headerLen:], body[:4]) {
			t.Fatalf("%+v", r)
		}
	})
}

// FuzzAgainstGoBGP: where both accept a message in full, both read the same
// prefixes. (It is stricter or laxer than we in many other places.)
func FuzzAgainstGoBGP(f *testing.F) {
	for _, v := range wiretest.Verdicts {
		f.Add(v.Body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > MaxExtended-headerLen {
			return
		}
		rules := internal()
		rules.ExtendedNextHop = true
		u, bad := NewDecoder(rules, new(Table)).Decode(body)
		if bad != nil || u.Verdict != OK {
			return
		}
		msg, err := bgp.ParseBGPMessage(finish(append(begin(nil, TypeUpdate), body...), 0), theirOptions(false))
		if err != nil {
			return
		}
		var reach, withdrawn, ours, oursGone []Dest
		theirs := msg.Body.(*bgp.BGPUpdate)
		reach, withdrawn = theirDests(theirs.NLRI), theirDests(theirs.WithdrawnRoutes)
		for _, a := range theirs.PathAttributes {
			switch a := a.(type) {
			case *bgp.PathAttributeMpReachNLRI:
				reach = append(reach, theirDests(a.Value)...)
			case *bgp.PathAttributeMpUnreachNLRI:
				withdrawn = append(withdrawn, theirDests(a.Value)...)
			}
		}
		for _, r := range u.Reach {
			ours = r.Append(ours)
		}
		for _, n := range u.Withdrawn {
			oursGone = n.Append(oursGone)
		}
		if !slices.Equal(ours, reach) || !slices.Equal(oursGone, withdrawn) {
			t.Fatalf("we read %v %v, GoBGP %v %v", ours, oursGone, reach, withdrawn)
		}
	})
}
