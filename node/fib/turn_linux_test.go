package fib

import (
	"fmt"

	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/calctl/calctl/status"
)

// TestLostPeer: a peer is lost, and all its routes go by another one with a
// message for each object, whatever the kernel tells of them. What is there
// afterwards is as if it had been written: the next run finds nothing to do, and
// it can be turned again.
func TestLostPeer(t *testing.T) {
	for _, v := range []struct {
		name, compat string
		plain        bool
	}{{"objects", "1", false}, {"objects untold", "0", false}, {"plain", "1", true}} {
		t.Run(v.name, func(t *testing.T) { lostPeer(t, v.compat, v.plain) })
	}
}

func lostPeer(t *testing.T, compat string, plain bool) {
	namespace(t)
	pair(t)
	sysctl(t, "net/ipv4/nexthop_compat_mode", compat)
	const n = 3000
	v4, v6 := prefixes(n+10, false), prefixes(n+10, true)
	run := func() (*Syncer, *counting, func()) {
		k := &counting{Netlink: connect(t)}
		if plain {
			k.objects = nil
		}
		s, stop := start(t, k)
		return s, k, stop
	}
	witness := connect(t)
	events := func() (routes, objects int) {
		t.Helper()
		if err := witness.Changes(func(ev *Event) {
			switch {
			case ev.Kind == RouteEvent && ev.Route.own():
				routes++
			case ev.Kind == ObjectEvent:
				objects++
			}
		}); err != nil {
			t.Fatal(err)
		}
		return routes, objects
	}
	there := func(s *Syncer, via4, via6 string) {
		t.Helper()
		want := map[string]int{hopsText(via4): n + 10, hopsText(via6): n + 10}
		wait(t, func() string {
			counts := map[string]int{}
			for _, line := range routes(t, witness) {
				counts[line[strings.Index(line, " "):]]++
			}
			if !maps.Equal(counts, want) {
				return fmt.Sprintf("routes in the kernel: %v, want %v", counts, want)
			}
			return ""
		})
		reports(t, s, status.Routes{Wanted: 2*n + 20, Installed: 2*n + 20})
	}
	// Both peers have routes of their own.
	own := slices.Concat(through(v4[n:], "192.0.2.3"), through(v6[n:], "2001:db8::3", "2001:db8::4"))
	s, k, stop := run()
	s.Want(own)
	s.Want(slices.Concat(through(v4[:n], "192.0.2.2"), through(v6[:n], "2001:db8::2", "2001:db8::3")))
	s.Settled()
	reports(t, s, status.Routes{Wanted: 2*n + 20, Installed: 2*n + 20})
	events()
	wrote := k.ops.Load()
	for _, piece := range [][]Route{through(v4[:n/2], "192.0.2.3"), through(v4[n/2:n], "192.0.2.3"), through(v6[:n], "2001:db8::3", "2001:db8::4")} {
		s.WantPart(piece)
	}
	s.Want(nil)
	moved := slices.Concat(through(v4[:n], "192.0.2.3"), through(v6[:n], "2001:db8::3", "2001:db8::4"))
	there(s, "192.0.2.3", "2001:db8::3 2001:db8::4")
	told, objects := events()
	ops, turns := k.ops.Load()-wrote, k.turns.Load()
	t.Logf("compat %s, plain %v: %d routes written, %d turns; the kernel told of %d routes", compat, plain, ops, turns, told)
	switch {
	case plain && (ops != 2*n || turns != 0):
		t.Errorf("%d routes written, %d turned sets, want all written", ops, turns)
	case !plain && (ops != 0 || turns != 2):
		t.Errorf("%d routes written, %d turned sets, want two turns alone", ops, turns)
	case !plain && compat == "0" && told != 0:
		t.Errorf("the kernel told of %d routes and %d objects, want of objects alone", told, objects)
	}
	stop()
	events()
	s, k, stop = run()
	if r := s.Status(); r.Stale != 2*n+20 {
		t.Errorf("%d routes of an earlier run", r.Stale)
	}
	s.Want(append(slices.Clone(moved), own...))
	s.Settled()
	there(s, "192.0.2.3", "2001:db8::3 2001:db8::4")
	if told, _ := events(); told != 0 || k.ops.Load() != 0 {
		t.Errorf("the next run wrote %d routes, the kernel told of %d", k.ops.Load(), told)
	}
	// Both objects of one set are turned, the one made and the one turned before.
	s.Want(slices.Concat(through(v4, "192.0.2.5"), through(v6, "2001:db8::5")))
	there(s, "192.0.2.5", "2001:db8::5")
	if !plain && (k.turns.Load() != 2 || k.ops.Load() != 0) {
		t.Errorf("the second time: %d routes written, %d turned sets", k.ops.Load(), k.turns.Load())
	}
	// And the peers come back, piece by piece.
	s.Want(own)
	has(t, witness, v4[n].String()+hopsText("192.0.2.3"), v6[n].String()+hopsText("2001:db8::3 2001:db8::4"))
	s.Want(through(v4[:n], "192.0.2.2"))
	has(t, witness, v4[0].String()+hopsText("192.0.2.2"))
	s.Want(through(v6[:n], "2001:db8::2"))
	has(t, witness, v6[0].String()+hopsText("2001:db8::2"))
	reports(t, s, status.Routes{Wanted: 2*n + 20, Installed: 2*n + 20})
	stop()
	s, k, _ = run()
	s.Want(slices.Concat(own, through(v4[:n], "192.0.2.2"), through(v6[:n], "2001:db8::2")))
	s.Settled()
	reports(t, s, status.Routes{Wanted: 2*n + 20, Installed: 2*n + 20})
	if k.ops.Load() != 0 {
		t.Errorf("the last run wrote %d routes", k.ops.Load())
	}
	if !plain {
		// What is left over is tidied up; a group that was turned stays a group.
		objectsAre(t, 7)
	}
}
