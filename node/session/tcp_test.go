package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/wire"
)

// A side is one of two sessions that speak with each other over loopback.
type side struct {
	*owner
	t    *testing.T
	addr netip.Addr
	door *Listener
	s    *Session
	stop func()
}

const testPort = 17900

// newSide listens on a loopback address.
func newSide(t *testing.T, addr string) *side {
	t.Helper()
	a := &side{owner: newOwner(), t: t, addr: netip.MustParseAddr(addr)}
	var err error
	if a.door, err = Listen(testPort, []netip.Addr{a.addr}, testLog(t)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.door.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the listener ended with %v", err)
		}
	})
	return a
}

// pair makes two sides, the second with the higher identifier.
func pair(t *testing.T) (a, b *side) {
	leaks(t)
	return newSide(t, "127.0.0.1"), newSide(t, "127.0.0.2")
}

// leaks checks at the end of the test that no goroutine is left over.
func leaks(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		lab.Until(t, 5*time.Second, "the end of all goroutines", func() error {
			if n := runtime.NumGoroutine(); n > before {
				buf := make([]byte, 1<<16)
				return fmt.Errorf("%d, before there were %d\n%s", n, before, buf[:runtime.Stack(buf, true)])
			}
			return nil
		})
	})
}

// meet prepares a session of a side with another address.
func (a *side) meet(peer netip.Addr, with ...func(*Config)) {
	a.t.Helper()
	cfg := Config{
		Remote: netip.AddrPortFrom(peer, testPort), Local: a.addr, LocalAS: 65000, PeerAS: 65000,
		ID: high, Capabilities: func() wire.Capabilities { return capabilities(true) },
	}
	if a.addr.Is4() {
		cfg.ID = a.addr
	}
	for _, w := range with {
		w(&cfg)
	}
	s, err := New(cfg, a.owner, a.door, testLog(a.t))
	if err != nil {
		a.t.Fatal(err)
	}
	a.s = s
}

// run starts the session; when it returns, the peer is let in.
func (a *side) run() {
	a.t.Helper()
	a.stop = start1(a.t, a.s)
	lab.Until(a.t, time.Second, "the start", func() error {
		if a.s.Status().State == Idle {
			return errors.New("idle")
		}
		return nil
	})
}

// await waits until the session is established.
func (a *side) await(limit time.Duration) time.Duration {
	a.t.Helper()
	return lab.Until(a.t, limit, fmt.Sprintf("%v established", a.addr), func() error {
		if st := a.s.Status(); st.State != Established {
			return fmt.Errorf("%v: %v", st.State, st.Reason)
		}
		return nil
	})
}

// awaitReason waits until the session says why there is none.
func (a *side) awaitReason(limit time.Duration, want string) {
	a.t.Helper()
	lab.Until(a.t, limit, fmt.Sprintf("the reason at %v", a.addr), func() error {
		if got := a.s.Status().Reason.String(); got != want {
			return fmt.Errorf("%q, want %q", got, want)
		}
		return nil
	})
}

func passive(c *Config) { c.Passive = true }

func password(p Secret) func(*Config) { return func(c *Config) { c.Password = p } }

// TestPair: routes go both ways, and each end hears why the other has left.
func TestPair(t *testing.T) {
	a, b := pair(t)
	a.source = func(Terms) Source { return words(reach(3000)) }
	b.source = func(Terms) Source { return words(reach(10)) }
	heard := func(s *side) func(*wire.Update, bool) *wire.Error {
		return func(u *wire.Update, _ bool) *wire.Error {
			for _, r := range u.Reach {
				s.note("%d routes", r.Len())
			}
			return nil
		}
	}
	a.update, b.update = heard(a), heard(b)
	a.meet(b.addr, passive)
	b.meet(a.addr)
	a.run()
	b.run()
	took := max(a.await(time.Second), b.await(time.Second))
	t.Logf("established after %v", took)
	a.until(t, time.Second, "b's routes", func() bool { return len(a.told()) == 2 })
	b.until(t, time.Second, "a's routes", func() bool { return len(b.told()) == 4 })
	n := wire.Shutdown(wire.AdminShutdown, "moving to rack 7\x1b[2J\nbye").Hard()
	a.s.Stop(&n)
	a.stop()
	b.until(t, 2*time.Second, "the end", func() bool { return len(b.told()) == 5 })
	want := `received Cease/Hard Reset: Cease/Administrative Shutdown: "moving to rack 7[2J bye"`
	if got := b.s.Status().Reason.String(); got != want {
		t.Errorf("b says %q, want %q", got, want)
	}
	if got := a.s.Status().Reason.Cause; got != Sent {
		t.Errorf("a says %v", a.s.Status().Reason)
	}
	if b.downs()[0].Keep != 0 {
		t.Error("b keeps routes after a hard reset")
	}
	if b.terms.Local.Addr() != b.addr || b.terms.Remote != netip.AddrPortFrom(a.addr, testPort) {
		t.Errorf("b speaks from %v to %v", b.terms.Local, b.terms.Remote)
	}
}

// TestCrash: a connection that ends without a word leaves the routes to a peer
// that restarts gracefully.
func TestCrash(t *testing.T) {
	a, b := pair(t)
	a.meet(b.addr, passive)
	b.meet(a.addr)
	a.run()
	b.run()
	b.until(t, time.Second, "up", func() bool { return len(b.told()) == 1 })
	a.await(time.Second)
	a.stop()
	b.until(t, time.Second, "the end", func() bool { return len(b.told()) == 2 })
	if r := b.downs()[0]; r.Cause != Lost || r.Keep != wire.OnlyIPv4 || r.State != Established {
		t.Errorf("%+v", r)
	}
	// The listener closes the connection: this is a stranger now. Whether before
	// or after our OPEN is chance.
	b.until(t, 3*time.Second, "the next attempt to fail", func() bool {
		r := b.s.Status().Reason
		return r.At.After(b.downs()[0].At) && r.Cause == Lost && r.State < Established
	})
}

// TestReset: the session goes down with the words given, and is back at once.
func TestReset(t *testing.T) {
	a, b := pair(t)
	a.meet(b.addr, passive)
	b.meet(a.addr)
	a.run()
	b.run()
	b.until(t, time.Second, "up", func() bool { return len(b.told()) == 1 })
	b.s.Reset(wire.Shutdown(wire.AdminReset, "new policy"))
	b.until(t, time.Second, "up again", func() bool { return len(b.told()) == 3 })
	a.until(t, time.Second, "up again", func() bool { return len(a.told()) == 3 })
	if got, want := a.told()[1], `down: received Cease/Administrative Reset: "new policy"`; got != want {
		t.Errorf("a was told %q, want %q", got, want)
	}
	if r := a.downs()[0]; r.Keep != wire.OnlyIPv4 { // bit N, and no hard reset
		t.Errorf("a keeps %v", r.Keep)
	}
}

// TestStopEarly: before Run, and twice.
func TestStopEarly(t *testing.T) {
	a, b := pair(t)
	a.meet(b.addr)
	n := wire.Shutdown(wire.AdminShutdown, "")
	a.s.Stop(&n)
	a.s.Stop(nil)
	if err := a.s.Run(t.Context()); err != nil {
		t.Error(err)
	}
	if st := a.s.Status(); st.State != Idle || len(a.told()) > 0 {
		t.Errorf("%v, told %q", st.State, a.told())
	}
}

// TestImpatient: a peer that connects thousands of times without end costs
// nothing that stays, and its session comes up when it means it.
func TestImpatient(t *testing.T) {
	leaks(t)
	a := newSide(t, "127.0.0.1")
	a.meet(netip.MustParseAddr("127.0.0.9"), passive)
	a.run()
	before := runtime.NumGoroutine()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	begin, most := time.Now(), 0
	for i := range 3000 {
		sock, err := d.Dial("tcp", netip.AddrPortFrom(a.addr, testPort).String())
		if err != nil {
			continue
		}
		if i%3 == 0 {
			_, _ = sock.Write(wire.AppendOpen(nil, peerOpen))
		}
		_ = sock.(*net.TCPConn).SetLinger(0)
		_ = sock.Close()
		most = max(most, runtime.NumGoroutine())
	}
	t.Logf("3000 connections in %v, at most %d goroutines more", time.Since(begin), most-before)
	if most > before+50 {
		t.Errorf("%d goroutines, before there were %d", most, before)
	}
	lab.Until(t, 5*time.Second, "a session", func() error {
		f := a.call(t, "127.0.0.9")
		if kind, _, err := f.next(); err != nil || kind != wire.TypeOpen {
			_ = f.sock.Close()
			return fmt.Errorf("%v, %w", kind, err)
		}
		f.send(wire.AppendOpen(nil, peerOpen))
		f.expect(wire.TypeKeepalive)
		f.send(wire.AppendKeepalive(nil))
		return nil
	})
	a.await(time.Second)
}

// TestBothDial: two sessions that dial each other at the same moment find
// together at once, time and again, and neither is lost on the way.
func TestBothDial(t *testing.T) {
	a, b := pair(t)
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	var slowest time.Duration
	for i := range rounds {
		a.calls, b.calls = nil, nil
		a.meet(b.addr)
		b.meet(a.addr)
		begin := time.Now()
		a.run()
		b.run()
		a.until(t, 5*time.Second, "a up", func() bool { return len(a.told()) > 0 })
		b.until(t, 5*time.Second, "b up", func() bool { return len(b.told()) > 0 })
		slowest = max(slowest, time.Since(begin))
		if x, y := a.s.Status(), b.s.Status(); x.State != Established || y.State != Established || x.Counters.Established+y.Counters.Established != 2 {
			t.Fatalf("round %d: %v (%v), %v (%v)", i, x.State, x.Reason, y.State, y.Reason)
		}
		a.stop()
		b.stop()
	}
	t.Logf("slowest of %d: %v", rounds, slowest)
	if slowest > 900*time.Millisecond {
		t.Errorf("%v: they fell back to Idle together", slowest)
	}
}

// TestPasswords: the right one, another, none on either side; and none that
// outlives its session.
func TestPasswords(t *testing.T) {
	const unanswered = "no answer (is the password the same on both sides?)"
	for _, test := range []struct {
		name       string
		atA, atB   Secret // b dials
		up         bool
		bReason    string
		aIsPassive bool
	}{
		{"right", "c0rrect", "c0rrect", true, "", true},
		{"wrong", "c0rrect", "horse", false, unanswered, true},
		{"missing at the listener", "", "horse", false, unanswered, true},
		{"missing at the dialler", "c0rrect", "", false, "no answer", true},
		{"both dial", "c0rrect", "c0rrect", true, "", false},
		{"80 octets", Secret(strings.Repeat("x", 80)), Secret(strings.Repeat("x", 80)), true, "", true},
		{"wrong in the 80th octet", Secret(strings.Repeat("x", 80)), Secret(strings.Repeat("x", 79) + "y"), false, unanswered, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := pair(t)
			a.meet(b.addr, password(test.atA), func(c *Config) { c.Passive = test.aIsPassive })
			b.meet(a.addr, password(test.atB), func(c *Config) { c.ConnectRetry = time.Second })
			a.run()
			b.run()
			if test.up {
				b.await(time.Second)
			} else {
				b.awaitReason(3*time.Second, test.bReason)
				if c := a.s.Status().Counters; c.Established+c.MessagesIn > 0 {
					t.Errorf("a heard the peer: %+v", c)
				}
			}
			// Without its session, the password is gone.
			a.stop()
			b.stop()
			a.meet(b.addr, passive)
			b.meet(a.addr)
			a.run()
			b.run()
			b.await(6 * time.Second)
		})
	}
}

// TestSecretsStaySecret: however a configuration is printed.
func TestSecretsStaySecret(t *testing.T) {
	c := config(password("c0rrecthorse"))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, c) + fmt.Sprintf(verb, &c) + fmt.Sprintf(verb, c.Password); strings.Contains(got, "c0rrect") || strings.Contains(got, "6330727265") || strings.Contains(got, "99 48 114") {
			t.Errorf("%s shows it: %s", verb, got)
		}
	}
}

// TestGTSM: both near, or one that isn't known to be (RFC 5082).
func TestGTSM(t *testing.T) {
	gtsm := func(c *Config) { c.GTSM = 1 }
	far := func(c *Config) { c.ConnectRetry = time.Second }
	for _, test := range []struct {
		name string
		a, b func(*Config)
		up   bool
	}{
		{"both", gtsm, gtsm, true},
		{"the dialler sends TTL 64", gtsm, far, false},
		{"the listener sends TTL 64", far, gtsm, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := pair(t)
			a.meet(b.addr, passive, test.a)
			b.meet(a.addr, test.b)
			a.run()
			b.run()
			if test.up {
				b.await(time.Second)
				return
			}
			timeout := time.After(1500 * time.Millisecond)
			for waiting := true; waiting; {
				select {
				case <-timeout:
					waiting = false
				case <-b.changed:
				}
				// The other side may believe itself up for a moment: a first message
				// can be in before the accepted socket knows the distance.
				for _, s := range []*Session{a.s, b.s} {
					if s.cfg.GTSM > 0 && s.Status().Counters.Established > 0 {
						t.Fatal("established with TTL 64")
					}
				}
			}
		})
	}
}

// TestUnread: a peer hears why it is refused also while it is talking itself.
func TestUnread(t *testing.T) {
	a, b := pair(t)
	flood := reach(65000)
	a.source = func(Terms) Source { return fillFunc(func(buf []byte) []byte { return append(buf, flood...) }) }
	updates := 0
	b.update = func(*wire.Update, bool) *wire.Error {
		if updates++; updates == 50 {
			return &wire.Error{Code: wire.Cease, Subcode: wire.MaxPrefixes}
		}
		return nil
	}
	a.meet(b.addr, passive)
	b.meet(a.addr)
	a.run()
	b.run()
	a.until(t, 5*time.Second, "the end", func() bool { return len(a.told()) >= 2 })
	if got, want := a.downs()[0].String(), "received Cease/Maximum Number of Prefixes Reached"; got != want {
		t.Errorf("a says %q, want %q", got, want)
	}
}

// TestNobodyThere: what TCP says, in words.
func TestNobodyThere(t *testing.T) {
	leaks(t)
	for _, test := range []struct{ from, to, want string }{
		{"127.0.0.1", "127.0.0.99", "connection refused"},
		{"192.0.2.77", "127.0.0.99", "local address 192.0.2.77 is not on this host"},
	} {
		a := &side{owner: newOwner(), t: t, addr: netip.MustParseAddr(test.from)}
		a.meet(netip.MustParseAddr(test.to))
		a.run()
		a.awaitReason(time.Second, test.want)
		a.stop()
	}
}

// call opens a connection to a side as a peer that the test plays.
func (a *side) call(t *testing.T, from string) *far {
	t.Helper()
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))}
	sock, err := d.DialContext(t.Context(), "tcp", netip.AddrPortFrom(a.addr, testPort).String())
	for errors.Is(err, syscall.ECONNRESET) { // turned away before it was known to be open
		sock, err = d.DialContext(t.Context(), "tcp", netip.AddrPortFrom(a.addr, testPort).String())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sock.Close() })
	_ = sock.SetDeadline(time.Now().Add(20 * time.Second))
	return newFar(t, sock)
}

// TestComesBack: a peer that restarts gracefully and opens another connection
// before we have noticed replaces the old one, without a NOTIFICATION, and its
// routes are kept (RFC 4724 §4.2).
func TestComesBack(t *testing.T) {
	leaks(t)
	a := newSide(t, "127.0.0.1")
	a.meet(netip.MustParseAddr("127.0.0.9"), passive)
	a.run()
	peer := wire.Open{AS: 65000, HoldTime: 90 * time.Second, ID: high, Capabilities: capabilities(true)}
	first := a.call(t, "127.0.0.9")
	first.establish(peer)
	a.until(t, time.Second, "up", func() bool { return len(a.told()) == 1 })
	// What comes at once is a collision.
	second := a.call(t, "127.0.0.9")
	if n := second.notification(); n.Code != wire.Cease || n.Subcode != wire.Collision {
		t.Errorf("got %v", n)
	}
	_ = second.sock.Close()
	for age := range time.Tick(10 * time.Millisecond) { // the session has to be old enough
		if age.Sub(a.s.Status().Since) > settleWait {
			break
		}
	}
	third := a.call(t, "127.0.0.9")
	third.establish(peer)
	for {
		kind, _, err := first.next()
		if err != nil {
			break
		}
		if kind != wire.TypeKeepalive { // the probe
			t.Errorf("the old connection got %v", kind)
		}
	}
	a.until(t, time.Second, "up again", func() bool { return len(a.told()) == 3 })
	if r := a.downs()[0]; r.Cause != Replaced || r.Keep != wire.OnlyIPv4 {
		t.Errorf("%v, keeps %v", r, r.Keep)
	}
	if got := a.told(); got[0] != "established" || got[2] != "established" {
		t.Errorf("%q", got)
	}
	_ = third.sock.Close()
	a.until(t, time.Second, "down", func() bool { return len(a.told()) == 4 })
}

// TestSharedAddress: two sessions with one address that wait. Who comes gets the one
// that isn't up, and passwords have to agree.
func TestSharedAddress(t *testing.T) {
	leaks(t)
	a := newSide(t, "127.0.0.1")
	peer := netip.MustParseAddr("127.0.0.9")
	one, two := a.beside(), a.beside()
	one.meet(peer, passive)
	two.meet(peer, passive, port(testPort+1))
	one.run()
	two.run()
	open := wire.Open{AS: 65000, HoldTime: 90 * time.Second, ID: high, Capabilities: capabilities(true)}
	a.call(t, "127.0.0.9").establish(open)
	one.await(time.Second)
	a.call(t, "127.0.0.9").establish(open)
	two.await(time.Second)

	a.meet(peer, passive, password("other"))
	if err := a.s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "another password") {
		t.Errorf("a third session with a password: %v", err)
	}
	one.stop()
	two.stop()
	a.door.mu.Lock()
	defer a.door.mu.Unlock()
	if len(a.door.sessions) > 0 {
		t.Errorf("sessions left: %v", a.door.sessions)
	}
}

// TestSharedAddressByDialling: of two sessions with one address that dial, neither
// lets anybody in, since that might be the other's peer; each has a password of its
// own. The one that is left lets its peer in, with its password.
func TestSharedAddressByDialling(t *testing.T) {
	leaks(t)
	a := newSide(t, "127.0.0.1")
	peer := netip.MustParseAddr("127.0.0.9")
	one, two := a.beside(), a.beside()
	one.meet(peer, password("one"))
	two.meet(peer, password("two"), port(testPort+1))
	for _, s := range []*side{one, two} {
		if err := s.s.Admit(); err != nil {
			t.Fatal(err)
		}
	}
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(peer, 0))}
	sock, err := d.Dial("tcp", netip.AddrPortFrom(a.addr, testPort).String())
	if err == nil {
		_ = sock.SetDeadline(time.Now().Add(5 * time.Second))
		_, err = sock.Read(make([]byte, 1))
		_ = sock.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) { // with a password there would be silence
		t.Errorf("the connection was not reset: %v", err)
	}
	one.run()
	one.stop()

	two.run()
	far := newSide(t, "127.0.0.9")
	far.meet(a.addr, password("two"))
	far.run()
	two.await(5 * time.Second)
}

// beside is another session of the same machine.
func (a *side) beside() *side {
	return &side{owner: newOwner(), t: a.t, addr: a.addr, door: a.door}
}

func port(n uint16) func(*Config) {
	return func(c *Config) { c.Remote = netip.AddrPortFrom(c.Remote.Addr(), n) }
}

// TestStrangers: ten thousand connections of strangers are closed, and neither
// cost anything that stays nor keep a peer out.
func TestStrangers(t *testing.T) {
	a, b := pair(t)
	a.meet(b.addr, passive)
	b.meet(a.addr)
	a.run()
	before := runtime.NumGoroutine()
	begin := time.Now()
	var all sync.WaitGroup
	const workers, each = 4, 2500
	for w := range workers {
		all.Go(func() {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(w))}}
			for range each {
				sock, err := d.Dial("tcp", netip.AddrPortFrom(a.addr, testPort).String())
				if err != nil {
					continue // closed before it was known to be open
				}
				_, _ = sock.Read(make([]byte, 1))
				_ = sock.Close()
			}
		})
	}
	b.run()
	took := max(a.await(5*time.Second), b.await(5*time.Second))
	all.Wait()
	t.Logf("%d strangers in %v; meanwhile a peer was established in %v", workers*each, time.Since(begin), took)
	if n := runtime.NumGoroutine(); n > before+20 {
		t.Errorf("%d goroutines, before there were %d", n, before)
	}
}
