package fib

import (
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/calctl/calctl/status"
)

// objectLines is what ip(8) says of next-hop objects.
func objectLines(t *testing.T) []string {
	t.Helper()
	b, err := exec.Command("ip", "nexthop").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' })
}

// objectsAre waits until n objects of the protocol are there.
func objectsAre(t *testing.T, n int) {
	t.Helper()
	wait(t, func() string {
		lines := slices.DeleteFunc(objectLines(t), func(l string) bool { return !strings.Contains(l, "proto 179") })
		if len(lines) != n {
			return fmt.Sprintf("want %d next-hop objects:\n%s", n, strings.Join(lines, "\n"))
		}
		return ""
	})
}

func says(t *testing.T, cmd, words string) {
	t.Helper()
	b, err := exec.Command("ip", strings.Fields(cmd)...).CombinedOutput()
	if err != nil || !strings.Contains(string(b), words) {
		t.Errorf("ip %s: %v: %q is not in\n%s", cmd, err, words, b)
	}
}

var (
	fourRoutes = []string{"10.1.0.0/24 192.0.2.2", "10.2.0.0/24 192.0.2.2 192.0.2.3", "2001:db8:1::/48 2001:db8::2", "2001:db8:2::/48 2001:db8::2 2001:db8::3"}
	fourThere  = []string{
		"10.1.0.0/24 via 192.0.2.2%eth0",
		"10.2.0.0/24 via 192.0.2.2%eth0 via 192.0.2.3%eth0",
		"2001:db8:1::/48 via 2001:db8::2%eth0",
		"2001:db8:2::/48 via 2001:db8::2%eth0 via 2001:db8::3%eth0",
	}
)

// TestObjects: what routes name, what ip(8) shows, what comes back, what stays
// and what goes, whatever the kernel tells of objects in routes.
func TestObjects(t *testing.T) {
	for _, compat := range []string{"1", "0"} {
		t.Run("compat "+compat, func(t *testing.T) {
			namespace(t)
			pair(t)
			sysctl(t, "net/ipv4/nexthop_compat_mode", compat)
			// Ids that are taken are skipped, and others' objects left alone.
			ip(t, fmt.Sprintf("nexthop add id %d via 192.0.2.77 dev eth0\n nexthop add id 7 via 192.0.2.9 dev eth0 proto 179\n route add 203.0.113.0/24 nhid 7", objectsFirst+1))
			static := "203.0.113.0/24 via 192.0.2.9%eth0 by boot"
			all := append(slices.Clone(fourThere), static, "10.3.0.0/24 via 192.0.2.9%eth0")
			look := connect(t)
			s, stop := start(t, connect(t))
			s.Want(want(append(fourRoutes, "10.3.0.0/24 203.0.113.1")...))
			expect(t, look, all...)
			objectsAre(t, 10) // three single hops, two groups of two, and number 7
			if compat == "1" {
				says(t, "route show 10.1.0.0/24", " via 192.0.2.2 dev eth0 proto 179 metric 32")
				says(t, "-6 route show 2001:db8:1::/48", " via 2001:db8::2 dev eth0 proto 179 metric 32")
			}
			says(t, "route show 10.1.0.0/24", "nhid 2118")

			for _, cmd := range []string{"route del 10.1.0.0/24", "-6 route del 2001:db8:2::/48", "nexthop flush proto 179 id 1"} {
				_ = exec.Command("ip", strings.Fields(cmd)...).Run()
				expect(t, look, all...)
			}
			// Every single object, parts of groups included.
			for _, line := range objectLines(t) {
				if id := strings.Fields(line)[1]; strings.Contains(line, "proto 179") && id != "7" {
					_ = exec.Command("ip", "nexthop", "del", "id", id).Run() // if the repair of others didn't make it anew
					expect(t, look, all...)
					reports(t, s, status.Routes{Wanted: 5, Installed: 5})
				}
			}
			// Bent by hand.
			for _, line := range objectLines(t) {
				if f := strings.Fields(line); strings.Contains(line, "via 192.0.2.2") && strings.Contains(line, "proto 179") {
					ip(t, "nexthop replace id "+f[1]+" via 192.0.2.66 dev eth0")
					expect(t, look, all...)
				}
			}
			// The next run touches nothing that is right, and deletes what nobody needs.
			stop()
			witness := connect(t)
			s, stop = start(t, connect(t))
			if got := s.Status().Stale; got != 5 {
				t.Errorf("%d routes are stale", got)
			}
			s.Want(want(append(fourRoutes[:3:3], "10.3.0.0/24 203.0.113.1")...))
			s.Settled()
			expect(t, look, append(slices.Clone(fourThere[:3]), static, "10.3.0.0/24 via 192.0.2.9%eth0")...)
			objectsAre(t, 7)
			stop()
			var seen []string
			if err := witness.Changes(func(ev *Event) {
				if ev.Kind == RouteEvent && ev.Route.own() {
					seen = append(seen, fmt.Sprint(ev.Gone, " ", ev.Route.Dst))
				}
			}); err != nil || len(seen) != 1 {
				t.Errorf("the restart changed %v: %v", seen, err)
			}
			says(t, "nexthop", fmt.Sprintf("id %d via 192.0.2.77", objectsFirst+1))
			expect(t, look, append(slices.Clone(fourThere[:3]), static, "10.3.0.0/24 via 192.0.2.9%eth0")...)
		})
	}
}

// TestBothRepresentations: routes that spell out their hops and routes that name
// objects follow each other as runs with and without them do.
func TestBothRepresentations(t *testing.T) {
	namespace(t)
	pair(t)
	look := connect(t)
	plain := connect(t)
	plain.objects = nil
	s, stop := start(t, plain)
	s.Want(want(fourRoutes...))
	expect(t, look, fourThere...)
	objectsAre(t, 0)
	stop()

	s, stop = start(t, connect(t))
	s.Want(want(append(fourRoutes, "10.7.0.0/24 192.0.2.2")...))
	s.Settled()
	expect(t, look, append(slices.Clone(fourThere), "10.7.0.0/24 via 192.0.2.2%eth0")...)
	objectsAre(t, 1) // what was right is as it was
	s.Want(want("10.1.0.0/24 192.0.2.8", "2001:db8:2::/48 2001:db8::8", "2001:db8:1::/48 2001:db8::8 2001:db8::9"))
	s.Want(want("10.2.0.0/24", "10.7.0.0/24"))
	mixed := []string{"10.1.0.0/24 via 192.0.2.8%eth0", "2001:db8:1::/48 via 2001:db8::8%eth0 via 2001:db8::9%eth0", "2001:db8:2::/48 via 2001:db8::8%eth0"}
	expect(t, look, mixed...)
	stop()

	again := connect(t)
	again.objects = nil
	s, _ = start(t, again)
	s.Want(want(fourRoutes...))
	s.Settled()
	expect(t, look, fourThere...)
}

// TestNoCarrier: the kernel takes objects away with the carrier, and their routes,
// without a word. Nothing can be reached there until it is back, and then all is as
// it was.
func TestNoCarrier(t *testing.T) {
	look, s, _ := runs(t)
	s.Want(want(fourRoutes...))
	expect(t, look, fourThere...)
	ip(t, "link set far0 down")
	objectsAre(t, 0)
	var none []string
	for _, r := range fourThere {
		none = append(none, strings.Fields(r)[0]+" is an unreachable route")
	}
	expect(t, look, none...)
	wait(t, func() string { // written is not recorded yet
		st := s.Status()
		if st.NotInstalled != 4 || len(st.Failed) != 4 || st.Failed[0].Reason != "next hop 192.0.2.2 is not reachable: no usable link for the route to 192.0.2.0/24" {
			return fmt.Sprintf("%+v", st)
		}
		return ""
	})
	if s.Reach(addrs("192.0.2.2")[0]).Resolvable {
		t.Error("a next hop on a link without carrier can be reached")
	}
	s.Want(want("10.1.0.0/24 192.0.2.5"))
	ip(t, "link set far0 up")
	fourThere := slices.Clone(fourThere)
	fourThere[0] = "10.1.0.0/24 via 192.0.2.5%eth0"
	expect(t, look, fourThere...)
	reports(t, s, status.Routes{Wanted: 4, Installed: 4})
	says(t, "route show 10.1.0.0/24", "nhid")
	says(t, "-6 route show 2001:db8:2::/48", "nhid")
}

// TestTurn: the way to a next hop changes, and its routes with it, by one operation.
func TestTurn(t *testing.T) {
	namespace(t)
	pair(t)
	ip(t, `route add 203.0.113.0/24 via 192.0.2.9
		route add 100.64.0.0/24 nexthop via 192.0.2.8 nexthop via 192.0.2.9
		route add 2001:db8:77::/48 via 2001:db8::9`)
	look := connect(t)
	k := &counting{Netlink: connect(t)}
	s, _ := start(t, k)
	const n, few = 5000, turnFrom
	v4, v6 := prefixes(n+few, false), prefixes(few, true)
	batch := slices.Concat(through(v4[:n], "203.0.113.1"), through(v4[n:], "100.64.0.1"), through(v6, "2001:db8:77::1"))
	s.Want(append(batch, want("10.2.0.0/24 192.0.2.2")...))
	there := func(single, group, six string) {
		t.Helper()
		reports(t, s, status.Routes{Wanted: n + 2*few + 1, Installed: n + 2*few + 1})
		has(t, look, v4[n].String()+hopsText(group), "16.0.0.0/24"+hopsText(single), v6[few-1].String()+hopsText(six), "10.2.0.0/24 via 192.0.2.2%eth0")
		wait(t, func() string {
			count := 0
			if err := look.Scan(func(ev *Event) {
				if ev.Kind == RouteEvent && !ev.Again && ev.Route.own() && len(ev.Route.Hops) == 1 && ev.Route.Hops[0].Gateway.String() == single {
					count++
				}
			}); err != nil || count < n {
				return fmt.Sprintf("%d routes via %s, want %d: %v", count, single, n, err)
			}
			return ""
		})
	}
	there("192.0.2.9", "192.0.2.8 192.0.2.9", "2001:db8::9")
	before := k.ops.Load()
	ip(t, "route replace 203.0.113.0/24 via 192.0.2.6")
	there("192.0.2.6", "192.0.2.8 192.0.2.9", "2001:db8::9")
	ip(t, "route replace 100.64.0.0/24 nexthop via 192.0.2.5 nexthop via 192.0.2.6 nexthop via 192.0.2.7")
	there("192.0.2.6", "192.0.2.5 192.0.2.6 192.0.2.7", "2001:db8::9")
	ip(t, "route replace 100.64.0.0/24 via 192.0.2.4\n route replace 2001:db8:77::/48 via 2001:db8::4")
	there("192.0.2.6", "192.0.2.4", "2001:db8::4")
	// To where another set's routes are already, which part company again.
	ip(t, "route replace 203.0.113.0/24 via 192.0.2.4")
	there("192.0.2.4", "192.0.2.4", "2001:db8::4")
	if k.turns.Load() == 0 || k.ops.Load() != before {
		t.Errorf("%d turns and %d routes written, want routes turned alone", k.turns.Load(), k.ops.Load()-before)
	}
	ip(t, "route replace 203.0.113.0/24 via 192.0.2.3")
	there("192.0.2.3", "192.0.2.4", "2001:db8::4")
	ip(t, "route replace 203.0.113.0/24 via 192.0.2.2")
	there("192.0.2.2", "192.0.2.4", "2001:db8::4")
}

// counting counts what the Syncer asks of the kernel.
type counting struct {
	*Netlink
	ops, turns atomic.Int64
}

func (k *counting) Apply(ops []Op, errs []error) {
	k.ops.Add(int64(len(ops)))
	k.Netlink.Apply(ops, errs)
}

func (k *counting) Turn(from, to []Hop) error {
	err := k.Netlink.Turn(from, to)
	if err == nil {
		k.turns.Add(1)
	}
	return err
}

// TestTurnRefused: the routes are written one by one then.
func TestTurnRefused(t *testing.T) {
	for _, refused := range []bool{false, true} {
		k := newMapKernel()
		k.put(KernelRoute{Foreign: Foreign{Type: Unicast, Dst: netip.MustParsePrefix("203.0.113.0/24"), Hops: []Hop{hop("192.0.2.9", 2)}}})
		s, _ := start(t, k)
		s.Want(append(through(prefixes(turnFrom, false), "203.0.113.1"), want("10.2.0.0/24 203.0.113.2", "10.3.0.0/24 192.0.2.4")...))
		reports(t, s, status.Routes{Wanted: turnFrom + 2, Installed: turnFrom + 2})
		k.mu.Lock()
		done := k.ops
		k.fail = func(op int) error {
			if refused && op == done+1 {
				return &Refusal{Errno: syscall.ENOENT}
			}
			return nil
		}
		k.mu.Unlock()
		k.someone(KernelRoute{Foreign: Foreign{Type: Unicast, Dst: netip.MustParsePrefix("203.0.113.0/24"), Hops: []Hop{hop("198.51.100.9", 3)}}}, false, true)
		wait(t, func() string {
			if got := k.ours()[place{netip.MustParsePrefix("10.2.0.0/24"), metric}]; got != fmt.Sprint([]Hop{hop("198.51.100.9", 3)}) {
				return got
			}
			return ""
		})
		reports(t, s, status.Routes{Wanted: turnFrom + 2, Installed: turnFrom + 2})
		k.mu.Lock()
		if wrote := k.ops - done; !refused && wrote != 1 || refused && wrote != 1+turnFrom+1 {
			t.Errorf("refused %v: %d operations", refused, wrote)
		}
		k.mu.Unlock()
	}
}
