package storetest

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func testCreate(t *testing.T, s store.Store) {
	if _, err := s.Get(wait(t), peerKey("p1")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of nothing: %v, want ErrNotFound", err)
	} else if want := "resource does not exist: BGPPeer(p1)"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("Get of nothing says %q, want %q", err, want)
	}
	begin := time.Now().Add(-2 * time.Second) // creation times are whole seconds
	p := peer("p1")
	p.UID = "11111111-1111-4111-8111-111111111111"
	long := time.Unix(1, 0)
	p.CreationTimestamp = &long
	stored := mustCreate(t, s, p)
	sameContent(t, "created", p, stored)
	m := stored.Meta()
	if !uuid.MatchString(m.UID) || m.UID == p.UID {
		t.Errorf("uid is %q, want a new UUID", m.UID)
	}
	if m.CreationTimestamp == nil || m.CreationTimestamp.Before(begin) || m.CreationTimestamp.After(time.Now().Add(time.Second)) {
		t.Errorf("creation time is %v, want now", m.CreationTimestamp)
	}
	if m.ResourceVersion == "" {
		t.Error("created without a version")
	}
	same(t, "Get after Create", stored, mustGet(t, s, peerKey("p1")))

	_, err := s.Create(wait(t), peer("p1"))
	if !errors.Is(err, store.ErrExists) || !strings.HasPrefix(err.Error(), "resource already exists: BGPPeer(p1)") {
		t.Errorf("Create of what exists: %v, want ErrExists with its key", err)
	}
	// Same name, another kind: another resource.
	n := &resources.Node{Metadata: resources.Metadata{Name: "p1"}}
	n.Default()
	mustCreate(t, s, n)
}

func testUpdate(t *testing.T, s store.Store) {
	if _, err := s.Update(wait(t), peer("p1")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Update of nothing: %v, want ErrNotFound", err)
	}
	p := peer("p1")
	p.Labels = map[string]string{"rack": "1"}
	p.Annotations = map[string]string{"why": "because"}
	first := mustCreate(t, s, p)

	// With the version that is stored: all of labels, annotations and spec is
	// replaced, nothing is merged.
	next := peer("p1")
	next.ResourceVersion = first.Meta().ResourceVersion
	next.Labels = map[string]string{"room": "2"}
	next.Spec.ASNumber = 64514
	second := mustUpdate(t, s, next)
	sameContent(t, "updated", next, second)
	same(t, "uid after an update", first.Meta().UID, second.Meta().UID)
	same(t, "creation time after an update", first.Meta().CreationTimestamp, second.Meta().CreationTimestamp)
	if second.Meta().ResourceVersion == first.Meta().ResourceVersion {
		t.Errorf("the version is still %s after a change", second.Meta().ResourceVersion)
	}
	same(t, "Get after Update", second, mustGet(t, s, peerKey("p1")))

	// With a version that is not stored any more, or never was.
	for _, version := range []string{first.Meta().ResourceVersion, "abc", "1"} {
		next.ResourceVersion = version
		_, err := s.Update(wait(t), next)
		if !errors.Is(err, store.ErrConflict) || !strings.HasPrefix(err.Error(), "update conflict: BGPPeer(p1)") {
			t.Errorf("Update with version %q: %v, want ErrConflict with its key", version, err)
		}
	}
	same(t, "Get after conflicts", second, mustGet(t, s, peerKey("p1")))

	// Without any: whatever is stored.
	next.ResourceVersion, next.Spec.ASNumber = "", 64515
	third := mustUpdate(t, s, next)
	sameContent(t, "updated without a version", next, third)

	// Without a change.
	again := mustUpdate(t, s, next)
	same(t, "what an update without a change returns", third, again)
}

func testStatus(t *testing.T, s store.Store) {
	n := &resources.Node{Metadata: resources.Metadata{Name: "a"}}
	n.Status.PodCIDRs = []string{"10.0.0.0/24"}
	n.Default()
	mustCreate(t, s, n)
	n.Status.PodCIDRs, n.Labels = nil, map[string]string{"rack": "1"}
	stored := mustUpdate(t, s, n).(*resources.Node)
	same(t, "status after an update without one", []string{"10.0.0.0/24"}, stored.Status.PodCIDRs)
}

func testDelete(t *testing.T, s store.Store) {
	key := peerKey("p1")
	for _, version := range []string{"", "abc"} {
		if _, err := s.Delete(wait(t), key, version); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Delete of nothing with version %q: %v, want ErrNotFound", version, err)
		}
	}
	first := mustCreate(t, s, peer("p1"))
	next := peer("p1")
	next.Labels = map[string]string{"a": "b"}
	second := mustUpdate(t, s, next)
	if _, err := s.Delete(wait(t), key, first.Meta().ResourceVersion); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Delete with an old version: %v, want ErrConflict", err)
	}
	mustGet(t, s, key)
	gone, err := s.Delete(wait(t), key, second.Meta().ResourceVersion)
	if err != nil {
		t.Fatalf("Delete with the stored version: %v", err)
	}
	same(t, "what Delete returns", second, gone)
	if _, err := s.Get(wait(t), key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get after Delete: %v, want ErrNotFound", err)
	}
	reborn := mustCreate(t, s, peer("p1"))
	if reborn.Meta().UID == first.Meta().UID {
		t.Error("a resource created again has the uid of the one before")
	}
	if _, err := s.Delete(wait(t), key, ""); err != nil {
		t.Errorf("Delete without a version: %v", err)
	}
}

func testList(t *testing.T, s store.Store) {
	if got := mustList(t, s, resources.KindBGPPeer); len(got) != 0 {
		t.Errorf("List of nothing: %v", names(got))
	}
	made := []string{"b", "a", "a.b", "a-b", "c10", "c9", "a0"}
	for _, name := range made {
		mustCreate(t, s, peer(name))
	}
	n := &resources.Node{Metadata: resources.Metadata{Name: "node-a"}}
	n.Default()
	mustCreate(t, s, n)
	slices.Sort(made)
	got := mustList(t, s, resources.KindBGPPeer)
	same(t, "names of all peers", made, names(got))
	for _, r := range got {
		same(t, "listed", mustGet(t, s, resources.KeyOf(r)), r)
	}
	same(t, "names of all nodes", []string{"node-a"}, names(mustList(t, s, resources.KindNode)))
}

func testCancelled(t *testing.T, s store.Store) {
	mustCreate(t, s, peer("p1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for what, err := range map[string]error{
		"Get":    second(s.Get(ctx, peerKey("p1"))),
		"List":   second(s.List(ctx, resources.KindBGPPeer)),
		"Create": second(s.Create(ctx, peer("p2"))),
		"Update": second(s.Update(ctx, peer("p1"))),
		"Delete": second(s.Delete(ctx, peerKey("p1"), "")),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s after cancel: %v, want context.Canceled", what, err)
		}
	}
	same(t, "names after cancelled writes", []string{"p1"}, names(mustList(t, s, resources.KindBGPPeer)))
}

func second[T any](_ T, err error) error { return err }

func testOwnership(t *testing.T, s store.Store) {
	p := peer("p1")
	p.Labels = map[string]string{"a": "1"}
	before := resources.Clone(p)
	stored := mustCreate(t, s, p)
	same(t, "the caller's own after Create", before, resources.Resource(p))
	p.Labels["a"] = "2"
	stored.Meta().Labels["a"] = "3"
	got := mustGet(t, s, peerKey("p1"))
	same(t, "stored labels after the caller changed his", map[string]string{"a": "1"}, got.Meta().Labels)

	p.UID, p.Labels = "changed", map[string]string{"a": "4"}
	before = resources.Clone(p)
	mustUpdate(t, s, p)
	same(t, "the caller's own after Update", before, resources.Resource(p))
	got.Meta().Labels["a"] = "5"
	same(t, "stored labels", map[string]string{"a": "4"}, mustGet(t, s, peerKey("p1")).Meta().Labels)
}

func testHealth(t *testing.T, s store.Store) {
	h := s.Health()
	if h.Err != nil || h.Location == "" {
		t.Errorf("health of a good store is %+v, want a location and no error", h)
	}
}

func testReopen(t *testing.T, s store.Store, reopen func(*testing.T, store.Store) store.Store) {
	var want []resources.Resource
	for _, r := range writable(t, s, decode(t, everyKind)) {
		want = append(want, mustCreate(t, s, r))
	}
	s = reopen(t, s)
	t.Cleanup(func() { _ = s.Close() })
	for _, r := range want {
		same(t, "after reopening", r, mustGet(t, s, resources.KeyOf(r)))
	}
	watch(t, s).until("all that was stored before", func(snap *resources.Snapshot) bool {
		return len(all(snap)) == len(want)
	})
}
