package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/lab"
)

// A teller is whatever stands in r1's place: calctl, or BIRD 1.6 as Calico has it.
type teller func(mode string)

// TestLabNextHopsSent: what peers hear as next hops of routes of every origin. The
// same is expected of BIRD 1.6 in the same place, so that what is written here is
// known to be true.
func TestLabNextHopsSent(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	r1, r2, r3 := l.Host("r1"), l.Host("r2"), l.Host("r3")
	for _, h := range []*lab.Host{r1, r2, r3} {
		h.Run("sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
	}
	l.Link(r1, "eth2", []string{"192.168.2.1/24", "fd00:2::1/64"}, r2, "eth0", []string{"192.168.2.2/24", "fd00:2::2/64"})
	l.Link(r1, "eth3", []string{"192.168.3.1/24", "fd00:3::1/64"}, r3, "eth0", []string{"192.168.3.2/24", "fd00:3::2/64"})
	stub(r1, "10.1.5.1/24", "fd01:5::1/64")
	for _, route := range []string{
		"10.1.1.0/24 via 192.168.3.77",
		"10.1.2.0/24 dev eth3",
		"10.1.3.0/24 nexthop via 192.168.2.77 nexthop via 192.168.3.77",
		"blackhole 10.1.4.0/24",
		"unreachable 10.1.6.0/24",
		"fd01:1::/64 via fd00:3::77",
		"fd01:2::/64 via fe80::77 dev eth3",
	} {
		r1.IP(append([]string{"route", "add"}, strings.Fields(route)...)...)
	}
	inside := r2.Bird(nextHopsPeer(2, 64512))
	outside := r3.Bird(nextHopsPeer(3, 64513))

	check := func(t *testing.T, tell teller) {
		for _, mode := range []string{"Auto", "Self", "Keep"} {
			self := map[string]string{}
			for _, p := range []string{"10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24", "10.1.4.0/24", "10.1.5.0/24", "10.1.6.0/24"} {
				self[p] = "192.168.N.1"
			}
			for _, p := range []string{"fd01:1::/64", "fd01:2::/64", "fd01:5::/64"} {
				self[p] = "fd00:N::1"
			}
			at := map[*lab.Bird]map[string]string{inside: {"10.3.0.0/24": "192.168.2.1"}, outside: {"10.2.0.0/24": "192.168.3.1", "10.2.1.0/24": "192.168.3.1"}}
			for p, hop := range self {
				at[inside][p] = strings.Replace(hop, "N", "2", 1)
				at[outside][p] = strings.Replace(hop, "N", "3", 1)
			}
			if mode != "Self" {
				at[inside]["10.1.1.0/24"], at[inside]["fd01:1::/64"] = "192.168.3.77", "fd00:3::77"
				at[inside]["10.3.0.0/24"] = "192.168.3.2" // a router's own, which others have to know
			}
			if mode == "Keep" {
				at[outside]["10.1.1.0/24"], at[outside]["fd01:1::/64"] = "192.168.3.77", "fd00:3::77"
				at[outside]["10.2.0.0/24"], at[outside]["10.2.1.0/24"] = "192.168.2.2", "192.168.2.99"
			}
			tell(mode)
			for bird, want := range at {
				lab.Until(t, 20*time.Second, mode+": next hops", func() error {
					if diff := cmp.Diff(want, nextHopsOf(bird)); diff != "" {
						return fmt.Errorf("to %s (-want +got):\n%s", map[bool]string{true: "iBGP", false: "eBGP"}[bird == inside], diff)
					}
					return nil
				})
			}
		}
	}
	t.Run("BIRD 1.6", func(t *testing.T) {
		var four, six *lab.Bird
		stop := func() {
			for _, b := range []*lab.Bird{four, six} {
				if b != nil {
					_ = b.Stop()
				}
			}
		}
		t.Cleanup(stop)
		check(t, func(mode string) {
			stop()
			four, six = r1.Bird1(false, nextHopsCalico(mode, false)), r1.Bird1(true, nextHopsCalico(mode, true))
		})
	})
	t.Run("calctl", func(t *testing.T) {
		node := r1.Calctl()
		tell := func(mode string) {
			text := "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: v4}\nspec: {cidr: 10.0.0.0/8}\n---\napiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: v6}\nspec: {cidr: 'fd01::/16'}\n"
			for i, asn := range map[int]int{2: 64512, 3: 64513} {
				for f, addr := range map[int]string{4: "192.168.%d.2", 6: "fd00:%d::2"} {
					text += fmt.Sprintf("---\napiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: r%d-v%d}\nspec: {peerIP: '%s', asNumber: %d, sourceAddress: None, nextHopMode: %s}\n",
						i, f, fmt.Sprintf(addr, i), asn, mode)
				}
			}
			node.Apply(text)
		}
		tell("Auto")
		node.Start("--ip", "192.168.2.1/24", "--ip6", "fd00:2::1/64")
		check(t, tell)
	})
}

// nextHopsPeer is r2 in r1's AS, or r3 outside of it. r2 names another router, too.
func nextHopsPeer(n, asn int) string {
	nets := map[int]string{2: "route 10.2.0.0/24 blackhole; route 10.2.1.0/24 blackhole;", 3: "route 10.3.0.0/24 blackhole;"}[n]
	return fmt.Sprintf(`
router id 192.168.%[1]d.2;
log stderr all;
protocol device { scan time 1; }
protocol static nets { ipv4; %[3]s }
protocol bgp v4 {
	local 192.168.%[1]d.2 as %[2]d; neighbor 192.168.%[1]d.1 as 64512;
	multihop; connect delay time 1; error wait time 1, 2;
	ipv4 { import all; export filter { if net = 10.2.1.0/24 then bgp_next_hop = 192.168.2.99; if source = RTS_STATIC then accept; reject; }; };
}
protocol bgp v6 {
	local fd00:%[1]d::2 as %[2]d; neighbor fd00:%[1]d::1 as 64512;
	multihop; connect delay time 1; error wait time 1, 2;
	ipv6 { import all; export none; };
}
`, n, asn, nets)
}

// nextHopsCalico is what confd makes of the same resources, as far as it matters.
func nextHopsCalico(mode string, six bool) string {
	addr, pool := "192.168.%d.%d", "10.0.0.0/8+"
	if six {
		addr, pool = "fd00:%d::%d", "fd01::/16+"
	}
	hop := map[string]string{"Self": "next hop self;", "Keep": "next hop keep;"}[mode]
	conf := "router id 192.168.2.1;\nlog stderr all;\nprotocol kernel { learn; persist; scan time 1; import all; export none; }\nprotocol device { scan time 1; }\nprotocol direct { interface \"*\"; }\n"
	for n, asn := range map[int]int{2: 64512, 3: 64513} {
		conf += fmt.Sprintf("protocol bgp r%d { local %s as 64512; neighbor %s as %d; multihop; gateway recursive; import all; export where net ~ [ %s ]; add paths on; connect delay time 1; error wait time 1, 2; %s }\n",
			n, fmt.Sprintf(addr, n, 1), fmt.Sprintf(addr, n, 2), asn, pool, hop)
	}
	return conf
}

// nextHopsOf are the next hops that r1 has told a BIRD.
func nextHopsOf(b *lab.Bird) map[string]string {
	hops := map[string]string{}
	for _, protocol := range []string{"v4", "v6"} {
		prefix := ""
		for line := range strings.Lines(b.CLI("show route all protocol " + protocol)) {
			words := strings.Fields(line)
			switch {
			case len(words) > 1 && strings.Contains(words[0], "/"):
				prefix = words[0]
			case len(words) > 1 && words[0] == "BGP.next_hop:":
				hops[prefix] = words[1]
			}
		}
	}
	return hops
}
