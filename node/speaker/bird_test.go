package speaker

import (
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources"
)

// TestSessionWithBird: a BIRD that waits for us is up well within a second,
// and routes go both ways, of both families.
func TestSessionWithBird(t *testing.T) {
	f := fars(t, 1)[0]
	b := f.bird(bird{asn: 64513, v6: true, passive: true, routes: []string{"10.2.0.0/24", "fd02::/64"}})
	s := speak(t)
	// A fresh link takes a second to find its IPv6 neighbour.
	lab.Until(t, 5*time.Second, "an answer to ping", func() error { return f.here().Ping(f.addr6().String()) })
	start := time.Now()
	s.apply(bgpWith(f.peer4(64513), f.peer6(64513)))
	s.awaitUp(f.addr4())
	s.awaitUp(f.addr6())
	took := time.Since(start)
	s.awaitRoute("10.2.0.0/24", "10.0.1.2")
	s.awaitRoute("fd02::/64", "fd00:1::2")
	t.Logf("established after %v, routes after %v", took, time.Since(start))
	if took > time.Second {
		t.Errorf("the sessions took %v, want less than a second", took)
	}
	birdRoute(t, b, "172.16.1.0/24", "10.0.1.1", "64512", "IGP")
	birdRoute(t, b, "fd16:1::/64", "fd00:1::1", "64512")
}

// TestPassword: none, another and the right one, changed while running; none
// is ever logged.
func TestPassword(t *testing.T) {
	const right, wrong = "c0rrecthorse", "batterystap1e"
	f := fars(t, 1)[0]
	f.bird(bird{asn: 64513, password: right, routes: []string{"10.2.0.0/24"}})
	s := speak(t)
	with := func(p string) intent.BGP {
		return bgpWith(f.peer4(64513, func(q *intent.Peer) { q.Password = resources.NewPassword(p) }))
	}
	s.apply(with(wrong))
	s.awaitProblem(f.addr4(), "no answer (is the password the same on both sides?)")
	s.apply(with(right))
	s.awaitUp(f.addr4())
	s.apply(with(""))
	s.awaitProblem(f.addr4(), "no answer")
	s.apply(with(right))
	s.awaitUp(f.addr4())
	if log := s.log.String(); strings.Contains(log, right) || strings.Contains(log, wrong) {
		t.Error("a password is in the log")
	}
}

// TestPasswordLeavesNoTrace: after a peer with a password was removed, it can
// come in without one: the listener has forgotten the key.
func TestPasswordLeavesNoTrace(t *testing.T) {
	f := fars(t, 1)[0]
	f.bird(bird{asn: 64513, routes: []string{"10.2.0.0/24"}})
	s := speak(t)
	passive := func(q *intent.Peer) { q.Passive = true }
	s.apply(bgpWith(f.peer4(64513, passive, func(q *intent.Peer) { q.Password = resources.NewPassword("x") })))
	s.apply(bgpWith())
	s.apply(bgpWith(f.peer4(64513, passive)))
	s.awaitUp(f.addr4())
}
