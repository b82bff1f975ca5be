package fib

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/calctl/calctl/status"
)

// churn has somebody else add and delete many IPv6 routes, until the test ends or stop
// is called.
func churn(t *testing.T, dsts []netip.Prefix, hops []Hop) (stop func()) {
	other := connect(t)
	var over atomic.Bool
	var done sync.WaitGroup
	done.Go(func() {
		errs := make([]error, 500)
		for !over.Load() {
			for _, kind := range []OpKind{Add, Remove} {
				for rest := dsts; len(rest) > 0; rest = rest[min(500, len(rest)):] {
					var ops []Op
					for _, p := range rest[:min(500, len(rest))] {
						ops = append(ops, Op{Kind: kind, Dst: p, Metric: 7, Hops: hops})
					}
					other.apply(ops, make([]uint32, len(ops)), errs[:len(ops)])
				}
			}
		}
	})
	stop = sync.OnceFunc(func() { over.Store(true); done.Wait() })
	t.Cleanup(stop)
	return stop
}

// alternate are the prefixes of a list with even numbers, and those with odd ones.
func alternate(list []netip.Prefix) (even, odd []netip.Prefix) {
	for i, p := range list {
		if i%2 == 0 {
			even = append(even, p)
		} else {
			odd = append(odd, p)
		}
	}
	return even, odd
}

// TestReadWhileItChanges: the kernel leaves IPv6 routes out of what it tells, and tells
// others twice, while somebody changes its table. A scan has all of them.
func TestReadWhileItChanges(t *testing.T) {
	namespace(t)
	pair(t)
	look, mine := connect(t), connect(t)
	hops := []Hop{hop("2001:db8::2", linkIndex(t, look, "eth0"))}
	ours, others := alternate(prefixes(20_000, true))
	ops, errs := make([]Op, len(ours)), make([]error, len(ours))
	for i, p := range ours {
		ops[i] = Op{Kind: Add, Dst: p, Metric: metric, Hops: hops}
	}
	mine.Apply(ops, errs)
	churn(t, others, hops)
	missed := 0
	for range 8 {
		found := map[netip.Prefix]bool{}
		if err := look.Scan(func(ev *Event) {
			if ev.Kind == RouteEvent && ev.Route.Metric == metric {
				found[ev.Route.Dst] = true
			}
		}); err != nil {
			t.Fatal(err)
		}
		missed += len(ours) - len(found)
	}
	if missed > 0 {
		t.Errorf("%d routes were left out", missed)
	}
}

// TestToldTwice: a route that a scan is told twice is one route.
func TestToldTwice(t *testing.T) {
	namespace(t)
	pair(t)
	look, witness := connect(t), connect(t)
	k := &stuttering{Netlink: connect(t)}
	s, stop := start(t, k)
	batch := want("10.1.0.0/24 192.0.2.2", "2001:db8:1::/48 2001:db8::2", "2001:db8:2::/48 2001:db8::2 2001:db8::3")
	s.Want(batch)
	there := []string{"10.1.0.0/24 via 192.0.2.2%eth0", "2001:db8:1::/48 via 2001:db8::2%eth0", "2001:db8:2::/48 via 2001:db8::2%eth0 via 2001:db8::3%eth0"}
	expect(t, look, there...)
	reports(t, s, status.Routes{Wanted: 3, Installed: 3})
	if err := witness.Changes(func(*Event) {}); err != nil {
		t.Fatal(err)
	}
	ip(t, "addr add 198.51.100.1/24 dev eth0") // and what comes with it
	for range 3 {
		before := k.scans.Load()
		ip(t, "addr add 192.0.2.77/32 dev eth0\n addr del 192.0.2.77/32 dev eth0") // asks for a scan
		wait(t, func() string {
			if k.scans.Load() == before {
				return "no scan"
			}
			return ""
		})
	}
	stop()
	if err := witness.Changes(func(ev *Event) {
		if ev.Kind == RouteEvent && ev.Route.own() {
			t.Errorf("gone %v: %s", ev.Gone, fmt.Sprint(ev.Route))
		}
	}); err != nil {
		t.Fatal(err)
	}
	expect(t, look, there...)
}

// A stuttering kernel tells every route twice.
type stuttering struct {
	*Netlink
	scans atomic.Int64
}

func (k *stuttering) Scan(tell func(*Event)) error {
	defer k.scans.Add(1)
	return k.Netlink.Scan(func(ev *Event) {
		tell(ev)
		if ev.Kind == RouteEvent {
			tell(ev)
		}
	})
}
