package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/fib"
	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/status"
)

// errRecorder is how a recorder fails.
var errRecorder = errors.New("no room in the kernel")

// recorder is a speaker that remembers what it was asked for, and fails as
// often as it is told to.
type recorder struct {
	failures int
	gate     chan struct{} // when there is one, Apply waits for it
	applied  []intent.BGP
}

func (r *recorder) Apply(_ context.Context, want intent.BGP) error {
	r.applied = append(r.applied, want)
	if r.gate != nil {
		<-r.gate
	}
	if r.failures > 0 {
		r.failures--
		return fmt.Errorf("AS %d: %w", want.ASN, errRecorder)
	}
	return nil
}

// snapshotOf is a snapshot with one node that has an address and an AS number.
func snapshotOf(asn resources.ASN) *resources.Snapshot {
	snap := resources.NewSnapshot()
	n := &resources.Node{}
	n.Name = "a"
	n.Spec.BGP = &resources.NodeBGPSpec{ASNumber: &asn, IPv4Address: "192.0.2.1/24"}
	snap.Put(n)
	return snap
}

// follow runs a reconciler inside a synctest bubble.
func follow(t *testing.T, s applier) *reconciler {
	r := newReconciler("a", s, func() fib.Host { return fib.Host{} }, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

func TestReconcilerActsOnTheNewestSnapshotOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &recorder{gate: make(chan struct{})}
		r := follow(t, s)
		r.Wake() // the host is faster than the datastore
		synctest.Wait()
		if len(s.applied) != 0 {
			t.Fatalf("acted without a snapshot: %v", s.applied)
		}
		r.Offer(snapshotOf(65000))
		synctest.Wait() // the speaker is busy with the first
		for asn := range resources.ASN(100) {
			r.Offer(snapshotOf(65000 + asn))
		}
		close(s.gate)
		synctest.Wait()
		if last := s.applied[len(s.applied)-1]; last.ASN != 65099 {
			t.Errorf("the last intent has AS %d, want 65099", last.ASN)
		}
		if len(s.applied) != 2 {
			t.Errorf("a burst of 100 snapshots was acted upon %d times, want once", len(s.applied)-1)
		}
		select {
		case <-r.Applied:
		default:
			t.Error("Applied is not closed after the first snapshot")
		}
	})
}

func TestReconcilerTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &recorder{failures: 3}
		r := follow(t, s)
		start := time.Now()
		r.Offer(snapshotOf(65000))
		synctest.Wait()
		if o := r.outcome.Load(); o == nil || o.err == nil {
			t.Fatalf("the failure is not kept for status: %+v", o)
		}
		<-time.After(time.Minute) // of the bubble
		synctest.Wait()
		if o := r.outcome.Load(); o.err != nil {
			t.Errorf("still failing after %v: %v", time.Since(start), o.err)
		}
		if len(s.applied) != 4 {
			t.Errorf("applied %d times, want 4: one try, three retries, no more after success", len(s.applied))
		}
	})
}

// isRecorder is a predicate for reconciler.fatal.
func isRecorder(err error) bool { return errors.Is(err, errRecorder) }

func TestReconcilerEndsWhenTheFirstApplyIsFatal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReconciler("a", &recorder{failures: 1}, func() fib.Host { return fib.Host{} }, slog.New(slog.DiscardHandler))
		r.fatal = isRecorder
		r.Offer(snapshotOf(65000))
		if err := r.Run(t.Context()); !isRecorder(err) {
			t.Errorf("Run: %v, want %v", err, errRecorder)
		}
		select {
		case <-r.Applied:
			t.Error("Applied is closed, and systemd would hear READY")
		default:
		}
		if o := r.outcome.Load(); o == nil || !isRecorder(o.err) {
			t.Errorf("the outcome for status: %+v", o)
		}
	})
}

func TestReconcilerOutlivesLaterFatalErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &recorder{}
		r := follow(t, s)
		r.fatal = isRecorder // before the first offer, so nobody reads it yet
		r.Offer(snapshotOf(65000))
		synctest.Wait()
		<-r.Applied
		s.failures = 2
		r.Offer(snapshotOf(65001))
		synctest.Wait()
		<-time.After(time.Minute) // of the bubble
		if o := r.outcome.Load(); o.err != nil || o.want.ASN != 65001 || len(s.applied) != 4 {
			t.Errorf("after %d calls: %+v", len(s.applied), o)
		}
	})
}

func TestReconcilerMissesItsNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := follow(t, &recorder{})
		missed := func(snap *resources.Snapshot) bool {
			r.Offer(snap)
			synctest.Wait()
			select {
			case <-r.Missing:
				return true
			default:
				return false
			}
		}
		if missed(snapshotOf(65000)) {
			t.Error("it is there, and was missed")
		}
		if !missed(resources.NewSnapshot()) {
			t.Error("it is gone, and was not missed")
		}
		broken := resources.NewSnapshot()
		broken.Broken = []resources.Broken{{Key: resources.Key{Kind: resources.KindNode, Name: "a"}, Err: errors.New("bad")}}
		if missed(broken) {
			t.Error("it can't be read, and was missed: registering would fail or destroy it")
		}
	})
}

// TestReconcilerFollowsTheLogSeverity: the log follows the resources, unless the
// operator has said what it is to be.
func TestReconcilerFollowsTheLogSeverity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := follow(t, &recorder{})
		severity := func(own string) *resources.Snapshot {
			snap := snapshotOf(64512)
			for name, word := range map[string]string{"default": "Warning", "node.a": own} {
				c := &resources.BGPConfiguration{}
				c.Name, c.Spec.LogSeverityScreen = name, word
				snap.Put(c)
			}
			return snap
		}
		var level slog.LevelVar
		r.Offer(severity("Debug")) // there is no level yet that could follow
		synctest.Wait()
		r.level = &level
		for _, tt := range []struct {
			own  string
			want slog.Level
		}{{"", slog.LevelWarn}, {"debug", slog.LevelDebug}, {"Fatal", slog.LevelError}, {"Info", slog.LevelInfo}, {"Trace", slog.LevelDebug}} {
			r.Offer(severity(tt.own))
			synctest.Wait()
			if level.Level() != tt.want {
				t.Errorf("%q: %v, want %v", tt.own, level.Level(), tt.want)
			}
		}
	})
}

func TestReconcilerLooksAgainWhenTheHostChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &recorder{}
		r := follow(t, s)
		r.Offer(snapshotOf(65000))
		synctest.Wait()
		r.Wake()
		synctest.Wait()
		if len(s.applied) != 2 {
			t.Errorf("applied %d times, want 2", len(s.applied))
		}
	})
}

func TestHostFacts(t *testing.T) {
	p, a := netip.MustParsePrefix, netip.MustParseAddr
	got := hostFacts(fib.Host{
		Interfaces: []fib.Interface{{Index: 2, Name: "eth0", Addrs: []netip.Prefix{p("192.0.2.1/24")}, Ends: []fib.End{{Own: netip.MustParseAddr("10.6.0.1"), Far: p("10.6.0.2/32")}}}},
		Foreign: []fib.Foreign{
			{Dst: p("10.1.0.0/24"), Type: fib.Unicast, Hops: []fib.Hop{{Gateway: a("192.0.2.9"), Link: 2}}, Metric: 7, Protocol: 4},
			{Dst: p("10.2.0.0/24"), Type: fib.Unicast, Hops: []fib.Hop{{Link: 2}}, Protocol: 80},
			{Dst: p("10.3.0.0/24"), Type: fib.Unicast, Protocol: 4}, // nowhere
			{Dst: p("10.4.0.0/24"), Type: fib.Unicast, Hops: []fib.Hop{{Gateway: a("192.0.2.7"), Link: 2}, {Gateway: a("192.0.2.9"), Link: 2}}, Protocol: 4},
			{Dst: p("40.1.0.0/25"), Type: fib.Blackhole, Protocol: 3},
			{Dst: p("40.2.0.0/25"), Type: fib.Unreachable, Metric: 9, Protocol: 3},
			{Dst: p("40.3.0.0/25"), Type: fib.Prohibit, Protocol: 3},
			{Dst: p("192.0.2.0/24"), Type: fib.Unicast, Hops: []fib.Hop{{Link: 2}}, Protocol: 2},
		},
	})
	want := intent.Host{
		Interfaces: []intent.Interface{{Name: "eth0", Addrs: []netip.Prefix{p("192.0.2.1/24")}, Ends: []intent.End{{Own: netip.MustParseAddr("10.6.0.1"), Far: p("10.6.0.2/32")}}}},
		Routes: []intent.Route{
			{Dst: p("10.1.0.0/24"), Gateway: a("192.0.2.9"), Interface: "eth0", Metric: 7},
			{Dst: p("10.2.0.0/24"), Interface: "eth0"},
			{Dst: p("10.4.0.0/24")},
			{Dst: p("40.1.0.0/25")},
			{Dst: p("40.2.0.0/25"), Metric: 9},
			{Dst: p("40.3.0.0/25")},
		},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("hostFacts (-want +got):\n%s", diff)
	}
}

func TestReconcilerHoldsBackAnEmptyDatastore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &recorder{}
		r := follow(t, s)
		full := snapshotOf(65000)
		full.Put(&resources.IPPool{Metadata: resources.Metadata{Name: "pool"}})
		r.Offer(full)
		synctest.Wait()
		tell := reporter{config: Config{Store: well{}}, follow: r, peers: func() []status.Peer { return nil }, routes: func() status.Routes { return status.Routes{} }}
		if d := tell.Report().Datastore; d.Error != "" || !d.Since.IsZero() {
			t.Errorf("status of a good datastore: %+v", d)
		}
		began := time.Now()
		<-time.After(time.Minute) // of the bubble
		r.Offer(resources.NewSnapshot())
		synctest.Wait()
		if len(s.applied) != 1 || len(r.Missing) != 0 {
			t.Errorf("acted upon an empty datastore: %d calls, node missing: %d", len(s.applied), len(r.Missing))
		}
		if d := tell.Report().Datastore; !strings.Contains(d.Error, "all 2 resources are gone at once") || !d.Since.Equal(began.Add(time.Minute)) || !d.Updated.Equal(began) {
			t.Errorf("status: %+v", d)
		}
		r.Accept()
		synctest.Wait()
		if last := s.applied[len(s.applied)-1]; len(s.applied) != 2 || last.Enabled() {
			t.Errorf("by the operator's word: %d calls, %+v", len(s.applied), last)
		}
		if d := tell.Report().Datastore; d.Error != "" || !d.Since.IsZero() {
			t.Errorf("status after the operator's word: %+v", d)
		}
	})
}

// well is a datastore in good health.
type well struct{ store.Store }

func (well) Health() store.Health { return store.Health{Location: "somewhere"} }

// TestRest: a host that changes all the time, and takes time to look at, takes no more
// than a quarter of it.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int32
		r := newReconciler("a", &recorder{}, func() fib.Host {
			looks.Add(1)
			<-time.After(10 * time.Millisecond)
			return fib.Host{}
		}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		r.Offer(resources.NewSnapshot())
		for range 1000 {
			<-time.After(time.Millisecond)
			r.Wake()
		}
		if n := looks.Load(); n < 20 || n > 26 {
			t.Errorf("%d looks of 10 ms each in a second", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
