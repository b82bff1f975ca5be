package session

import "github.com/calctl/calctl/node/wire"

// Two speakers that dial each other at the same moment have two connections and
// must close the same one (RFC 4271 §6.8).

var collision = Reason{Cause: Sent, Notification: wire.Notification{Code: wire.Cease, Subcode: wire.Collision}}

// oursWins says whose connection survives a collision: the one of the speaker
// with the higher identifier (RFC 4271 §6.8), or AS where they are equal
// (RFC 6286 §2.3).
func (m *machine) oursWins(theirs wire.Open) bool {
	if c := m.cfg.ID.Compare(theirs.ID); c != 0 {
		return c > 0
	}
	return m.cfg.LocalAS > theirs.AS
}

// arrive begins with a new connection, or parks it: one at a time is past the
// OPEN. The RFC would say OPEN on both, and has the peer choose by what it
// hears first while we choose by what we hear first, so that both may be lost.
// A peer that has not heard our OPEN can't choose.
func (m *machine) arrive(t *track) {
	switch r := m.rival(t); {
	case m.up != nil && m.now.Sub(m.up.since) < settleWait:
		m.turnAway(t)
	case m.up != nil:
		// A peer that has crashed and come back answers this with a reset, and
		// then the way is free.
		m.do(action{do: probe, conn: m.up.id})
		m.do(action{do: arm, timer: settleTimer, after: settleWait})
	case r != nil && r.ready: // what it waited for was given up for this one
		m.establish(r)
	case r != nil && r.state == OpenConfirm:
		m.do(action{do: arm, timer: settleTimer, after: settleWait})
	default:
		m.begin(t)
	}
}

// turnAway ends a connection that has come too soon after another: with a word,
// but not to one who comes again and again, because a word keeps a connection
// for a second or two.
func (m *machine) turnAway(t *track) {
	r := collision
	if m.now.Sub(m.turned) < youngest {
		r = Reason{Cause: Stopped}
	} else {
		m.turned = m.now
	}
	m.drop(t, r)
}

// keepalive answers our OPEN. While a connection that would win a collision is
// under way, the one that would lose waits: the peer may be about to close it,
// and if both ends chose differently they would lose both (RFC 4271 §6.8 is
// silent on that; it compares what is in OpenConfirm).
func (m *machine) keepalive(t *track) {
	switch t.state {
	case OpenSent:
		m.unexpected(t, wire.TypeKeepalive.String())
	case OpenConfirm:
		r := m.rival(t)
		if r != nil && r.state == OpenSent && r.ours == m.oursWins(t.theirs) {
			if !t.ready {
				t.ready = true
				m.do(action{do: arm, timer: settleTimer, after: settleWait})
			}
			return
		}
		m.establish(t)
	}
}

// settle goes on with a connection that waits for another, if that is gone or
// was waited for long enough.
func (m *machine) settle(expired bool) {
	for _, t := range []*track{m.out, m.in} {
		if t == nil {
			continue
		}
		r := m.rival(t)
		switch {
		case t.ready && (expired || r == nil || r.state != OpenSent):
			m.establish(t)
			return
		case t.state != Idle || m.phase != running:
		case m.up == nil && r == nil:
			m.do(action{do: disarm, timer: settleTimer})
			m.begin(t)
		case expired && m.up != nil && !m.up.agreed.GracefulRestart:
			m.drop(t, collision) // RFC 4271 §6.8: what is established wins
		case expired:
			m.begin(t)
		}
	}
}

func (m *machine) establish(t *track) {
	if t.ready {
		m.do(action{do: disarm, timer: settleTimer})
	}
	t.state, t.since, t.ready = Established, m.now, false
	if r := m.rival(t); r != nil {
		m.drop(r, collision)
	}
	m.giveUpDial()
	m.disarmRetry()
	m.up, m.out, m.in = t, nil, nil
	m.do(action{do: rise, conn: t.id})
}
