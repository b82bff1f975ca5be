package session

import (
	"fmt"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// The machine is RFC 4271's state machine for one peer, for all of its
// connections together, as a pure function: an event goes in, actions come out,
// the clock comes with the event. It does no I/O and starts nothing, so that
// its tests can try every order of events.
//
// The RFC gives each connection a machine of its own, and has them meet in
// §6.8. Here a connection is a track, of which there are at most three: one we
// opened, one the peer opened, and the established one, which another may
// follow (§8.2.2: tracked until its OPEN).
//
// Hold, keepalive and send hold timers belong to a connection's own goroutines,
// which see the bytes; the machine only sets their durations (open, confirm)
// and hears when they expire.
type machine struct {
	cfg    Config // complete
	mine   func() wire.Open
	jitter func(time.Duration) time.Duration

	phase   phase
	level   int           // failed sessions in a row
	barred  bool          // it waits, and so has the peer to
	bar     time.Duration // how long it did the last time
	dialing connID        // 0: not
	pending bool          // ConnectRetryTimer runs
	out, in *track        // not yet established; a parked one is in
	up      *track
	reason  Reason
	named   connID
	turned  time.Time // when a connection was last turned away with a word

	now     time.Time
	actions []action
}

// A phase is what the peer as a whole is at.
type phase uint8

const (
	stopped phase = iota
	waiting       // after a failure; the RFC's Idle with its IdleHoldTimer
	running
)

// A connID names a connection or an attempt at one, for the life of a session.
type connID uint64

// A track is what the machine knows of a connection.
type track struct {
	id           connID
	ours         bool  // we dialled
	state        State // Idle: parked, nothing said or read: see accepted, arrive
	since        time.Time
	ready        bool // established but for a collision that isn't settled
	mine, theirs wire.Open
	agreed       wire.Agreed
}

// An event is something that happened to the peer or to one connection.
type event struct {
	kind         eventKind
	at           time.Time
	conn         connID
	open         *wire.Open         // opened
	notification *wire.Notification // stop, reset, notified
	fault        *wire.Error        // broken
	text         string             // dialFailed, lost: in words; message: its type
}

type eventKind uint8

// The events, with their numbers in RFC 4271 §8.1.
const (
	start      eventKind = iota // 1
	stop                        // 2; notification nil: without a word
	reset                       // 2, then 1
	retryOver                   // 9
	idleOver                    // 13
	settleOver                  // ours: see keepalive
	dialed                      // 16
	dialFailed                  // 18
	accepted                    // 17
	opened                      // 19, still to be checked: 22
	keepalive                   // 26
	message                     // 27, and ROUTE-REFRESH
	notified                    // 24, 25
	broken                      // 21, 28, and an OPEN that can't be read: 22
	holdOver                    // 10
	stalled                     // 29 (RFC 9687)
	lost                        // 18
	relent                      // ours: a peer that has told too much needn't wait any more
	eventKinds
)

// An action is something to be done. Actions are carried out in their order.
type action struct {
	do        verb
	conn      connID
	timer     timer
	after     time.Duration // arm, dial (how long to try)
	open      *wire.Open    // open
	hold      time.Duration // open, confirm: the longest silence of the peer; 0: any
	keepalive time.Duration // confirm: our own; 0: no keepalives
	sendHold  time.Duration // open, confirm
	agreed    *wire.Agreed  // confirm
	theirs    *wire.Open    // confirm
	reason    Reason        // end; Sent: with that NOTIFICATION
}

type verb uint8

const (
	dial    verb = iota // conn will be its name
	hangUp              // stop dialling conn
	open                // begin to read, say OPEN
	confirm             // say KEEPALIVE
	rise                // conn is established
	probe               // say KEEPALIVE, to learn whether the peer still knows the connection
	end                 // of a connection, wherever it stands
	arm                 // a timer, also one that is armed
	disarm
)

type timer uint8

const (
	retryTimer timer = iota
	idleTimer
	settleTimer
	timers
)

const (
	// settleWait is how long an almost established connection waits for a
	// rival that would win a collision.
	settleWait = 3 * time.Second
	// youngest is how old a connection is before the peer's next one replaces it.
	youngest = time.Second
)

func newMachine(cfg Config, mine func() wire.Open, jitter func(time.Duration) time.Duration) *machine {
	return &machine{cfg: cfg, mine: mine, jitter: jitter}
}

// step takes an event and returns what is to be done, valid until the next one.
// Events of connections that are over are ignored.
func (m *machine) step(e event) []action {
	m.now, m.actions = e.at, m.actions[:0]
	switch e.kind {
	case start:
		if m.phase == stopped {
			m.phase = running
			m.pursue()
		}
	case stop:
		m.halt(e.notification)
	case reset:
		if m.phase != stopped {
			m.begun(e.notification)
		}
	case relent:
		m.relent()
	case retryOver:
		m.retry()
	case idleOver:
		m.waited()
	case settleOver:
		m.settle(true)
	case dialed:
		m.dialed(e.conn)
	case dialFailed:
		if e.conn == m.dialing && m.dialing != 0 {
			m.dialing = 0
			m.reason = Reason{Cause: Lost, State: Connect, At: m.now, Text: e.text}
		}
	case accepted:
		m.accepted(e.conn)
	default:
		if t := m.find(e.conn); t != nil && t.state != Idle {
			m.heard(t, e)
		}
	}
	return m.actions
}

// heard takes an event of one connection.
func (m *machine) heard(t *track, e event) {
	switch e.kind {
	case opened:
		m.opened(t, *e.open)
	case keepalive:
		m.keepalive(t)
	case message:
		if t.state != Established {
			m.unexpected(t, e.text)
		}
	case notified:
		m.fail(t, Reason{Cause: Received, Notification: *e.notification})
	case broken:
		m.fail(t, Reason{Cause: Sent, Notification: e.fault.Notification(), Text: e.fault.Why})
	case holdOver:
		hold := m.hold(t)
		m.fail(t, Reason{Cause: Sent, Notification: wire.Notification{Code: wire.HoldExpired},
			Text: fmt.Sprintf("nothing heard for %v", hold)})
	case stalled:
		m.fail(t, Reason{Cause: Sent, Notification: wire.Notification{Code: sendHoldExpired},
			Text: fmt.Sprintf("the peer has taken nothing for %v", m.sendHold(m.hold(t)))})
	case lost:
		m.fail(t, Reason{Cause: Lost, Text: e.text})
	}
}

// sendHoldExpired is RFC 9687's error code.
const sendHoldExpired = 8

// name gives a new connection its name; an accepted one asks before its event.
func (m *machine) name() connID { m.named++; return m.named }

func (m *machine) do(a action) { m.actions = append(m.actions, a) }

func (m *machine) find(id connID) *track {
	for _, t := range []*track{m.up, m.out, m.in} {
		if t != nil && t.id == id {
			return t
		}
	}
	return nil
}

// rival is the other connection that isn't established yet.
func (m *machine) rival(t *track) *track {
	if t == m.out {
		return m.in
	}
	return m.out
}

// state is that of the connection that has come furthest, or the peer's.
func (m *machine) state() State {
	s := Idle
	if m.phase == running {
		s = Active
		if m.dialing != 0 {
			s = Connect
		}
	}
	for _, t := range []*track{m.up, m.out, m.in} {
		if t != nil {
			s = max(s, t.state)
		}
	}
	return s
}

// hold is how long the peer may be silent now.
func (m *machine) hold(t *track) time.Duration {
	if t.state == OpenSent {
		return openHold
	}
	return t.agreed.HoldTime
}

// sendHold is how long the peer may take nothing (RFC 9687 §3.2).
func (m *machine) sendHold(hold time.Duration) time.Duration {
	if m.cfg.SendHold > 0 {
		return m.cfg.SendHold
	}
	return max(defaultSendHold, 2*hold)
}
