package fib

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"github.com/calctl/calctl/status"
)

// These tests are about the real kernel: each has a network namespace with the
// link eth0, 192.0.2.1/24 and 2001:db8::1/64 (see pair).

func TestInstallReplaceWithdraw(t *testing.T) {
	look, s, _ := runs(t)
	s.Want(want("10.1.0.0/24 192.0.2.2", "10.2.0.0/24 192.0.2.2 192.0.2.3", "2001:db8:1::/48 2001:db8::2", "2001:db8:2::/48 2001:db8::2 2001:db8::3"))
	expect(t, look,
		"10.1.0.0/24 via 192.0.2.2%eth0",
		"10.2.0.0/24 via 192.0.2.2%eth0 via 192.0.2.3%eth0",
		"2001:db8:1::/48 via 2001:db8::2%eth0",
		"2001:db8:2::/48 via 2001:db8::2%eth0 via 2001:db8::3%eth0",
	)
	// One hop becomes two, two become one.
	s.Want(want("10.1.0.0/24 192.0.2.4 192.0.2.2", "10.2.0.0/24 192.0.2.3", "2001:db8:1::/48 2001:db8::4 2001:db8::2", "2001:db8:2::/48 2001:db8::3"))
	expect(t, look,
		"10.1.0.0/24 via 192.0.2.2%eth0 via 192.0.2.4%eth0",
		"10.2.0.0/24 via 192.0.2.3%eth0",
		"2001:db8:1::/48 via 2001:db8::2%eth0 via 2001:db8::4%eth0",
		"2001:db8:2::/48 via 2001:db8::3%eth0",
	)
	// All hops become others; routes go.
	s.Want(want("10.1.0.0/24 192.0.2.5 192.0.2.6", "2001:db8:1::/48 2001:db8::5 2001:db8::6"))
	s.Want(want("10.2.0.0/24", "2001:db8:2::/48"))
	expect(t, look,
		"10.1.0.0/24 via 192.0.2.5%eth0 via 192.0.2.6%eth0",
		"2001:db8:1::/48 via 2001:db8::5%eth0 via 2001:db8::6%eth0",
	)
	reports(t, s, status.Routes{Wanted: 2, Installed: 2})
	s.Want(want("10.1.0.0/24", "2001:db8:1::/48"))
	expect(t, look)
	reports(t, s, status.Routes{})
}

func TestDefaultRoutesAndManyHops(t *testing.T) {
	look, s, _ := runs(t)
	many4, many6 := "10.1.0.0/24", "2001:db8:1::/48"
	hops4, hops6 := many4, many6
	for i := 2; i < 22; i++ {
		many4 += fmt.Sprintf(" 192.0.2.%d", i)
		many6 += fmt.Sprintf(" 2001:db8::%x", i)
		if i < 2+MaxHops {
			hops4 += fmt.Sprintf(" via 192.0.2.%d%%eth0", i)
			hops6 += fmt.Sprintf(" via 2001:db8::%x%%eth0", i)
		}
	}
	s.Want(want("0.0.0.0/0 192.0.2.2", "::/0 2001:db8::2", many4, many6))
	expect(t, look, "0.0.0.0/0 via 192.0.2.2%eth0", "::/0 via 2001:db8::2%eth0", hops4, hops6)
}

func TestIPv4ThroughIPv6(t *testing.T) {
	look, s, _ := runs(t)
	s.Want(want("10.1.0.0/24 2001:db8::2", "10.2.0.0/24 192.0.2.2 fe80::9%eth0", "10.3.0.0/24 ::ffff:192.0.2.7", "2001:db8:3::/48 192.0.2.2"))
	expect(t, look,
		"10.1.0.0/24 via 2001:db8::2%eth0",
		"10.2.0.0/24 via 192.0.2.2%eth0 via fe80::9%eth0",
		"10.3.0.0/24 via 192.0.2.7%eth0",
		"2001:db8:3::/48 is an unreachable route",
	)
	failures(t, s, "2001:db8:3::/48: next hop 192.0.2.2 is an IPv4 address: an IPv6 route can't go through it")
}

// reports waits until this is the Syncer's status.
func reports(t *testing.T, s *Syncer, want status.Routes) {
	t.Helper()
	wait(t, func() string { return cmp.Diff(want, s.Status()) })
}

// failures waits until the Syncer says exactly this of routes it can't install.
func failures(t *testing.T, s *Syncer, want ...string) {
	t.Helper()
	wait(t, func() string {
		var got []string
		for _, f := range s.Status().Failed {
			got = append(got, f.Prefix.String()+": "+f.Reason)
		}
		return cmp.Diff(want, got)
	})
}

func TestForeignRoutesAreNotTouched(t *testing.T) {
	for _, v := range bothFamilies {
		t.Run(v.name, func(t *testing.T) {
			look, s, _ := runs(t)
			ours, foreign := v.dst+" via "+v.via+"%eth0", v.dst+" via "+v.other+"%eth0 by static"

			// Another metric: side by side, in either order.
			ip(t, "route add "+v.dst+" via "+v.other+" metric 100 proto static")
			s.Want(want(v.dst + " " + v.via))
			expect(t, look, ours, foreign)
			ip(t, "route replace "+v.dst+" via "+v.other+" metric 7 proto static")
			expect(t, look, ours, foreign, foreign)
			s.Want(want(v.dst))
			expect(t, look, foreign, foreign)
			ip(t, "route del "+v.dst+" metric 100\n route del "+v.dst+" metric 7")

			// The same metric: theirs stays, ours waits behind it.
			ip(t, "route add "+v.dst+" via "+v.other+" metric 32 proto static")
			s.Want(want(v.dst + " " + v.via))
			failures(t, s, v.dst+": another route with metric 32 is there, made by static")
			expect(t, look, foreign, ours)
			ip(t, "route del "+v.dst+" metric 32")
			metrics(t, look, v.dst+" "+v.via+" metric 32")

			// Theirs takes the place of ours: it stays until it goes.
			ip(t, "route replace "+v.dst+" via "+v.other+" metric 32 proto static")
			failures(t, s, v.dst+": another route with metric 32 is there, made by static")
			expect(t, look, foreign, ours)
			s.Want(want(v.dst))
			expect(t, look, foreign)
			s.Want(want(v.dst + " " + v.via))
			s.Settled()
			expect(t, look, foreign, ours)
			ip(t, "route del "+v.dst+" metric 32")
			metrics(t, look, v.dst+" "+v.via+" metric 32")

			// Ours, bent by someone else, is straightened.
			ip(t, "route replace "+v.dst+" via "+v.other+" metric 32 proto 179")
			expect(t, look, ours)
			ip(t, "route replace blackhole "+v.dst+" metric 32 proto 179")
			expect(t, look, ours)
		})
	}
}

// TestUnknownRival: the kernel says that there is a route, and we know of none
// because its event is still on its way.
func TestUnknownRival(t *testing.T) {
	namespace(t)
	pair(t)
	look := connect(t)
	k := connect(t)
	s, err := NewSyncer(k, verbose(t))
	if err != nil {
		t.Fatal(err)
	}
	ip(t, "route add 10.1.0.0/24 via 192.0.2.9 metric 32 proto static")
	if err := k.Changes(func(*Event) {}); err != nil { // lost
		t.Fatal(err)
	}
	s.Want(want("10.1.0.0/24 192.0.2.2"))
	run(t, s)
	failures(t, s, "10.1.0.0/24: another route with metric 32 is there, made by static")
	expect(t, look, "10.1.0.0/24 via 192.0.2.2%eth0", "10.1.0.0/24 via 192.0.2.9%eth0 by static")
	ip(t, "route del 10.1.0.0/24 proto static")
	metrics(t, look, "10.1.0.0/24 192.0.2.2 metric 32")
}

func TestDeletedRouteComesBack(t *testing.T) {
	look, s, _ := runs(t)
	all := []string{
		"10.1.0.0/24 via 192.0.2.2%eth0",
		"10.2.0.0/24 via 192.0.2.2%eth0 via 192.0.2.3%eth0",
		"2001:db8:1::/48 via 2001:db8::2%eth0",
		"2001:db8:2::/48 via 2001:db8::2%eth0 via 2001:db8::3%eth0",
	}
	s.Want(want("10.1.0.0/24 192.0.2.2", "10.2.0.0/24 192.0.2.2 192.0.2.3", "2001:db8:1::/48 2001:db8::2", "2001:db8:2::/48 2001:db8::2 2001:db8::3"))
	expect(t, look, all...)
	for _, cmd := range []string{
		"route del 10.1.0.0/24",
		"route del 10.2.0.0/24",
		"-6 route del 2001:db8:1::/48",
		"-6 route del 2001:db8:2::/48",
		"-6 route del 2001:db8:2::/48 via 2001:db8::3", // one hop of two
		"nexthop flush proto 179",                      // and with the objects all their routes
	} {
		ip(t, cmd)
		took := expect(t, look, all...)
		t.Logf("%s: back %v after the command ended", cmd, took)
	}
	// From the deletion itself, without the time ip(8) takes to start and end;
	// of one route each, as more in a second would be a fight.
	other, dsts := connect(t), prefixes(51, false)
	var more []Route
	for _, dst := range dsts {
		more = append(more, Route{Dst: dst, Via: addrs("192.0.2.2"), Metric: metric})
		all = append(all, dst.String()+" via 192.0.2.2%eth0")
	}
	s.Want(more)
	expect(t, look, all...)
	var times []time.Duration
	for _, dst := range dsts {
		errs := make([]error, 1)
		started := time.Now()
		other.Apply([]Op{{Kind: Remove, Dst: dst, Metric: metric}}, errs)
		if errs[0] != nil {
			t.Fatal(errs[0])
		}
		expect(t, look, all...)
		times = append(times, time.Since(started))
	}
	slices.Sort(times)
	t.Logf("of 51 deletions half were repaired within %v, all within %v", times[25], times[50])
	// All namespaces share one lock in the kernel: a single one may have to
	// wait until a big one elsewhere is torn down.
	if times[45] > 200*time.Millisecond {
		t.Errorf("repaired after %v, want less than 200ms", times[45:])
	}
	// Hops that someone adds don't stay.
	ip(t, "-6 route append 2001:db8:1::/48 via 2001:db8::7 metric 32 proto 179")
	expect(t, look, all...)
}

func TestLinkFlap(t *testing.T) {
	look, s, _ := runs(t, `link add eth1 type veth peer name far1
		link set far1 up
		link set eth1 up
		addr add 198.51.100.1/24 dev eth1
		addr add 2001:db8:f::1/64 dev eth1 nodad
		route add 203.0.113.0/24 via 192.0.2.9 metric 5
		route add 203.0.113.0/24 via 198.51.100.9 metric 6`)
	s.Want(want("10.1.0.0/24 192.0.2.2", "10.2.0.0/24 192.0.2.2 198.51.100.2", "10.3.0.0/24 203.0.113.1",
		"2001:db8:1::/48 2001:db8::2", "2001:db8:2::/48 2001:db8::2 2001:db8:f::2"))
	up := []string{
		"10.1.0.0/24 via 192.0.2.2%eth0",
		"10.2.0.0/24 via 192.0.2.2%eth0 via 198.51.100.2%eth1",
		"10.3.0.0/24 via 192.0.2.9%eth0",
		"2001:db8:1::/48 via 2001:db8::2%eth0",
		"2001:db8:2::/48 via 2001:db8::2%eth0 via 2001:db8:f::2%eth1",
	}
	static0, static1 := "203.0.113.0/24 via 192.0.2.9%eth0 by boot", "203.0.113.0/24 via 198.51.100.9%eth1 by boot"
	expect(t, look, append(up, static0, static1)...)

	ip(t, "link set eth0 down")
	expect(t, look,
		"10.1.0.0/24 is an unreachable route",
		"2001:db8:1::/48 is an unreachable route",
		"10.2.0.0/24 via 198.51.100.2%eth1",
		"10.3.0.0/24 via 198.51.100.9%eth1",
		"2001:db8:2::/48 via 2001:db8:f::2%eth1",
		static1)
	failures(t, s,
		"10.1.0.0/24: next hop 192.0.2.2 is not reachable: no route to it",
		"2001:db8:1::/48: next hop 2001:db8::2 is not reachable: no route to it")
	for _, f := range s.Host().Foreign {
		if f.Dst == netip.MustParsePrefix("192.0.2.0/24") {
			t.Errorf("the network of a link that is down: %v", f)
		}
	}
	ip(t, "link set eth0 up\n addr add 2001:db8::1/64 dev eth0 nodad\n route add 203.0.113.0/24 via 192.0.2.9 metric 5")
	took := expect(t, look, append(up, static0, static1)...)
	t.Logf("link up: all routes back after %v", took)
	if took > time.Second {
		t.Errorf("link up: routes back after %v, want less than a second", took)
	}

	// Too quick to be seen in between: nobody says that the routes are gone.
	ip(t, "link set eth0 down\n link set eth0 up\n addr add 2001:db8::1/64 dev eth0 nodad\n route add 203.0.113.0/24 via 192.0.2.9 metric 5")
	took = expect(t, look, append(up, static0, static1)...)
	t.Logf("link down and up: all routes back after %v", took)
	if took > time.Second {
		t.Errorf("link down and up: routes back after %v, want less than a second", took)
	}

	ip(t, "link del eth0")
	expect(t, look,
		"10.1.0.0/24 is an unreachable route",
		"2001:db8:1::/48 is an unreachable route",
		"10.2.0.0/24 via 198.51.100.2%eth1",
		"10.3.0.0/24 via 198.51.100.9%eth1",
		"2001:db8:2::/48 via 2001:db8:f::2%eth1",
		static1)
}

func TestAddressGoesAndReturns(t *testing.T) {
	look, s, _ := runs(t)
	s.Want(want("10.1.0.0/24 192.0.2.2", "2001:db8:1::/48 2001:db8::2"))
	up := []string{"10.1.0.0/24 via 192.0.2.2%eth0", "2001:db8:1::/48 via 2001:db8::2%eth0"}
	expect(t, look, up...)
	ip(t, "addr del 192.0.2.1/24 dev eth0\n addr del 2001:db8::1/64 dev eth0")
	expect(t, look, "10.1.0.0/24 is an unreachable route", "2001:db8:1::/48 is an unreachable route")
	failures(t, s,
		"10.1.0.0/24: next hop 192.0.2.2 is not reachable: no route to it",
		"2001:db8:1::/48: next hop 2001:db8::2 is not reachable: no route to it")
	ip(t, "addr add 192.0.2.1/24 dev eth0\n addr add 2001:db8::1/64 dev eth0 nodad")
	expect(t, look, up...)
	// The kernel takes the routes silently, and the network is back before we look.
	ip(t, "addr del 192.0.2.1/24 dev eth0\n addr add 192.0.2.1/24 dev eth0")
	expect(t, look, up...)
}

func TestNextHopsFarAway(t *testing.T) {
	look, s, _ := runs(t, `link add eth1 type veth peer name far1
		link set far1 up
		link set eth1 up
		addr add 198.51.100.1/24 dev eth1
		route add 203.0.113.0/24 via 192.0.2.9
		route add 2001:db8:77::/48 via 2001:db8::9`)
	statics := []string{"203.0.113.0/24 via 192.0.2.9%eth0 by boot", "2001:db8:77::/48 via 2001:db8::9%eth0 by boot"}
	s.Want(want("10.1.0.0/24 203.0.113.1", "10.2.0.0/24 100.64.0.1", "10.3.0.0/24 10.1.0.1", "2001:db8:1::/48 2001:db8:77::1"))
	one, three := "10.1.0.0/24 via 192.0.2.9%eth0", "2001:db8:1::/48 via 2001:db8::9%eth0"
	expect(t, look, append(statics, one, three, "10.2.0.0/24 is an unreachable route", "10.3.0.0/24 is an unreachable route")...)
	failures(t, s,
		"10.2.0.0/24: next hop 100.64.0.1 is not reachable: no route to it",
		"10.3.0.0/24: next hop 10.1.0.1 is not reachable: no route to it") // never through our own 10.1.0.0/24

	// A default route appears, and 10.3.0.0/24 goes by it too.
	ip(t, "route add default via 198.51.100.9")
	def := "0.0.0.0/0 via 198.51.100.9%eth1 by boot"
	expect(t, look, append(statics, def, one, three, "10.2.0.0/24 via 198.51.100.9%eth1", "10.3.0.0/24 via 198.51.100.9%eth1")...)
	// It becomes one of two ways.
	ip(t, "route replace default nexthop via 198.51.100.9 nexthop via 192.0.2.8")
	def = "0.0.0.0/0 via 192.0.2.8%eth0 via 198.51.100.9%eth1 by boot"
	expect(t, look, append(statics, def, one, three,
		"10.2.0.0/24 via 192.0.2.8%eth0 via 198.51.100.9%eth1",
		"10.3.0.0/24 via 192.0.2.8%eth0 via 198.51.100.9%eth1")...)
	// A more exact one is better, a blackhole is a wall.
	ip(t, "route add 100.64.0.0/10 dev eth1\n route add blackhole 10.1.0.0/16")
	statics = append(statics, "100.64.0.0/10 via eth1 by boot", "10.1.0.0/16 is a blackhole route by boot", def)
	expect(t, look, append(statics, one, three, "10.2.0.0/24 via 100.64.0.1%eth1", "10.3.0.0/24 is a blackhole route")...)
	failures(t, s, "10.3.0.0/24: next hop 10.1.0.1 is not reachable: 10.1.0.0/16 is a blackhole route")
	ip(t, "route del blackhole 10.1.0.0/16\n route add unreachable 10.1.0.0/17")
	failures(t, s, "10.3.0.0/24: next hop 10.1.0.1 is not reachable: 10.1.0.0/17 is an unreachable route")
	ip(t, "route del unreachable 10.1.0.0/17\n route add prohibit 10.1.0.0/18")
	failures(t, s, "10.3.0.0/24: next hop 10.1.0.1 is not reachable: 10.1.0.0/18 is a prohibit route")
	has(t, look, "10.3.0.0/24 is a prohibit route")
	ip(t, "route add blackhole 2001:db8:77::/64")
	failures(t, s,
		"10.3.0.0/24: next hop 10.1.0.1 is not reachable: 10.1.0.0/18 is a prohibit route",
		"2001:db8:1::/48: next hop 2001:db8:77::1 is not reachable: 2001:db8:77::/64 is a blackhole route")
}

// TestForeignRoutesGrowAndShrink: routes of equal metric beside each other
// (IPv4) and merged into one (IPv6), by steps.
func TestForeignRoutesGrowAndShrink(t *testing.T) {
	look, s, _ := runs(t, "route add 203.0.113.0/24 via 192.0.2.9\n route add 2001:db8:77::/48 via 2001:db8::9")
	s.Want(want("10.1.0.0/24 203.0.113.1", "2001:db8:1::/48 2001:db8:77::1"))
	for _, step := range []struct{ cmd, four, six string }{
		{"route append 203.0.113.0/24 via 192.0.2.8", "192.0.2.9", "2001:db8::9"},
		{"route prepend 203.0.113.0/24 via 192.0.2.7", "192.0.2.7", "2001:db8::9"},
		{"route del 203.0.113.0/24 via 192.0.2.7", "192.0.2.9", "2001:db8::9"},
		{"route del 203.0.113.0/24 via 192.0.2.9", "192.0.2.8", "2001:db8::9"},
		{"route replace 203.0.113.0/24 via 192.0.2.6", "192.0.2.6", "2001:db8::9"},
		{"route append 2001:db8:77::/48 via 2001:db8::8", "192.0.2.6", "2001:db8::8 2001:db8::9"},
		{"route append 2001:db8:77::/48 via 2001:db8::7", "192.0.2.6", "2001:db8::7 2001:db8::8 2001:db8::9"},
		{"route del 2001:db8:77::/48 via 2001:db8::8", "192.0.2.6", "2001:db8::7 2001:db8::9"},
		{"route replace 2001:db8:77::/48 via 2001:db8::5", "192.0.2.6", "2001:db8::5"},
		{"route add 2001:db8:77::/48 via 2001:db8::4 metric 7", "192.0.2.6", "2001:db8::4"},
	} {
		ip(t, step.cmd)
		t.Log(step.cmd)
		has(t, look, "10.1.0.0/24"+hopsText(step.four), "2001:db8:1::/48"+hopsText(step.six))
	}
}

func hopsText(gateways string) string {
	text := ""
	for g := range strings.FieldsSeq(gateways) {
		text += " via " + g + "%eth0"
	}
	return text
}

func TestOnlinkGateway(t *testing.T) {
	look, s, _ := runs(t, "route add default via 100.64.9.9 dev eth0 onlink")
	s.Want(want("10.2.0.0/24 100.64.0.1"))
	expect(t, look, "0.0.0.0/0 via 100.64.9.9%eth0 by boot", "10.2.0.0/24 via 100.64.9.9%eth0")
}

// TestRouteOverItsOwnNextHop: a BGP route that is more exact than the link.
func TestRouteOverItsOwnNextHop(t *testing.T) {
	look, s, _ := runs(t)
	s.Want(want("192.0.2.2/32 192.0.2.2", "2001:db8::2/128 2001:db8::2"))
	hosts := []string{"192.0.2.2/32 via 192.0.2.2%eth0", "2001:db8::2/128 via 2001:db8::2%eth0"}
	expect(t, look, hosts...)
	s.Want(want("10.1.0.0/24 192.0.2.2", "2001:db8:1::/48 2001:db8::2", "2001:db8:2::/48 2001:db8::2 2001:db8::3"))
	expect(t, look, append(hosts, "10.1.0.0/24 via 192.0.2.2%eth0", "2001:db8:1::/48 via 2001:db8::2%eth0",
		"2001:db8:2::/48 via 2001:db8::2%eth0 via 2001:db8::3%eth0")...)
}

// TestConnectedNetworkWins: a peer tells of a network we are on ourselves.
func TestConnectedNetworkWins(t *testing.T) {
	look, s, _ := runs(t)
	s.Want(want("192.0.2.0/24 192.0.2.2", "2001:db8::/64 2001:db8::2", "2001:db8:7::/64 2001:db8::2"))
	behind, other := "192.0.2.0/24 via 192.0.2.2%eth0", "2001:db8:7::/64 via 2001:db8::2%eth0"
	expect(t, look, behind, other) // the former loses to the network, which has metric 0
	failures(t, s, "2001:db8::/64: it is the network on eth0")
	ip(t, "addr add 2001:db8:7::1/64 dev eth0 nodad")
	expect(t, look, behind)
	ip(t, "addr del 2001:db8:7::1/64 dev eth0")
	expect(t, look, behind, other)
}

func TestRestart(t *testing.T) {
	look, s, stop := runs(t)
	if s.Stale() {
		t.Error("nothing is stale in an empty kernel")
	}
	s.Want(want("10.1.0.0/24 192.0.2.2", "10.2.0.0/24 192.0.2.3 192.0.2.2", "10.3.0.0/24 192.0.2.2", "10.4.0.0/24 192.0.2.2",
		"2001:db8:1::/48 2001:db8::2 2001:db8::3", "2001:db8:2::/48 2001:db8::2", "2001:db8:4::/48 2001:db8::2"))
	before := []string{
		"10.1.0.0/24 via 192.0.2.2%eth0", "10.2.0.0/24 via 192.0.2.2%eth0 via 192.0.2.3%eth0",
		"10.3.0.0/24 via 192.0.2.2%eth0", "10.4.0.0/24 via 192.0.2.2%eth0",
		"2001:db8:1::/48 via 2001:db8::2%eth0 via 2001:db8::3%eth0", "2001:db8:2::/48 via 2001:db8::2%eth0", "2001:db8:4::/48 via 2001:db8::2%eth0",
	}
	expect(t, look, before...)
	stop()
	expect(t, look, before...)

	witness := connect(t) // sees what anyone does from now on
	s, err := NewSyncer(connect(t), verbose(t))
	if err != nil {
		t.Fatal(err)
	}
	if !s.Stale() || s.Status().Stale != 7 {
		t.Errorf("7 routes of the earlier run should be stale: %+v", s.Status())
	}
	run(t, s)
	// Some come again as they were, one with another hop, one new; of one we
	// are told that it doesn't exist.
	s.Want(want("10.1.0.0/24 192.0.2.2", "10.2.0.0/24 192.0.2.2 192.0.2.3", "2001:db8:1::/48 2001:db8::3 2001:db8::2", "2001:db8:2::/48 2001:db8::2"))
	s.Want(want("10.3.0.0/24 192.0.2.7", "10.5.0.0/24 192.0.2.2", "10.4.0.0/24"))
	after := []string{
		"10.1.0.0/24 via 192.0.2.2%eth0", "10.2.0.0/24 via 192.0.2.2%eth0 via 192.0.2.3%eth0",
		"10.3.0.0/24 via 192.0.2.7%eth0", "10.5.0.0/24 via 192.0.2.2%eth0",
		"2001:db8:1::/48 via 2001:db8::2%eth0 via 2001:db8::3%eth0", "2001:db8:2::/48 via 2001:db8::2%eth0",
	}
	stale := []string{"10.4.0.0/24 via 192.0.2.2%eth0", "2001:db8:4::/48 via 2001:db8::2%eth0"}
	expect(t, look, append(after, stale...)...)
	reports(t, s, status.Routes{Wanted: 6, Installed: 6, Stale: 2})
	s.Settled()
	expect(t, look, after...)
	reports(t, s, status.Routes{Wanted: 6, Installed: 6})
	if !s.Stale() {
		t.Error("Stale is about the start")
	}

	var seen []string
	if err := witness.Changes(func(ev *Event) {
		if ev.Kind == RouteEvent && ev.Route.own() {
			seen = append(seen, fmt.Sprint(ev.Gone, " ", ev.Route.Dst))
		}
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(seen)
	if diff := cmp.Diff([]string{"false 10.3.0.0/24", "false 10.5.0.0/24", "true 10.4.0.0/24", "true 2001:db8:4::/48"}, seen); diff != "" {
		t.Errorf("what the restart has done to the kernel (-want +got):\n%s", diff)
	}
}

func TestSettledBeforeAnythingIsWanted(t *testing.T) {
	look, s, _ := runs(t, "route add 10.1.0.0/24 via 192.0.2.2 metric 32 proto 179\n route add 10.2.0.0/24 via 192.0.2.2 proto 179")
	s.Settled()
	expect(t, look)
	ip(t, "route add 10.1.0.0/24 via 192.0.2.2 metric 32 proto 179")
	expect(t, look)
}

func TestEventsLost(t *testing.T) {
	namespace(t)
	pair(t)
	look := connect(t)
	k, err := open(verbose(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	// Before Run listens: a burst of foreign routes, and the loss of one of ours.
	s, err := NewSyncer(k, verbose(t))
	if err != nil {
		t.Fatal(err)
	}
	ip(t, "route add 203.0.113.0/24 via 192.0.2.9\n route add 10.9.0.0/24 via 192.0.2.2 metric 32 proto 179")
	burst(t, connect(t), 5000)
	ip(t, "route del 10.9.0.0/24")
	if err := k.Changes(func(*Event) {}); !errors.Is(err, ErrLost) {
		t.Fatalf("a burst into a tiny buffer: %v, want %v", err, ErrLost)
	}
	burst(t, connect(t), 5000)
	ip(t, "route add 198.51.100.0/24 via 192.0.2.9")
	run(t, s)
	s.Want(want("10.1.0.0/24 203.0.113.1", "10.2.0.0/24 198.51.100.1"))
	has(t, look, "10.1.0.0/24 via 192.0.2.9%eth0", "10.2.0.0/24 via 192.0.2.9%eth0")
	// While it runs.
	for range 3 {
		ip(t, "nexthop flush proto 179")
		burst(t, connect(t), 5000)
		has(t, look, "10.1.0.0/24 via 192.0.2.9%eth0", "10.2.0.0/24 via 192.0.2.9%eth0")
	}
}

// burst makes n routes of another metric, and deletes them: 2n events.
func burst(t *testing.T, k *Netlink, n int) {
	t.Helper()
	other := connect(t)
	hops := []Hop{{Gateway: netip.MustParseAddr("192.0.2.2"), Link: linkIndex(t, k, "eth0")}}
	ops := make([]Op, 0, 2*n)
	for _, p := range prefixes(n, false) {
		ops = append(ops, Op{Kind: Add, Dst: p, Metric: metric, Hops: hops}, Op{Kind: Remove, Dst: p, Metric: metric})
	}
	errs := make([]error, len(ops))
	other.Apply(ops, errs)
	for i, err := range errs {
		// The Syncer deletes nothing of it before Settled.
		if err != nil {
			t.Fatalf("%s: %v", ops[i].Dst, err)
		}
	}
}

// has waits until these routes are in the kernel, among others.
func has(t *testing.T, n *Netlink, want ...string) {
	t.Helper()
	wait(t, func() string {
		got := routes(t, n)
		for _, w := range want {
			if !slices.Contains(got, w) {
				return "not in the kernel: " + w + "\nbut:\n  " + strings.Join(got[:min(20, len(got))], "\n  ")
			}
		}
		return ""
	})
}

func TestHundredThousandRoutes(t *testing.T) {
	look, s, stop := runs(t)
	const n = 100_000
	list, list6 := prefixes(n, false), prefixes(n/10, true)
	vias := [][]netip.Addr{{netip.MustParseAddr("192.0.2.2")}, {netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")}}
	vias6 := [][]netip.Addr{{netip.MustParseAddr("2001:db8::2")}, {netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db8::3")}}
	batch := func(via, via6 []netip.Addr) (b []Route) {
		for _, p := range list {
			b = append(b, Route{Dst: p, Via: via, Metric: metric})
		}
		for _, p := range list6 {
			b = append(b, Route{Dst: p, Via: via6, Metric: metric})
		}
		return b
	}
	installed := func(hops int) {
		t.Helper()
		wait(t, func() string {
			count := 0
			if err := look.Scan(func(ev *Event) {
				if ev.Kind == RouteEvent && !ev.Again && ev.Route.own() && len(ev.Route.Hops) == hops && !ev.Route.Odd {
					count++
				}
			}); err != nil || count != n+n/10 {
				return fmt.Sprintf("the kernel has %d routes with %d hops: %v", count, hops, err)
			}
			return ""
		})
		reports(t, s, status.Routes{Wanted: n + n/10, Installed: n + n/10})
	}
	s.Want(batch(vias[0], vias6[0]))
	installed(1)
	s.Want(batch(vias[1], vias6[1]))
	installed(2)
	stop()
	s, _ = start(t, connect(t))
	if got := s.Status().Stale; got != n+n/10 {
		t.Errorf("%d routes are stale", got)
	}
	s.Want(batch(vias[1], vias6[1]))
	s.Settled()
	installed(2)
	ip(t, "link set eth0 down\n link set eth0 up\n addr add 2001:db8::1/64 dev eth0 nodad")
	installed(2)
	s.Want(batch(nil, nil))
	expect(t, look)
}

// TestRefusalsFindTheirRoutes: of thousands in few batches, some can't work.
func TestRefusalsFindTheirRoutes(t *testing.T) {
	namespace(t)
	pair(t)
	k := connect(t)
	link := linkIndex(t, k, "eth0")
	const n = 5000
	ops := make([]Op, n)
	for i, p := range prefixes(n, false) {
		gateway := "192.0.2.2"
		if i%7 == 0 || i == n-1 {
			gateway = "203.0.113.9"
		}
		ops[i] = Op{Kind: Add, Dst: p, Metric: metric, Hops: []Hop{{Gateway: netip.MustParseAddr(gateway), Link: link}}}
	}
	errs := make([]error, n)
	check := func(good, bad syscall.Errno) {
		t.Helper()
		for i, err := range errs {
			want := good
			if i%7 == 0 || i == n-1 {
				want = bad
			}
			if want == 0 && err != nil || want != 0 && !errors.Is(err, want) {
				t.Fatalf("operation %d: %v, want %v", i, err, want)
			}
		}
	}
	k.Apply(ops, errs)
	check(0, syscall.ENETUNREACH)
	if got, want := errs[0].Error(), "the kernel says: network is unreachable (Nexthop has invalid gateway)"; got != want {
		t.Errorf("refusal: %q, want %q", got, want)
	}
	k.Apply(ops, errs)
	check(syscall.EEXIST, syscall.ENETUNREACH)
	for i := range ops {
		ops[i].Kind = Remove
	}
	k.Apply(ops, errs)
	check(0, syscall.ESRCH)
	heard := 0
	if err := k.Changes(func(ev *Event) {
		if ev.Kind == RouteEvent && ev.Route.own() {
			heard++
		}
	}); err != nil || heard > 0 {
		t.Errorf("heard %d events of our own doing: %v", heard, err)
	}
}

// TestAnyOrderInTheKernel: the real kernel ends up the same, too, whatever
// was wanted in between and whatever happened to links and routes.
func TestAnyOrderInTheKernel(t *testing.T) {
	namespace(t)
	pair(t)
	ip(t, `link add eth1 type veth peer name far1
		link set far1 up
		link set eth1 up
		addr add 198.51.100.1/24 dev eth1
		route add 203.0.113.0/24 via 192.0.2.9`)
	look := connect(t)
	for seed := range uint64(15) {
		w := newWorld(seed)
		s, stop := start(t, connect(t))
		var batches [][]Route
		for range 25 {
			batches = append(batches, w.batch(1+w.IntN(30)))
			s.Want(batches[len(batches)-1])
			switch w.IntN(6) {
			case 0:
				flush("-4")
			case 1:
				flush("-6")
			case 2:
				ip(t, "link set eth1 down\n link set eth1 up")
			case 3:
				ip(t, "addr del 192.0.2.1/24 dev eth0\n addr add 192.0.2.1/24 dev eth0\n route replace 203.0.113.0/24 via 192.0.2.9")
			}
		}
		s.Settled()
		wants := only(batches)
		goal := goal(t, look, wants)
		expect(t, look, goal...)
		stop()
		s, stop = start(t, connect(t))
		s.Settled()
		expect(t, look, "203.0.113.0/24 via 192.0.2.9%eth0 by boot")
		s.Want(wants)
		expect(t, look, goal...)
		stop()
		flush("-4")
		flush("-6")
	}
}

// flush deletes our routes behind our back. When the Syncer deletes some at
// the same time, ip(8) stops there; that is as good.
//
// Of routes that name an object ip(8) can't flush any: they go with the object.
func flush(family string) {
	_ = exec.Command("ip", "nexthop", "flush", "proto", "179").Run()
	_ = exec.Command("ip", family, "route", "flush", "proto", "179").Run()
}

// goal is what the kernel should have by these wants.
func goal(t *testing.T, look *Netlink, wants []Route) []string {
	f := newFacts()
	lines := []string{"203.0.113.0/24 via 192.0.2.9%eth0 by boot"}
	if err := look.Scan(func(ev *Event) { (&Syncer{table: newTable()}).see(ev, f) }); err != nil {
		t.Fatal(err)
	}
	for _, r := range wants {
		if len(r.Via) > 0 {
			hops, _ := f.resolve(r.Via, r.Dst.Addr().Is6())
			kind := Unicast
			if dead(hops) {
				kind = hops[0].Dead
			}
			lines = append(lines, routeText(&KernelRoute{Foreign: Foreign{Type: kind, Dst: r.Dst, Hops: hops, Metric: metric, Protocol: Protocol}}, f))
		}
	}
	return lines
}

// TestAnswersLost: more refusals than there is room for.
func TestAnswersLost(t *testing.T) {
	namespace(t)
	pair(t)
	k := connect(t)
	if err := unix.SetsockoptInt(k.write.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1); err != nil {
		t.Fatal(err)
	}
	link := linkIndex(t, k, "eth0")
	ops := make([]Op, 500)
	for i, p := range prefixes(len(ops), false) {
		ops[i] = Op{Kind: Add, Dst: p, Metric: metric, Hops: []Hop{hop("203.0.113.9", link)}}
	}
	errs := make([]error, len(ops))
	k.Apply(ops, errs)
	refused, unknown := 0, 0
	for i, err := range errs {
		switch {
		case errors.Is(err, syscall.ENETUNREACH):
			refused++
		case errors.Is(err, ErrNoAnswer):
			unknown++
		default:
			t.Fatalf("operation %d: %v", i, err)
		}
	}
	if refused == 0 || unknown == 0 {
		t.Errorf("%d refused, %d unknown: the test is to have both", refused, unknown)
	}
	// The next ones have nothing to do with that.
	ops = []Op{{Kind: Add, Dst: netip.MustParsePrefix("10.1.0.0/24"), Metric: metric, Hops: []Hop{hop("192.0.2.2", link)}}, {Kind: Remove, Dst: netip.MustParsePrefix("10.2.0.0/24"), Metric: metric}}
	errs = errs[:2]
	k.Apply(ops, errs)
	if errs[0] != nil || !errors.Is(errs[1], syscall.ESRCH) {
		t.Errorf("after that: %v", errs)
	}
	// And a Syncer gets over it.
	look := connect(t)
	s, _ := start(t, k)
	var batch []Route
	for _, p := range prefixes(3000, false) {
		batch = append(batch, Route{Dst: p, Via: addrs("100.64.0.1"), Metric: metric})
	}
	ip(t, "route add 100.64.0.0/16 dev eth0")
	s.Want(append(batch, route("10.1.0.0/24 192.0.2.3")))
	reports(t, s, status.Routes{Wanted: 3001, Installed: 3001})
	has(t, look, "10.1.0.0/24 via 192.0.2.3%eth0", "16.0.0.0/24 via 100.64.0.1%eth0")
}

func TestHost(t *testing.T) {
	namespace(t)
	pair(t)
	ip(t, `link set far0 down
		addr add 203.0.113.1/32 dev lo
		addr add 169.254.7.1/24 dev eth0
		route add default via 192.0.2.9 proto dhcp
		route add 10.1.0.0/24 via 192.0.2.9 metric 7 proto static
		route add 10.1.0.0/24 dev eth0 metric 3 proto 80
		route add 10.1.1.0/24 dev eth0 metric 32 proto 179
		route add 10.1.2.0/24 via 192.0.2.9 proto 12
		route add blackhole 10.2.0.0/24
		route add unreachable 10.2.1.0/24 metric 7 proto static
		route add prohibit 10.2.2.0/24
		route add throw 10.2.3.0/24
		route add local 10.2.4.0/24 dev lo table main
		route add broadcast 10.2.5.0/24 dev eth0 table main
		route add blackhole 2001:db8:2::/48 metric 7
		route add 10.3.0.0/24 via 192.0.2.9 table 7
		route add 10.4.0.0/24 via 192.0.2.9 tos 4
		route add 10.5.0.0/24 nexthop via 192.0.2.9 nexthop via 192.0.2.8 dev eth0 onlink`)
	s, _ := start(t, connect(t))
	eth0 := linkIndex(t, connect(t), "eth0")
	gateway := func(a string) Hop { return Hop{Gateway: netip.MustParseAddr(a), Link: eth0} }
	p := netip.MustParsePrefix
	onlink := gateway("192.0.2.8")
	onlink.Onlink = true
	want := Host{
		Interfaces: []Interface{
			{Name: "eth0", Addrs: []netip.Prefix{p("192.0.2.1/24"), p("2001:db8::1/64")}, Index: eth0},
			{Name: "lo", Addrs: []netip.Prefix{p("127.0.0.1/8"), p("203.0.113.1/32"), p("::1/128")}, Index: 1},
		},
		Foreign: []Foreign{
			{Type: Unicast, Dst: p("0.0.0.0/0"), Hops: []Hop{gateway("192.0.2.9")}, Protocol: 16},
			{Type: Unicast, Dst: p("10.1.0.0/24"), Hops: []Hop{{Link: eth0}}, Metric: 3, Protocol: 80},
			{Type: Unicast, Dst: p("10.1.0.0/24"), Hops: []Hop{gateway("192.0.2.9")}, Metric: 7, Protocol: 4},
			{Type: Blackhole, Dst: p("10.2.0.0/24"), Protocol: 3},
			{Type: Unreachable, Dst: p("10.2.1.0/24"), Metric: 7, Protocol: 4},
			{Type: Prohibit, Dst: p("10.2.2.0/24"), Protocol: 3},
			{Type: Unicast, Dst: p("10.5.0.0/24"), Hops: []Hop{onlink, gateway("192.0.2.9")}, Protocol: 3},
			{Type: Unicast, Dst: p("192.0.2.0/24"), Hops: []Hop{{Link: eth0}}, Protocol: 2},
			{Type: Unicast, Dst: p("2001:db8::/64"), Hops: []Hop{{Link: eth0}}, Metric: 256, Protocol: 2},
			{Type: Blackhole, Dst: p("2001:db8:2::/48"), Metric: 7, Protocol: 3},
		},
	}
	check := func() {
		t.Helper()
		wait(t, func() string {
			return cmp.Diff(want, s.Host(), addrsEqual, cmpopts.EquateEmpty())
		})
	}
	check()
	ip(t, "addr del 203.0.113.1/32 dev lo\n route del 10.5.0.0/24\n route del blackhole 10.2.0.0/24\n route del unreachable 10.2.1.0/24 metric 7\n route del prohibit 10.2.2.0/24\n link set far0 up")
	want.Interfaces[1].Addrs = []netip.Prefix{p("127.0.0.1/8"), p("::1/128")}
	want.Interfaces = []Interface{want.Interfaces[0], {Name: "far0", Index: linkIndex(t, connect(t), "far0")}, want.Interfaces[1]}
	want.Foreign = slices.Delete(want.Foreign, 3, 7)
	<-s.HostChanged()
	check()
}

// TestPointToPoint: an address with another end is a way to that end, and no network.
func TestPointToPoint(t *testing.T) {
	namespace(t)
	ip(t, `link add ppp0 type veth peer name far0
		link set ppp0 up
		addr add 10.6.0.1 peer 10.6.0.2/32 dev ppp0
		addr add 10.6.0.1 peer 10.7.0.9/24 dev ppp0
		addr add 10.8.0.1/32 dev ppp0
		addr add 2001:db8:6::1 peer 2001:db8:6::2/128 dev ppp0 nodad`)
	s, err := NewSyncer(connect(t), quiet())
	if err != nil {
		t.Fatal(err)
	}
	p, own := netip.MustParsePrefix, netip.MustParseAddr("10.6.0.1")
	want := Interface{
		Index: linkIndex(t, connect(t), "ppp0"), Name: "ppp0", Addrs: []netip.Prefix{p("10.8.0.1/32")},
		Ends: []End{{own, p("10.6.0.2/32")}, {own, p("10.7.0.0/24")}, {netip.MustParseAddr("2001:db8:6::1"), p("2001:db8:6::2/128")}},
	}
	if diff := cmp.Diff(want, s.Host().Interfaces[1], addrsEqual); diff != "" {
		t.Error(diff)
	}
}

// TestEmptyKernel: before the first route there is no main table.
func TestEmptyKernel(t *testing.T) {
	namespace(t)
	look := connect(t)
	s, _ := start(t, connect(t))
	s.Want(want("10.1.0.0/24 192.0.2.2"))
	failures(t, s, "10.1.0.0/24: next hop 192.0.2.2 is not reachable: no route to it")
	pair(t)
	expect(t, look, "10.1.0.0/24 via 192.0.2.2%eth0")
	ip(t, "link del eth0")
	expect(t, look, "10.1.0.0/24 is an unreachable route")
}

// TestTwoFight: of two programs that want different routes neither wins, but
// they calm down, and the one that is left gets its way.
func TestTwoFight(t *testing.T) {
	namespace(t)
	pair(t)
	look, witness := connect(t), connect(t)
	s, _ := start(t, connect(t))
	other, stop := start(t, connect(t))
	dsts := prefixes(100, false)
	batch := func(via string) (b []Route) {
		for _, p := range dsts {
			b = append(b, Route{Dst: p, Via: addrs(via), Metric: metric})
		}
		return b
	}
	s.Want(batch("192.0.2.2"))
	other.Want(batch("192.0.2.3"))
	wait(t, func() string {
		r := s.Status()
		if len(r.Failed) == 0 || !strings.Contains(r.Failed[0].Reason, "someone else keeps deleting or replacing it") {
			return fmt.Sprintf("no word of the fight: %+v", r)
		}
		return ""
	})
	events := 0
	if err := witness.Changes(func(*Event) { events++ }); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d events for %d routes until both had calmed down", events, len(dsts))
	if events > 50*len(dsts) {
		t.Errorf("%d events for %d routes until both had calmed down", events, len(dsts))
	}
	stop()
	reports(t, s, status.Routes{Wanted: len(dsts), Installed: len(dsts)})
	has(t, look, dsts[0].String()+" via 192.0.2.2%eth0", dsts[99].String()+" via 192.0.2.2%eth0")
}

// TestBlackhole: the zero Addr alone drops packets, of either family; it may take the
// place of next hops, and they its.
func TestBlackhole(t *testing.T) {
	look, s, _ := runs(t)
	four, six := netip.MustParsePrefix("10.1.0.0/26"), netip.MustParsePrefix("2001:db8:1::/64")
	for i := range 2 {
		if i == 1 { // next hops may lie inside of it
			s.SetGround(Ground{Static: map[netip.Prefix]netip.Addr{four: {}, six: {}}})
		}
		s.Want([]Route{{Dst: four, Via: []netip.Addr{{}}}, {Dst: six, Via: []netip.Addr{{}}}})
		expect(t, look, "10.1.0.0/26 is a blackhole route", "2001:db8:1::/64 is a blackhole route")
		wait(t, func() string {
			if r := s.Status(); r.Wanted != 2 || r.Installed != 2 {
				return fmt.Sprintf("%+v", r)
			}
			return ""
		})
		s.Want([]Route{{Dst: four, Via: addrs("192.0.2.2"), Metric: metric}, {Dst: six, Via: addrs("2001:db8::2"), Metric: metric}})
		expect(t, look, "10.1.0.0/26 via 192.0.2.2%eth0", "2001:db8:1::/64 via 2001:db8::2%eth0")
	}
	s.Want([]Route{{Dst: four, Via: []netip.Addr{{}}}, {Dst: six, Via: []netip.Addr{{}}}})
	s.Want([]Route{{Dst: four}, {Dst: six}})
	expect(t, look)
}
