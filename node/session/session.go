package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// A Handler owns what is said in a session: the speaker. For one session the
// calls come in this order: Established, any number of Update and Refresh, Down;
// never two at once, and nothing of a next session before Down has returned.
type Handler interface {
	// Established says that routes can go both ways, and returns what is to be
	// said. Nothing is read or asked for before it returns.
	Established(Terms) Source
	// Update passes on what the peer says. u is valid during the call. more
	// says that another one has arrived already: a batch can go on.
	//
	// It may take its time: then the peer has to wait (by TCP's means), while
	// our keepalives go out and the hold timer stands still. A returned error
	// ends the session with that NOTIFICATION: too many prefixes, say. A panic
	// ends this session and no other; hold locks so that they can stand that.
	Update(u *wire.Update, more bool) *wire.Error
	// Refresh passes on a ROUTE-REFRESH for an agreed family. Its subtype is
	// one that was agreed.
	Refresh(wire.Refresh)
	// Down says that the session is over. Its Source is not asked any more.
	Down(Reason)
	// Changed says that Status has something new, also when no session came of
	// it. It may be called beside the others, and must not block.
	Changed()
}

// A Source is what one session has to say, asked for whenever the peer can take
// more; so a slow peer holds nobody up, and what waits for it can still change.
type Source interface {
	// Fill appends whole messages to buf, as many as fit, and returns it; a
	// message that doesn't fit may make it grow. They are UPDATEs and
	// ROUTE-REFRESHes: the session itself says the others. Nothing appended
	// means that there is nothing to say until Wake. Calls come one at a time.
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

	malformed, failures quota // what is logged of them

	// What reaches Run's goroutine, which alone has the machine.
	happened chan *happening
	visitors chan net.Conn
	orders   chan struct{} // readable when there is one in ordered
	stopping chan struct{} // closed by Stop
	farewell *wire.Notification
	stopOnce sync.Once
	admitted bool // the Listener knows the peer
	began    atomic.Bool

	ordering sync.Mutex
	ordered  []event // by Reset and Relent, in their order

	// stage is held by the connection whose session the Handler is in.
	stage   chan struct{}
	speaker atomic.Pointer[conn] // the connection that Wake means

	// Only Run's goroutine.
	machine *machine
	conns   map[connID]*conn
	timers  [timers]*time.Timer
	hangUp  context.CancelFunc // of the dial under way
	parts   sync.WaitGroup     // every other goroutine of the session
}

// A happening is an event, with the connection it brings, if any.
type happening struct {
	event
	sock net.Conn
}

// New prepares a session; it fails when the configuration can't work. With a
// nil Listener the peer can't connect to us.
func New(cfg Config, on Handler, door *Listener, log *slog.Logger) (*Session, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	s := &Session{
		cfg: cfg, on: on, door: door, log: log.With("peer", cfg.Remote),
		happened: make(chan *happening),
		visitors: make(chan net.Conn, 1),
		orders:   make(chan struct{}, 1),
		stopping: make(chan struct{}),
		stage:    make(chan struct{}, 1),
		conns:    map[connID]*conn{},

		malformed: quota{lines: linesOfPeer},
		failures:  quota{lines: linesOfPeer},
	}
	s.machine = newMachine(cfg, s.mine, jitter)
	s.shown.Store(&Status{Since: time.Now()})
	return s, nil
}

// mine is our OPEN as of now.
func (s *Session) mine() wire.Open {
	return wire.Open{AS: s.cfg.LocalAS, HoldTime: s.cfg.HoldTime, ID: s.cfg.ID, Capabilities: s.cfg.Capabilities()}
}

// jitter takes up to a quarter off, so that many peers don't act in step
// (RFC 4271 §10).
func jitter(d time.Duration) time.Duration { return d - rand.N(d/4+1) }

var errTwice = errors.New("a session runs once: make another")

// Admit lets the peer in at the Listener, with its password. Run does it when
// nobody has before; who wants to know of an error first calls it. A session
// that was admitted must run, or the Listener keeps its place.
func (s *Session) Admit() error {
	if s.admitted {
		return nil
	}
	if err := s.door.admit(s); err != nil {
		return fmt.Errorf("peer %v: %w", s.cfg.Remote, err)
	}
	s.admitted = true
	return nil
}

// Run speaks with the peer until the context is done or Stop is called, and
// returns when nothing of the session is left. The end of the context closes
// the connection without a word, so that a peer which restarts gracefully keeps
// our routes; Stop says goodbye.
//
// That takes as long as the Handler takes for a call it is in, and at most two
// seconds more, for a peer that doesn't want to hear the NOTIFICATION.
//
// The error says why the session can't even start: the kernel doesn't take the
// peer's password, say, or a session with the same address and another one
// hasn't ended yet.
func (s *Session) Run(ctx context.Context) error {
	if s.began.Swap(true) {
		return errTwice
	}
	if err := s.Admit(); err != nil {
		return err
	}
	for i := range s.timers {
		s.timers[i] = time.NewTimer(time.Hour)
		s.timers[i].Stop()
	}
	apart(func() { s.feed(happened(start)) })
	for s.machine.phase != stopped {
		h := s.wait(ctx)
		apart(func() { s.feed(h) })
	}
	s.door.dismiss(s)
	select {
	case sock := <-s.visitors: // came before the door was shut
		refuse(sock)
	default:
	}
	s.parts.Wait()
	return nil
}

// wait returns what happens next. It is most of what a session's goroutine does,
// so there is little on its stack by then.
func (s *Session) wait(ctx context.Context) *happening {
	select {
	case h := <-s.happened:
		return h
	case sock := <-s.visitors:
		return &happening{event: event{kind: accepted, conn: s.machine.name()}, sock: sock}
	case <-s.orders:
		return &happening{event: s.takeOrder()}
	case <-s.timers[retryTimer].C:
		return happened(retryOver)
	case <-s.timers[idleTimer].C:
		return happened(idleOver)
	case <-s.timers[settleTimer].C:
		return happened(settleOver)
	case <-s.stopping:
		return &happening{event: event{kind: stop, notification: s.farewell}}
	case <-ctx.Done():
		return happened(stop)
	}
}

func happened(kind eventKind) *happening { return &happening{event: event{kind: kind}} }

// feed gives the machine an event and does what it says.
func (s *Session) feed(h *happening) {
	h.at = time.Now()
	if h.sock != nil {
		s.conns[h.conn] = newConn(s, h.conn, h.sock)
	}
	actions := s.machine.step(h.event)
	s.show() // first: who hears of an action may ask for the status
	for _, a := range actions {
		s.carryOut(a)
	}
	s.machine.actions = nil // a kilobyte, for a peer that is idle from now on
}

func (s *Session) carryOut(a action) {
	switch a.do {
	case dial:
		ctx, cancel := context.WithCancel(context.Background())
		s.hangUp = cancel
		s.parts.Go(func() { s.dial(ctx, a.conn, a.after); cancel() })
	case hangUp:
		s.hangUp()
	case arm:
		s.timers[a.timer].Reset(a.after)
	case disarm:
		s.timers[a.timer].Stop()
	case open:
		s.conns[a.conn].open(a)
	case confirm:
		s.conns[a.conn].confirm(a)
	case rise:
		s.count.established.Add(1)
		s.conns[a.conn].rise()
	case probe:
		s.conns[a.conn].probe()
	case end:
		s.conns[a.conn].end(a.reason)
		delete(s.conns, a.conn)
	}
}

// show publishes where the session stands.
func (s *Session) show() {
	old, m := s.shown.Load(), s.machine
	st := &Status{State: m.state(), Since: old.Since, Reason: m.reason}
	if st.State != old.State {
		st.Since = m.now
	}
	if m.up != nil {
		st.Terms = s.conns[m.up.id].terms
	}
	same := st.State == old.State && st.Terms == old.Terms && st.Reason.At.Equal(old.Reason.At)
	if same {
		return
	}
	s.shown.Store(st)
	if words := st.Reason.String(); words != old.Reason.String() && st.Reason.State != Established && words != "" {
		s.failures.log(s.log, slog.LevelInfo, "no session", "reason", words)
	}
	s.on.Changed()
}

// Stop ends the session for good, with a NOTIFICATION unless n is nil, and
// makes Run return. A hard reset ([wire.Notification.Hard]) goes as what is in
// it to a peer that hasn't agreed to those. Only the first Stop counts.
func (s *Session) Stop(n *wire.Notification) {
	s.stopOnce.Do(func() {
		s.farewell = n
		close(s.stopping)
	})
}

// Reset ends the connection with a NOTIFICATION and begins anew at once; when
// the peer has told too many routes (RFC 4486 §4: Maximum Number of Prefixes
// Reached, Out of Resources) after a minute, which doubles
// each time up to half an hour. Relent, or another Reset, ends that wait.
func (s *Session) Reset(n wire.Notification) {
	s.order(event{kind: reset, notification: &n})
}

// Relent begins anew at once if the peer has to wait because it has told too
// much; otherwise it does nothing. Nothing is said to the peer.
func (s *Session) Relent() { s.order(event{kind: relent}) }

// order has Run do something, after what was ordered before. It never blocks.
func (s *Session) order(e event) {
	s.ordering.Lock()
	defer s.ordering.Unlock()
	s.ordered = append(s.ordered, e)
	s.remind()
}

// remind says that something is ordered. Called under the lock, so that who is
// reminded finds something.
func (s *Session) remind() {
	select {
	case s.orders <- struct{}{}:
	default:
	}
}

func (s *Session) takeOrder() event {
	s.ordering.Lock()
	defer s.ordering.Unlock()
	e := s.ordered[0]
	if s.ordered = s.ordered[1:]; len(s.ordered) > 0 {
		s.remind()
	}
	return e
}

// Wake makes the session ask its Source again. It never blocks, and may be
// called from anywhere, at any time.
func (s *Session) Wake() {
	if c := s.speaker.Load(); c != nil {
		c.stir()
	}
}

// offer hands over a connection that the peer has opened. It is false when the
// session has one waiting.
func (s *Session) offer(sock net.Conn) bool {
	select {
	case s.visitors <- sock:
		return true
	default:
		return false
	}
}
