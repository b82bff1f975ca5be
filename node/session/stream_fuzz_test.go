package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// A script is a peer's behaviour, read from bytes.
type script []byte

func (s *script) next() byte {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return b
}

func (s *script) take(n int) []byte {
	n = min(n, len(*s))
	b := (*s)[:n]
	*s = (*s)[n:]
	return b
}

// The deeds of a peer.
const (
	sayOpen byte = iota
	sayKeepalive
	sayUpdate
	sayMessage // any type and body, the header right
	sayOctets
	waitABit
	connectAgain
	hangUpAll
	resetUs
	wakeUs
	failNext // the owner's next UPDATE is its fault
	deeds
)

// A stage is a session, its owner, and everything the peer has of connections.
type stage struct {
	Network // nobody listens

	t       *testing.T
	s       *Session
	passive bool

	mu     sync.Mutex
	good   bool // peers are well-behaved from now on
	fars   []net.Conn
	up     bool
	filled bool
	fault  func() *wire.Error
	wrong  error
}

func (g *stage) say(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.complain(format, args...)
}

func (g *stage) complain(format string, args ...any) {
	if g.wrong == nil {
		g.wrong = fmt.Errorf(format, args...)
	}
}

// Established, Update, Refresh and Down make the stage the owner: it minds
// their order.
func (g *stage) Established(Terms) Source {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.up {
		g.complain("established twice")
	}
	g.up, g.filled = true, false
	return fillFunc(func(b []byte) []byte {
		g.mu.Lock()
		defer g.mu.Unlock()
		if !g.up {
			g.complain("asked for routes after the end")
		}
		if g.filled {
			return b
		}
		g.filled = true
		return append(b, reach(3)...)
	})
}

func (g *stage) Update(u *wire.Update, _ bool) *wire.Error {
	g.mu.Lock()
	fault, up := g.fault, g.up
	g.fault = nil
	g.mu.Unlock()
	if !up {
		g.say("an UPDATE outside of a session")
	}
	for _, r := range u.Reach {
		r.Append(nil)
	}
	if fault != nil {
		return fault()
	}
	return nil
}

func (g *stage) Refresh(r wire.Refresh) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.up || r.Family != wire.IPv4 {
		g.complain("a refresh of %v, session %v", r.Family, g.up)
	}
}

func (g *stage) Down(r Reason) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.up || r.Cause == None {
		g.complain("down by %v, session %v", r, g.up)
	}
	g.up = false
}

func (g *stage) Changed() {}

// pipe makes a connection and returns our end of it.
func (g *stage) pipe() net.Conn {
	ours, far := net.Pipe()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fars = append(g.fars, far)
	go g.hear(far, g.good)
	return ours
}

// hear checks that what we say is what the RFC lets us say, in its order.
func (g *stage) hear(far net.Conn, good bool) {
	r := wire.NewReader(far)
	r.SetMax(wire.MaxExtended)
	var opened, confirmed, over bool
	for {
		t, body, err := r.Next()
		var fault *wire.Error
		if errors.As(err, &fault) {
			g.say("we sent what isn't a message: %v", err)
		}
		if err != nil {
			return
		}
		switch {
		case over:
			g.say("%v after a NOTIFICATION", t)
		case t == wire.TypeNotification:
			over = true
			if n := wire.DecodeNotification(body); n.Code < 1 || n.Code > 8 {
				g.say("NOTIFICATION %v", n)
			}
		case t == wire.TypeOpen:
			if _, fault := wire.DecodeOpen(body); opened || fault != nil {
				g.say("a second OPEN, or a bad one: %v", fault)
			}
			opened = true
			if good {
				g.send(far, append(wire.AppendOpen(nil, theirs(low)), wire.AppendKeepalive(nil)...))
			}
		case !opened:
			g.say("%v before OPEN", t)
		case t == wire.TypeKeepalive:
			confirmed = true
		case !confirmed:
			g.say("%v before KEEPALIVE", t)
		}
	}
}

func (g *stage) send(far net.Conn, b []byte) {
	_ = far.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = far.Write(b)
}

// Dial makes the stage the network as well.
func (g *stage) Dial(context.Context, Config) (net.Conn, error) { return g.pipe(), nil }

func (g *stage) visit() {
	sock := g.pipe()
	if !g.s.offer(sock) {
		_ = sock.Close()
	}
	synctest.Wait()
}

func (g *stage) last() net.Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.fars) == 0 {
		return nil
	}
	return g.fars[len(g.fars)-1]
}

func (g *stage) hangUp() {
	g.mu.Lock()
	all := g.fars
	g.fars = nil
	g.mu.Unlock()
	for _, far := range all {
		_ = far.Close()
	}
}

// do is one deed.
func (g *stage) do(deed byte, s *script) {
	var b []byte
	switch deed % deeds {
	case sayOpen:
		b = wire.AppendOpen(nil, theirs(low, odd(s.next())))
	case sayKeepalive:
		b = wire.AppendKeepalive(nil)
	case sayUpdate:
		b = reach(1 + int(s.next()))
	case sayMessage:
		kind, body := s.next(), s.take(int(s.next()))
		b = raw(kind, 19+len(body), body...)
	case sayOctets:
		b = s.take(int(s.next()))
	case waitABit:
		<-time.After(time.Duration(s.next()) * 500 * time.Millisecond)
	case connectAgain:
		g.visit()
	case hangUpAll:
		g.hangUp()
	case resetUs:
		g.s.Reset(wire.Shutdown(wire.AdminReset, "x"))
	case wakeUs:
		g.s.Wake()
	case failNext:
		how := s.next()
		g.mu.Lock()
		g.fault = func() *wire.Error {
			if how == 0 {
				panic("the owner's fault")
			}
			return &wire.Error{Code: wire.Cease, Subcode: wire.MaxPrefixes}
		}
		g.mu.Unlock()
	}
	if far := g.last(); far != nil && len(b) > 0 {
		g.send(far, b)
	}
	synctest.Wait()
}

// odd is what an OPEN may say differently.
func odd(how byte) func(*wire.Open) {
	return func(o *wire.Open) {
		if how&1 != 0 {
			graceful(o)
		}
		if how&2 != 0 {
			o.HasFourOctetAS = false
		}
		o.ExtendedMessage = how&4 != 0
		o.EnhancedRefresh = how&8 != 0
		if how&16 != 0 {
			o.ID = high
		}
		if how&32 != 0 {
			o.HoldTime = 0
		}
		if how&64 != 0 {
			o.AddPathSend, o.AddPathReceive = wire.Both, wire.Both
		}
		if how&128 != 0 {
			o.AS++
		}
	}
}

// play lets a peer do what a script says, and then has a good one come.
func play(t *testing.T, s script) {
	how := s.next()
	g := &stage{t: t, passive: how&1 != 0}
	var err error
	g.s, err = New(config(func(c *Config) {
		c.Network, c.Passive, c.EnforceFirstAS = g, g.passive, how&2 != 0
		c.Capabilities = func() wire.Capabilities {
			w := capabilities(how&4 != 0)
			w.ExtendedMessage, w.EnhancedRefresh = true, true
			w.AddPathReceive = wire.Families(how >> 3 & 1)
			return w
		}
	}), g, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := g.s.Run(context.Background()); err != nil {
			g.say("the session ended: %v", err)
		}
	})
	synctest.Wait()
	if g.passive {
		g.visit()
	}
	for n := 0; len(s) > 0 && n < 64; n++ {
		g.do(s.next(), &s)
	}
	g.mu.Lock()
	g.good, g.fault = true, nil
	g.mu.Unlock()
	g.hangUp()
	isUp := func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.up }
	for n := 0; n < 120 && (n < 5 || !isUp()); n++ {
		<-time.After(time.Second)
		if g.passive && !isUp() {
			g.visit()
		}
		synctest.Wait()
	}
	if !isUp() {
		g.say("no session with a good peer within two minutes: %v", g.s.Status().Reason)
	}
	bye := wire.Shutdown(wire.AdminShutdown, "")
	g.s.Stop(&bye)
	running.Wait()
	g.hangUp()
	if g.up {
		g.say("it ended and is up")
	}
	if g.wrong != nil {
		t.Fatal(g.wrong)
	}
}

// FuzzSession: whatever a peer sends, in any state, on one connection after the
// other: the owner hears of sessions in their order, what we say is well-formed,
// nothing stays behind, and a good peer has a session afterwards.
func FuzzSession(f *testing.F) {
	f.Add([]byte{0, sayOpen, 0, sayKeepalive, sayUpdate, 3, sayMessage, 5, 4, 0, 1, 0, 1, waitABit, 200})
	f.Add([]byte{1, sayOpen, 1, sayKeepalive, connectAgain, waitABit, 8, sayOpen, 1, sayKeepalive, failNext, 0, sayUpdate, 1})
	f.Add([]byte{3, sayOpen, 4, sayOpen, 4, connectAgain, waitABit, 3, sayOctets, 5, 1, 2, 3, 4, 5, hangUpAll})
	f.Add([]byte{4, resetUs, sayOpen, 0x1d, sayKeepalive, wakeUs, sayMessage, 2, 4, 0, 0, 0, 0, sayMessage, 3, 2, 6, 4})
	f.Add([]byte{12, sayOpen, 0x42, sayKeepalive, sayMessage, 2, 9, 0, 5, 0, 0, 0, 1, 0, 0, 0, failNext, 1, sayUpdate, 9})
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) { play(t, data) })
	})
}
