package session

import (
	"time"

	"github.com/calctl/calctl/node/wire"
)

// A Cause is the kind of thing that ended a session or an attempt at one.
type Cause uint8

// The causes.
const (
	None     Cause = iota
	Received       // the peer sent a NOTIFICATION
	Sent           // we did, for the fault or the expiry that Text tells
	Lost           // TCP: refused, reset, closed, timed out, no route
	Replaced       // the peer came back on a new connection (RFC 4724 §4.2)
	Stopped        // by Stop or the end of the context, without a NOTIFICATION
)

// A Reason says why a session ended, or why there is none.
type Reason struct {
	Cause        Cause
	State        State             // how far it had come
	At           time.Time         // when it ended
	Notification wire.Notification // when Received or Sent
	Text         string            // what the notification doesn't say: "the peer is AS 65002, expected 65001"; a TCP error in words
	// Keep are the families whose routes stay, stale, until the peer is back or
	// its restart time is over (RFC 4724 §4.2, RFC 8538 §4).
	Keep wire.Families
}

// String says it in one line, as an operator would: what happened, on which
// side, and the other operator's words where there are any. It is "" when
// nothing has gone wrong yet.
func (r Reason) String() string {
	switch r.Cause {
	case Received:
		return "received " + r.Notification.String()
	case Sent:
		if r.Text != "" {
			return "sent " + r.Notification.String() + " (" + r.Text + ")"
		}
		return "sent " + r.Notification.String()
	}
	return r.Text
}

// keep decides which routes outlive the session that ended.
func keep(a wire.Agreed, c Cause, n wire.Notification) wire.Families {
	_, hard := n.Inner()
	switch {
	case !a.GracefulRestart, c == Stopped, c == None:
		return 0
	case c == Received || c == Sent:
		// Without bit N on both sides a NOTIFICATION, and so the expiry of the
		// hold timer, is the end (RFC 4724 §4.2); with it only a hard reset is.
		if !a.Notification || hard {
			return 0
		}
	}
	return a.PeerRestart.Families
}
