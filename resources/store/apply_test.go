package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/dir"
)

// What Apply, Create and Replace do on a real store is in storetest. Here is
// how they give up.

// A busy store has always been changed by somebody else.
type busy struct {
	store.Store
	tries int
}

func (b *busy) Update(_ context.Context, r resources.Resource) (resources.Resource, error) {
	b.tries++
	return nil, store.Fail(store.ErrConflict, resources.KeyOf(r))
}

func TestApplyGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, p := busyStore(t)
		begin := time.Now()
		_, err := store.Apply(t.Context(), b, p)
		if want := "failed to update the resource: update conflict: Node(a)"; !errors.Is(err, store.ErrConflict) || err.Error() != want {
			t.Errorf("Apply on a busy store: %v, want %s", err, want)
		}
		if b.tries != 8 {
			t.Errorf("Apply tried %d times, want 8", b.tries)
		}
		if took := time.Since(begin); took < 300*time.Millisecond || took > time.Second {
			t.Errorf("Apply tried for %v, want about 600 ms", took)
		}
	})
}

func TestApplyIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, p := busyStore(t)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := store.Apply(ctx, b, p)
		if !errors.Is(err, store.ErrConflict) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Apply whose time is up: %v, want the conflict and the deadline", err)
		}
		if b.tries > 4 {
			t.Errorf("Apply tried %d times within its time", b.tries)
		}
	})
}

func busyStore(t *testing.T) (*busy, resources.Resource) {
	t.Helper()
	s, err := dir.Open(filepath.Join(t.TempDir(), "calctl"))
	if err != nil {
		t.Fatal(err)
	}
	n := &resources.Node{Metadata: resources.Metadata{Name: "a"}}
	if _, err := store.Apply(t.Context(), s, n); err != nil {
		t.Fatal(err)
	}
	n.Labels = map[string]string{"rack": "1"}
	return &busy{Store: s}, n
}
