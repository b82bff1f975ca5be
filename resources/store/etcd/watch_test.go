package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store/etcd"
)

// eyes are a running watch, and what it shows.
type eyes struct {
	*etcd.Store
	snap  atomic.Pointer[resources.Snapshot]
	calls atomic.Int32
}

func watch(t *testing.T, c etcd.Config) *eyes {
	t.Helper()
	w := &eyes{Store: open(t, c)}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- w.Watch(ctx, func(snap *resources.Snapshot) {
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

// shows is a condition: the watch shows these peers, in any version.
func (w *eyes) shows(names ...string) func() error {
	return func() error {
		snap := w.snap.Load()
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

// troubled is a condition: health tells of an error with these words.
func (w *eyes) troubled(words ...string) func() error {
	return func() error {
		h := w.Health()
		if h.Err == nil {
			return fmt.Errorf("health is good")
		}
		if h.Since.IsZero() || time.Since(h.Since) > time.Minute {
			return fmt.Errorf("trouble since %v", h.Since)
		}
		return lab.Contains(h.Err.Error(), words...)
	}
}

func (w *eyes) well() error { return w.Health().Err }

func peerYAML(name string) string { return strings.Replace(p1YAML, "p1", name, 1) }

const limit = 20 * time.Second

func TestWatchOutlivesEtcd(t *testing.T) {
	e := startEtcd(t)
	config := etcd.Config{Endpoints: []string{e.Endpoint}}
	w := watch(t, config)
	apply(t, w, p1YAML)
	lab.Until(t, limit, "p1", w.shows("p1"))

	e.Kill()
	took := lab.Until(t, limit, "trouble", w.troubled("datastore etcd "+e.Endpoint))
	t.Logf("etcd killed: told after %v", took)
	since := w.Health().Since
	lab.Until(t, limit, "the reason", w.troubled("connection refused"))
	if got := w.Health().Since; !got.Equal(since) {
		t.Errorf("in trouble since %v, before it was %v", got, since)
	}
	calls := w.calls.Load()
	if err := w.shows("p1")(); err != nil {
		t.Errorf("the last state is gone: %v", err)
	}

	// The same data: nothing new.
	e.Restart()
	t.Logf("etcd back: good after %v", lab.Until(t, limit, "health", w.well))
	if got := w.calls.Load(); got != calls {
		t.Errorf("%d calls without a change", got-calls)
	}
	apply(t, open(t, config), peerYAML("p2"))
	lab.Until(t, limit, "p2", w.shows("p1", "p2"))

	// Changed and compacted while we could not look: by another etcd on the same
	// data, at a place we don't know.
	e.Kill()
	lab.Until(t, limit, "trouble", w.troubled())
	e.Restart()
	c := raw(t, e)
	apply(t, open(t, config), peerYAML("p3"))
	_, revision := stored(t, c, root+"bgppeers/p3")
	if _, err := c.Compact(within(t), revision); err != nil {
		t.Fatal(err)
	}
	lab.Until(t, limit, "p3", w.shows("p1", "p2", "p3"))
	lab.Until(t, limit, "health", w.well)

	// Empty: that is what is told. Whether to obey is not ours to decide.
	e.Forget()
	lab.Until(t, limit, "trouble", w.troubled())
	e.Restart()
	lab.Until(t, limit, "nothing", w.shows())
	apply(t, open(t, config), peerYAML("p4"))
	lab.Until(t, limit, "p4", w.shows("p4"))
	lab.Until(t, limit, "health", w.well)
}

// A watch that is too slow for what was compacted begins anew.
func TestWatchOfWhatWasCompacted(t *testing.T) {
	e := startEtcd(t)
	w := watch(t, etcd.Config{Endpoints: []string{e.Endpoint}})
	lab.Until(t, limit, "nothing", w.shows())
	c, other := raw(t, e), open(t, etcd.Config{Endpoints: []string{e.Endpoint}})
	for n := range 5 {
		apply(t, other, peerYAML("p1"))
		r := apply(t, other, strings.Replace(peerYAML("p1"), "asNumber: 1", fmt.Sprintf("asNumber: %d", n+2), 1))
		_, revision := stored(t, c, root+"bgppeers/p1")
		if _, err := c.Compact(within(t), revision); err != nil {
			t.Fatal(err)
		}
		if err := etcd.FollowFrom(within(t), other, revision-2); !errors.Is(err, rpctypes.ErrCompacted) {
			t.Fatalf("a watch of what was compacted ends with %v", err)
		}
		lab.Until(t, limit, "the latest", func() error {
			if got := w.snap.Load().Peers["p1"]; got == nil || got.ResourceVersion != r.Meta().ResourceVersion {
				return fmt.Errorf("%+v, want version %s", got, r.Meta().ResourceVersion)
			}
			return nil
		})
	}
}

// A node may start before its datastore.
func TestWatchBeforeEtcd(t *testing.T) {
	e := startEtcd(t)
	e.Kill()
	w := watch(t, etcd.Config{Endpoints: []string{e.Endpoint}, Timeout: 300 * time.Millisecond})
	lab.Until(t, limit, "trouble", w.troubled("connection refused"))
	e.Restart()
	lab.Until(t, limit, "nothing", w.shows())
	lab.Until(t, limit, "health", w.well)
}

// An etcd that hangs is told of, and caught up with when it goes on.
func TestWatchOfAnEtcdThatHangs(t *testing.T) {
	e := startEtcd(t)
	w := watch(t, etcd.Config{Endpoints: []string{e.Endpoint}})
	apply(t, w, p1YAML)
	lab.Until(t, limit, "p1", w.shows("p1"))
	e.Pause()
	t.Logf("etcd hangs: told after %v", lab.Until(t, limit, "trouble", w.troubled()))
	e.Continue()
	apply(t, open(t, etcd.Config{Endpoints: []string{e.Endpoint}}), peerYAML("p2"))
	t.Logf("etcd goes on: caught up after %v", lab.Until(t, limit, "p2", w.shows("p1", "p2")))
	lab.Until(t, limit, "health", w.well)
}

// A member that dies is left for another one.
func TestWatchWithADeadEndpoint(t *testing.T) {
	e := startEtcd(t)
	w := watch(t, etcd.Config{Endpoints: []string{"http://127.0.0.1:" + lab.FreePort(t), e.Endpoint}})
	apply(t, w, p1YAML)
	lab.Until(t, limit, "p1", w.shows("p1"))
	if err := w.well(); err != nil {
		t.Error(err)
	}
}
