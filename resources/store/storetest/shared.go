package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// What package store does on top of a backend is tested with the backend: that
// is where it runs.

func testApply(t *testing.T, s store.Store) {
	p := peer("p1")
	created, err := store.Apply(wait(t), s, p)
	if err != nil {
		t.Fatalf("Apply of something new: %v", err)
	}
	same(t, "the version of the caller's own", "", p.ResourceVersion)
	p.Labels = map[string]string{"a": "1"}
	updated, err := store.Apply(wait(t), s, p)
	if err != nil {
		t.Fatalf("Apply of something stored: %v", err)
	}
	sameContent(t, "applied", p, updated)
	same(t, "uid", created.Meta().UID, updated.Meta().UID)
	again, err := store.Apply(wait(t), s, p)
	if err != nil {
		t.Fatalf("Apply again: %v", err)
	}
	same(t, "applied again", updated, again)

	p.Labels, p.ResourceVersion = map[string]string{"a": "2"}, created.Meta().ResourceVersion
	wantError(t, "Apply with an old version", second(store.Apply(wait(t), s, p)), store.ErrConflict, "update conflict: BGPPeer(p1)")
	same(t, "the version of the caller's own", created.Meta().ResourceVersion, p.ResourceVersion)
	p.ResourceVersion = updated.Meta().ResourceVersion
	if _, err := store.Apply(wait(t), s, p); err != nil {
		t.Errorf("Apply with the stored version: %v", err)
	}

	// A file exported elsewhere carries a version that means nothing here.
	foreign := peer("p2")
	foreign.ResourceVersion = "4711"
	if _, err := store.Apply(wait(t), s, foreign); err != nil {
		t.Errorf("Apply of something new with a version: %v", err)
	}

	bad := peer("p3")
	bad.Spec.PeerIP = "bad"
	var invalid resources.Invalid
	if _, err := store.Apply(wait(t), s, bad); !errors.As(err, &invalid) {
		t.Errorf("Apply of something invalid: %v, want a resources.Invalid", err)
	}
	wantError(t, "Get of something invalid", second(s.Get(wait(t), peerKey("p3"))), store.ErrNotFound, "")

	testRetry(t, s)
}

// testRetry changes the resource under Apply's feet.
func testRetry(t *testing.T, s store.Store) {
	meddled := 0
	m := meddler{s, func() {
		if meddled++; meddled <= 2 {
			p := peer("p1")
			p.Annotations = map[string]string{"meddled": string(rune('0' + meddled))}
			mustUpdate(t, s, p)
		}
	}}
	p := peer("p1")
	p.Labels = map[string]string{"a": "3"}
	stored, err := store.Apply(wait(t), m, p)
	if err != nil {
		t.Fatalf("Apply against a meddler: %v", err)
	}
	sameContent(t, "applied against a meddler", p, stored)
	same(t, "number of tries", 3, meddled)

	meddled = 0
	p.ResourceVersion = stored.Meta().ResourceVersion
	p.Labels = nil
	wantError(t, "Apply with a version against a meddler", second(store.Apply(wait(t), m, p)), store.ErrConflict, "update conflict: BGPPeer(p1)")
	same(t, "number of tries with a version", 1, meddled)
}

// A meddler writes between a Get and the Update that follows.
type meddler struct {
	store.Store
	meddle func()
}

func (m meddler) Update(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	m.meddle()
	return m.Store.Update(ctx, r)
}

func testReplace(t *testing.T, s store.Store) {
	wantError(t, "Replace of nothing", second(store.Replace(wait(t), s, peer("p1"))), store.ErrNotFound, "resource does not exist: BGPPeer(p1)")
	created, err := store.Create(wait(t), s, peer("p1"))
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, "Create again", second(store.Create(wait(t), s, peer("p1"))), store.ErrExists, "resource already exists: BGPPeer(p1)")
	p := peer("p1")
	p.Spec.ASNumber = 65000
	replaced, err := store.Replace(wait(t), s, p)
	if err != nil {
		t.Fatal(err)
	}
	sameContent(t, "replaced", p, replaced)
	p.ResourceVersion = created.Meta().ResourceVersion
	wantError(t, "Replace with an old version", second(store.Replace(wait(t), s, p)), store.ErrConflict, "update conflict: BGPPeer(p1)")

	p = peer("p2")
	p.ResourceVersion = "5"
	var invalid resources.Invalid
	if _, err := store.Create(wait(t), s, p); !errors.As(err, &invalid) {
		t.Errorf("Create with a version: %v, want a resources.Invalid", err)
	} else {
		same(t, "the words", "error with field metadata.resourceVersion = '5' (field must not be set for a Create request)", err.Error())
	}
}

func wantError(t *testing.T, what string, err, want error, words string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	} else if words != "" && err.Error() != words {
		t.Errorf("%s says %q, want %q", what, err, words)
	}
}

func testChecks(t *testing.T, s store.Store) {
	pool := func(name, cidr string, blockSize int) resources.Resource {
		p := &resources.IPPool{Metadata: resources.Metadata{Name: name}}
		p.Spec.CIDR, p.Spec.BlockSize = cidr, blockSize
		return p
	}
	filtered := func(filters ...string) resources.Resource {
		p := peer("filtered")
		p.Spec.Filters = filters
		return p
	}
	filter := &resources.BGPFilter{Metadata: resources.Metadata{Name: "f1"}}
	for _, step := range []struct {
		what  string
		apply resources.Resource
		want  string // "" when it must be stored
	}{
		{"a pool", pool("pool1", "10.10.0.0/16", 0), ""},
		{"the same pool", pool("pool1", "10.10.0.0/16", 0), ""},
		{"a pool beside it", pool("pool3", "10.11.0.0/16", 0), ""},
		{"a pool inside it", pool("pool2", "10.10.1.0/24", 0),
			"error with field spec.cidr = '10.10.1.0/24' (IPPool(pool2) CIDR overlaps with IPPool(pool1) CIDR 10.10.0.0/16)"},
		{"a pool around it", pool("pool2", "10.10.0.0/15", 0),
			"error with the following fields:\n" +
				"-  spec.cidr = '10.10.0.0/15' (IPPool(pool2) CIDR overlaps with IPPool(pool1) CIDR 10.10.0.0/16)\n" +
				"-  spec.cidr = '10.10.0.0/15' (IPPool(pool2) CIDR overlaps with IPPool(pool3) CIDR 10.11.0.0/16)\n"},
		{"a pool of the other family", pool("pool6", "2001:db8::/64", 0), ""},
		{"another CIDR", pool("pool1", "10.12.0.0/16", 0), "IPPool CIDR cannot be modified"},
		{"another block size", pool("pool1", "10.10.0.0/16", 28), "IPPool BlockSize cannot be modified"},
		{"a peer with a filter that is not there", filtered("f1"), "error with field spec.filters = '[f1]' (BGPFilter(s) not found)"},
		{"the filter", filter, ""},
		{"a peer with that filter", filtered("f1"), ""},
		{"a peer with two more", filtered("f1", "f2", "f3"), "error with field spec.filters = '[f2 f3]' (BGPFilter(s) not found)"},
	} {
		_, err := store.Apply(wait(t), s, step.apply)
		switch {
		case step.want == "" && err != nil:
			t.Errorf("%s: %v", step.what, err)
		case step.want != "" && (err == nil || !says(err, step.want)):
			t.Errorf("%s: %v, want %s", step.what, err, step.want)
		}
	}
}

// says tells whether an error has these words, or one bad field a reason
// that begins with them (what comes after is how to mend it).
func says(err error, words string) bool {
	if err.Error() == words {
		return true
	}
	var invalid resources.Invalid
	return errors.As(err, &invalid) && len(invalid) == 1 && strings.HasPrefix(invalid[0].Reason, words)
}
