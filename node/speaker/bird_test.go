package speaker

import (
	"testing"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/resources"
)

func TestSessionWithBird(t *testing.T) {
	f := fars(t, 1)[0]
	b := f.bird(bird{asn: 64513, v6: true, routes: []string{"10.2.0.0/24", "fd02::/64"}})
	s := speak(t)
	start := time.Now()
	s.apply(bgpWith(f.peer4(64513), f.peer6(64513)))
	s.awaitUp(f.addr4())
	took := time.Since(start)
	s.awaitRoute("10.2.0.0/24", "10.0.1.2")
	t.Logf("established after %v, route after %v", took, time.Since(start))
	if took > time.Second {
		t.Errorf("the session took %v, want less than a second", took)
	}
	s.awaitUp(f.addr6())
	s.awaitRoute("fd02::/64", "fd00:1::2")
	birdRoute(t, b, "172.16.1.0/24", "10.0.1.1", "64512", "IGP")
	birdRoute(t, b, "fd16:1::/64", "fd00:1::1", "64512")
}

func TestPassword(t *testing.T) {
	f := fars(t, 1)[0]
	f.bird(bird{asn: 64513, password: "right", routes: []string{"10.2.0.0/24"}})
	s := speak(t)
	with := func(p string) intent.BGP {
		return bgpWith(f.peer4(64513, func(q *intent.Peer) { q.Password = resources.NewPassword(p) }))
	}
	s.apply(with("wrong"))
	s.awaitProblem(f.addr4(), "no answer (is the password the same on both sides?)")
	s.apply(with("right"))
	s.awaitUp(f.addr4())
	s.apply(with(""))
	s.awaitProblem(f.addr4(), "no answer")
	s.apply(with("right"))
	s.awaitUp(f.addr4())
}
