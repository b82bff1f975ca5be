package fib

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"
)

var addrsEqual = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

// TestWireRoundTrip: what is written can be read.
func TestWireRoundTrip(t *testing.T) {
	onlink := hop("192.0.2.2", 3)
	onlink.Onlink = true
	for _, op := range []Op{
		{Add, netip.MustParsePrefix("10.1.0.0/24"), metric, []Hop{hop("192.0.2.2", 2)}},
		{Add, netip.MustParsePrefix("0.0.0.0/0"), metric, []Hop{onlink}},
		{Replace, netip.MustParsePrefix("10.1.0.0/17"), metric, []Hop{hop("192.0.2.2", 2), onlink, hop("198.51.100.2", 300)}},
		{Replace, netip.MustParsePrefix("10.1.0.0/24"), metric, []Hop{hop("fe80::2", 2)}},
		{Add, netip.MustParsePrefix("10.1.0.0/24"), metric, []Hop{hop("192.0.2.2", 2), hop("2001:db8::2", 2)}},
		{Add, netip.MustParsePrefix("2001:db8:1::/48"), metric, []Hop{hop("2001:db8::2", 70000)}},
		{Replace, netip.MustParsePrefix("::/0"), metric, []Hop{hop("2001:db8::2", 2), hop("fe80::2", 3)}},
	} {
		b := appendOp(nil, &op, 0, 7)
		m, rest, ok := nextMessage(b)
		var ev Event
		if !ok || len(rest) != 0 || m.seq != 7 || !parseEvent(m, &ev) {
			t.Fatalf("%v: not readable: %x", op, b)
		}
		want := Event{Kind: RouteEvent, Replaced: op.Kind == Replace, Route: KernelRoute{
			Foreign: Foreign{Type: Unicast, Dst: op.Dst, Hops: canonical(op.Hops), Metric: metric, Protocol: Protocol},
		}}
		if diff := cmp.Diff(want, ev, addrsEqual); diff != "" {
			t.Errorf("%v (-want +got):\n%s", op, diff)
		}
		if !ev.Route.own() {
			t.Errorf("%v is not our own", op)
		}
	}
}

// TestWireBytes spells two messages out, field by field.
func TestWireBytes(t *testing.T) {
	if native.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the bytes are of a little-endian machine")
	}
	for _, c := range []struct {
		op   Op
		want string
	}{
		{
			Op{Add, netip.MustParsePrefix("10.1.0.0/24"), metric, []Hop{hop("192.0.2.2", 2)}},
			"3c000000 1800 0106 07000000 00000000" + // RTM_NEWROUTE, REQUEST|EXCL|CREATE
				"02 18 00 00 fe b3 00 01 00000000" + // AF_INET/24, main, 179, universe, unicast
				"0800 0100 0a010000  0800 0600 20000000  0800 0500 c0000202  0800 0400 02000000",
		},
		{
			Op{Remove, netip.MustParsePrefix("10.1.0.0/24"), metric, nil},
			"2c000000 1900 0100 07000000 00000000" +
				"02 18 00 00 fe b3 ff 00 00000000" + // scope nowhere, any type
				"0800 0100 0a010000  0800 0600 20000000",
		},
	} {
		want, err := hex.DecodeString(strings.ReplaceAll(c.want, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := appendOp(nil, &c.op, 0, 7); !bytes.Equal(got, want) {
			t.Errorf("%v:\n got %x\nwant %x", c.op, got, want)
		}
	}
}

func TestParseError(t *testing.T) {
	request := make([]byte, unix.SizeofNlMsghdr)
	native.PutUint32(request, unix.SizeofNlMsghdr)
	body := native.AppendUint32(nil, 0xffffffff-uint32(unix.ENETUNREACH)+1)
	body = append(body, request...)
	words := append(body, 14, 0, unix.NLMSGERR_ATTR_MSG, 0, 'N', 'o', ' ', 'w', 'a', 'y', ' ', 'o', 'n', 0, 0, 0)
	for _, c := range []struct {
		name  string
		m     message
		errno syscall.Errno
		words string
		ok    bool
	}{
		{"bare", message{body: body}, unix.ENETUNREACH, "", true},
		{"with words", message{body: words, flags: unix.NLM_F_ACK_TLVS | unix.NLM_F_CAPPED}, unix.ENETUNREACH, "No way on", true},
		{"with words behind the whole request", message{body: words, flags: unix.NLM_F_ACK_TLVS}, unix.ENETUNREACH, "No way on", true},
		{"short", message{body: body[:10]}, 0, "", false},
	} {
		errno, words, ok := parseError(c.m)
		if errno != c.errno || words != c.words || ok != c.ok {
			t.Errorf("%s: %v, %q, %v", c.name, errno, words, ok)
		}
	}
}

// FuzzParse: no bytes may do more harm than to be ignored.
func FuzzParse(f *testing.F) {
	op := Op{Add, netip.MustParsePrefix("10.1.0.0/24"), metric, []Hop{hop("192.0.2.2", 2), hop("2001:db8::2", 3)}}
	f.Add(appendOp(nil, &op, 0, 1))
	f.Add(appendOp(appendOp(nil, &Op{Kind: Remove, Dst: op.Dst, Metric: metric}, 0, 1), &op, 0, 2))
	f.Add(appendDump(nil, unix.RTM_GETLINK, 0, 1))
	for _, kind := range []byte{unix.RTM_NEWLINK, unix.RTM_NEWADDR, unix.RTM_NEWROUTE, unix.NLMSG_ERROR} {
		b := make([]byte, 48)
		native.PutUint32(b, 48)
		b[4], b[16], b[44] = kind, unix.AF_INET, 200 // an attribute longer than the message
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var ev Event
		s, err := NewSyncer(newMapKernel(), quiet())
		if err != nil {
			t.Fatal(err)
		}
		for {
			m, rest, ok := nextMessage(b)
			if !ok {
				break
			}
			if len(rest) >= len(b) {
				t.Fatal("no progress")
			}
			b = rest
			_, _, _ = parseError(m)
			_, _ = parseObject(m.body)
			if !parseEvent(m, &ev) {
				continue
			}
			if ev.Kind == RouteEvent && (!ev.Route.Dst.IsValid() || ev.Route.Dst != ev.Route.Dst.Masked()) {
				t.Errorf("a route to %v", ev.Route.Dst)
			}
			s.hear(&ev)
		}
		s.Host()
		s.Status()
	})
}

// FuzzWrite: any hops make a message that reads back.
func FuzzWrite(f *testing.F) {
	f.Add([]byte{10, 1, 0, 0}, uint8(24), []byte{192, 0, 2, 2, 2, 192, 0, 2, 3, 3}, uint8(0))
	f.Fuzz(func(t *testing.T, dst []byte, bits uint8, hops []byte, kind uint8) {
		addr, ok := netip.AddrFromSlice(dst)
		p, err := addr.Prefix(int(bits))
		if !ok || err != nil {
			return
		}
		op := Op{Kind: OpKind(kind % 3), Dst: p, Metric: metric}
		for len(hops) >= 5 && len(op.Hops) < MaxHops && op.Kind != Remove {
			op.Hops = append(op.Hops, Hop{Gateway: netip.AddrFrom4([4]byte(hops)), Link: 1 + int(hops[4])})
			hops = hops[5:]
		}
		if op.Kind != Remove && (len(op.Hops) == 0 || !addr.Is4()) {
			return
		}
		m, _, ok := nextMessage(appendOp(nil, &op, 0, 9))
		var ev Event
		if !ok || !parseEvent(m, &ev) {
			t.Fatalf("%v is not readable", op)
		}
		if diff := cmp.Diff(canonical(op.Hops), ev.Route.Hops, addrsEqual); diff != "" && len(op.Hops) > 0 {
			t.Errorf("%v (-want +got):\n%s", op, diff)
		}
		if ev.Route.Dst != p || ev.Route.Metric != metric || !ev.Route.own() || ev.Gone != (op.Kind == Remove) {
			t.Errorf("%v came back as %+v", op, ev)
		}
	})
}
