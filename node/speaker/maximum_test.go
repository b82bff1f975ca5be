package speaker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/status"
)

// TestTooManyPrefixes: a peer that tells more than it may has no session and no
// route, hears why, and is back when it may; a maximum that isn't reached is
// changed without a word.
func TestTooManyPrefixes(t *testing.T) {
	f := fars(t, 1)[0]
	b := f.bird(bird{asn: 64513, routes: []string{"10.2.0.0/24", "10.2.1.0/24", "10.2.2.0/24"}})
	s := speak(t)
	most := func(n uint32) {
		t.Helper()
		s.apply(bgpWith(f.peer4(64513, func(p *intent.Peer) { p.MaximumPrefixes = n })))
	}
	down := func() {
		t.Helper()
		s.awaitProblem(f.addr4(), "sent Cease/Maximum Number of Prefixes Reached (more than 2)")
		s.awaitRoute("10.2.0.0/24", "")
		lab.Until(t, 10*time.Second, "BIRD's word on it", func() error {
			return lab.Contains(b.CLI("show protocols all v4"), "Maximum number of prefixes reached")
		})
		if p := s.peer(f.addr4()); p.RoutesIn != 0 {
			t.Errorf("%d routes of a peer without a session", p.RoutesIn)
		}
	}
	most(2)
	down()
	if n := s.told("10.2.0.0/24"); n != 0 {
		t.Errorf("a route of a peer that told too much was used for a while, %d times", n)
	}

	// BIRD tries again and again; the door stays shut.
	lab.Until(t, 20*time.Second, "some attempts of BIRD", func() error {
		if n := strings.Count(s.log.String(), "session up"); n != 1 {
			t.Fatalf("%d sessions", n)
		}
		if p := s.peer(f.addr4()); p.State == status.StateUp {
			t.Fatal("a session")
		}
		return lab.Contains(b.CLI("show protocols all v4"), "Socket:")
	})

	most(3)
	s.awaitUp(f.addr4())
	s.awaitRoute("10.2.2.0/24", "10.0.1.2")
	up := s.since(f.addr4())
	most(4)
	most(0)
	most(3)
	if !s.since(f.addr4()).Equal(up) {
		t.Error("the session was reset")
	}
	s.awaitRoute("10.2.2.0/24", "10.0.1.2")
	most(2)
	down()
	most(0)
	s.awaitUp(f.addr4())
	for i := range 3 {
		s.awaitRoute(fmt.Sprintf("10.2.%d.0/24", i), "10.0.1.2")
	}
}
