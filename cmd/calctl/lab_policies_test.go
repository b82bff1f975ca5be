package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/policy/policytest"
)

var (
	policySeeds = flag.Uint64("seeds", 12, "how many random policies TestLabPoliciesAtRandom tries")
	policySeed  = flag.Uint64("seed", 0, "the first of them")
)

// policiesOfAWorld is how many seeds share a world: they are policies for it, one after
// the other.
const policiesOfAWorld = 12

// A subject is what sits in r1's place.
type subject interface {
	put(t *testing.T, documents string)
	// once helps before each look.
	once()
}

// TestLabPoliciesAtRandom: three neighbours of r1 hear, of some four hundred routes from
// everywhere, what `calctl policy test --batch` says they would, and r1's kernel gets
// what it says, for one random policy after the other; first by calctl, without the end of
// a session, and then by BIRD 2 with what `node run --dry-run -o bird` writes.
//
//	go test ./cmd/calctl -run TestLabPoliciesAtRandom -seeds 300
//	go test ./cmd/calctl -run TestLabPoliciesAtRandom -seed 42 -seeds 1
func TestLabPoliciesAtRandom(t *testing.T) {
	for first, end := *policySeed, *policySeed+*policySeeds; first < end; {
		last := min(end, (first/policiesOfAWorld+1)*policiesOfAWorld)
		t.Run(fmt.Sprintf("seeds %d to %d", first, last-1), func(t *testing.T) { policiesOf(t, first, last) })
		first = last
	}
}

// policiesOf tries seeds of one world.
func policiesOf(t *testing.T, first, last uint64) {
	w := policyLab(t, first/policiesOfAWorld)
	var documents []string
	var want []picture
	for seed := first; seed < last; seed++ {
		d := w.resources(t, policytest.New(seed))
		documents, want = append(documents, d), append(want, w.foretold(t, d))
	}

	node := &policyCalctl{Calctl: w.r1.Calctl()}
	node.put(t, documents[0])
	node.Start()
	up := w.sessions(t, node.Calctl)
	spots := 0
	for i := range want {
		want[i] = w.meets(t, node, "calctl", first+uint64(i), documents[i], want[i])
		spots += len(want[i])
	}
	w.undisturbed(t, node.Calctl, up)
	if err := node.Stop(); err != nil {
		t.Error(err)
	}
	forget(w.r1)

	bird := &policyBird{w: w}
	for i := range want {
		w.meets(t, bird, "BIRD", first+uint64(i), documents[i], want[i])
	}
	t.Logf("%d routes came somewhere", spots)
}

// meets gives a subject resources, waits until all is as in the picture, and returns
// what there is then to see. When it doesn't come to that, the test ends with the least
// of the resources with which one of the routes still goes wrong.
func (w *policyWorld) meets(t *testing.T, s subject, who string, seed uint64, documents string, want picture) picture {
	t.Helper()
	s.put(t, documents)
	got, err := w.wait(s, 30*time.Second, want.is)
	if err == nil {
		return got
	}
	t.Fatalf("seed %d, %s: %v\n\n%s\nAgain: go test ./cmd/calctl -run TestLabPoliciesAtRandom -seed %d -seeds 1",
		seed, who, err, w.least(t, s, documents, want.differ(got)[0]), seed)
	return nil
}

// least says with how little a subject still does otherwise than it should at a spot.
func (w *policyWorld) least(t *testing.T, s subject, documents string, at spot) string {
	t.Helper()
	from, peers, family := "r1 itself", []string{}, map[bool]string{true: "V4", false: "V6"}[at.prefix.Addr().Is4()]
	for i := range w.offers {
		switch o := &w.offers[i]; {
		case o.prefix != at.prefix:
		case o.from != nil:
			from, peers = o.from.name+", which says"+o.statements(), append(peers, o.from.name+"-"+strings.ToLower(family))
		default:
			from = fmt.Sprintf("r1 itself: %s route by %q, gateway %q, metric %d", o.source, o.way, o.via, o.metric)
		}
	}
	bad := func(documents string) bool {
		s.put(t, documents)
		_, err := w.wait(s, 2*time.Second, w.foretold(t, documents).isAt(at))
		return err != nil
	}
	if b := bearing(documents, family, append(peers, at.who+"-"+strings.ToLower(family))...); bad(b) {
		documents = b
	}
	documents = shrink(documents, time.Now().Add(3*time.Minute), bad)
	s.put(t, documents)
	should := w.foretold(t, documents)
	got, _ := w.wait(s, 2*time.Second, should.isAt(at))
	return fmt.Sprintf("The least that shows it: of %v, from %s\n   is %v\n want %v\nwith\n%s", at, from, got[at], should[at], documents)
}

// wait waits until a condition holds, and returns the picture then, or at last.
func (w *policyWorld) wait(s subject, limit time.Duration, cond func(picture) error) (got picture, err error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); ; <-tick.C {
		s.once()
		if got, err = w.look(); err == nil {
			err = cond(got)
		}
		if err == nil || time.Now().After(end) {
			return got, err
		}
	}
}

// looks is a condition: all is as in the picture.
func (w *policyWorld) looks(want picture) func() error {
	return func() error {
		got, err := w.look()
		if err != nil {
			return err
		}
		return want.is(got)
	}
}

// sessions waits until all of a calctl's are up, and says since when they are.
func (w *policyWorld) sessions(t *testing.T, node *lab.Calctl) map[string]time.Time {
	t.Helper()
	up := map[string]time.Time{}
	for i := range w.neighbours {
		for _, v4 := range []bool{true, false} {
			at := w.neighbours[i].addr(v4, 2)
			node.Established(at, 20*time.Second)
			p, err := node.Peer(at)
			if err != nil {
				t.Fatal(err)
			}
			up[at] = p.Since
		}
	}
	return up
}

// undisturbed fails the test when a session has been reset.
func (w *policyWorld) undisturbed(t *testing.T, node *lab.Calctl, up map[string]time.Time) {
	t.Helper()
	for at, was := range up {
		if p, err := node.Peer(at); err != nil || !p.Since.Equal(was) {
			t.Errorf("the session with %s was reset: up since %v, before since %v (%v)", at, p.Since, was, err)
		}
	}
}

// policyCalctl is calctl in r1's place.
type policyCalctl struct {
	*lab.Calctl
	has []string // filters and pools
}

func (c *policyCalctl) put(_ *testing.T, documents string) {
	c.Apply(documents)
	names := namesIn(documents)
	for _, name := range c.has {
		if !names[name] {
			c.Do("delete", name)
		}
	}
	c.has = nil
	for name := range names {
		c.has = append(c.has, name)
	}
}

func (c *policyCalctl) once() {}

// policyBird is BIRD in r1's place.
type policyBird struct {
	w    *policyWorld
	bird *lab.Bird
}

func (b *policyBird) put(t *testing.T, documents string) {
	t.Helper()
	r1 := b.w.r1
	file := r1.File("cluster.yaml", documents)
	config := strings.NewReplacer("log syslog all;", "log stderr all;", "connect delay time 2;", "connect delay time 1;", "scan time 2;", "scan time 1;").
		Replace(r1.Run(lab.Binary(t), "node", "run", "--dry-run", "--name", "r1", "-f", file, "-o", "bird"))
	if b.bird == nil {
		b.bird = r1.Bird(config)
		return
	}
	r1.File("r1.bird.conf", config)
	lab.Until(t, 20*time.Second, "BIRD to take its new configuration", func() error {
		if out := b.bird.CLI("configure"); !strings.Contains(out, "Reconfigur") {
			return errors.New(out)
		}
		return nil
	})
}

func (b *policyBird) once() { birdOnce(b.w.r1) }
