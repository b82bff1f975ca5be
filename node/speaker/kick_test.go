package speaker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/osrg/gobgp/v4/pkg/server"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/lab"
)

// TestAcceptQueueIsThere holds GoBGP's version to the one field of its inside
// that kick.go uses. Should this fail after an update of GoBGP, sessions take
// two seconds to start; find how connections go from its listener to the server now.
func TestAcceptQueueIsThere(t *testing.T) {
	if acceptQueue(server.NewBgpServer()) == nil {
		t.Error("GoBGP's accept queue is not where it was")
	}
}

// pair is a TCP connection over loopback.
func pair(t *testing.T) (ours, theirs *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Skip("no loopback in this namespace: ", err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.DialTimeout("tcp4", l.Addr().String(), time.Second)
	if err != nil {
		t.Skip("no loopback in this namespace: ", err)
	}
	d, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); _ = d.Close() })
	return c.(*net.TCPConn), d.(*net.TCPConn)
}

func TestAnswers(t *testing.T) {
	if p := fars(t, 1); len(p) == 0 {
		t.Skip()
	}
	open := lab.Open(64513, ownID)
	notification := lab.Message(3, []byte{6, 5})
	tests := []struct {
		name string
		do   func(c *net.TCPConn)
		want error
	}{
		{"an OPEN", func(c *net.TCPConn) { _, _ = c.Write(open) }, nil},
		{"part of an OPEN", func(c *net.TCPConn) { _, _ = c.Write(open[:7]) }, nil},
		{"silence", func(*net.TCPConn) {}, nil},
		{"closed", func(c *net.TCPConn) { _ = c.Close() }, errClosed},
		{"reset", func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() }, errClosed},
		{"refused", func(c *net.TCPConn) { _, _ = c.Write(notification) }, refusal{6, 5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ours, theirs := pair(t)
			tt.do(theirs)
			if err := answers(ours); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if tt.want != nil {
				return
			}
			// Nothing was read, and no deadline is left behind.
			_, _ = theirs.Write([]byte{1})
			if n, err := ours.Read(make([]byte, 1)); n != 1 {
				t.Errorf("read %d, %v", n, err)
			}
		})
	}
	if got := (refusal{6, 5}).Error(); got != "received Cease: connection rejected (6/5)" {
		t.Error(got)
	}
}

func TestNext(t *testing.T) {
	d := time.Duration(0)
	for range 20 {
		n := next(d)
		low, high := min(max(2*d, kickFirst), kickMost)*3/4, min(max(2*d, kickFirst), kickMost)*5/4
		if n < low || n > high {
			t.Errorf("after %v comes %v, want %v to %v", d, n, low, high)
		}
		d = n
	}
	if d < kickMost*3/4 {
		t.Errorf("after 20 attempts the interval is %v", d)
	}
}

func TestHigherAddressGoesFirst(t *testing.T) {
	low, high := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	if d := (&kick{at: netip.AddrPortFrom(low, 179), local: high}).first(); d != 0 {
		t.Errorf("the higher waits %v", d)
	}
	if d := (&kick{at: netip.AddrPortFrom(high, 179), local: low}).first(); d != kickYield {
		t.Errorf("the lower waits %v", d)
	}
}

// TestProblemsInWords: what `node status` shows of a peer that can't be reached.
func TestProblemsInWords(t *testing.T) {
	f := fars(t, 1)[0]
	s := speak(t)
	s.apply(bgpWith(f.peer4(64513)))
	s.awaitProblem(f.addr4(), "connection refused")

	elsewhere := f.peer4(64513, func(p *intent.Peer) { p.LocalAddress = netip.MustParseAddr("10.0.1.77") })
	s.apply(bgpWith(elsewhere))
	s.awaitProblem(f.addr4(), "local address 10.0.1.77 is not on this host")

	nowhere := netip.MustParseAddrPort("203.0.113.1:179")
	want := bgpWith(map[netip.AddrPort]intent.Peer{nowhere: {Name: "x", ASN: 64513}})
	s.apply(want)
	s.awaitProblem(nowhere.Addr(), "network is unreachable")

	absent := netip.MustParseAddrPort("10.0.1.99:179")
	s.apply(bgpWith(map[netip.AddrPort]intent.Peer{absent: {Name: "x", ASN: 64513}}))
	s.awaitProblem(absent.Addr(), "no route to host")

	// Something that accepts and closes, as a speaker does that isn't ready.
	l := f.Listen(179)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	s.apply(bgpWith(f.peer4(64513)))
	s.awaitProblem(f.addr4(), "connection closed by the peer")
	if p := s.peer(f.addr4()); p.BGPState != "Active" {
		t.Errorf("it is %s: the closed connection was handed over", p.BGPState)
	}
}

func TestWordsOfOthers(t *testing.T) {
	k := &kick{}
	for want, err := range map[string]error{
		"no answer":                     context.DeadlineExceeded,
		"something":                     errors.New("something"),
		"operation not permitted":       &net.OpError{Op: "dial", Err: errors.New("operation not permitted")},
		"connection closed by the peer": errClosed,
	} {
		if got := k.words(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestErrorName(t *testing.T) {
	for _, tt := range []struct {
		code, sub uint8
		want      string
	}{
		{6, 2, "Cease: administrative shutdown (6/2)"}, {6, 9, "Cease: hard reset (6/9)"}, {6, 0, "Cease (6/0)"},
		{6, 200, "Cease (6/200)"}, {4, 0, "hold timer expired (4/0)"}, {2, 2, "OPEN message error: bad peer AS number (2/2)"},
		{0, 0, "unknown error (0/0)"}, {99, 1, "unknown error (99/1)"},
	} {
		if got := errorName(tt.code, tt.sub); got != tt.want {
			t.Errorf("%d/%d: %q, want %q", tt.code, tt.sub, got, tt.want)
		}
	}
}

// TestTapTonesDown: GoBGP's lines come at debug, its errors as warnings, its
// debug lines not at all; no more than the lines it must hear are noted.
func TestTapTonesDown(t *testing.T) {
	var out lines
	var noted []string
	log := newTap(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})), func(p netip.Addr, text string, _ map[string]slog.Value) { noted = append(noted, p.String()+" "+text) })
	peer := log.With("Topic", "Peer", "Key", "10.0.0.2")
	peer.Debug("sent update")
	peer.Info("sent notification", "Code", 6)
	log.Warn("failed to set md5", "Key", "10.0.0.3")
	log.WithGroup("g").Error("bad", "a", 1)
	const want = `level=DEBUG msg="gobgp: sent notification" Topic=Peer Key=10.0.0.2 Code=6
level=DEBUG msg="gobgp: failed to set md5" Key=10.0.0.3
level=WARN msg="gobgp: bad" g.a=1
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	if len(noted) != 2 || noted[0] != "10.0.0.2 sent notification" || noted[1] != "10.0.0.3 failed to set md5" {
		t.Errorf("noted %q", noted)
	}
}
