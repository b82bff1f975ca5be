package fib

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/calctl/calctl/status"
)

// having is want with a metric.
func having(metric uint32, texts ...string) []Route {
	batch := want(texts...)
	for i := range batch {
		batch[i].Metric = metric
	}
	return batch
}

// metrics waits until the routes of ours are these, with their metrics.
func metrics(t *testing.T, look *Netlink, want ...string) {
	t.Helper()
	slices.Sort(want)
	wait(t, func() string {
		var got []string
		if err := look.Scan(func(ev *Event) {
			if ev.Kind == RouteEvent && !ev.Again && ev.Route.own() {
				got = append(got, fmt.Sprintf("%s %s metric %d", ev.Route.Dst, ev.Route.Hops[0].Gateway, ev.Route.Metric))
			}
		}); err != nil {
			return err.Error()
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return "ours in the kernel:\n  " + strings.Join(got, "\n  ") + "\nwant:\n  " + strings.Join(want, "\n  ")
		}
		return ""
	})
}

// bothFamilies are a destination of each, the next hop to it, and somebody else's.
var bothFamilies = []struct{ name, dst, via, other string }{
	{"IPv4", "10.1.0.0/24", "192.0.2.2", "192.0.2.9"},
	{"IPv6", "2001:db8:1::/48", "2001:db8::2", "2001:db8::9"},
}

// TestMetrics: a route has the metric it is wanted with; IPv6 has 1024 for 0.
func TestMetrics(t *testing.T) {
	look, s, _ := runs(t)
	four, six := "10.1.0.0/24 192.0.2.2", "2001:db8:1::/48 2001:db8::2"
	for _, m := range []uint32{1024, 2147483547, 0, 4294967295, 1, 0, 1024, 0} {
		s.Want(having(m, four, six))
		in6 := m
		if m == 0 {
			in6 = 1024
		}
		metrics(t, look, fmt.Sprintf("%s metric %d", four, m), fmt.Sprintf("%s metric %d", six, in6))
		reports(t, s, status.Routes{Wanted: 2, Installed: 2})
	}
	s.Want(want("10.1.0.0/24", "2001:db8:1::/48"))
	metrics(t, look)
}

// TestMetricWithoutGap: while routes get other metrics, and other next hops as well,
// there is at no time a destination without one.
func TestMetricWithoutGap(t *testing.T) {
	look, s, _ := runs(t)
	list, list6 := prefixes(turnFrom, false), prefixes(turnFrom, true)
	all := func(m uint32, via, via6 string) []Route {
		batch := append(through(list, via), through(list6, via6)...)
		for i := range batch {
			batch[i].Metric = m
		}
		return batch
	}
	s.Want(all(1024, "192.0.2.2", "2001:db8::2"))
	reports(t, s, status.Routes{Wanted: 2 * turnFrom, Installed: 2 * turnFrom})
	witness := connect(t)
	there := map[string]int{}
	if err := look.Scan(func(ev *Event) {
		if ev.Kind == RouteEvent && !ev.Again && ev.Route.own() {
			there[ev.Route.Dst.String()]++
		}
	}); err != nil {
		t.Fatal(err)
	}
	for i, v := range []struct {
		metric    uint32
		via, via6 string
	}{{2147483547, "192.0.2.2", "2001:db8::2"}, {7, "192.0.2.3", "2001:db8::3"}, {0, "192.0.2.3", "2001:db8::3"}, {2147483547, "192.0.2.2", "2001:db8::2"}} {
		s.Want(all(v.metric, v.via, v.via6))
		var changed, gone int
		wait(t, func() string {
			if err := witness.Changes(func(ev *Event) {
				if ev.Kind != RouteEvent || !ev.Route.own() || ev.Replaced {
					return
				}
				if changed++; ev.Gone {
					there[ev.Route.Dst.String()]--
				} else {
					there[ev.Route.Dst.String()]++
				}
				if there[ev.Route.Dst.String()] == 0 {
					gone++
				}
			}); err != nil {
				t.Fatal(err)
			}
			for dst, n := range there {
				if n != 1 {
					return fmt.Sprintf("%d routes to %s", n, dst)
				}
			}
			if changed < 4*turnFrom {
				return fmt.Sprintf("step %d: %d changes", i, changed)
			}
			return ""
		})
		if gone > 0 {
			t.Errorf("step %d: %d times there was no route", i, gone)
		}
	}
}

// TestEarlierMetric: routes of a version that gave all of them metric 32 are
// replaced without a gap, and what nobody wants goes at the end of the start.
func TestEarlierMetric(t *testing.T) {
	look, s, _ := runs(t, `route add 10.1.0.0/24 via 192.0.2.2 metric 32 proto 179
		route add 10.2.0.0/24 via 192.0.2.2 metric 32 proto 179
		route add 10.2.0.0/24 via 192.0.2.3 metric 1024 proto 179
		route add 10.3.0.0/24 via 192.0.2.2 metric 7 proto 179
		route add 10.3.0.0/24 via 192.0.2.2 metric 1024 proto 179
		-6 route add 2001:db8:1::/48 via 2001:db8::2 metric 32 proto 179`)
	if r := s.Status(); r.Stale != 4 {
		t.Errorf("%d routes of an earlier run, want 4", r.Stale)
	}
	s.Want(having(1024, "10.1.0.0/24 192.0.2.2", "10.2.0.0/24 192.0.2.2", "2001:db8:1::/48 2001:db8::2"))
	ours := []string{"10.1.0.0/24 192.0.2.2 metric 1024", "10.2.0.0/24 192.0.2.2 metric 1024", "2001:db8:1::/48 2001:db8::2 metric 1024"}
	metrics(t, look, append(slices.Clone(ours), "10.3.0.0/24 192.0.2.2 metric 7", "10.3.0.0/24 192.0.2.2 metric 1024")...)
	s.Settled()
	metrics(t, look, ours...)
}

// TestStrays: routes with our protocol that somebody puts beside ours go, and ours stay
// as they are.
func TestStrays(t *testing.T) {
	for _, v := range bothFamilies {
		t.Run(v.name, func(t *testing.T) {
			look, s, _ := runs(t)
			s.Settled()
			s.Want(having(1024, v.dst+" "+v.via))
			ours := v.dst + " " + v.via + " metric 1024"
			metrics(t, look, ours)
			for _, m := range []string{"7", "2000", "1", "4294967294"} {
				ip(t, "route add "+v.dst+" via "+v.other+" proto 179 metric "+m)
				metrics(t, look, ours)
			}
			// One at the metric that ours is to get next.
			ip(t, "route add "+v.dst+" via "+v.other+" proto 179 metric 2000\n route add "+v.dst+" via "+v.other+" proto 179 metric 2001")
			s.Want(having(2000, v.dst+" "+v.via))
			metrics(t, look, v.dst+" "+v.via+" metric 2000")
			s.Want(want(v.dst))
			metrics(t, look)
			ip(t, "route add "+v.dst+" via "+v.other+" proto 179 metric 7\n route add "+v.dst+" via "+v.other+" proto 179 metric 8")
			metrics(t, look)
		})
	}
}

// TestMetricTaken: where the metric a route is to get next is someone else's, theirs
// stays, and ours stands behind it, so that there is no gap when theirs goes.
func TestMetricTaken(t *testing.T) {
	look, s, _ := runs(t)
	s.Want(having(1024, "10.1.0.0/24 192.0.2.2"))
	metrics(t, look, "10.1.0.0/24 192.0.2.2 metric 1024")
	ip(t, "route add 10.1.0.0/24 via 192.0.2.9 proto static")
	foreign := "10.1.0.0/24 via 192.0.2.9%eth0 by static"
	s.Want(having(0, "10.1.0.0/24 192.0.2.2"))
	failures(t, s, "10.1.0.0/24: another route with metric 0 is there, made by static")
	metrics(t, look, "10.1.0.0/24 192.0.2.2 metric 1")
	expect(t, look, foreign, "10.1.0.0/24 via 192.0.2.2%eth0")
	// That is someone else's too.
	ip(t, "route add 10.1.0.0/24 via 192.0.2.9 proto static metric 1024")
	s.Want(having(1024, "10.1.0.0/24 192.0.2.2"))
	metrics(t, look, "10.1.0.0/24 192.0.2.2 metric 1025")
	ip(t, "route replace 10.1.0.0/24 via 192.0.2.9 proto static metric 1025")
	expect(t, look, foreign, foreign, foreign)
	ip(t, "route del 10.1.0.0/24 metric 1025")
	metrics(t, look, "10.1.0.0/24 192.0.2.2 metric 1025")
	ip(t, "route del 10.1.0.0/24 metric 1024")
	metrics(t, look, "10.1.0.0/24 192.0.2.2 metric 1024")
	s.Want(having(0, "10.1.0.0/24 192.0.2.2"))
	metrics(t, look, "10.1.0.0/24 192.0.2.2 metric 1")
	ip(t, "route del 10.1.0.0/24 metric 0 proto static")
	metrics(t, look, "10.1.0.0/24 192.0.2.2 metric 0")
	// No metric is behind the highest.
	ip(t, "route add 10.1.0.0/24 via 192.0.2.9 proto static metric 4294967295")
	s.Want(having(4294967295, "10.1.0.0/24 192.0.2.2"))
	expect(t, look, foreign)
	ip(t, "route del 10.1.0.0/24 metric 4294967295")
	metrics(t, look, "10.1.0.0/24 192.0.2.2 metric 4294967295")
	expect(t, look, "10.1.0.0/24 via 192.0.2.2%eth0")
}

// TestAnyMetricIsDeleted: in IPv4 the kernel takes metric 0 for any when it deletes a
// route. Ours with metric 0 goes by another hand when it is about to by ours, and the
// one that takes its place is back.
func TestAnyMetricIsDeleted(t *testing.T) {
	namespace(t)
	pair(t)
	look := connect(t)
	k := &intruded{Netlink: connect(t)}
	s, _ := start(t, k)
	s.Want(having(0, "10.1.0.0/24 192.0.2.2"))
	metrics(t, look, "10.1.0.0/24 192.0.2.2 metric 0")
	other := connect(t)
	k.before.Store(func(op Op) {
		if op.Kind == Remove {
			errs := make([]error, 1)
			other.Apply([]Op{{Kind: Remove, Dst: op.Dst}}, errs)
		}
	})
	s.Want(having(1024, "10.1.0.0/24 192.0.2.2"))
	metrics(t, look, "10.1.0.0/24 192.0.2.2 metric 1024")
	reports(t, s, status.Routes{Wanted: 1, Installed: 1})
	wait(t, func() string {
		if k.removed.Load() == 0 {
			return "nothing was removed"
		}
		return ""
	})
	metrics(t, look, "10.1.0.0/24 192.0.2.2 metric 1024")
}

// An intruded kernel lets somebody act before each operation.
type intruded struct {
	*Netlink
	before  atomic.Value // func(Op)
	removed atomic.Int64
}

func (k *intruded) Apply(ops []Op, errs []error) {
	if act, ok := k.before.Load().(func(Op)); ok {
		for _, op := range ops {
			act(op)
		}
	}
	k.Netlink.Apply(ops, errs)
	for _, op := range ops {
		if op.Kind == Remove {
			k.removed.Add(1)
		}
	}
}
