package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/dir"
)

var lockTime = time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC)

func lockable(t *testing.T) store.Store {
	t.Helper()
	s, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func somePeer(name string) *resources.BGPPeer {
	p := &resources.BGPPeer{Metadata: resources.Metadata{Name: name}}
	p.Spec.PeerIP, p.Spec.ASNumber = "192.0.2.1", 64513
	return p
}

func mustLock(t *testing.T, s store.Store, l resources.Lock) {
	t.Helper()
	if err := store.SetLock(t.Context(), s, l); err != nil {
		t.Fatal(err)
	}
	if got, err := store.LockOf(t.Context(), s); err != nil || got != l {
		t.Fatalf("the lock is %+v, %v; want %+v", got, err, l)
	}
}

func TestLockedDatastoreIsNotWritten(t *testing.T) {
	s := lockable(t)
	if _, err := store.Create(t.Context(), s, somePeer("one")); err != nil {
		t.Fatal(err)
	}
	mustLock(t, s, resources.Lock{Locked: true, Since: lockTime})
	mustLock(t, s, resources.Lock{Locked: true, Since: lockTime, Importing: true})
	for what, write := range map[string]func() error{
		"Create":  func() error { _, err := store.Create(t.Context(), s, somePeer("two")); return err },
		"Apply":   func() error { _, err := store.Apply(t.Context(), s, somePeer("two")); return err },
		"Replace": func() error { _, err := store.Replace(t.Context(), s, somePeer("one")); return err },
		"Delete": func() error {
			_, err := store.NewBatch(s).Delete(t.Context(), resources.KeyOf(somePeer("one")), "")
			return err
		},
	} {
		if err := write(); !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "since 2026-11-26T04:00:00Z and an import has not ended: 'calctl datastore migrate unlock'") {
			t.Errorf("%s in a locked datastore: %v", what, err)
		}
	}
	m := store.NewMigration(s)
	defer m.Close()
	if _, err := m.Apply(t.Context(), somePeer("two")); err != nil {
		t.Errorf("a migration in a locked datastore: %v", err)
	}
	m.Close()
	mustLock(t, s, resources.Lock{})
	if _, err := store.Apply(t.Context(), s, somePeer("three")); err != nil {
		t.Errorf("after unlocking: %v", err)
	}
}

// lockedUnderway is a datastore that somebody locks between a Batch's first look
// and the moment it has the datastore to itself.
type lockedUnderway struct{ store.Locker }

func (s lockedUnderway) Lock(ctx context.Context) (store.Store, func(), error) {
	if err := store.SetLock(ctx, s.Locker, resources.Lock{Locked: true}); err != nil {
		return nil, nil, err
	}
	return s.Locker.Lock(ctx)
}

func TestLockedUnderway(t *testing.T) {
	s := lockedUnderway{lockable(t).(store.Locker)}
	if _, err := store.Apply(t.Context(), s, somePeer("one")); !errors.Is(err, store.ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
}

// What Calico keeps in a ClusterInformation stays.
func TestLockKeepsTheRest(t *testing.T) {
	s := lockable(t)
	info := &resources.ClusterInformation{Metadata: resources.Metadata{Name: "default", Annotations: map[string]string{"a": "b"}}}
	info.Spec.ClusterGUID, info.Spec.CalicoVersion = "0123", "v3.32.1"
	info.Default()
	if _, err := s.Create(t.Context(), info); err != nil {
		t.Fatal(err)
	}
	mustLock(t, s, resources.Lock{Locked: true, Since: lockTime})
	mustLock(t, s, resources.Lock{})
	r, err := s.Get(t.Context(), resources.KeyOf(info))
	if err != nil {
		t.Fatal(err)
	}
	got := r.(*resources.ClusterInformation)
	if got.Spec.ClusterGUID != "0123" || got.Spec.CalicoVersion != "v3.32.1" || len(got.Annotations) != 1 || got.Spec.DatastoreReady == nil || !*got.Spec.DatastoreReady {
		t.Errorf("after locking and unlocking: %+v", got)
	}
}

func TestGuardOfALockedDatastore(t *testing.T) {
	for _, test := range []struct {
		name  string
		snaps string // those in brackets are held back; L: locked, I: half of an import
	}{
		{"locked and unlocked", "a:1 b:2 | [L a:1 b:2] | [L a:1 b:2 c:3] | a:1 b:2 c:3"},
		{"one of a few", "a:1 b:2 c:3 | [L b:2 c:3] | b:2 c:3"},
		{"started on a locked one", "L a:1 b:2 | [L a:1] | a:1"},
		{"started on half of an import", "[I a:1] | [I a:1 b:2] | L a:1 b:2 | [L a:1] | a:1"},
		{"emptied while locked", "a:1 b:2 | [L] | []"},
		{"emptied, then locked, then there again", "a:1 b:2 | [] | [L] | [L a:1 b:2] | a:1 b:2"},
		{"nothing there to begin with", " | [I a:1] | a:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := &store.Guard{}
			for i, text := range strings.Split(test.snaps, "|") {
				inside, held := strings.CutPrefix(strings.TrimSpace(text), "[")
				words := strings.Fields(strings.TrimSuffix(inside, "]"))
				var lock resources.Lock
				if len(words) > 0 && (words[0] == "L" || words[0] == "I") {
					lock = resources.Lock{Locked: true, Since: lockTime, Importing: words[0] == "I"}
					words = words[1:]
				}
				snap := snapshotOf(strings.Join(words, " "))
				if lock.Locked || i%2 == 0 {
					info := &resources.ClusterInformation{Metadata: resources.Metadata{Name: "default"}}
					info.SetLock(lock)
					snap.Put(info)
				}
				if got := g.Admit(snap); got == held {
					t.Fatalf("snapshot %d (%s) is admitted: %v", i, text, got)
				}
				err, since := g.Held()
				if told := held || lock.Locked; (err != nil) != told || since.IsZero() == told {
					t.Errorf("after snapshot %d (%s): %v, since %v", i, text, err, since)
				}
			}
		})
	}
}
