package etcd_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources/store/etcd"
	"github.com/calctl/calctl/resources/store/storetest"
)

func watch(t *testing.T, c etcd.Config) *storetest.Eyes {
	t.Helper()
	return storetest.Watch(t, open(t, c))
}

func peerYAML(name string) string { return strings.Replace(p1YAML, "p1", name, 1) }

const limit = 20 * time.Second

func TestWatchOutlivesEtcd(t *testing.T) {
	e := startEtcd(t)
	config := etcd.Config{Endpoints: []string{e.Endpoint}}
	w := watch(t, config)
	apply(t, w, p1YAML)
	lab.Until(t, limit, "p1", w.Shows("p1"))

	e.Kill()
	took := lab.Until(t, limit, "trouble", w.Troubled("datastore etcd "+e.Endpoint))
	t.Logf("etcd killed: told after %v", took)
	since := w.Health().Since
	lab.Until(t, limit, "the reason", w.Troubled("connection refused"))
	if got := w.Health().Since; !got.Equal(since) {
		t.Errorf("in trouble since %v, before it was %v", got, since)
	}
	calls := w.Calls()
	if err := w.Shows("p1")(); err != nil {
		t.Errorf("the last state is gone: %v", err)
	}

	// The same data: nothing new.
	e.Restart()
	t.Logf("etcd back: good after %v", lab.Until(t, limit, "health", w.Well))
	if got := w.Calls(); got != calls {
		t.Errorf("%d calls without a change", got-calls)
	}
	apply(t, open(t, config), peerYAML("p2"))
	lab.Until(t, limit, "p2", w.Shows("p1", "p2"))

	// Changed and compacted while we could not look: by another etcd on the same
	// data, at a place we don't know.
	e.Kill()
	lab.Until(t, limit, "trouble", w.Troubled())
	e.Restart()
	c := raw(t, e)
	apply(t, open(t, config), peerYAML("p3"))
	_, revision := stored(t, c, root+"bgppeers/p3")
	if _, err := c.Compact(within(t), revision); err != nil {
		t.Fatal(err)
	}
	lab.Until(t, limit, "p3", w.Shows("p1", "p2", "p3"))
	lab.Until(t, limit, "health", w.Well)

	// Empty: that is what is told. Whether to obey is not ours to decide.
	e.Forget()
	lab.Until(t, limit, "trouble", w.Troubled())
	e.Restart()
	lab.Until(t, limit, "nothing", w.Shows())
	apply(t, open(t, config), peerYAML("p4"))
	lab.Until(t, limit, "p4", w.Shows("p4"))
	lab.Until(t, limit, "health", w.Well)
}

// A watch that is too slow for what was compacted begins anew.
func TestWatchOfWhatWasCompacted(t *testing.T) {
	e := startEtcd(t)
	w := watch(t, etcd.Config{Endpoints: []string{e.Endpoint}})
	lab.Until(t, limit, "nothing", w.Shows())
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
			if got := w.Snapshot().Peers["p1"]; got == nil || got.ResourceVersion != r.Meta().ResourceVersion {
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
	lab.Until(t, limit, "trouble", w.Troubled("connection refused"))
	e.Restart()
	lab.Until(t, limit, "nothing", w.Shows())
	lab.Until(t, limit, "health", w.Well)
}

// An etcd that hangs is told of, and caught up with when it goes on.
func TestWatchOfAnEtcdThatHangs(t *testing.T) {
	e := startEtcd(t)
	w := watch(t, etcd.Config{Endpoints: []string{e.Endpoint}})
	apply(t, w, p1YAML)
	lab.Until(t, limit, "p1", w.Shows("p1"))
	e.Pause()
	t.Logf("etcd hangs: told after %v", lab.Until(t, limit, "trouble", w.Troubled()))
	e.Continue()
	apply(t, open(t, etcd.Config{Endpoints: []string{e.Endpoint}}), peerYAML("p2"))
	t.Logf("etcd goes on: caught up after %v", lab.Until(t, limit, "p2", w.Shows("p1", "p2")))
	lab.Until(t, limit, "health", w.Well)
}

// A member that dies is left for another one.
func TestWatchWithADeadEndpoint(t *testing.T) {
	e := startEtcd(t)
	w := watch(t, etcd.Config{Endpoints: []string{"http://127.0.0.1:" + lab.FreePort(t), e.Endpoint}})
	apply(t, w, p1YAML)
	lab.Until(t, limit, "p1", w.Shows("p1"))
	if err := w.Well(); err != nil {
		t.Error(err)
	}
}
