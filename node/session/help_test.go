package session

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// An owner is a Handler that remembers what it was told.
type owner struct {
	mu      sync.Mutex
	calls   []string
	changed chan struct{} // something was told

	source  func(Terms) Source
	update  func(*wire.Update, bool) *wire.Error
	terms   Terms
	reasons []Reason
}

func newOwner() *owner { return &owner{changed: make(chan struct{}, 1)} }

func (o *owner) note(format string, args ...any) {
	o.mu.Lock()
	o.calls = append(o.calls, fmt.Sprintf(format, args...))
	o.mu.Unlock()
	o.Changed()
}

func (o *owner) Established(t Terms) Source {
	o.mu.Lock()
	o.terms = t
	o.mu.Unlock()
	o.note("established")
	if o.source != nil {
		return o.source(t)
	}
	return words(nil)
}

func (o *owner) Update(u *wire.Update, more bool) *wire.Error {
	if o.update != nil {
		return o.update(u, more)
	}
	o.note("update")
	return nil
}

func (o *owner) Refresh(r wire.Refresh) { o.note("refresh %v %d", r.Family, r.Subtype) }

func (o *owner) Down(r Reason) {
	o.mu.Lock()
	o.reasons = append(o.reasons, r)
	o.mu.Unlock()
	o.note("down: %v", r)
}

func (o *owner) Changed() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

func (o *owner) told() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.calls...)
}

func (o *owner) downs() []Reason {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Reason(nil), o.reasons...)
}

// words is a source that says one thing once.
func words(b []byte) Source { return &saying{b: b} }

type saying struct {
	mu sync.Mutex
	b  []byte
}

func (s *saying) Fill(buf []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	buf = append(buf, s.b...)
	s.b = nil
	return buf
}

type fillFunc func([]byte) []byte

func (f fillFunc) Fill(b []byte) []byte { return f(b) }

// testLog goes to the test's log.
func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(string(b[:len(b)-1]))
	return len(b), nil
}

// start runs a session until the test ends and says when it has ended.
func start1(t *testing.T, s *Session) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("the session ended with %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// A far is the other end of a connection, played by the test.
type far struct {
	t      testing.TB
	sock   net.Conn
	reader *wire.Reader
}

func newFar(t testing.TB, sock net.Conn) *far {
	return &far{t: t, sock: sock, reader: wire.NewReader(sock)}
}

func (f *far) send(b []byte) {
	f.t.Helper()
	if _, err := f.sock.Write(b); err != nil {
		f.t.Fatalf("send: %v", err)
	}
}

// next is the next message, or the end of the connection.
func (f *far) next() (wire.Type, []byte, error) {
	t, body, err := f.reader.Next()
	return t, append([]byte(nil), body...), err
}

func (f *far) expect(want wire.Type) []byte {
	f.t.Helper()
	got, body, err := f.next()
	if err != nil || got != want {
		if got == wire.TypeNotification {
			f.t.Fatalf("got %v, want %v", wire.DecodeNotification(body), want)
		}
		f.t.Fatalf("got %v, %v; want %v", got, err, want)
	}
	return body
}

// establish does the peer's part up to Established.
func (f *far) establish(o wire.Open) wire.Open {
	f.t.Helper()
	body := f.expect(wire.TypeOpen)
	mine, fault := wire.DecodeOpen(body)
	if fault != nil {
		f.t.Fatal(fault)
	}
	f.send(wire.AppendOpen(nil, o))
	f.expect(wire.TypeKeepalive)
	f.send(wire.AppendKeepalive(nil))
	return mine
}

// notification is the next message but KEEPALIVEs, which has to be one.
func (f *far) notification() wire.Notification {
	f.t.Helper()
	for {
		got, body, err := f.next()
		switch {
		case err != nil:
			f.t.Fatalf("no NOTIFICATION but %v", err)
		case got == wire.TypeNotification:
			return wire.DecodeNotification(body)
		case got == wire.TypeUpdate:
			f.t.Fatalf("no NOTIFICATION but %v", got)
		}
	}
}

// An exchange is a Network that connects dialled attempts to the test by pipes.
type exchange struct {
	Network // nobody listens
	mu      sync.Mutex
	fail    error
	dials   []time.Time
	calls   chan net.Conn
}

func newExchange() *exchange { return &exchange{calls: make(chan net.Conn, 16)} }

func (x *exchange) Dial(context.Context, Config) (net.Conn, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dials = append(x.dials, time.Now())
	if x.fail != nil {
		return nil, x.fail
	}
	a, b := net.Pipe()
	x.calls <- b
	return a, nil
}

// dialled makes a session whose dials come out of the exchange.
func dialled(t *testing.T, on Handler, with ...func(*Config)) (*Session, *exchange) {
	t.Helper()
	x := newExchange()
	with = append(with, func(c *Config) { c.Network = x })
	s, err := New(config(with...), on, nil, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	return s, x
}

// reach is an UPDATE that announces some prefixes.
func reach(n int) []byte {
	fields := wire.Fields{Origin: wire.OriginIGP, ASPath: wire.NewASPath(65002), NextHop: netip.MustParseAddr("192.0.2.2")}
	a, err := fields.Build()
	if err != nil {
		panic(err)
	}
	var d []wire.Dest
	for i := range n {
		d = append(d, wire.Dest{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)})
	}
	b, err := wire.Builder{FourOctetAS: true}.Reach(nil, wire.IPv4, a, d)
	if err != nil {
		panic(err)
	}
	return b
}

// until waits for a condition; told of changes by an owner it needs no clock.
func (o *owner) until(t testing.TB, limit time.Duration, what string, is func() bool) {
	t.Helper()
	timeout := time.After(limit)
	for !is() {
		select {
		case <-o.changed:
		case <-timeout:
			t.Fatalf("%s: not within %v; told so far: %q", what, limit, o.told())
		}
	}
}

// aside runs f beside the test, which waits for it at its end.
func aside(t *testing.T, f func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	t.Cleanup(wg.Wait)
}
