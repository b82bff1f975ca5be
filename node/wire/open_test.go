package wire

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/calctl/calctl/node/wire/wiretest"
)

var (
	open    = wiretest.Open
	caps    = wiretest.Caps
	attrCap = wiretest.Cap
)

func TestOpenErrors(t *testing.T) {
	for _, tt := range wiretest.Opens {
		t.Run(tt.Name, func(t *testing.T) {
			_, err := DecodeOpen(tt.Body)
			if tt.Code == 0 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || err.Code != tt.Code || err.Subcode != tt.Subcode || tt.Data != nil && !bytes.Equal(err.Data, tt.Data) {
				t.Fatalf("%v, want %s", err, Words(tt.Code, tt.Subcode))
			}
		})
	}
}

func TestOpenCapabilities(t *testing.T) {
	got, err := DecodeOpen(open(caps(
		attrCap(1, 0, 1, 0, 1), attrCap(1, 0, 2, 0, 1), attrCap(1, 0, 1, 0, 128),
		attrCap(2), attrCap(70), attrCap(6), attrCap(5, 0, 1, 0, 1, 0, 2, 0, 1, 0, 128, 0, 2),
		attrCap(64, 0x00, 1, 0, 1, 1, 0), attrCap(64, 0xc0, 120, 0, 1, 1, 0x80, 0, 2, 1, 0, 0, 25, 70, 0x80),
		attrCap(65, 0, 1, 0x11, 0x70),
		attrCap(69, 0, 1, 1, 3, 0, 2, 1, 1), attrCap(71, 0, 2, 1, 0, 0, 0, 1), attrCap(71, 0, 1, 1, 0x80, 1, 0, 0, 0, 25, 70, 0, 0, 0, 9),
		attrCap(73, 1, 'a', 0),
	)...))
	if err != nil {
		t.Fatal(err)
	}
	want := Open{AS: 70000, HoldTime: 90 * time.Second, ID: netip.MustParseAddr("10.0.0.1"), Capabilities: Capabilities{
		Families: Both, OtherFamilies: []Family{NewFamily(1, 128)}, Multiprotocol: true,
		Refresh: true, EnhancedRefresh: true, ExtendedMessage: true, ExtendedNextHop: true,
		HasFourOctetAS: true, FourOctetAS: 70000,
		AddPathSend: OnlyIPv4, AddPathReceive: Both,
		GracefulRestart: &GracefulRestart{Restarting: true, Notification: true, Time: 120 * time.Second, Families: Both, Forwarding: OnlyIPv4},
		HasLongLived:    true, LongLived: []LongLived{{IPv4, true, 65536 * time.Second}},
		Unknown: []Capability{{73, []byte{1, 'a', 0}}},
	}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	// A capability with a value that RFC 7911 doesn't know is as if not sent.
	got, err = DecodeOpen(open(caps(attrCap(69, 0, 1, 1, 3, 0, 2, 1, 0))...))
	if err != nil || got.AddPathSend|got.AddPathReceive != 0 {
		t.Errorf("%v %v", got, err)
	}
}

// sameOpen ignores what is only read.
var sameOpen = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmpopts.EquateEmpty(),
	cmpopts.IgnoreFields(Capabilities{}, "Multiprotocol", "OtherFamilies", "FourOctetAS"),
}

func TestOpenThereAndBack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		o := randomOpen(rnd)
		b := AppendOpen(nil, o)
		typ, length, bad := Header(b, MaxLen)
		if bad != nil || typ != TypeOpen || length != len(b) {
			t.Fatal(typ, length, bad)
		}
		back, err := DecodeOpen(b[headerLen:])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(o, back, sameOpen); diff != "" {
			t.Fatal(diff)
		}
	}
	// More capabilities than 255 octets need RFC 9072.
	o := randomOpen(rnd)
	o.Unknown = nil
	for i := range 10 {
		o.Unknown = append(o.Unknown, Capability{byte(200 + i), make([]byte, 100)})
	}
	b := AppendOpen(nil, o)
	if b[headerLen+9] != 255 || b[headerLen+10] != 255 {
		t.Error("lengths of one octet")
	}
	back, err := DecodeOpen(b[headerLen:])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(o, back, sameOpen); diff != "" {
		t.Error(diff)
	}
}

func randomOpen(r *rand.Rand) Open {
	maybe := func() bool { return r.IntN(2) == 0 }
	o := Open{
		AS: 1 + r.Uint32N(65000), ID: addr4(1 + r.Uint32N(1<<31)), HoldTime: time.Duration(3+r.IntN(300)) * time.Second,
		Capabilities: Capabilities{
			Families: Families(r.IntN(4)), Refresh: maybe(), EnhancedRefresh: maybe(), HasFourOctetAS: maybe(),
			ExtendedMessage: maybe(), ExtendedNextHop: maybe(),
			AddPathSend: Families(r.IntN(4)), AddPathReceive: Families(r.IntN(4)),
		},
	}
	if o.HasFourOctetAS && maybe() {
		o.AS += 1 << 20
	}
	if maybe() {
		f := Families(r.IntN(4))
		o.GracefulRestart = &GracefulRestart{Restarting: maybe(), Notification: maybe(), Time: time.Duration(r.IntN(4096)) * time.Second, Families: f, Forwarding: f & Families(r.IntN(4))}
		for _, f := range f.List() {
			o.HasLongLived = true
			o.LongLived = append(o.LongLived, LongLived{f, maybe(), time.Duration(r.IntN(1<<24)) * time.Second})
		}
	}
	if maybe() {
		o.Unknown = []Capability{{99, []byte("abc")}}
	}
	return o
}

func TestNegotiate(t *testing.T) {
	base := func() Open {
		return Open{AS: 65001, HoldTime: 90 * time.Second, ID: netip.MustParseAddr("10.0.0.1"), Capabilities: Capabilities{Families: Both, Multiprotocol: true, HasFourOctetAS: true}}
	}
	both := func(change func(mine, theirs *Open)) (Agreed, *Error) {
		mine, theirs := base(), base()
		theirs.AS, theirs.ID = 65002, netip.MustParseAddr("10.0.0.2")
		change(&mine, &theirs)
		return Negotiate(mine, theirs)
	}
	plain := Agreed{Families: Both, FourOctetAS: true, HoldTime: 90 * time.Second, Keepalive: 30 * time.Second, MaxSend: 4096, MaxReceive: 4096}
	for _, tt := range []struct {
		name   string
		change func(mine, theirs *Open)
		want   func(*Agreed)
	}{
		{"plain", func(*Open, *Open) {}, func(*Agreed) {}},
		{"families in common", func(m, _ *Open) { m.Families = OnlyIPv6 }, func(a *Agreed) { a.Families = OnlyIPv6 }},
		{"the peer says nothing of families", func(_, p *Open) { p.Families, p.Multiprotocol = 0, false }, func(a *Agreed) { a.Families = OnlyIPv4 }},
		{"two octets", func(_, p *Open) { p.HasFourOctetAS = false }, func(a *Agreed) { a.FourOctetAS = false }},
		{"the smaller hold time", func(_, p *Open) { p.HoldTime = 10 * time.Second }, func(a *Agreed) { a.HoldTime, a.Keepalive = 10*time.Second, 3*time.Second }},
		{"no keepalives", func(_, p *Open) { p.HoldTime = 0 }, func(a *Agreed) { a.HoldTime, a.Keepalive = 0, 0 }},
		{"add-path goes from sender to receiver", func(m, p *Open) {
			m.AddPathSend, m.AddPathReceive = Both, OnlyIPv4
			p.AddPathSend, p.AddPathReceive = OnlyIPv6, OnlyIPv6
		}, func(a *Agreed) { a.AddPathSend, a.AddPathReceive = OnlyIPv6, 0 }},
		{"add-path of agreed families only", func(m, p *Open) {
			m.Families = OnlyIPv4
			m.AddPathSend, m.AddPathReceive, p.AddPathSend, p.AddPathReceive = Both, Both, Both, Both
		}, func(a *Agreed) { a.Families, a.AddPathSend, a.AddPathReceive = OnlyIPv4, OnlyIPv4, OnlyIPv4 }},
		{"extended messages", func(m, p *Open) { m.ExtendedMessage, p.ExtendedMessage = true, true }, func(a *Agreed) { a.MaxSend, a.MaxReceive = 65535, 65535 }},
		{"extended messages, only we", func(m, _ *Open) { m.ExtendedMessage = true }, func(a *Agreed) { a.MaxReceive = 65535 }},
		{"extended messages, only the peer", func(_, p *Open) { p.ExtendedMessage = true }, func(*Agreed) {}},
		{"refresh", func(m, p *Open) {
			m.Refresh, p.Refresh, m.EnhancedRefresh, p.EnhancedRefresh = true, true, true, true
		}, func(a *Agreed) { a.Refresh, a.EnhancedRefresh = true, true }},
		{"extended next hop", func(m, p *Open) { m.ExtendedNextHop, p.ExtendedNextHop = true, true }, func(a *Agreed) { a.ExtendedNextHop = true }},
		{"extended next hop without IPv4", func(m, p *Open) { m.ExtendedNextHop, p.ExtendedNextHop, m.Families = true, true, OnlyIPv6 }, func(a *Agreed) { a.Families = OnlyIPv6 }},
		{"graceful restart", func(m, p *Open) {
			m.Families = OnlyIPv4
			m.GracefulRestart = &GracefulRestart{Notification: true}
			p.GracefulRestart = &GracefulRestart{Restarting: true, Notification: true, Time: 60 * time.Second, Families: Both, Forwarding: Both}
			p.LongLived = []LongLived{{IPv4, true, time.Hour}, {IPv6, true, time.Hour}}
		}, func(a *Agreed) {
			a.Families, a.GracefulRestart, a.Notification = OnlyIPv4, true, true
			a.PeerRestart = GracefulRestart{Restarting: true, Notification: true, Time: 60 * time.Second, Families: OnlyIPv4, Forwarding: OnlyIPv4}
			a.PeerLongLived = []LongLived{{IPv4, true, time.Hour}}
		}},
		{"graceful restart, N on one side (8538 §2)", func(m, p *Open) {
			m.GracefulRestart, p.GracefulRestart = &GracefulRestart{}, &GracefulRestart{Notification: true}
		}, func(a *Agreed) { a.GracefulRestart, a.PeerRestart = true, GracefulRestart{Notification: true} }},
		{"long-lived without graceful restart (9494 §4.2)", func(_, p *Open) { p.LongLived = []LongLived{{IPv4, true, time.Hour}} }, func(*Agreed) {}},
		{"the same identifier in another AS (6286 §2.2)", func(m, p *Open) { p.ID = m.ID }, func(*Agreed) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := plain
			tt.want(&want)
			got, err := both(tt.change)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	a, err := both(func(m, p *Open) {
		m.AddPathSend, m.AddPathReceive, p.AddPathSend, p.AddPathReceive = OnlyIPv4, OnlyIPv6, OnlyIPv6, OnlyIPv4
		m.ExtendedMessage, p.ExtendedMessage = true, true
	})
	if r := (Rules{LocalAS: 1, PeerAS: 2, FourOctetAS: true, Families: Both, AddPath: OnlyIPv6}); err != nil || a.Rules(1, 2) != r {
		t.Errorf("%+v, want %+v", a.Rules(1, 2), r)
	}
	if b := (Builder{FourOctetAS: true, AddPath: OnlyIPv4, MaxLen: MaxExtended}); a.Builder() != b {
		t.Errorf("%+v, want %+v", a.Builder(), b)
	}
	if _, err := both(func(m, p *Open) { p.ID, p.AS = m.ID, m.AS }); err == nil || err.Code != 2 || err.Subcode != 3 {
		t.Errorf("our own identifier: %v", err)
	}
	_, err = both(func(m, p *Open) { m.Families, p.Families = OnlyIPv6, OnlyIPv4 })
	if err == nil || err.Code != 2 || err.Subcode != 7 || !bytes.Equal(err.Data, []byte{1, 4, 0, 2, 0, 1}) {
		t.Errorf("nothing in common: %v %x", err, err.Data)
	}
	if _, err := both(func(_, p *Open) { p.Families = 0 }); err == nil {
		t.Error("a peer with EVPN only was accepted as one for IPv4")
	}
}
