package fib

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		target, have       uint32
		elsewhere, blocked bool
		want               step
	}{
		{0, 0, false, false, keep},
		{7, 0, false, false, add},
		{7, 7, false, false, keep},
		{7, 8, false, false, replace},
		{7, odd, false, false, replace},
		{0, 7, false, false, remove},
		{0, odd, false, false, remove},
		// It is to have another metric.
		{7, 7, true, false, add},
		{7, 8, true, false, add},
		{7, odd, true, false, add},
		// Someone else's route is in the place of ours.
		{7, 0, false, true, keep},
		{7, 7, false, true, keep},
		{7, 7, true, true, remove},
		{7, 8, false, true, remove},
		{0, 7, false, true, remove},
	} {
		if got := plan(c.target, c.have, c.elsewhere, c.blocked); got != c.want {
			t.Errorf("plan(%d, %d, %v, %v) = %d, want %d", c.target, c.have, c.elsewhere, c.blocked, got, c.want)
		}
	}
}

// ground is a host on two links, with a few routes.
func ground() *facts {
	f := newFacts()
	for _, l := range []Link{{Index: 1, Name: "lo", Up: true, Carrier: true}, {Index: 2, Name: "eth0", Up: true, Carrier: true}, {Index: 3, Name: "eth1", Up: true, Carrier: true}, {Index: 4, Name: "eth2"}, {Index: 5, Name: "eth3", Up: true}} {
		f.link(l, false)
	}
	for _, a := range []string{"1 127.0.0.1/8", "1 ::1/128", "2 192.0.2.1/24", "2 2001:db8::1/64", "2 fe80::1/64", "3 198.51.100.1/24", "4 203.0.113.1/24", "5 198.18.0.1/24"} {
		link, prefix, _ := strings.Cut(a, " ")
		f.addr(Addr{Link: int(link[0] - '0'), Prefix: netip.MustParsePrefix(prefix)}, false)
	}
	for _, r := range []string{
		"192.0.2.0/24 2", "2001:db8::/64 2", "198.51.100.0/24 3", "203.0.113.0/24 4", "198.18.0.0/24 5",
		"10.0.0.0/8 2:192.0.2.9", "10.1.0.0/16 3:198.51.100.9", "10.2.0.0/16 2:192.0.2.8 3:198.51.100.8",
		"10.3.0.0/16 4:203.0.113.9", "10.4.0.0/16 4:203.0.113.9 3:198.51.100.9", "10.5.0.0/16 blackhole",
		"10.6.0.0/16 2:2001:db8::9", "2001:db8:6::/48 2:2001:db8::9", "2001:db8:7::/48 2:fe80::9", "10.7.0.0/16 3",
		"172.16.0.0/12 4:203.0.113.9", "10.8.1.0/24 5:198.18.0.9 2:192.0.2.7",
	} {
		f.route(parseTestRoute(r), false, false)
	}
	better := parseTestRoute("10.1.0.0/16 2:192.0.2.7")
	better.Metric = 100 // worse, in fact
	f.route(better, false, false)
	return f
}

// parseTestRoute reads "10.0.0.0/8 2:192.0.2.9 3:192.0.2.8", link:gateway.
func parseTestRoute(text string) *KernelRoute {
	fields := strings.Fields(text)
	r := &KernelRoute{Foreign: Foreign{Type: Unicast, Dst: netip.MustParsePrefix(fields[0]), Protocol: 4}}
	for _, f := range fields[1:] {
		if f == "blackhole" {
			r.Type = Blackhole
			continue
		}
		link, gateway, _ := strings.Cut(f, ":")
		h := Hop{Link: int(link[0] - '0')}
		if gateway != "" {
			h.Gateway = netip.MustParseAddr(gateway)
		} else {
			r.Protocol = protocolKernel
		}
		r.Hops = append(r.Hops, h)
	}
	return r
}

func TestResolve(t *testing.T) {
	f := ground()
	for _, c := range []struct {
		name, via string
		v6        bool
		want      string // link:gateway ..., or the reason
	}{
		{"on the link", "192.0.2.2", false, "2:192.0.2.2"},
		{"on the link, IPv6", "2001:db8::2", true, "2:2001:db8::2"},
		{"IPv4 through IPv6", "2001:db8::2", false, "2:2001:db8::2"},
		{"through a gateway", "10.9.9.9", false, "2:192.0.2.9"},
		{"the longest match and the lowest metric", "10.1.0.1", false, "3:198.51.100.9"},
		{"through two gateways", "10.2.0.1", false, "2:192.0.2.8 3:198.51.100.8"},
		{"a link that is down, and the next match", "10.3.0.1", false, "2:192.0.2.9"},
		{"one link of two is down", "10.4.0.1", false, "3:198.51.100.9"},
		{"a route without gateway", "10.7.1.1", false, "3:10.7.1.1"},
		{"IPv4 gateway by IPv6", "10.6.0.1", false, "2:2001:db8::9"},
		{"IPv6 gateway", "2001:db8:6::1", true, "2:2001:db8::9"},
		{"link-local gateway", "2001:db8:7::1", true, "2:fe80::9"},
		{"link-local next hop by name", "fe80::2%eth1", true, "3:fe80::2"},
		{"link-local next hop by number", "fe80::2%3", true, "3:fe80::2"},
		{"several, in any order, with some that can't be used", "198.51.100.2 10.9.0.1 192.0.2.1 192.0.2.2", false, "2:192.0.2.2 2:192.0.2.9 3:198.51.100.2"},
		{"two that meet", "10.9.0.1 10.8.0.1", false, "2:192.0.2.9"},

		{"one link of two without carrier", "10.8.1.1", false, "2:192.0.2.7"},

		{"the network of a link without carrier", "198.18.0.7", false, "next hop 198.18.0.7 is not reachable: no usable link for the route to 198.18.0.0/24"},
		{"link-local on a link without carrier", "fe80::2%eth3", true, "next hop fe80::2%eth3 is not reachable: eth3 has no carrier"},
		{"nowhere", "8.8.8.8", false, "next hop 8.8.8.8 is not reachable: no route to it"},
		{"nowhere, twice", "8.8.8.8 9.9.9.9", false, "next hop 8.8.8.8 is not reachable: no route to it; next hop 9.9.9.9 is not reachable: no route to it"},
		{"all links down", "172.16.0.1", false, "next hop 172.16.0.1 is not reachable: no usable link for the route to 172.16.0.0/12"},
		{"the network of a link that is down", "203.0.113.7", false, "next hop 203.0.113.7 is not reachable: no usable link for the route to 203.0.113.0/24"},
		{"a blackhole", "10.5.0.1", false, "next hop 10.5.0.1 is not reachable: 10.5.0.0/16 is a blackhole route"},
		{"our own address", "192.0.2.1", false, "next hop 192.0.2.1 is an address of this host"},
		{"unspecified", "0.0.0.0", false, "next hop 0.0.0.0 is no address of a router"},
		{"unspecified, IPv6", "::", true, "next hop :: is no address of a router"},
		{"multicast", "224.0.0.5", false, "next hop 224.0.0.5 is a multicast address"},
		{"loopback", "127.0.0.9", false, "next hop 127.0.0.9 is a loopback address"},
		{"loopback, IPv6", "::1", true, "next hop ::1 is a loopback address"},
		{"link-local without a link", "fe80::2", true, "next hop fe80::2 is link-local and nothing says on which link"},
		{"link-local on no link", "fe80::2%eth9", true, "next hop fe80::2%eth9 is not reachable: there is no link eth9"},
		{"link-local on a link that is down", "fe80::2%eth2", true, "next hop fe80::2%eth2 is not reachable: eth2 is down"},
		{"IPv6 through IPv4", "192.0.2.2", true, "next hop 192.0.2.2 is an IPv4 address: an IPv6 route can't go through it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			hops, why := f.resolve(addrs(strings.Fields(c.via)...), c.v6)
			if dead(hops) != (why != "") {
				t.Errorf("%v because of %q", hops, why)
			}
			if dead(hops) {
				hops = nil
			}
			var got []string
			for _, h := range hops {
				got = append(got, fmt.Sprintf("%d:%s", h.Link, h.Gateway))
			}
			if diff := cmp.Diff(c.want, strings.Join(got, " ")+why); diff != "" {
				t.Errorf("resolve(%s) (-want +got):\n%s", c.via, diff)
			}
		})
	}
}

func TestObstacle(t *testing.T) {
	f := ground()
	rival := parseTestRoute("10.77.0.0/16 2:192.0.2.9")
	rival.Metric = metric
	f.route(rival, false, false)
	linked := parseTestRoute("2001:db8:9::/64 2")
	linked.Metric = 256
	f.route(linked, false, false)
	for _, c := range []struct {
		dst    string
		metric uint32
		want   string
	}{
		{"192.0.2.0/24", 0, "another route with metric 0 is there, made by the kernel"},
		{"192.0.2.0/24", metric, ""},
		{"192.0.2.0/25", 0, ""},
		{"2001:db8:9::/64", metric, "it is the network on eth0"},
		{"2001:db8:9::/64", 256, "another route with metric 256 is there, made by the kernel"},
		{"2001:db8:9::/64", 1024, ""},
		{"10.0.0.0/8", 1024, ""},
		{"10.77.0.0/16", metric, "another route with metric 32 is there, made by static"},
		{"10.77.0.0/16", 1024, ""},
	} {
		if got, _ := f.obstacle(netip.MustParsePrefix(c.dst), c.metric); got != c.want {
			t.Errorf("obstacle(%s, %d) = %q, want %q", c.dst, c.metric, got, c.want)
		}
	}
}
