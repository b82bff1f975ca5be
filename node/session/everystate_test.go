package session

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/wire"
	"github.com/calctl/calctl/node/wire/wiretest"
)

// An outcome is what has to come of a message.
type outcome struct {
	notification wire.Notification // Code 0: none, the session goes on
	data         bool              // its data counts
	told         *wiretest.Told    // what the owner hears of the UPDATE
	deaf         bool              // nobody reads it: the connection is closed without a word
}

func ends(code, subcode uint8, data ...byte) outcome {
	return outcome{notification: wire.Notification{Code: code, Subcode: subcode, Data: data}, data: data != nil}
}

// A fault is a message, and what comes of it in each state.
type fault struct {
	name     string
	message  []byte
	session  wiretest.Session
	extended bool // long messages were agreed (RFC 8654)
	states   map[State]outcome
}

// misplaced is what comes of messages before a session is established that belong into
// one (RFC 6608).
func misplaced(established outcome) map[State]outcome {
	return map[State]outcome{OpenSent: ends(5, 1), OpenConfirm: ends(5, 2), Established: established}
}

func everywhere(o outcome) map[State]outcome {
	return map[State]outcome{OpenSent: o, OpenConfirm: o, Established: o}
}

// faults are all that wiretest knows, and what else is out of place.
func faults() []fault {
	var list []fault
	for _, h := range wiretest.Headers {
		if h.Code == 0 {
			continue
		}
		f := fault{name: "header: " + h.Name, message: h.Message, extended: h.Longest > wire.MaxLen, states: everywhere(ends(h.Code, h.Subcode, h.Data...))}
		if f.extended { // until both OPENs are there, nothing is agreed
			delete(f.states, OpenSent)
		}
		list = append(list, f)
	}
	for _, o := range wiretest.Opens {
		if o.Code == 0 {
			continue
		}
		said := ends(o.Code, o.Subcode, o.Data...)
		states := everywhere(said)
		if o.Code == wire.OpenError {
			states[Established] = ends(5, 3)
		}
		list = append(list, fault{name: "OPEN: " + o.Name, message: wiretest.Message(0xff, 19+len(o.Body), 1, o.Body...), states: states})
	}
	again := wire.AppendOpen(nil, opening(wiretest.Session{}, false))
	on := outcome{}
	list = append(list,
		fault{name: "OPEN again", message: again, states: map[State]outcome{OpenConfirm: ends(5, 2), Established: ends(5, 3)}},
		fault{name: "KEEPALIVE", message: wire.AppendKeepalive(nil), states: map[State]outcome{OpenSent: ends(5, 1), Established: on}},
		fault{name: "ROUTE-REFRESH", message: raw(5, 23, 0, 1, 0, 1), states: misplaced(on)},
		fault{name: "ROUTE-REFRESH of another family (2918 §4)", message: raw(5, 23, 0, 25, 0, 70), states: misplaced(on)},
		fault{name: "ROUTE-REFRESH of an unknown subtype (7313 §5)", message: raw(5, 23, 0, 1, 9, 1), states: misplaced(on)},
		fault{name: "ROUTE-REFRESH with a filter (5291 §4)", message: raw(5, 25, 0, 1, 0, 1, 1, 64), states: misplaced(on)},
		fault{name: "BoRR of 5 octets (7313 §5)", message: raw(5, 24, 0, 1, 1, 1, 9), states: misplaced(ends(7, 1, raw(5, 24, 0, 1, 1, 1, 9)...))},
	)
	for _, v := range wiretest.Verdicts {
		f := fault{name: "UPDATE: " + v.Name + " (" + v.RFC + ")", message: wiretest.Message(0xff, 19+len(v.Body), 2, v.Body...), session: v.Session}
		switch {
		case 19+len(v.Body) > wire.MaxLen: // in OpenSent it is too long
			f.extended, f.states = true, map[State]outcome{OpenConfirm: ends(5, 2), Established: {told: &v.Want}}
		case v.Code == wire.HeaderError:
			f.states = everywhere(ends(v.Code, v.Subcode, v.Data...))
		case v.Code != 0:
			f.states = misplaced(ends(v.Code, v.Subcode, v.Data...))
		default:
			f.states = misplaced(outcome{told: &v.Want})
		}
		list = append(list, f)
	}
	for _, f := range list {
		f.states[Idle] = outcome{deaf: true}
		if o, ok := f.states[OpenSent]; ok {
			f.states[Connect] = o // a connection of the peer's, while ours is on its way
		}
	}
	return list
}

// opening is the peer's OPEN for a session of a kind.
func opening(s wiretest.Session, extended bool) wire.Open {
	o := wire.Open{AS: 65001, HoldTime: 90 * time.Second, ID: netip.MustParseAddr("10.0.0.1"), Capabilities: wire.Capabilities{
		Families: wire.Both, HasFourOctetAS: !s.Narrow, Refresh: true, EnhancedRefresh: true, ExtendedMessage: extended, ExtendedNextHop: s.ByIPv6,
	}}
	if s.Internal {
		o.AS = 65000
	}
	if s.AddPath {
		o.AddPathSend = wire.Both
	}
	switch s.Only {
	case wiretest.IPv4:
		o.Families = wire.OnlyIPv4
	case wiretest.IPv6:
		o.Families = wire.OnlyIPv6
	}
	return o
}

// TestEveryFaultInEveryState: what is wrong with a message, and where it is out of
// place, is answered as the RFCs say, with nothing after it; and where they say that
// the session goes on, it does, and its owner hears what is left.
func TestEveryFaultInEveryState(t *testing.T) {
	for _, f := range faults() {
		for _, state := range []State{Idle, Connect, OpenSent, OpenConfirm, Established} {
			want, ok := f.states[state]
			if !ok {
				continue
			}
			t.Run(fmt.Sprint(state, ", ", f.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { f.try(t, state, want) })
			})
		}
	}
}

func (f fault) try(t *testing.T, state State, want outcome) {
	theirs := opening(f.session, f.extended)
	on := newOwner()
	var told []wiretest.Told
	on.update = func(u *wire.Update, _ bool) *wire.Error {
		told = append(told, toldOf(u))
		return nil
	}
	s, err := New(config(func(c *Config) {
		c.LocalAS, c.PeerAS, c.Passive, c.EnforceFirstAS = 65000, theirs.AS, state != Connect, f.session.EnforceFirstAS
		c.Network = nowhere{}
		c.Capabilities = func() wire.Capabilities {
			ours := theirs.Capabilities
			ours.AddPathReceive, ours.AddPathSend = ours.AddPathSend, 0
			ours.HasFourOctetAS = true
			return ours
		}
	}), on, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	stop := start1(t, s)
	synctest.Wait()
	if state == Idle {
		s.Reset(wire.TooManyPrefixes(wire.IPv4, 10).Notification())
		synctest.Wait()
	}
	if got := s.Status().State; state <= Connect && got != state {
		t.Fatalf("in %v", got)
	}
	p := visit(t, s)
	says := [][]byte{wire.AppendOpen(nil, theirs), wire.AppendKeepalive(nil)}
	for _, m := range says[:map[State]int{OpenConfirm: 1, Established: 2}[state]] {
		p.send(m)
	}
	if got := s.Status().State; got != max(state, OpenSent) && state != Idle {
		t.Fatalf("in %v", got)
	}
	p.heard(t)
	p.send(f.message)
	heard := p.heard(t)
	if want.deaf {
		if _, err := p.sock.Write([]byte{0}); err == nil || len(heard) > 0 || s.Status().State != Idle {
			t.Errorf("%v; the peer heard % x", s.Status().State, heard)
		}
		stop()
		return
	}
	if want.notification.Code == 0 {
		p.send(wire.AppendKeepalive(nil))
		if got := s.Status(); got.State != Established || len(p.heard(t)) > 0 || len(heard) > 0 {
			t.Fatalf("the session is %v, the peer heard % x", got.State, heard)
		}
		if want.told != nil {
			if d := cmp.Diff([]wiretest.Told{*want.told}, told); d != "" {
				t.Error(d)
			}
		}
		stop()
		p.hangUp()
		return
	}
	if len(heard) != 1 || heard[0][18] != byte(wire.TypeNotification) {
		t.Fatalf("the peer heard % x", heard)
	}
	n := wire.DecodeNotification(heard[0][19:])
	if n.Code != want.notification.Code || n.Subcode != want.notification.Subcode || want.data && !bytes.Equal(n.Data, want.notification.Data) {
		t.Errorf("told %v % x, want %v % x", n, n.Data, want.notification, want.notification.Data)
	}
	if len(told) > 0 {
		t.Errorf("the owner was told %+v", told)
	}
	if got := s.Status(); got.State == Established || got.Reason.Cause != Sent {
		t.Errorf("%v, %v", got.State, got.Reason)
	}
	p.hangUp()
	// A good peer has its session in the end.
	for range 3 {
		p = visit(t, s)
		p.send(slices.Concat(says...))
		if s.Status().State == Established {
			break
		}
		p.hangUp()
		<-time.After(time.Minute)
	}
	if got := s.Status(); got.State != Established {
		t.Errorf("afterwards: %v, %v", got.State, got.Reason)
	}
	stop()
	p.hangUp()
}

// Nowhere is a Network whose connections are on their way for ever.
type nowhere struct{ Network }

func (nowhere) Dial(ctx context.Context, _ Config) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// toldOf is an Update in wiretest's words.
func toldOf(u *wire.Update) wiretest.Told {
	t := wiretest.Told{}
	if u.Verdict != wire.OK {
		t.Grade = wiretest.Grade(u.Verdict.String())
	}
	if f := u.EndOfRIB; f != 0 {
		t.EndOfRIB = wiretest.Family{AFI: f.AFI(), SAFI: f.SAFI()}
	}
	for _, n := range u.Withdrawn {
		for _, d := range n.Append(nil) {
			t.Withdrawn = append(t.Withdrawn, d.Prefix.String())
		}
	}
	for _, r := range u.Reach {
		for _, d := range r.Append(nil) {
			t.Reach = append(t.Reach, d.Prefix.String())
		}
	}
	return t
}

// A visitor is a peer at the other end of a pipe, in a bubble.
type visitor struct {
	sock net.Conn

	mu sync.Mutex
	b  []byte
}

// visit connects a peer to a session.
func visit(t *testing.T, s *Session) *visitor {
	ours, far := net.Pipe()
	p := &visitor{sock: far}
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, err := far.Read(b)
			p.mu.Lock()
			p.b = append(p.b, b[:n]...)
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	if !s.offer(ours) {
		t.Error("the session takes no connection")
	}
	synctest.Wait()
	return p
}

// send says something, as far as we take it.
func (p *visitor) send(b []byte) {
	_ = p.sock.SetWriteDeadline(time.Now().Add(time.Millisecond))
	_, _ = p.sock.Write(b)
	synctest.Wait()
}

// heard are the messages since it was last asked for; the last one may be cut off.
func (p *visitor) heard(t *testing.T) (messages [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.b) > 0 {
		_, n, err := wire.Header(p.b, wire.MaxExtended)
		if err != nil || n > len(p.b) {
			t.Fatalf("we said % x", p.b)
		}
		messages = append(messages, p.b[:n])
		p.b = p.b[n:]
	}
	return messages
}

func (p *visitor) hangUp() {
	_ = p.sock.Close()
	synctest.Wait()
}
