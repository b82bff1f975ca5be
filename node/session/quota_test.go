package session

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// A page is a log to be read.
type page struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *page) count(words string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Count(p.b.String(), words)
}

// TestMalformedRoutesAreLogged: with their reason (RFC 7606 §6), ten a minute
// and how many were left out.
func TestMalformedRoutesAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOwner()
		log := new(page)
		s, x := dialled(t, o)
		s.log = slog.New(slog.NewTextHandler(log, nil))
		defer start1(t, s)()
		f := newFar(t, <-x.calls)
		f.establish(theirs(low))
		defer func() { _ = f.sock.Close() }()
		aside(t, func() { f.listenTo(func(wire.Type, []byte) {}) })
		// ORIGIN 7 of 10.0.0.0/8.
		bad := raw(2, 45, 0, 0, 0, 20, 0x40, 1, 1, 7, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xea, 0x40, 3, 4, 192, 0, 2, 2, 8, 10)
		send := func(n int) {
			for range n {
				f.send(bad)
			}
			synctest.Wait()
		}
		send(1)
		if log.count(`msg="malformed routes" verdict=treat-as-withdraw reason="ORIGIN: value 7 (RFC 7606 §7.1)"`) != 1 {
			t.Errorf("logged:\n%s", log.b.String())
		}
		send(999)
		if n := log.count("malformed routes"); n != linesOfPeer {
			t.Errorf("%d lines of a thousand", n)
		}
		<-time.After(time.Minute)
		send(1)
		if n := log.count("malformed routes"); n != linesOfPeer+1 || log.count("left_out=990") != 1 {
			t.Errorf("%d lines, logged:\n%s", n, log.b.String())
		}
	})
}
