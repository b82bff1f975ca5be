package store_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// snapshotOf has nodes by name and uid: "a:1 b".
func snapshotOf(nodes string) *resources.Snapshot {
	snap := resources.NewSnapshot()
	for _, n := range strings.Fields(nodes) {
		name, uid, _ := strings.Cut(n, ":")
		snap.Put(&resources.Node{Metadata: resources.Metadata{Name: name, UID: uid}})
	}
	return snap
}

func TestGuard(t *testing.T) {
	for _, test := range []struct {
		name  string
		snaps string // one after the other; those in brackets are held back
	}{
		{"nothing to begin with", " | a:1 b:2"},
		{"bit by bit", "a:1 b:2 c:3 | b:2 c:3 | c:3 | "},
		{"all but one at once", "a:1 b:2 c:3 | c:3"},
		{"the only one", "a:1 | "},
		{"everything", "a:1 b:2 | []"},
		{"another datastore", "a:1 b:2 | [x:8 y:9]"},
		{"one node registers again", "a:1 b:2 | [] | [a:8] | [a:8 x:9]"},
		{"a node that has registered before anybody looked", "a:1 b:2 | [a:8]"},
		{"restored", "a:1 b:2 | [] | a:1 b:2 | a:1"},
		{"restored step by step, from files", "a:1 b:2 | [] | [a:8] | a:8 b:9 x:7 | a:8"},
		{"restored in part", "a:1 b:2 | [] | [a:1]"},
		{"files without uid that get one", "a b | a:1 b:2"},
		{"files without uid that lose it", "a:1 b:2 | a b"},
		{"files with other names", "a b | [c d]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := &store.Guard{}
			for i, nodes := range strings.Split(test.snaps, "|") {
				nodes = strings.TrimSpace(nodes)
				inside, held := strings.CutPrefix(nodes, "[")
				if got := g.Admit(snapshotOf(strings.TrimSuffix(inside, "]"))); got == held {
					t.Fatalf("snapshot %d (%s) is admitted: %v", i, nodes, got)
				}
				if err, since := g.Held(); (err != nil) != held || since.IsZero() == held {
					t.Errorf("after snapshot %d (%s): %v, since %v", i, nodes, err, since)
				}
			}
		})
	}
}

// A Node that had an address is there again when it has one.
func TestGuardWaitsForAddresses(t *testing.T) {
	at := func(snap *resources.Snapshot, names ...string) *resources.Snapshot {
		for _, name := range names {
			snap.Nodes[name].Spec.BGP = &resources.NodeBGPSpec{IPv4Address: "192.0.2.1"}
		}
		return snap
	}
	g := &store.Guard{}
	g.Admit(at(snapshotOf("a:1 b:2 c:3"), "a", "b")) // c never had one
	for _, step := range []struct {
		snap           *resources.Snapshot
		admitted, bare bool
	}{
		{snapshotOf(""), false, false},
		{snapshotOf("a:7 b:8"), false, false},
		{snapshotOf("a:7 b:8 c:9"), false, true},
		{at(snapshotOf("a:7 b:8 c:9"), "a"), false, true},
		{at(snapshotOf("a:7 b:8"), "a", "b"), false, false},
		{at(snapshotOf("a:7 b:8 c:9"), "a", "b"), true, false},
	} {
		if admitted := g.Admit(step.snap); admitted != step.admitted || g.Bare() != step.bare {
			t.Errorf("with %v: admitted %v, bare %v", step.snap.Nodes, admitted, g.Bare())
		}
	}
}

func TestGuardIsTold(t *testing.T) {
	g := &store.Guard{}
	if g.Accept() != nil {
		t.Error("accepted nothing")
	}
	g.Admit(snapshotOf("a:1 b:2"))
	g.Admit(snapshotOf(""))
	latest := snapshotOf("x:1 y:2")
	g.Admit(latest)
	if err, _ := g.Held(); err == nil || !strings.Contains(err.Error(), "all 2 resources are gone at once") {
		t.Errorf("held: %v", err)
	}
	if g.Accept() != latest || g.Accept() != nil {
		t.Error("not the latest was accepted, or twice")
	}
	if err, _ := g.Held(); err != nil {
		t.Errorf("still held: %v", err)
	}
	// It guards what is in force now.
	if g.Admit(snapshotOf("")) || !g.Admit(snapshotOf("x:1 y:2")) {
		t.Error("the accepted state is not guarded")
	}
}

// An entry that is there but can't be read is not gone.
func TestGuardCountsTheBroken(t *testing.T) {
	g := &store.Guard{}
	g.Admit(snapshotOf("a:1 b:2"))
	broken := resources.NewSnapshot()
	broken.Broken = []resources.Broken{{Key: resources.Key{Kind: resources.KindNode, Name: "a"}, Err: errors.New("bad")}}
	if !g.Admit(broken) {
		t.Error("a broken entry counts as gone")
	}
}

func TestTroubles(t *testing.T) { synctest.Test(t, testTroubles) }

func testTroubles(t *testing.T) {
	var s store.Troubles
	if h := s.Health("here"); h != (store.Health{Location: "here"}) {
		t.Errorf("at first: %+v", h)
	}
	first, second := errors.New("first"), errors.New("a second")
	s.Note("one", first)
	since := s.Health("here").Since
	if since.IsZero() || time.Since(since) > time.Minute {
		t.Errorf("since %v", since)
	}
	<-time.After(time.Second) // of the bubble
	s.Note("two", second)
	if h := s.Health("here"); !errors.Is(h.Err, first) || !h.Since.Equal(since) {
		t.Errorf("with two in trouble: %+v", h)
	}
	s.Note("one", second)
	if h := s.Health("here"); !errors.Is(h.Err, second) || !h.Since.Equal(since) {
		t.Errorf("with another error: %+v", h)
	}
	s.Note("one", nil)
	if h := s.Health("here"); !errors.Is(h.Err, second) || !h.Since.After(since) {
		t.Errorf("with one in trouble: %+v", h)
	}
	s.Note("two", nil)
	if h := s.Health("here"); h.Err != nil || !h.Since.IsZero() {
		t.Errorf("with none in trouble: %+v", h)
	}
}
