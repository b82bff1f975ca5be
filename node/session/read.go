package session

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// read is the life of a connection as its reading goroutine sees it. It follows
// the machine: after each message that may change the state it waits for what
// the machine makes of it.
func (c *conn) read() {
	c.reader = wire.NewReader(c)
	if c.greet() {
		c.converse()
	}
	<-c.ended
	<-c.spoken
	if tcp, ok := c.sock.(*net.TCPConn); ok && c.torn {
		_ = tcp.SetLinger(0) // or the kernel would go on trying
	} else if c.reason.Cause == Sent {
		c.linger()
	}
	_ = c.sock.Close()
}

// greet takes the peer's OPEN and first KEEPALIVE and says whether the
// connection is established.
func (c *conn) greet() bool {
	t, body, ok := c.next()
	if !ok {
		return false
	}
	if t != wire.TypeOpen {
		c.misplaced(t, body)
		return false
	}
	apart(func() { c.introduced(body) })
	select {
	case <-c.confirmed:
		c.reader.SetMax(c.terms.MaxReceive)
	case <-c.ended:
		return false
	}
	if t, body, ok = c.next(); !ok {
		return false
	}
	if t != wire.TypeKeepalive {
		c.misplaced(t, body)
		return false
	}
	c.tell(event{kind: keepalive})
	select {
	case <-c.risen:
		return true
	case <-c.ended:
		return false
	}
}

func (c *conn) introduced(body []byte) {
	var theirs wire.Open
	fault := wire.Safely(func() (e *wire.Error) { theirs, e = wire.DecodeOpen(body); return e })
	if fault != nil {
		c.tell(event{kind: broken, fault: fault})
		return
	}
	c.tell(event{kind: opened, open: &theirs})
}

// misplaced reports a message to the machine that the reader itself can make
// nothing of.
func (c *conn) misplaced(t wire.Type, body []byte) {
	switch t {
	case wire.TypeOpen:
		c.introduced(body)
	case wire.TypeKeepalive:
		c.tell(event{kind: keepalive})
	case wire.TypeNotification:
		n := wire.DecodeNotification(body)
		c.tell(event{kind: notified, notification: &n})
	default:
		c.tell(event{kind: message, text: t.String()})
	}
}

// converse is the established session.
func (c *conn) converse() {
	select {
	case c.s.stage <- struct{}{}: // the Handler is done with the last session
	case <-c.ended:
		return
	}
	defer func() { <-c.s.stage }()
	apart(c.begin)
	c.updates()
	<-c.ended
	apart(c.finish)
}

func (c *conn) begin() {
	t := c.terms
	c.s.log.Info("session up", "local", t.Local.Addr(), "as", t.Theirs.AS, "id", t.Theirs.ID, "hold", t.HoldTime.String())
	c.source = c.s.on.Established(*t)
	c.s.speaker.Store(c)
	c.stir() // who said Wake before was not heard
}

func (c *conn) finish() {
	c.hush()
	level := slog.LevelWarn
	if c.reason.Cause == Stopped {
		level = slog.LevelInfo
	}
	c.s.log.Log(context.Background(), level, "session down", "reason", c.reason.String())
	c.s.on.Down(c.reason)
}

// updates passes on what the peer says until it, or we, say no more. What a
// message takes is not on the stack of a goroutine that waits for the next: a
// stack with more than a kilobyte in use stays as large as it was at its largest.
func (c *conn) updates() {
	e := c.ear()
	for {
		t, body, ok := c.next()
		if !ok || !e.hear(t, body) {
			return
		}
	}
}

// An ear is what it takes to understand messages, made once for all of them.
type ear struct {
	c       *conn
	decoder *wire.Decoder
	body    []byte
	u       wire.Update
	update  func() *wire.Error // understands body: a closure for each would be garbage
}

func (c *conn) ear() *ear {
	e := &ear{c: c, decoder: c.decoder()}
	e.update = func() (fault *wire.Error) {
		if e.u, fault = e.decoder.Decode(e.body); fault != nil {
			return fault
		}
		c.complain(e.u.Notes)
		return c.s.on.Update(&e.u, c.reader.Coming() == wire.TypeUpdate)
	}
	return e
}

// hear passes on a message, and says whether the next one may come.
func (e *ear) hear(t wire.Type, body []byte) bool {
	c := e.c
	var fault *wire.Error
	switch t {
	case wire.TypeUpdate:
		c.s.count.updatesIn.Add(1)
		e.body = body
		fault = wire.Safely(e.update)
	case wire.TypeKeepalive:
	case wire.TypeRefresh:
		fault = wire.Safely(func() *wire.Error { return c.refresh(body) })
	case wire.TypeOpen:
		// Out of place, whatever it says (RFC 4271 §8.2.2: event 22 as well as 19).
		c.tell(event{kind: opened, open: new(wire.Open)})
		return false
	default:
		c.misplaced(t, body)
		return false
	}
	if fault != nil {
		c.tell(event{kind: broken, fault: fault})
	}
	return fault == nil
}

// complain logs what was wrong with an UPDATE (RFC 7606 §6).
func (c *conn) complain(notes []wire.Note) {
	for _, n := range notes {
		c.s.malformed.log(c.s.log, slog.LevelWarn, "malformed routes", "verdict", n.Verdict.String(), "reason", n.Reason)
	}
}

func (c *conn) decoder() *wire.Decoder {
	rules := c.terms.Rules(c.s.cfg.LocalAS, c.s.cfg.PeerAS)
	rules.EnforceFirstAS = c.s.cfg.EnforceFirstAS
	return wire.NewDecoder(rules, c.s.cfg.Attributes)
}

// refresh passes on a request that makes sense; the others are ignored
// (RFC 2918 §4, RFC 7313 §5).
func (c *conn) refresh(body []byte) *wire.Error {
	r, fault := wire.DecodeRefresh(body)
	switch {
	case fault != nil && fault.Code == wire.RefreshError && !c.terms.Theirs.EnhancedRefresh:
		return nil // RFC 7313 §5: its error handling is for those who know it
	case fault != nil:
		return fault
	}
	asked := r.Subtype == wire.RefreshRequest && c.terms.Mine.Refresh
	marked := (r.Subtype == wire.RefreshBegin || r.Subtype == wire.RefreshEnd) && c.terms.EnhancedRefresh
	if c.terms.Families.Has(r.Family) && (asked || marked) {
		c.s.on.Refresh(r)
	}
	return nil
}

// next returns the next message. When there is none, it has told the machine
// why.
func (c *conn) next() (wire.Type, []byte, bool) {
	if !c.reader.Ready() {
		c.listen()
		c.spared = false
	}
	t, body, err := c.reader.Next()
	if err != nil {
		c.unheard(err)
		return 0, nil, false
	}
	c.s.count.in.Add(1)
	return t, body, true
}

// unheard tells the machine why there is no message.
func (c *conn) unheard(err error) {
	var fault *wire.Error
	switch {
	case errors.As(err, &fault):
		c.tell(event{kind: broken, fault: fault})
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.tell(event{kind: holdOver})
	default:
		c.tell(event{kind: lost, text: c.s.words(err)})
	}
}

// listen starts the hold timer. It runs only while we wait for a message: what
// has come and lies in the kernel because we are busy counts as heard. So it is
// a deadline for reading, set when we begin to.
func (c *conn) listen() {
	var until time.Time
	if c.hold > 0 {
		until = time.Now().Add(c.hold)
	}
	c.limits.Lock()
	defer c.limits.Unlock()
	if !c.closing {
		_ = c.sock.SetReadDeadline(until)
	}
}

// afterthought is long enough to see what has already come.
const afterthought = time.Millisecond

// Read reads for the Reader. When the hold timer expires, it looks once more:
// on a busy machine the timer can be served before the peer's message.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.sock.Read(p)
	if n > 0 || c.spared || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	c.limits.Lock()
	if !c.closing {
		_ = c.sock.SetReadDeadline(time.Now().Add(afterthought))
	}
	c.limits.Unlock()
	if n, err = c.sock.Read(p); n > 0 {
		c.spared = true
		c.listen()
	}
	return n, err
}

// linger waits until the peer has closed its side. Closing ours while
// something unread is there makes the kernel send a reset, and then the peer
// may never read our NOTIFICATION.
func (c *conn) linger() {
	const enough = 1 << 20
	_ = c.sock.SetReadDeadline(time.Now().Add(goodbye))
	_, _ = io.CopyN(io.Discard, c.sock, enough)
}

// hush makes sure that the Source is asked no more.
func (c *conn) hush() {
	c.s.speaker.CompareAndSwap(c, nil)
	c.gathering.stop()
	c.filling.Lock()
	c.hushed = true
	c.filling.Unlock()
}
