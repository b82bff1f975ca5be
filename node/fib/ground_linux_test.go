package fib

import (
	"net/netip"
	"testing"
)

// TestGround: static routes lead next hops on as the kernel's do, and before those
// to the same destination; the networks on ignored interfaces lead nowhere.
func TestGround(t *testing.T) {
	look, s, _ := runs(t, `link add eth1 type veth peer name far1
		link set far1 up
		link set eth1 up
		addr add 198.51.100.1/24 dev eth1
		route add 203.0.113.1/32 via 198.51.100.9`)
	others := "203.0.113.1/32 via 198.51.100.9%eth1 by boot"
	s.Want(want("10.1.0.0/24 203.0.113.1", "10.2.0.0/24 10.96.0.7", "10.3.0.0/24 198.51.100.7", "10.4.0.0/24 203.0.113.2", "2001:db8:1::/48 2001:db8:9::1"))
	static := func(pairs ...string) map[netip.Prefix]netip.Addr {
		m := map[netip.Prefix]netip.Addr{}
		for i := 0; i < len(pairs); i += 2 {
			via, _ := netip.ParseAddr(pairs[i+1])
			m[netip.MustParsePrefix(pairs[i])] = via
		}
		return m
	}
	expect(t, look, others,
		"10.1.0.0/24 via 198.51.100.9%eth1",
		"10.2.0.0/24 is an unreachable route",
		"10.3.0.0/24 via 198.51.100.7%eth1",
		"10.4.0.0/24 is an unreachable route",
		"2001:db8:1::/48 is an unreachable route")

	s.SetGround(Ground{Static: static(
		"203.0.113.1/32", "192.0.2.9", "203.0.113.2/32", "203.0.113.1", // of a gateway only the kernel's routes count
		"10.96.0.0/16", "", "2001:db8:9::1/128", "2001:db8::9")})
	expect(t, look, others,
		"10.1.0.0/24 via 192.0.2.9%eth0",
		"10.2.0.0/24 is a blackhole route",
		"10.3.0.0/24 via 198.51.100.7%eth1",
		"10.4.0.0/24 via 198.51.100.9%eth1",
		"2001:db8:1::/48 via 2001:db8::9%eth0")
	reaches(t, s, map[string]string{"203.0.113.1": "far", "10.96.0.7": "not reached"})

	// A route of the kernel to a smaller network goes before, and a gateway that
	// isn't there counts for nothing, nor does the route to it.
	ip(t, "route add 10.96.0.0/24 via 192.0.2.8\n route add default via 192.0.2.7")
	s.SetGround(Ground{Static: static("10.96.0.0/16", "", "203.0.113.2/32", "2001:db9::1"), Ignored: []string{"et*1"}})
	s.Want(want("203.0.113.2/32 2001:db9::1"))
	expect(t, look, others, "0.0.0.0/0 via 192.0.2.7%eth0 by boot", "10.96.0.0/24 via 192.0.2.8%eth0 by boot",
		"10.1.0.0/24 via 198.51.100.9%eth1", // by a gateway, which may be anywhere
		"10.2.0.0/24 via 192.0.2.8%eth0",
		"10.3.0.0/24 via 192.0.2.7%eth0",
		"10.4.0.0/24 via 192.0.2.7%eth0",
		"2001:db8:1::/48 is an unreachable route")
	ip(t, "route del default")
	has(t, look, "10.3.0.0/24 is an unreachable route")
	s.Want(want("203.0.113.2/32"))
	failures(t, s,
		"10.3.0.0/24: next hop 198.51.100.7 is not reachable: 198.51.100.0/24 is on an ignored interface",
		"10.4.0.0/24: next hop 203.0.113.2 is not reachable: no route to it",
		"2001:db8:1::/48: next hop 2001:db8:9::1 is not reachable: no route to it")
	ip(t, "link set eth0 down\n link set eth0 up") // everything is read anew
	s.SetGround(Ground{})
	has(t, look, "10.3.0.0/24 via 198.51.100.7%eth1")
}
