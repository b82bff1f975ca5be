package session

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/calctl/calctl/node/wire"
)

// A Handler owns what is said in a session: the speaker. For one session the
// calls come in this order: Established, any number of Update and Refresh, Down;
// never two at once, and nothing of a next connection before Down has returned.
type Handler interface {
	// Established says that routes can go both ways, and returns what is to be
	// said. Nothing is read or asked for before it returns.
	Established(Terms) Source
	// Update passes on what the peer says. u is valid during the call. more
	// says that another message has arrived already: a batch can go on.
	//
	// It may take its time: then the peer has to wait (by TCP's means), while
	// our keepalives go out and the hold timer stands still. A returned error
	// ends the session with that NOTIFICATION: too many prefixes, say. A panic
	// ends this session and no other; hold locks so that they can stand that.
	Update(u *wire.Update, more bool) *wire.Error
	// Refresh passes on a ROUTE-REFRESH for an agreed family. Its subtype is
	// one that was agreed.
	Refresh(wire.Refresh)
	// Down says that the session is over. Source is not asked any more.
	Down(Reason)
	// Changed says that Status has something new, also when no session came of
	// it. It may be called beside the others, and must not block.
	Changed()
}

// A Source is what one session has to say, asked for whenever the peer can take
// more; so a slow peer holds nobody up, and what waits for it can still change.
type Source interface {
	// Fill appends whole messages to buf, as many as fit, and returns it; a
	// message that doesn't fit may make it grow. nil, or nothing appended, means
	// that there is nothing to say until Wake. Calls come one at a time.
	Fill(buf []byte) []byte
}

// A Session speaks with one peer.
type Session struct {
	cfg   Config
	on    Handler
	log   *slog.Logger
	door  *Listener
	count counters
	shown atomic.Pointer[Status]
}

// New prepares a session; it fails when the configuration can't work. With a
// nil Listener the peer can't connect to us.
func New(cfg Config, on Handler, door *Listener, log *slog.Logger) (*Session, error) {
	return nil, nil
}

// Run speaks with the peer until the context is done or Stop is called, and
// returns when nothing of the session is left. The end of the context closes
// the connection without a word, so that a peer which restarts gracefully keeps
// our routes; Stop says goodbye.
//
// The error says why the session can't even start: the kernel doesn't take the
// peer's password, another peer has its address.
func (s *Session) Run(ctx context.Context) error { return nil }

// Stop ends the session for good, with a NOTIFICATION unless n is nil, and
// makes Run return. A hard reset ([wire.Notification.Hard]) goes as what is in
// it to a peer that hasn't agreed to those. Only the first Stop counts.
func (s *Session) Stop(n *wire.Notification) {}

// Reset ends the connection with a NOTIFICATION and begins anew at once.
func (s *Session) Reset(n wire.Notification) {}

// Wake makes the session ask its Source again. It never blocks, and may be
// called from anywhere, at any time.
func (s *Session) Wake() {}
