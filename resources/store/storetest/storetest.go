package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// Patience is how long the suite waits for something a store promises.
const Patience = 20 * time.Second

// Run tests a backend. Open returns a new store that holds nothing; reopen
// closes a store and opens the same datastore again, as the next process would,
// and is nil where that can't be done. Run closes what they return.
func Run(t *testing.T, open func(t *testing.T) store.Store, reopen func(t *testing.T, s store.Store) store.Store) {
	tests := []struct {
		name string
		run  func(t *testing.T, s store.Store)
	}{
		{"create", testCreate},
		{"every kind comes back as it went in", testKinds},
		{"update", testUpdate},
		{"update keeps status", testStatus},
		{"delete", testDelete},
		{"list is sorted", testList},
		{"cancelled context", testCancelled},
		{"callers own what they get", testOwnership},
		{"apply", testApply},
		{"replace", testReplace},
		{"checks", testChecks},
		{"writers lose no update", testWriters},
		{"appliers lose no update", testAppliers},
		{"one creator wins", testCreators},
		{"watch", testWatch},
		{"watch rolls up bursts", testBurst},
		{"watch tells only of changes", testSilence},
		{"watch sees no half of an update", testWhole},
		{"watch ends with its context", testWatchEnds},
		{"two watchers", testTwoWatchers},
		{"watch shows nothing before what it names", testOrder},
		{"thousands of resources", testMany},
		{"health", testHealth},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() { _ = s.Close() })
			test.run(t, s)
		})
	}
	if reopen != nil {
		t.Run("reopen", func(t *testing.T) { testReopen(t, open(t), reopen) })
	}
}

// wait bounds what a test does to a store.
func wait(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// decode reads resources the way a user writes them, and defaults them.
func decode(t *testing.T, text string) []resources.Resource {
	t.Helper()
	docs, err := resources.Decode(strings.NewReader(text))
	if err != nil {
		t.Fatalf("storetest's own resources: %v", err)
	}
	rs := make([]resources.Resource, len(docs))
	for i, d := range docs {
		rs[i] = d.Resource
		rs[i].Default()
		if err := rs[i].Validate(); err != nil {
			t.Fatalf("storetest's own %s: %v", resources.KeyOf(rs[i]), err)
		}
	}
	return rs
}

// peer is a small resource to write often.
func peer(name string) *resources.BGPPeer {
	p := &resources.BGPPeer{Metadata: resources.Metadata{Name: name}}
	p.Spec.PeerIP, p.Spec.ASNumber = "192.0.2.1", 64513
	p.Default()
	return p
}

func peerKey(name string) resources.Key {
	return resources.Key{Kind: resources.KindBGPPeer, Name: name}
}

func mustCreate(t *testing.T, s store.Store, r resources.Resource) resources.Resource {
	t.Helper()
	stored, err := s.Create(wait(t), r)
	if err != nil {
		t.Fatalf("Create(%s): %v", resources.KeyOf(r), err)
	}
	return stored
}

func mustUpdate(t *testing.T, s store.Store, r resources.Resource) resources.Resource {
	t.Helper()
	stored, err := s.Update(wait(t), r)
	if err != nil {
		t.Fatalf("Update(%s): %v", resources.KeyOf(r), err)
	}
	return stored
}

func mustGet(t *testing.T, s store.Store, key resources.Key) resources.Resource {
	t.Helper()
	stored, err := s.Get(wait(t), key)
	if err != nil {
		t.Fatalf("Get(%s): %v", key, err)
	}
	return stored
}

func mustList(t *testing.T, s store.Store, kind resources.Kind) []resources.Resource {
	t.Helper()
	rs, err := s.List(wait(t), kind)
	if err != nil {
		t.Fatalf("List(%s): %v", kind, err)
	}
	return rs
}

// unstored returns r with what only a store gives taken out.
func unstored(r resources.Resource) resources.Resource {
	c := resources.Clone(r)
	m := c.Meta()
	m.UID, m.ResourceVersion, m.CreationTimestamp = "", "", nil
	return c
}

func sameContent(t *testing.T, what string, want, got resources.Resource) {
	t.Helper()
	if d := cmp.Diff(unstored(want), unstored(got)); d != "" {
		t.Errorf("%s: content differs (-want +got):\n%s", what, d)
	}
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func names(rs []resources.Resource) []string {
	out := make([]string, len(rs))
	for i, r := range rs {
		out[i] = r.Meta().Name
	}
	return out
}

// all is every resource of a snapshot by key, written as text.
func all(s *resources.Snapshot) map[string]string {
	out := map[string]string{}
	for r := range s.All() {
		out[resources.KeyOf(r).String()] = r.Meta().ResourceVersion
	}
	for _, b := range s.Broken {
		out[fmt.Sprintf("broken %s", b.Key)] = b.Err.Error()
	}
	return out
}
