package session

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/wire"
)

var (
	low  = netip.MustParseAddr("10.0.0.1")
	mid  = netip.MustParseAddr("10.0.0.5")
	high = netip.MustParseAddr("10.0.0.9")
)

// config is that of a session with AS 65002 whose identifier is in the middle.
func config(with ...func(*Config)) Config {
	c := Config{
		Remote: netip.MustParseAddrPort("192.0.2.2:179"), LocalAS: 65001, PeerAS: 65002, ID: mid,
		Capabilities: func() wire.Capabilities { return capabilities(true) },
	}
	for _, w := range with {
		w(&c)
	}
	c, err := c.complete()
	if err != nil {
		panic(err)
	}
	return c
}

func capabilities(graceful bool) wire.Capabilities {
	c := wire.Capabilities{Families: wire.OnlyIPv4, HasFourOctetAS: true, Refresh: true, EnhancedRefresh: true}
	if graceful {
		c.GracefulRestart = &wire.GracefulRestart{Time: 120 * time.Second, Families: wire.OnlyIPv4, Notification: true}
	}
	return c
}

func theirs(id netip.Addr, with ...func(*wire.Open)) wire.Open {
	o := wire.Open{AS: 65002, HoldTime: 90 * time.Second, ID: id, Capabilities: capabilities(false)}
	for _, w := range with {
		w(&o)
	}
	return o
}

func graceful(o *wire.Open) { o.Capabilities = capabilities(true) }

func unshaken(d time.Duration) time.Duration { return d }

// A sim carries out a machine's actions on nothing, and checks that they fit
// the world: connections are ended once, one is established, timers run that
// have to.
type sim struct {
	m       *machine
	now     time.Time
	dialing connID
	limit   time.Duration
	alive   map[connID]State // Idle: not opened
	armed   [timers]time.Duration
	ended   []Reason
	fault   error
	did     []string
}

func newSim(c Config) *sim {
	s := &sim{now: time.Unix(0, 0), alive: map[connID]State{}}
	s.m = newMachine(c, func() wire.Open {
		return wire.Open{AS: c.LocalAS, HoldTime: c.HoldTime, ID: c.ID, Capabilities: c.Capabilities()}
	}, unshaken)
	return s
}

func (s *sim) wrong(format string, args ...any) {
	if s.fault == nil {
		s.fault = fmt.Errorf(format, args...)
	}
}

// step gives the machine an event; timers that the event is the end of are no
// longer armed.
func (s *sim) step(e event) []string {
	e.at = s.now
	switch e.kind {
	case accepted:
		s.alive[e.conn] = Idle
	case dialed:
		s.alive[e.conn] = Idle
		if e.conn == s.dialing {
			s.dialing = 0
		}
	case dialFailed:
		if e.conn == s.dialing {
			s.dialing = 0
		}
	case retryOver:
		s.armed[retryTimer] = 0
	case idleOver:
		s.armed[idleTimer] = 0
	case settleOver:
		s.armed[settleTimer] = 0
	}
	s.did = s.did[:0]
	for _, a := range s.m.step(e) {
		s.did = append(s.did, s.carryOut(a))
	}
	s.check()
	return s.did
}

func (s *sim) carryOut(a action) string {
	state, known := s.alive[a.conn]
	became := func(from, to State) {
		if !known || state != from {
			s.wrong("connection %d goes to %v from %v (known: %v)", a.conn, to, state, known)
		}
		s.alive[a.conn] = to
	}
	switch a.do {
	case dial:
		if s.dialing != 0 {
			s.wrong("dials %d while dialling %d", a.conn, s.dialing)
		}
		s.dialing, s.limit = a.conn, a.after
		return fmt.Sprintf("dial %d", a.conn)
	case hangUp:
		if s.dialing != a.conn || a.conn == 0 {
			s.wrong("hangs up %d while dialling %d", a.conn, s.dialing)
		}
		s.dialing = 0
		return fmt.Sprintf("hang up %d", a.conn)
	case open:
		became(Idle, OpenSent)
		if a.hold != openHold || a.sendHold <= 0 {
			s.wrong("opens with hold %v, send hold %v", a.hold, a.sendHold)
		}
		return fmt.Sprintf("open %d", a.conn)
	case confirm:
		became(OpenSent, OpenConfirm)
		return fmt.Sprintf("confirm %d hold %v keepalive %v send hold %v", a.conn, a.hold, a.keepalive, a.sendHold)
	case rise:
		became(OpenConfirm, Established)
		return fmt.Sprintf("rise %d", a.conn)
	case probe:
		if state != Established {
			s.wrong("probes %d, %v", a.conn, state)
		}
		return fmt.Sprintf("probe %d", a.conn)
	case end:
		if !known {
			s.wrong("ends %d, which isn't there", a.conn)
		}
		delete(s.alive, a.conn)
		s.ended = append(s.ended, a.reason)
		return strings.TrimSpace(fmt.Sprintf("end %d %v", a.conn, a.reason))
	case arm:
		if a.after <= 0 {
			s.wrong("timer %d armed for %v", a.timer, a.after)
		}
		s.armed[a.timer] = a.after
		return fmt.Sprintf("arm %s %v", timerNames[a.timer], a.after)
	case disarm:
		s.armed[a.timer] = 0
		return ""
	}
	s.wrong("action %d", a.do)
	return ""
}

var timerNames = [timers]string{"retry", "idle", "settle"}

// check is what always holds.
func (s *sim) check() {
	m := s.m
	up, ready, parked := 0, 0, 0
	for _, t := range []*track{m.up, m.out, m.in} {
		if t == nil {
			continue
		}
		if is, ok := s.alive[t.id]; !ok || is != t.state {
			s.wrong("the machine has %d in %v, the world in %v (%v)", t.id, t.state, is, ok)
		}
		if t.ready {
			ready++
		}
		if t.state == Idle {
			parked++
		}
		if (t.state == Established) != (t == m.up) {
			s.wrong("track %d is %v and up is %v", t.id, t.state, m.up)
		}
	}
	for id, is := range s.alive {
		if m.find(id) == nil {
			s.wrong("the machine has lost connection %d, %v", id, is)
		}
		if is == Established {
			up++
		}
	}
	retry, idle, settle := s.armed[retryTimer], s.armed[idleTimer], s.armed[settleTimer]
	switch {
	case up > 1:
		s.wrong("%d connections are established", up)
	case m.dialing != s.dialing:
		s.wrong("the machine dials %d, the world %d", m.dialing, s.dialing)
	case (settle > 0) != (ready > 0 || parked > 0 && m.phase == running) || ready+parked > 1:
		s.wrong("settle timer %v with %d ready, %d parked", settle, ready, parked)
	case m.cfg.Passive && (s.dialing != 0 || retry > 0):
		s.wrong("a passive session dials")
	case m.pending != (retry > 0):
		s.wrong("retry timer %v, pending %v", retry, m.pending)
	case m.dialing != 0 && retry == 0:
		s.wrong("an attempt that never ends")
	case m.dialing != 0 && s.limit >= m.cfg.ConnectRetry:
		s.wrong("an attempt of %v", s.limit)
	case retry > m.cfg.ConnectRetry, idle > 0 && !m.barred && (idle < m.cfg.IdleMin || idle > m.cfg.IdleMax), m.barred && (m.phase == running || idle < firstBar*3/4 || idle > longestBar):
		s.wrong("timers: retry %v, idle %v", retry, idle)
	case up > 0 && (m.dialing != 0 || retry > 0 || m.out != nil):
		s.wrong("established, and still trying")
	}
	switch m.phase {
	case stopped:
		if len(s.alive) > 0 || s.dialing != 0 || retry+idle+settle > 0 {
			s.wrong("stopped with %v, dialling %d, timers %v", s.alive, s.dialing, s.armed)
		}
	case waiting:
		if idle == 0 || retry > 0 || s.dialing != 0 || len(s.alive) != parked {
			s.wrong("waiting with %v, dialling %d, timers %v", s.alive, s.dialing, s.armed)
		}
	case running:
		if idle > 0 || parked == len(s.alive) && parked > 0 {
			s.wrong("running with idle timer %v, %d parked", idle, parked)
		}
		if !m.cfg.Passive && len(s.alive) == 0 && retry == 0 {
			s.wrong("nothing goes on")
		}
	}
}

// TestTransitions walks through stories; each line is an event and what the
// machine does about it. Connection 1 is the first dialled one.
func TestTransitions(t *testing.T) {
	note := func(code, sub uint8) *wire.Notification { return &wire.Notification{Code: code, Subcode: sub} }
	ev := func(kind eventKind, conn connID) event { return event{kind: kind, conn: conn} }
	hears := func(conn connID, o wire.Open) event { return event{kind: opened, conn: conn, open: &o} }
	type step struct {
		after time.Duration
		event event
		does  string // joined by "; ", disarming left out
		state State
	}
	dialUp := []step{
		{0, ev(start, 0), "dial 1; arm retry 5s", Connect},
		{0, ev(dialed, 1), "open 1", OpenSent},
		{0, hears(1, theirs(low)), "confirm 1 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
		{0, ev(keepalive, 1), "rise 1", Established},
	}
	gracefulUp := []step{dialUp[0], dialUp[1],
		{0, hears(1, theirs(low, graceful)), "confirm 1 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm}, dialUp[3]}
	then := func(first []step, more ...step) []step { return append(first[:len(first):len(first)], more...) }
	tests := []struct {
		name  string
		cfg   func(*Config)
		steps []step
	}{
		{"dial and establish", nil, dialUp},
		{"refused, tried again at the next interval", nil, []step{
			{0, ev(start, 0), "dial 1; arm retry 5s", Connect},
			{0, event{kind: dialFailed, conn: 1, text: "connection refused"}, "", Active},
			{5 * time.Second, ev(retryOver, 0), "dial 2; arm retry 5s", Connect},
			{5 * time.Second, ev(retryOver, 0), "hang up 2; dial 3; arm retry 5s", Connect},
			{0, ev(dialed, 2), "end 2", Connect},
		}},
		{"passive waits", func(c *Config) { c.Passive = true }, []step{
			{0, ev(start, 0), "", Active},
			{0, ev(accepted, 9), "open 9", OpenSent},
			{0, event{kind: lost, conn: 9, text: "x"}, "end 9 x", Active},
			{0, ev(accepted, 10), "open 10", OpenSent},
			{0, event{kind: broken, conn: 10, fault: &wire.Error{Code: 1, Subcode: 1}}, noSync(10) + "; arm idle 1s", Idle},
			{time.Second, ev(idleOver, 0), "", Active},
		}},
		{"accepted only to be closed: not ready", nil, []step{
			{0, ev(start, 0), "dial 1; arm retry 5s", Connect},
			{0, ev(dialed, 1), "open 1", OpenSent},
			{0, event{kind: lost, conn: 1, text: "x"}, "end 1 x; arm retry 5s", Active},
			{0, ev(accepted, 9), "open 9", OpenSent},
			{0, event{kind: lost, conn: 9, text: "x"}, "end 9 x", Active},
			{5 * time.Second, ev(retryOver, 0), "dial 2; arm retry 5s", Connect},
		}},
		{"failures wait longer and longer; a long session forgives", nil, then(dialUp,
			step{time.Minute, event{kind: lost, conn: 1, text: "x"}, "end 1 x; arm idle 1s", Idle},
			step{time.Second, ev(idleOver, 0), "dial 2; arm retry 5s", Connect},
			step{0, ev(dialed, 2), "open 2", OpenSent},
			step{0, event{kind: broken, conn: 2, fault: &wire.Error{Code: 1, Subcode: 1}}, noSync(2) + "; arm idle 2s", Idle},
			step{0, ev(idleOver, 0), "dial 3; arm retry 5s", Connect},
			step{0, ev(dialed, 3), "open 3", OpenSent},
			step{0, event{kind: broken, conn: 3, fault: &wire.Error{Code: 1, Subcode: 1}}, noSync(3) + "; arm idle 4s", Idle},
			step{0, ev(accepted, 9), "", Idle}, // parked
			step{0, ev(accepted, 10), "end 10", Idle},
			step{time.Second, ev(accepted, 11), "end 9 the peer opened another connection", Idle},
			step{0, ev(idleOver, 0), "open 11", OpenSent},
			step{0, hears(11, theirs(low)), "confirm 11 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
			step{0, ev(keepalive, 11), "rise 11", Established},
			step{time.Minute, event{kind: lost, conn: 11, text: "x"}, "end 11 x; arm idle 1s", Idle},
			step{0, ev(accepted, 12), "open 12", OpenSent}, // at once, after a good session
		)},
		{"collision: ours wins over a lower identifier", nil, []step{
			{0, ev(start, 0), "dial 1; arm retry 5s", Connect},
			{0, ev(accepted, 9), "open 9", OpenSent},
			{0, ev(dialed, 1), "open 1", OpenSent},
			{0, hears(9, theirs(low)), "confirm 9 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
			{0, hears(1, theirs(low)), "end 9 sent Cease/Connection Collision Resolution; confirm 1 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
			{0, ev(keepalive, 1), "rise 1", Established},
		}},
		{"collision: theirs wins with a higher identifier", nil, []step{
			{0, ev(start, 0), "dial 1; arm retry 5s", Connect},
			{0, ev(accepted, 9), "open 9", OpenSent},
			{0, ev(dialed, 1), "open 1", OpenSent},
			{0, hears(9, theirs(high)), "confirm 9 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
			{0, hears(1, theirs(high)), "end 1 sent Cease/Connection Collision Resolution", OpenConfirm},
			{0, ev(keepalive, 9), "rise 9", Established},
		}},
		{"collision: equal identifiers, the higher AS wins (RFC 6286)", nil, []step{
			{0, ev(start, 0), "dial 1; arm retry 5s", Connect},
			{0, ev(accepted, 9), "open 9", OpenSent},
			{0, ev(dialed, 1), "open 1", OpenSent},
			{0, hears(1, theirs(mid)), "confirm 1 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
			{0, hears(9, theirs(mid)), "end 1 sent Cease/Connection Collision Resolution; confirm 9 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
		}},
		{"collision: the loser is ready, waits, the winner goes on", nil, []step{
			{0, ev(start, 0), "dial 1; arm retry 5s", Connect},
			{0, ev(dialed, 1), "open 1", OpenSent},
			{0, ev(accepted, 9), "open 9", OpenSent},
			{0, hears(1, theirs(high)), "confirm 1 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
			{0, ev(keepalive, 1), "arm settle 3s", OpenConfirm},
			{0, hears(9, theirs(high)), "end 1 sent Cease/Connection Collision Resolution; confirm 9 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
			{0, ev(keepalive, 9), "rise 9", Established},
		}},
		{"collision: the loser is ready, waits, the peer prefers it", nil, []step{
			{0, ev(start, 0), "dial 1; arm retry 5s", Connect},
			{0, ev(dialed, 1), "open 1", OpenSent},
			{0, ev(accepted, 9), "open 9", OpenSent},
			{0, hears(1, theirs(high)), "confirm 1 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
			{0, ev(keepalive, 1), "arm settle 3s", OpenConfirm},
			{0, event{kind: notified, conn: 9, notification: note(6, 7)}, "end 9 received Cease/Connection Collision Resolution; rise 1", Established},
		}},
		{"collision: the winner stays mute", nil, []step{
			{0, ev(start, 0), "dial 1; arm retry 5s", Connect},
			{0, ev(dialed, 1), "open 1", OpenSent},
			{0, ev(accepted, 9), "open 9", OpenSent},
			{0, hears(1, theirs(high)), "confirm 1 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
			{0, ev(keepalive, 1), "arm settle 3s", OpenConfirm},
			{settleWait, ev(settleOver, 0), "end 9 sent Cease/Connection Collision Resolution; rise 1", Established},
		}},
		{"established wins over a new connection", nil, then(dialUp,
			step{time.Second, ev(accepted, 8), "end 8 sent Cease/Connection Collision Resolution", Established},
			step{time.Second / 2, ev(accepted, 9), "end 9", Established}, // without a word so soon
			step{time.Second / 2, ev(accepted, 10), "end 10 sent Cease/Connection Collision Resolution", Established},
			step{time.Hour, ev(accepted, 11), "probe 1; arm settle 3s", Established},
			step{settleWait, ev(settleOver, 0), "end 11 sent Cease/Connection Collision Resolution", Established},
		)},
		{"unless the peer has crashed and come back", nil, then(dialUp,
			step{time.Hour, ev(accepted, 10), "probe 1; arm settle 3s", Established},
			step{0, event{kind: lost, conn: 1, text: "connection reset by the peer"}, "end 1 connection reset by the peer; open 10", OpenSent},
			step{0, hears(10, theirs(high)), "confirm 10 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
		)},
		{"a peer that restarts gracefully comes back on a new connection", nil, then(gracefulUp,
			step{time.Hour, ev(accepted, 9), "probe 1; arm settle 3s", Established},
			step{settleWait, ev(settleOver, 0), "open 9", Established},
			step{0, hears(9, theirs(low, graceful)),
				"end 1 the peer has restarted and opened another connection; confirm 9 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
			step{0, ev(keepalive, 9), "rise 9", Established},
		)},
		{"but not by a bad OPEN", nil, then(gracefulUp,
			step{time.Hour, ev(accepted, 9), "probe 1; arm settle 3s", Established},
			step{settleWait, ev(settleOver, 0), "open 9", Established},
			step{0, hears(9, theirs(low, graceful, func(o *wire.Open) { o.AS = 1 })),
				"end 9 sent OPEN Message Error/Bad Peer AS (the peer is AS 1, expected 65002)", Established},
		)},
		{"a connection that comes during OpenConfirm waits", nil, then(dialUp[:3],
			step{0, ev(accepted, 9), "arm settle 3s", OpenConfirm},
			step{0, ev(keepalive, 1), "end 9 sent Cease/Connection Collision Resolution; rise 1", Established},
		)},
		{"and takes over when that fails", nil, then(dialUp[:3],
			step{0, ev(accepted, 9), "arm settle 3s", OpenConfirm},
			step{0, event{kind: lost, conn: 1, text: "x"}, "end 1 x; open 9", OpenSent},
		)},
		{"or doesn't get on", nil, then(dialUp[:3],
			step{0, ev(accepted, 9), "arm settle 3s", OpenConfirm},
			step{settleWait, ev(settleOver, 0), "open 9", OpenConfirm},
			step{0, hears(9, theirs(low)), "end 9 sent Cease/Connection Collision Resolution", OpenConfirm},
		)},
		{"the wrong AS", nil, then(dialUp[:2],
			step{0, hears(1, theirs(low, func(o *wire.Open) { o.AS = 65009 })),
				"end 1 sent OPEN Message Error/Bad Peer AS (the peer is AS 65009, expected 65002); arm idle 1s", Idle})},
		{"no common family", nil, then(dialUp[:2],
			step{0, hears(1, theirs(low, func(o *wire.Open) { o.Families, o.Multiprotocol = wire.OnlyIPv6, true })),
				"end 1 sent OPEN Message Error/Unsupported Capability (no address family in common); arm idle 1s", Idle})},
		{"a required family is missing", func(c *Config) { c.Require = wire.Both }, then(dialUp[:2],
			step{0, hears(1, theirs(low)), "end 1 sent OPEN Message Error/Unsupported Capability (the peer lacks [ipv6-unicast]); arm idle 1s", Idle})},
		{"hold time 0 means no keepalives", nil, then(dialUp[:2],
			step{0, hears(1, theirs(low, func(o *wire.Open) { o.HoldTime = 0 })), "confirm 1 hold 0s keepalive 0s send hold 8m0s", OpenConfirm})},
		{"our hold time is the shorter one", func(c *Config) { c.HoldTime, c.Keepalive = 9*time.Second, 2*time.Second }, then(dialUp[:2],
			step{0, hears(1, theirs(low)), "confirm 1 hold 9s keepalive 2s send hold 8m0s", OpenConfirm})},
		{"a long hold time, a longer send hold time", func(c *Config) { c.HoldTime = time.Hour }, then(dialUp[:2],
			step{0, hears(1, theirs(low, func(o *wire.Open) { o.HoldTime = time.Hour })), "confirm 1 hold 1h0m0s keepalive 20m0s send hold 2h0m0s", OpenConfirm})},
		{"messages out of place (RFC 6608)", nil, then(dialUp[:2],
			step{0, event{kind: message, conn: 1, text: "UPDATE"},
				"end 1 sent Finite State Machine Error/Unexpected Message in OpenSent (UPDATE in OpenSent); arm idle 1s", Idle},
			step{time.Second, ev(idleOver, 0), "dial 2; arm retry 5s", Connect},
			step{0, ev(dialed, 2), "open 2", OpenSent},
			step{0, ev(keepalive, 2), "end 2 sent Finite State Machine Error/Unexpected Message in OpenSent (KEEPALIVE in OpenSent); arm idle 2s", Idle},
			step{2 * time.Second, ev(idleOver, 0), "dial 3; arm retry 5s", Connect},
			step{0, ev(dialed, 3), "open 3", OpenSent},
			step{0, hears(3, theirs(low)), "confirm 3 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
			step{0, event{kind: message, conn: 3, text: "UPDATE"},
				"end 3 sent Finite State Machine Error/Unexpected Message in OpenConfirm (UPDATE in OpenConfirm); arm idle 4s", Idle})},
		{"an OPEN in Established", nil, then(dialUp,
			step{0, hears(1, theirs(low)),
				"end 1 sent Finite State Machine Error/Unexpected Message in Established (OPEN in Established); arm idle 1s", Idle})},
		{"hold timer", nil, then(dialUp,
			step{0, ev(holdOver, 1), "end 1 sent Hold Timer Expired (nothing heard for 1m30s); arm idle 1s", Idle})},
		{"hold timer before the OPEN", nil, then(dialUp[:2],
			step{0, ev(holdOver, 1), "end 1 sent Hold Timer Expired (nothing heard for 4m0s); arm idle 1s", Idle})},
		{"send hold timer", nil, then(dialUp,
			step{0, ev(stalled, 1), "end 1 sent Send Hold Timer Expired (the peer has taken nothing for 8m0s); arm idle 1s", Idle})},
		{"stop", nil, then(dialUp,
			step{0, event{kind: stop, notification: note(6, 2)}, "end 1 sent Cease/Administrative Shutdown", Idle},
			step{0, ev(accepted, 9), "end 9", Idle},
			step{0, ev(retryOver, 0), "", Idle},
			step{0, ev(idleOver, 0), "", Idle})},
		{"stop without a word", nil, then(dialUp, step{0, ev(stop, 0), "end 1 stopped", Idle})},
		{"a hard reset is one only where it was agreed", nil, then(dialUp,
			step{0, event{kind: stop, notification: hard(6, 3)}, "end 1 sent Cease/Peer De-configured", Idle})},
		{"a hard reset where it was agreed", nil, then(gracefulUp,
			step{0, event{kind: stop, notification: hard(6, 3)}, "end 1 sent Cease/Hard Reset: Cease/Peer De-configured", Idle})},
		{"reset begins anew at once", nil, then(dialUp,
			step{0, event{kind: reset, notification: note(6, 4)}, "end 1 sent Cease/Administrative Reset; dial 2; arm retry 5s", Connect},
			step{0, event{kind: reset, notification: note(6, 4)}, "hang up 2; dial 3; arm retry 5s", Connect})},
		{"a reset for too many prefixes: nobody dials or comes in for a while", nil, then(dialUp,
			step{0, event{kind: reset, notification: note(6, 1)}, "end 1 sent Cease/Maximum Number of Prefixes Reached; arm idle 1m0s", Idle},
			step{0, ev(accepted, 9), "end 9", Idle},
			step{time.Minute, ev(idleOver, 0), "dial 2; arm retry 5s", Connect})},
		{"and when it needn't wait any more", nil, then(dialUp,
			step{0, ev(relent, 0), "", Established},
			step{0, event{kind: reset, notification: note(6, 1)}, "end 1 sent Cease/Maximum Number of Prefixes Reached; arm idle 1m0s", Idle},
			step{0, ev(relent, 0), "dial 2; arm retry 5s", Connect},
			step{0, ev(relent, 0), "", Connect})},
		{"a connection that comes while we dial, and is established first", nil, []step{
			{0, ev(start, 0), "dial 1; arm retry 5s", Connect},
			{0, ev(accepted, 9), "open 9", OpenSent},
			{0, hears(9, theirs(low)), "confirm 9 hold 1m30s keepalive 30s send hold 8m0s", OpenConfirm},
			{0, ev(keepalive, 9), "hang up 1; rise 9", Established},
			{0, ev(dialed, 1), "end 1", Established},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := config()
			if test.cfg != nil {
				c = config(test.cfg)
			}
			s := newSim(c)
			for i, step := range test.steps {
				s.now = s.now.Add(step.after)
				var did []string
				for _, d := range s.step(step.event) {
					if d != "" {
						did = append(did, d)
					}
				}
				if diff := cmp.Diff(step.does, strings.Join(did, "; ")); diff != "" {
					t.Fatalf("step %d (-want +got):\n%s", i, diff)
				}
				if got := s.m.state(); got != step.state {
					t.Fatalf("step %d: state %v, want %v", i, got, step.state)
				}
				if s.fault != nil {
					t.Fatalf("step %d: %v", i, s.fault)
				}
			}
		})
	}
}

func noSync(conn int) string {
	return fmt.Sprintf("end %d sent Message Header Error/Connection Not Synchronized", conn)
}

func hard(code, sub uint8) *wire.Notification {
	n := wire.Notification{Code: code, Subcode: sub}.Hard()
	return &n
}

// TestKeep: what becomes of the routes, by RFC 4724 and RFC 8538.
func TestKeep(t *testing.T) {
	none := wire.Agreed{}
	gr := wire.Agreed{GracefulRestart: true, PeerRestart: wire.GracefulRestart{Families: wire.Both}}
	withN := gr
	withN.Notification = true
	shutdown := wire.Shutdown(wire.AdminShutdown, "")
	for _, test := range []struct {
		name   string
		agreed wire.Agreed
		cause  Cause
		n      wire.Notification
		want   wire.Families
	}{
		{"no graceful restart, connection lost", none, Lost, wire.Notification{}, 0},
		{"graceful restart, connection lost", gr, Lost, wire.Notification{}, wire.Both},
		{"graceful restart, came back", gr, Replaced, wire.Notification{}, wire.Both},
		{"graceful restart, NOTIFICATION received", gr, Received, shutdown, 0},
		{"graceful restart, hold timer", gr, Sent, wire.Notification{Code: wire.HoldExpired}, 0},
		{"bit N, NOTIFICATION received", withN, Received, shutdown, wire.Both},
		{"bit N, hold timer", withN, Sent, wire.Notification{Code: wire.HoldExpired}, wire.Both},
		{"bit N, hard reset received", withN, Received, shutdown.Hard(), 0},
		{"bit N, hard reset sent", withN, Sent, shutdown.Hard(), 0},
		{"bit N, stopped", withN, Stopped, wire.Notification{}, 0},
	} {
		if got := keep(test.agreed, test.cause, test.n); got != test.want {
			t.Errorf("%s: keeps %v, want %v", test.name, got, test.want)
		}
	}
}
