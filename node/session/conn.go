package session

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// A conn is one TCP connection to the peer. Run's goroutine tells it what the
// machine decided (open, confirm, rise, end). A goroutine of its own reads, and
// two more come when there is something for them to do: one writes, one gathers
// what is to be written.
type conn struct {
	s    *Session
	id   connID
	sock net.Conn

	// Set by Run's goroutine before it closes the channel of the same stage.
	terms     *Terms
	hold      time.Duration
	confirmed chan struct{}
	risen     chan struct{}
	reason    Reason
	ended     chan struct{}

	reader *wire.Reader
	spared bool // by an afterthought, since the last message

	say     chan utterance
	bulk    chan []byte   // gathered, to be written
	written chan struct{} // it was
	writing chore
	w       writer
	spoken  chan struct{} // closed: nothing will be written any more
	torn    bool          // and the last thing was not written whole

	source    Source // set before the session is told of the connection
	gathering chore
	filling   sync.Mutex // held during Fill
	hushed    bool       // no Fill any more

	limits  sync.Mutex // the socket's deadlines: end's are the last ones
	started bool       // Run's goroutine
	closing bool
}

// An utterance is a message of the session itself.
type utterance struct {
	b        []byte
	pace     time.Duration // how often something is to be said from now on; 0: as before
	sendHold time.Duration // how long the peer may take nothing; 0: as before
}

const (
	goodbye = time.Second // for a NOTIFICATION to get out, and again for the peer to take it
	maxSay  = 8           // more than the machine ever says at once
)

func newConn(s *Session, id connID, sock net.Conn) *conn {
	c := &conn{
		s: s, id: id, sock: sock,
		confirmed: make(chan struct{}), risen: make(chan struct{}), ended: make(chan struct{}),
		say: make(chan utterance, maxSay), bulk: make(chan []byte, 1), written: make(chan struct{}),
		spoken: make(chan struct{}),
	}
	c.w.conn = c
	return c
}

// open begins to read and says OPEN.
func (c *conn) open(a action) {
	c.hold = a.hold
	c.terms = &Terms{Mine: *a.open, Local: addrPort(c.sock.LocalAddr()), Remote: addrPort(c.sock.RemoteAddr())}
	c.say <- utterance{b: wire.AppendOpen(nil, *a.open), sendHold: a.sendHold}
	c.start()
}

func (c *conn) start() {
	c.started = true
	c.s.parts.Go(c.read)
	c.speak()
}

// confirm answers the peer's OPEN.
func (c *conn) confirm(a action) {
	terms := *c.terms
	terms.Agreed, terms.Theirs = *a.agreed, *a.theirs
	c.terms, c.hold = &terms, a.hold
	c.say <- utterance{wire.AppendKeepalive(nil), a.keepalive, a.sendHold}
	c.speak()
	close(c.confirmed)
}

// rise lets routes go.
func (c *conn) rise() { close(c.risen) }

// probe says something that the peer has to acknowledge.
func (c *conn) probe() {
	select {
	case c.say <- utterance{b: wire.AppendKeepalive(nil)}:
		c.speak()
	default: // it has enough to acknowledge
	}
}

// end makes the goroutines finish: the reader at once, the writer after a
// NOTIFICATION if one is due.
func (c *conn) end(r Reason) {
	if !c.started && r.Cause != Sent {
		refuse(c.sock)
		return
	}
	now := time.Now()
	last := now
	if r.Cause == Sent {
		last = now.Add(goodbye)
	}
	c.limits.Lock()
	c.closing = true
	_ = c.sock.SetReadDeadline(now)
	_ = c.sock.SetWriteDeadline(last)
	c.limits.Unlock()
	c.reason = r
	close(c.ended)
	if !c.started {
		c.start() // to say why
		return
	}
	c.speak()
}

// tell reports an event of the connection to the machine, unless it is over.
func (c *conn) tell(e event) {
	e.conn = c.id
	select {
	case c.s.happened <- &happening{event: e}:
	case <-c.ended:
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}
