package session

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// listenTo notes when messages come until the connection ends.
func (f *far) listenTo(got func(wire.Type, []byte)) {
	for {
		t, body, err := f.next()
		if err != nil {
			return
		}
		got(t, body)
	}
}

// TestHoldTimer: a peer that falls silent is given up after exactly the agreed
// time, and hears KEEPALIVEs until then, none late.
func TestHoldTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOwner()
		s, x := dialled(t, o)
		defer start1(t, s)()
		f := newFar(t, <-x.calls)
		f.establish(theirs(low))
		begin, last := time.Now(), time.Now()
		n := 0
		for {
			kind, body, err := f.next()
			if err != nil {
				t.Fatal(err)
			}
			if kind == wire.TypeNotification {
				if got := wire.DecodeNotification(body); got.Code != wire.HoldExpired {
					t.Fatalf("got %v", got)
				}
				break
			}
			gap := time.Since(last)
			if n == 0 && gap != time.Second {
				t.Errorf("the first KEEPALIVE after %v, want one after a second", gap)
			}
			if n > 0 && (gap > 30*time.Second || gap < 22*time.Second) {
				t.Errorf("a KEEPALIVE after %v, agreed were 30 s", gap)
			}
			last = time.Now()
			n++
		}
		if d := time.Since(begin); d < 90*time.Second || d > 90*time.Second+10*time.Millisecond {
			t.Errorf("the hold timer ended after %v, want 90 s", d)
		}
		if n < 2 {
			t.Errorf("%d KEEPALIVEs", n)
		}
		_ = f.sock.Close()
		o.until(t, time.Minute, "down", func() bool { return len(o.told()) == 2 })
		if r := s.Status().Reason; r.String() != "sent Hold Timer Expired (nothing heard for 1m30s)" {
			t.Errorf("the reason is %q", r)
		}
	})
}

// TestHoldTimerInOpenConfirm: a peer whose KEEPALIVE doesn't come is given up
// after the agreed time (RFC 4271 §8.2.2).
func TestHoldTimerInOpenConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, x := dialled(t, newOwner())
		defer start1(t, s)()
		f := newFar(t, <-x.calls)
		f.expect(wire.TypeOpen)
		begin := time.Now()
		f.send(wire.AppendOpen(nil, theirs(low)))
		n := f.notification()
		if d := time.Since(begin); n.Code != wire.HoldExpired || d < 90*time.Second || d > 91*time.Second {
			t.Errorf("%v after %v", n, d)
		}
		_ = f.sock.Close()
	})
}

// TestShortHoldTime: with the shortest hold time there are KEEPALIVEs enough,
// and never two within a second (RFC 4271 §4.4).
func TestShortHoldTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, x := dialled(t, newOwner())
		defer start1(t, s)()
		f := newFar(t, <-x.calls)
		f.establish(theirs(low, func(o *wire.Open) { o.HoldTime = 3 * time.Second }))
		aside(t, func() {
			for {
				<-time.After(time.Second)
				if _, err := f.sock.Write(wire.AppendKeepalive(nil)); err != nil {
					return
				}
			}
		})
		last := time.Now()
		for range 100 {
			f.expect(wire.TypeKeepalive)
			if gap := time.Since(last); gap != time.Second {
				t.Fatalf("%v between KEEPALIVEs", gap)
			}
			last = time.Now()
		}
		_ = f.sock.Close()
	})
}

// TestNoHoldTime: with a hold time of 0 there are no KEEPALIVEs but the first,
// and nobody is given up for silence (RFC 4271 §4.4).
func TestNoHoldTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, x := dialled(t, newOwner())
		defer start1(t, s)()
		f := newFar(t, <-x.calls)
		f.establish(theirs(low, func(o *wire.Open) { o.HoldTime = 0 }))
		aside(t, func() {
			f.listenTo(func(kind wire.Type, _ []byte) { t.Errorf("got %v", kind) })
		})
		<-time.After(24 * time.Hour)
		if st := s.Status(); st.State != Established {
			t.Errorf("%v: %v", st.State, st.Reason)
		}
		_ = f.sock.Close()
	})
}

// TestHoldTimerCountsMessages: octets that never become a message keep nothing up.
func TestHoldTimerCountsMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOwner()
		s, x := dialled(t, o)
		defer start1(t, s)()
		f := newFar(t, <-x.calls)
		f.establish(theirs(low))
		begin := time.Now()
		aside(t, func() {
			for _, b := range reach(100) {
				if _, err := f.sock.Write([]byte{b}); err != nil {
					return
				}
				<-time.After(1700 * time.Millisecond)
			}
		})
		if n := f.notification(); n.Code != wire.HoldExpired {
			t.Errorf("got %v", n)
		}
		if d := time.Since(begin); d > 91*time.Second {
			t.Errorf("after %v", d)
		}
	})
}

// TestSlowOwner: while the owner is busy with an UPDATE for ten minutes, the
// session stays: our KEEPALIVEs go out in time and the hold timer stands still.
func TestSlowOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOwner()
		o.update = func(*wire.Update, bool) *wire.Error {
			<-time.After(10 * time.Minute)
			o.note("updated")
			return nil
		}
		s, x := dialled(t, o)
		defer start1(t, s)()
		f := newFar(t, <-x.calls)
		f.establish(theirs(low))
		last := time.Now()
		var longest atomic.Int64
		aside(t, func() {
			f.listenTo(func(kind wire.Type, _ []byte) {
				if kind != wire.TypeKeepalive {
					t.Errorf("got %v", kind)
				}
				longest.Store(max(longest.Load(), int64(time.Since(last))))
				last = time.Now()
			})
		})
		f.send(reach(1))
		f.send(wire.AppendKeepalive(nil)) // has to wait, and does
		f.send(wire.AppendKeepalive(nil))
		o.until(t, time.Hour, "the update", func() bool { return len(o.told()) == 2 })
		synctest.Wait()
		if gap := time.Duration(longest.Load()); gap > 30*time.Second {
			t.Errorf("%v between KEEPALIVEs", gap)
		}
		if st := s.Status(); st.State != Established {
			t.Errorf("%v: %v", st.State, st.Reason)
		}
		<-time.After(89 * time.Second) // the hold timer begins again now
		if st := s.Status(); st.State != Established {
			t.Errorf("%v: %v", st.State, st.Reason)
		}
		_ = f.sock.Close()
	})
}

// TestSlowSource: a source that takes ten minutes delays no KEEPALIVE.
func TestSlowSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOwner()
		var asked atomic.Int32
		o.source = func(Terms) Source {
			return fillFunc(func(b []byte) []byte {
				if asked.Add(1) > 1 {
					return nil
				}
				<-time.After(10 * time.Minute)
				return append(b, reach(1)...)
			})
		}
		s, x := dialled(t, o)
		defer start1(t, s)()
		f := newFar(t, <-x.calls)
		f.establish(theirs(low))
		aside(t, func() {
			for {
				if _, err := f.sock.Write(wire.AppendKeepalive(nil)); err != nil {
					return
				}
				<-time.After(30 * time.Second)
			}
		})
		last := time.Now()
		for kind := wire.TypeKeepalive; kind != wire.TypeUpdate; {
			var err error
			if kind, _, err = f.next(); err != nil {
				t.Fatal(err)
			}
			if gap := time.Since(last); gap > 30*time.Second {
				t.Fatalf("%v of silence", gap)
			}
			last = time.Now()
		}
		_ = f.sock.Close()
	})
}

// TestSendHoldTimer: a peer that takes nothing is given up after the send hold
// time, though it goes on talking (RFC 9687); one that takes a little is not.
func TestSendHoldTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOwner()
		var once atomic.Bool
		o.source = func(Terms) Source {
			return fillFunc(func(b []byte) []byte {
				if once.Swap(true) {
					return nil
				}
				return append(b, reach(2000)...)
			})
		}
		s, x := dialled(t, o, func(c *Config) { c.SendHold = 2 * time.Minute })
		defer start1(t, s)()
		f := newFar(t, <-x.calls)
		f.establish(theirs(low))
		begin := time.Now()
		aside(t, func() {
			for {
				if _, err := f.sock.Write(wire.AppendKeepalive(nil)); err != nil {
					return
				}
				<-time.After(10 * time.Second)
			}
		})
		one := make([]byte, 1)
		for range 10 { // ten minutes, an octet each
			<-time.After(time.Minute)
			if _, err := f.sock.Read(one); err != nil {
				t.Fatalf("after %v: %v", time.Since(begin), err)
			}
		}
		begin = time.Now()
		o.until(t, time.Hour, "down", func() bool { return len(o.told()) == 2 })
		if d := time.Since(begin); d < 2*time.Minute || d > 150*time.Second {
			t.Errorf("given up after %v, want 2 to 2.5 minutes", d)
		}
		if r := s.Status().Reason; r.String() != "sent Send Hold Timer Expired (the peer has taken nothing for 2m0s)" {
			t.Errorf("the reason is %q", r)
		}
		_ = f.sock.Close()
	})
}

// TestRetry: the first dial is at once, the others follow at the retry interval.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOwner()
		s, x := dialled(t, o)
		x.fail = &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		begin := time.Now()
		stop := start1(t, s)
		<-time.After(time.Minute)
		st := s.Status()
		stop()
		if !x.dials[0].Equal(begin) {
			t.Errorf("the first dial came after %v", x.dials[0].Sub(begin))
		}
		for i := 1; i < len(x.dials); i++ {
			if d := x.dials[i].Sub(x.dials[i-1]); d < 3750*time.Millisecond || d > 5*time.Second {
				t.Errorf("dial %d after %v, want 3.75 to 5 s", i, d)
			}
		}
		if len(x.dials) < 12 {
			t.Errorf("%d dials in a minute", len(x.dials))
		}
		if st.State != Active || st.Reason.String() != "connection refused" {
			t.Errorf("%v, %q", st.State, st.Reason)
		}
	})
}

// TestBackOff: a peer that refuses us is asked at growing intervals.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOwner()
		s, x := dialled(t, o)
		stop := start1(t, s)
		aside(t, func() {
			for sock := range x.calls {
				f := newFar(t, sock)
				f.expect(wire.TypeOpen)
				f.send(wire.AppendOpen(nil, theirs(low, func(o *wire.Open) { o.AS = 65009 })))
				if n := f.notification(); n.Code != wire.OpenError || n.Subcode != wire.BadPeerAS {
					t.Errorf("got %v", n)
				}
				_ = sock.Close()
			}
		})
		<-time.After(5 * time.Minute)
		stop()
		close(x.calls)
		want := time.Second
		for i := 1; i < len(x.dials); i++ {
			if d := x.dials[i].Sub(x.dials[i-1]); d < want*3/4 || d > want+10*time.Millisecond {
				t.Errorf("attempt %d after %v, want up to %v", i, d, want)
			}
			want = min(2*want, 30*time.Second)
		}
		if n := len(x.dials); n < 13 || n > 20 {
			t.Errorf("%d attempts in 5 minutes", n)
		}
	})
}

// TestBarred: a peer that tells too much has to wait, and longer each time,
// whoever dials.
func TestBarred(t *testing.T) {
	for _, why := range []wire.Notification{
		wire.TooManyPrefixes(wire.IPv4, 10).Notification(),
		{Code: wire.Cease, Subcode: wire.OutOfResources},
	} {
		t.Run(why.String(), func(t *testing.T) { barred(t, why) })
	}
}

func barred(t *testing.T, why wire.Notification) {
	synctest.Test(t, func(t *testing.T) {
		s, x := dialled(t, newOwner())
		stop := start1(t, s)
		aside(t, func() {
			calls := 0
			for sock := range x.calls {
				if calls++; calls > 100 { // a session that doesn't wait calls without end, at one moment
					_ = sock.Close()
					t.Error("more than 100 calls")
					s.Stop(nil)
					continue
				}
				s.Reset(why)
				_ = sock.Close()
			}
		})
		<-time.After(3 * time.Hour)
		stop()
		close(x.calls)
		want := time.Minute
		for i := 1; i < len(x.dials); i++ {
			if d := x.dials[i].Sub(x.dials[i-1]); d < want*3/4 || d > want+10*time.Millisecond {
				t.Errorf("attempt %d after %v, want up to %v", i, d, want)
			}
			want = min(2*want, 30*time.Minute)
		}
		if n := len(x.dials); n < 9 {
			t.Errorf("%d attempts in three hours", n)
		}
	})
}

// TestOrders: what is ordered while the session is busy is done, all of it and in
// order.
func TestOrders(t *testing.T) {
	why := wire.TooManyPrefixes(wire.IPv4, 10).Notification()
	other := wire.Notification{Code: wire.Cease, Subcode: wire.ConfigChange}
	for name, test := range map[string]struct {
		orders func(*Session)
		then   State
	}{
		"barred, and let off":     {func(s *Session) { s.Reset(why); s.Relent() }, OpenSent},
		"barred, and reset":       {func(s *Session) { s.Reset(why); s.Reset(other) }, OpenSent},
		"reset, then barred":      {func(s *Session) { s.Reset(other); s.Reset(why) }, Idle},
		"let off, and barred":     {func(s *Session) { s.Relent(); s.Reset(why) }, Idle},
		"let off without a cause": {func(s *Session) { s.Relent(); s.Relent() }, Established},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, x := dialled(t, newOwner())
				stop := start1(t, s)
				f := newFar(t, <-x.calls)
				f.establish(theirs(low))
				go f.listenTo(func(wire.Type, []byte) {})
				synctest.Wait()
				test.orders(s)
				synctest.Wait()
				if st := s.Status().State; st != test.then {
					t.Errorf("the session is %v, should be %v", st, test.then)
				}
				stop()
				_ = f.sock.Close()
				for {
					select {
					case sock := <-x.calls:
						_ = sock.Close()
						continue
					default:
					}
					break
				}
			})
		})
	}
}

// TestMute: a peer that accepts and says nothing is given up after four minutes.
func TestMute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, x := dialled(t, newOwner())
		defer start1(t, s)()
		begin := time.Now()
		f := newFar(t, <-x.calls)
		f.expect(wire.TypeOpen)
		if n := f.notification(); n.Code != wire.HoldExpired || time.Since(begin).Round(time.Second) != openHold {
			t.Errorf("%v after %v", n, time.Since(begin))
		}
		_ = f.sock.Close()
	})
}

// TestWake: what the source gets to say later is asked for when woken.
func TestWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOwner()
		src := &saying{}
		o.source = func(Terms) Source { return src }
		s, x := dialled(t, o)
		s.Wake() // of nobody
		defer start1(t, s)()
		f := newFar(t, <-x.calls)
		f.establish(theirs(low))
		synctest.Wait()
		for range 3 {
			src.mu.Lock()
			src.b = reach(3)
			src.mu.Unlock()
			s.Wake()
			f.expect(wire.TypeUpdate)
		}
		synctest.Wait()
		if c := s.Status().Counters; c.UpdatesOut != 3 || c.MessagesOut != 5 || c.MessagesIn != 2 || c.Established != 1 {
			t.Errorf("counted %+v", c)
		}
		_ = f.sock.Close()
	})
}

// TestOwnersFault: a panic of the owner, and an error of its own, end the
// session with the right words.
func TestOwnersFault(t *testing.T) {
	for name, test := range map[string]struct {
		update func(*wire.Update, bool) *wire.Error
		want   wire.Notification
	}{
		"panic": {func(*wire.Update, bool) *wire.Error { panic("x") }, wire.Notification{Code: wire.Cease, Subcode: wire.OutOfResources}},
		"too many": {func(*wire.Update, bool) *wire.Error {
			return &wire.Error{Code: wire.Cease, Subcode: wire.MaxPrefixes}
		}, wire.Notification{Code: wire.Cease, Subcode: wire.MaxPrefixes}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOwner()
				o.update = test.update
				s, x := dialled(t, o)
				defer start1(t, s)()
				f := newFar(t, <-x.calls)
				f.establish(theirs(low))
				aside(t, func() { f.send(reach(1)) })
				if n := f.notification(); n.Code != test.want.Code || n.Subcode != test.want.Subcode {
					t.Errorf("got %v, want %v", n, test.want)
				}
				_ = f.sock.Close()
				f = newFar(t, <-x.calls) // and it tries again
				f.establish(theirs(low))
				_ = f.sock.Close()
			})
		})
	}
}

// TestRunTwice: a session runs once.
func TestRunTwice(t *testing.T) {
	s, x := dialled(t, newOwner())
	x.fail = errors.New("no")
	stop := start1(t, s)
	stop()
	if err := s.Run(t.Context()); err == nil {
		t.Error("it ran again")
	}
}
