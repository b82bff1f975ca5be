package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// Eyes are a running Watch, and what it shows. Their conditions are to be waited for.
type Eyes struct {
	store.Store
	snap  atomic.Pointer[resources.Snapshot]
	calls atomic.Int32
}

// Watch runs a Watch of a store until the test ends.
func Watch(t *testing.T, s store.Store) *Eyes {
	t.Helper()
	w := &Eyes{Store: s}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- s.Watch(ctx, func(snap *resources.Snapshot) {
			w.snap.Store(snap)
			w.calls.Add(1)
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Watch: %v", err)
		}
	})
	return w
}

// Snapshot is the last one shown, nil before the first.
func (w *Eyes) Snapshot() *resources.Snapshot { return w.snap.Load() }

// Calls is how many snapshots were shown.
func (w *Eyes) Calls() int { return int(w.calls.Load()) }

// Shows is a condition: the last snapshot has these BGPPeers, in any version, and no others.
func (w *Eyes) Shows(names ...string) func() error {
	return func() error {
		snap := w.Snapshot()
		if snap == nil {
			return fmt.Errorf("nothing is shown; health: %+v", w.Health())
		}
		for _, n := range names {
			if snap.Peers[n] == nil {
				return fmt.Errorf("no %s among %d peers", n, len(snap.Peers))
			}
		}
		if len(snap.Peers) != len(names) {
			return fmt.Errorf("%d peers, want %v", len(snap.Peers), names)
		}
		return nil
	}
}

// Troubled is a condition: health tells of an error with these words.
func (w *Eyes) Troubled(words ...string) func() error {
	return func() error {
		h := w.Health()
		if h.Err == nil {
			return fmt.Errorf("health is good")
		}
		if h.Since.IsZero() || time.Since(h.Since) > time.Minute {
			return fmt.Errorf("trouble since %v", h.Since)
		}
		for _, word := range words {
			if !strings.Contains(h.Err.Error(), word) {
				return fmt.Errorf("no %q in %w", word, h.Err)
			}
		}
		return nil
	}
}

// Well is a condition: the watch can follow its store.
func (w *Eyes) Well() error { return w.Health().Err }
