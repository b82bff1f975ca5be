package session

import (
	"fmt"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// pursue goes after a session: it dials, or waits for a peer that does.
func (m *machine) pursue() {
	if m.cfg.Passive {
		return
	}
	m.dialing = m.name()
	after := m.jitter(m.cfg.ConnectRetry)
	// An attempt ends a little before the next one, so that it can say why.
	m.do(action{do: dial, conn: m.dialing, after: after - after/16})
	m.armRetry(after)
}

func (m *machine) armRetry(after time.Duration) {
	m.pending = true
	m.do(action{do: arm, timer: retryTimer, after: after})
}

func (m *machine) disarmRetry() {
	m.pending = false
	m.do(action{do: disarm, timer: retryTimer})
}

// retry is the end of ConnectRetryTimer.
func (m *machine) retry() {
	m.pending = false
	if m.phase != running || m.cfg.Passive {
		return
	}
	m.giveUpDial()
	if m.out == nil && m.in == nil && m.up == nil {
		m.pursue()
	}
}

func (m *machine) giveUpDial() {
	if m.dialing != 0 {
		m.do(action{do: hangUp, conn: m.dialing})
		m.dialing = 0
	}
}

// waited is the end of IdleHoldTimer.
func (m *machine) waited() {
	if m.phase != waiting {
		return
	}
	m.phase, m.barred = running, false
	if m.in != nil {
		m.begin(m.in)
		return
	}
	m.pursue()
}

func (m *machine) dialed(id connID) {
	if id != m.dialing {
		m.refuse(id)
		return
	}
	m.dialing = 0
	m.disarmRetry()
	m.out = &track{id: id, ours: true, since: m.now}
	m.arrive(m.out)
}

// accepted is a connection that the peer has opened.
func (m *machine) accepted(id connID) {
	if m.phase == stopped || m.barred || m.in != nil && m.now.Sub(m.in.since) < youngest {
		m.refuse(id)
		return
	}
	if m.in != nil {
		// A speaker has one connection of its own at a time: it knows no more
		// of the older one.
		m.drop(m.in, Reason{Cause: Replaced, Text: "the peer opened another connection"})
	}
	m.in = &track{id: id, since: m.now}
	if m.phase == waiting {
		// What failed once may come back at once. What fails time and again
		// has to wait, but in here: refused, it would try at its own next
		// interval only.
		if m.level > 1 {
			return
		}
		m.phase = running
		m.do(action{do: disarm, timer: idleTimer})
	}
	m.arrive(m.in)
}

func (m *machine) refuse(id connID) {
	m.do(action{do: end, conn: id, reason: Reason{Cause: Stopped, At: m.now}})
}

// begin says OPEN.
func (m *machine) begin(t *track) {
	t.state, t.mine = OpenSent, m.mine()
	m.do(action{do: open, conn: t.id, open: &t.mine, hold: openHold, sendHold: m.sendHold(openHold)})
}

func (m *machine) opened(t *track, theirs wire.Open) {
	if t.state != OpenSent {
		m.unexpected(t, wire.TypeOpen.String())
		return
	}
	agreed, fault := m.check(t.mine, theirs)
	if fault != nil {
		m.fail(t, Reason{Cause: Sent, Notification: fault.Notification(), Text: fault.Why})
		return
	}
	t.theirs, t.agreed = theirs, agreed
	if m.up != nil {
		// The peer has restarted before we noticed (RFC 4724 §4.2); otherwise
		// settle would not have begun with this one.
		m.reason = m.drop(m.up, Reason{Cause: Replaced, Text: "the peer has restarted and opened another connection"})
	}
	if r := m.rival(t); r != nil && r.state == OpenConfirm {
		loser := m.out
		if m.oursWins(theirs) {
			loser = m.in
		}
		m.drop(loser, collision)
		if loser == t {
			m.settle(false)
			return
		}
	}
	t.state = OpenConfirm
	m.do(action{
		do: confirm, conn: t.id, agreed: &t.agreed, theirs: &t.theirs,
		hold: agreed.HoldTime, sendHold: m.sendHold(agreed.HoldTime), keepalive: m.pace(agreed),
	})
}

// pace is how often we say something.
func (m *machine) pace(a wire.Agreed) time.Duration {
	if m.cfg.Keepalive > 0 {
		return min(m.cfg.Keepalive, a.Keepalive)
	}
	return a.Keepalive
}

// check looks whether the peer's OPEN is one to have a session with
// (RFC 4271 §6.2). What is wrong whoever sends it was found by wire.
func (m *machine) check(mine, theirs wire.Open) (wire.Agreed, *wire.Error) {
	if theirs.AS != m.cfg.PeerAS {
		return wire.Agreed{}, &wire.Error{Code: wire.OpenError, Subcode: wire.BadPeerAS,
			Why: fmt.Sprintf("the peer is AS %d, expected %d", theirs.AS, m.cfg.PeerAS)}
	}
	agreed, fault := wire.Negotiate(mine, theirs)
	if fault != nil {
		return agreed, fault
	}
	if missing := m.cfg.Require &^ agreed.Families; missing != 0 {
		e := &wire.Error{Code: wire.OpenError, Subcode: wire.UnsupportedCapability}
		for _, f := range missing.List() {
			// The capabilities that are missing, as they stand in an OPEN (RFC 5492 §5).
			e.Data = append(e.Data, 1, 4, byte(f.AFI()>>8), byte(f.AFI()), 0, f.SAFI())
		}
		e.Why = fmt.Sprintf("the peer lacks %v", missing.List())
		return agreed, e
	}
	return agreed, nil
}

// unexpected is a message that has no place in a state (RFC 6608).
func (m *machine) unexpected(t *track, what string) {
	sub := map[State]uint8{
		OpenSent: wire.UnexpectedInOpenSent, OpenConfirm: wire.UnexpectedInOpenConfirm, Established: wire.UnexpectedInEstablished,
	}[t.state]
	m.fail(t, Reason{Cause: Sent, Notification: wire.Notification{Code: wire.FSMError, Subcode: sub},
		Text: fmt.Sprintf("%s in %v", what, t.state)})
}

// fail ends a connection that something went wrong with, and goes on with what
// is left, or waits.
func (m *machine) fail(t *track, r Reason) {
	if t.state == Established && m.now.Sub(t.since) >= m.cfg.IdleMax {
		m.level = 0
	}
	was := t.state
	r = m.drop(t, r)
	if m.out != nil || m.in != nil || m.up != nil {
		if was == Established {
			m.reason = r
		}
		m.settle(false)
		return
	}
	m.reason = r
	switch {
	case was == OpenSent && r.Cause == Lost:
		// It accepts only to close: a speaker that isn't ready for us, much like
		// one that refuses (the RFC too goes to Active here).
		if !m.cfg.Passive && !m.pending {
			m.armRetry(m.jitter(m.cfg.ConnectRetry))
		}
	case m.dialing == 0:
		m.backOff()
	}
}

// Waits after too many routes: they will be too many for a while, and each
// time the peer's whole table would be on the way.
const (
	firstBar   = time.Minute
	longestBar = 30 * time.Minute
)

// begun is a reset: everything ends and begins anew.
func (m *machine) begun(n *wire.Notification) {
	long := m.up != nil && m.now.Sub(m.up.since) >= longestBar
	m.halt(n)
	m.barred = n.Code == wire.Cease && (n.Subcode == wire.MaxPrefixes || n.Subcode == wire.OutOfResources)
	if !m.barred {
		m.phase = running
		m.pursue()
		return
	}
	if m.bar = min(max(2*m.bar, firstBar), longestBar); long {
		m.bar = firstBar
	}
	m.phase = waiting
	m.do(action{do: arm, timer: idleTimer, after: m.jitter(m.bar)})
}

// relent ends the wait of begun.
func (m *machine) relent() {
	if m.barred {
		m.do(action{do: disarm, timer: idleTimer})
		m.waited()
	}
}

func (m *machine) backOff() {
	wait := m.cfg.IdleMin
	for range m.level {
		wait = min(2*wait, m.cfg.IdleMax)
	}
	if wait < m.cfg.IdleMax {
		m.level++
	}
	m.phase = waiting
	m.disarmRetry()
	m.do(action{do: arm, timer: idleTimer, after: m.jitter(wait)})
}

// drop ends a connection and forgets it.
func (m *machine) drop(t *track, r Reason) Reason {
	r.State, r.At = t.state, m.now
	if inner, hard := r.Notification.Inner(); hard && r.Cause == Sent && !t.agreed.Notification {
		r.Notification = inner
	}
	if t.state == Established {
		r.Keep = keep(t.agreed, r.Cause, r.Notification)
	}
	if t.ready || t.state == Idle && m.phase == running {
		m.do(action{do: disarm, timer: settleTimer})
	}
	m.do(action{do: end, conn: t.id, reason: r})
	switch t {
	case m.up:
		m.up = nil
	case m.out:
		m.out = nil
	case m.in:
		m.in = nil
	}
	return r
}

// halt ends everything.
func (m *machine) halt(n *wire.Notification) {
	r := Reason{Cause: Stopped, Text: "stopped"}
	if n != nil {
		r = Reason{Cause: Sent, Notification: *n}
	}
	for _, t := range []*track{m.up, m.out, m.in} {
		if t == nil {
			continue
		}
		if ended := m.drop(t, r); ended.State == Established || m.reason.Cause == None {
			m.reason = ended
		}
	}
	m.giveUpDial()
	m.disarmRetry()
	m.do(action{do: disarm, timer: idleTimer})
	m.do(action{do: disarm, timer: settleTimer})
	m.phase = stopped
}
