package speaker

import (
	"net/netip"
	"testing"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/session"
	"github.com/calctl/calctl/node/wire"
)

// TestReasonOfAnEndStays: a refused connection doesn't hide why the session
// before it ended; a newer word of the peer, or a session, does.
func TestReasonOfAnEndStays(t *testing.T) {
	at := netip.MustParseAddrPort("10.0.0.1:179")
	b := newBook()
	b.want(map[netip.AddrPort]intent.Peer{at: {}})
	b.added(at, nil)
	goodbye := func(words string) session.Reason {
		return session.Reason{Cause: session.Received, State: session.Established, Notification: wire.Notification{Code: wire.Cease, Subcode: wire.AdminShutdown, Data: append([]byte{byte(len(words))}, words...)}}
	}
	refused := session.Reason{Cause: session.Lost, State: session.Connect, Text: "connection refused"}
	for i, step := range []struct {
		state         session.State
		reason        session.Reason
		last, attempt string
	}{
		{session.Connect, session.Reason{}, "", ""},
		{session.Active, refused, "connection refused", ""},
		{session.Established, refused, "", ""},
		{session.Idle, goodbye("moving house"), `received Cease/Administrative Shutdown: "moving house"`, ""},
		{session.Connect, goodbye("moving house"), `received Cease/Administrative Shutdown: "moving house"`, ""},
		{session.Active, refused, `received Cease/Administrative Shutdown: "moving house"`, "connection refused"},
		{session.Connect, refused, `received Cease/Administrative Shutdown: "moving house"`, "connection refused"},
		{session.Active, session.Reason{Cause: session.Lost, State: session.Connect, Text: "no route to host"}, `received Cease/Administrative Shutdown: "moving house"`, "no route to host"},
		{session.Idle, session.Reason{Cause: session.Sent, State: session.OpenSent, Notification: wire.Notification{Code: wire.OpenError, Subcode: wire.BadPeerAS}}, "sent OPEN Message Error/Bad Peer AS", ""},
		{session.Established, session.Reason{}, "", ""},
		{session.Idle, session.Reason{Cause: session.Lost, State: session.Established, Text: "connection closed by the peer"}, "connection closed by the peer", ""},
		{session.Active, refused, "connection closed by the peer", "connection refused"},
	} {
		b.moved(at, func() session.Status {
			return session.Status{State: step.state, Reason: step.reason, Terms: &session.Terms{Local: at}}
		})
		if p := b.list()[0]; p.LastError != step.last || p.AttemptError != step.attempt {
			t.Errorf("step %d: %q, then %q; want %q, then %q", i, p.LastError, p.AttemptError, step.last, step.attempt)
		}
	}
}
