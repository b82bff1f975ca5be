package session

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// raw is a message with a header that need not fit.
func raw(kind byte, length int, body ...byte) []byte {
	b := bytes.Repeat([]byte{0xff}, 16)
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	return append(append(b, kind), body...)
}

// rawOpen is an OPEN of AS 65000 with a change.
func rawOpen(change func(body []byte) []byte) []byte {
	body := wire.AppendOpen(nil, peerOpen)[19:]
	body = change(append([]byte(nil), body...))
	return raw(1, 19+len(body), body...)
}

var peerOpen = wire.Open{AS: 65000, HoldTime: 90 * time.Second, ID: high, Capabilities: wire.Capabilities{
	Families: wire.OnlyIPv4, HasFourOctetAS: true, Refresh: true, EnhancedRefresh: true,
}}

// TestMalformed is TestEveryFaultInEveryState over real connections, with a few
// faults, and with what is wrong for this peer only. The session stays usable.
func TestMalformed(t *testing.T) {
	leaks(t)
	a := newSide(t, "127.0.0.1")
	set := func(at int, to ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[at:], to); return b }
	}
	keepalive := raw(4, 19)
	badMarker := append([]byte{0}, keepalive[1:]...)
	before, confirm, up := OpenSent, OpenConfirm, Established
	tests := []struct {
		name  string
		state State
		send  []byte
		want  wire.Notification
	}{
		{"marker", before, badMarker, wire.Notification{Code: 1, Subcode: 1}},
		{"HTTP", before, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), wire.Notification{Code: 1, Subcode: 1}},
		{"length above 4096", before, raw(1, 4097), wire.Notification{Code: 1, Subcode: 2, Data: []byte{16, 1}}},
		{"UPDATE before OPEN", before, reach(1), wire.Notification{Code: 5, Subcode: 1}},
		{"version 3", before, rawOpen(set(0, 3)), wire.Notification{Code: 2, Subcode: 1, Data: []byte{0, 4}}},
		{"another AS", before, wire.AppendOpen(nil, wire.Open{AS: 65009, HoldTime: 90 * time.Second, ID: high, Capabilities: peerOpen.Capabilities}), wire.Notification{Code: 2, Subcode: 2}},
		{"our identifier", before, rawOpen(set(5, 127, 0, 0, 1)), wire.Notification{Code: 2, Subcode: 3}},
		{"no common family", before, wire.AppendOpen(nil, wire.Open{AS: 65000, HoldTime: 90 * time.Second, ID: high, Capabilities: wire.Capabilities{Families: wire.OnlyIPv6}}),
			wire.Notification{Code: 2, Subcode: 7, Data: []byte{1, 4, 0, 1, 0, 1}}},
		{"OPEN twice", confirm, wire.AppendOpen(nil, peerOpen), wire.Notification{Code: 5, Subcode: 2}},
		{"UPDATE in OpenConfirm", confirm, reach(1), wire.Notification{Code: 5, Subcode: 2}},
		{"OPEN in Established", up, wire.AppendOpen(nil, peerOpen), wire.Notification{Code: 5, Subcode: 3}},
		{"marker in Established", up, badMarker, wire.Notification{Code: 1, Subcode: 1}},
		{"a short UPDATE", up, raw(2, 22, 0, 0, 0), wire.Notification{Code: 1, Subcode: 2, Data: []byte{0, 22}}},
		{"UPDATE with a prefix of 33 bits", up, raw(2, 28, 0, 5, 33, 10, 0, 0, 0, 0, 0), wire.Notification{Code: 3, Subcode: 10}},
		{"a NOTIFICATION of nothing", up, raw(3, 20, 0), wire.Notification{Code: 1, Subcode: 2, Data: []byte{0, 20}}},
		{"BoRR of 5 octets (7313)", up, raw(5, 24, 0, 1, 1, 1, 9), wire.Notification{Code: 7, Subcode: 1, Data: raw(5, 24, 0, 1, 1, 1, 9)}},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			// An address each: who fails time and again has to wait.
			from := fmt.Sprintf("127.0.2.%d", i+1)
			b := &side{owner: newOwner(), t: t, addr: a.addr, door: a.door}
			b.meet(netip.MustParseAddr(from), passive)
			b.run()
			f := b.call(t, from)
			f.expect(wire.TypeOpen)
			if test.state > OpenSent {
				f.send(wire.AppendOpen(nil, peerOpen))
				f.expect(wire.TypeKeepalive)
			}
			if test.state > OpenConfirm {
				f.send(keepalive)
			}
			f.send(test.send)
			n := f.notification()
			if n.Code != test.want.Code || n.Subcode != test.want.Subcode || test.want.Data != nil && !bytes.Equal(n.Data, test.want.Data) {
				t.Errorf("got %v % x, want %v % x", n, n.Data, test.want, test.want.Data)
			}
			if _, _, err := f.next(); err == nil {
				t.Error("something came after the NOTIFICATION")
			}
			_ = f.sock.Close()
			if got := b.s.Status().Reason; got.Cause != Sent || !strings.HasPrefix(got.String(), "sent "+n.String()) {
				t.Errorf("the reason is %v", got)
			}
			b.call(t, from).establish(peerOpen)
			b.await(5 * time.Second)
			b.stop()
		})
	}
}

// TestNotificationIsNotAnswered: whatever a NOTIFICATION says, in any state, the
// connection is closed, and that is all (RFC 4271 §6.4, §8.2.2).
func TestNotificationIsNotAnswered(t *testing.T) {
	leaks(t)
	a := newSide(t, "127.0.0.1")
	n := 0
	for _, state := range []State{OpenSent, OpenConfirm, Established} {
		for _, says := range [][]byte{raw(3, 21, 6, 2), raw(3, 23, 2, 1, 0, 4), raw(3, 21, 0, 0), raw(3, 21, 99, 99), raw(3, 25, 6, 2, 200, 'a', 'b', 'c')} {
			n++
			from := fmt.Sprintf("127.0.5.%d", n)
			b := &side{owner: newOwner(), t: t, addr: a.addr, door: a.door}
			b.meet(netip.MustParseAddr(from), passive)
			b.run()
			f := b.call(t, from)
			f.expect(wire.TypeOpen)
			if state > OpenSent {
				f.send(wire.AppendOpen(nil, peerOpen))
				f.expect(wire.TypeKeepalive)
			}
			if state > OpenConfirm {
				f.send(raw(4, 19))
			}
			f.send(says)
			for kind, body, err := f.next(); err == nil; kind, body, err = f.next() {
				if kind != wire.TypeKeepalive {
					t.Errorf("%v: NOTIFICATION % x was answered by %v % x", state, says[19:], kind, body)
				}
			}
			b.until(t, time.Second, "the reason", func() bool { return b.s.Status().Reason.Cause == Received })
			_ = f.sock.Close()
			b.stop()
		}
	}
}

// TestIgnored: what may come in Established and changes nothing.
func TestIgnored(t *testing.T) {
	leaks(t)
	a := newSide(t, "127.0.0.1")
	a.meet(netip.MustParseAddr("127.0.0.9"), passive)
	a.run()
	f := a.call(t, "127.0.0.9")
	simple := peerOpen
	simple.EnhancedRefresh = false
	f.establish(simple)
	f.send(raw(5, 23, 0, 1, 9, 1))       // a refresh of subtype 9
	f.send(raw(5, 23, 0, 1, 1, 1))       // BoRR, which wasn't agreed
	f.send(raw(5, 24, 0, 1, 1, 1, 9))    // nor is what is wrong with it
	f.send(raw(5, 23, 0, 2, 0, 1))       // a family that wasn't agreed
	f.send(raw(5, 25, 0, 1, 0, 1, 0, 0)) // with an outbound filter
	f.send(raw(5, 23, 0, 1, 0, 1))
	f.send(reach(1))
	a.until(t, time.Second, "the update", func() bool {
		got := a.told()
		return len(got) > 0 && got[len(got)-1] == "update"
	})
	if got, want := strings.Join(a.told(), ", "), "established, refresh ipv4-unicast 0, refresh ipv4-unicast 0, update"; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
	_ = f.sock.Close()
	a.until(t, time.Second, "down", func() bool { return len(a.downs()) == 1 })
}

// TestNoise: random bytes, whole and cut messages in any state neither stop the
// session from being established later nor leave anything behind.
func TestNoise(t *testing.T) {
	leaks(t)
	a := newSide(t, "127.0.0.1")
	a.meet(netip.MustParseAddr("127.0.0.9"), passive, func(c *Config) { c.IdleMin, c.IdleMax = time.Millisecond, time.Millisecond })
	a.update = func(*wire.Update, bool) *wire.Error { return nil }
	a.run()
	r := rand.New(rand.NewPCG(3, 4))
	parts := [][]byte{
		wire.AppendOpen(nil, peerOpen), wire.AppendKeepalive(nil), reach(1), reach(900), raw(5, 23, 0, 1, 0, 1),
		wire.AppendNotification(nil, wire.Shutdown(wire.AdminReset, "x")), []byte("noise"), raw(2, 30),
	}
	rounds := 500
	if testing.Short() {
		rounds = 50
	}
	for range rounds {
		f := a.call(t, "127.0.0.9")
		for n := r.IntN(6); n > 0; n-- {
			b := parts[min(r.IntN(2*len(parts)), len(parts)-1)]
			if n > 4 {
				b = parts[0]
			}
			if r.IntN(4) == 0 {
				b = b[:r.IntN(len(b))]
			}
			if r.IntN(8) == 0 && len(b) > 0 {
				b = append([]byte(nil), b...)
				b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
			}
			if _, err := f.sock.Write(b); err != nil {
				break
			}
		}
		_ = f.sock.Close()
	}
	for up := false; !up; {
		f := a.call(t, "127.0.0.9")
		if kind, _, err := f.next(); err != nil || kind != wire.TypeOpen {
			_ = f.sock.Close()
			runtime.Gosched()
			continue // after the last of the noise
		}
		f.send(wire.AppendOpen(nil, peerOpen))
		f.expect(wire.TypeKeepalive)
		f.send(wire.AppendKeepalive(nil))
		up = true
	}
	a.await(time.Second)
}
