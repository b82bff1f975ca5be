package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// What r1 of the filter labs is told: r2 is in another AS, r3 in the same.
const labFilters = `
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: r1}
spec: {bgp: {asNumber: 64512, ipv4Address: 192.168.1.1/24, ipv6Address: 'fd00:1::1/64'}}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: r1-networks}
spec: {cidr: 10.1.0.0/16}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: r1-networks6}
spec: {cidr: 'fd10::/16'}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r2}
spec: {peerIP: 192.168.1.2, asNumber: 64513, filters: [FILTERS]}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r2v6}
spec: {peerIP: 'fd00:1::2', asNumber: 64513, filters: [FILTERS]}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r3}
spec: {peerIP: 192.168.2.3, asNumber: 64512, sourceAddress: None, filters: [FILTERS]}
`

const labFiltersR2 = `
router id 192.168.1.2;
log stderr all;
protocol device { scan time 1; }
protocol static nets {
	ipv4;
	route 10.2.0.0/24 blackhole;
	route 10.2.1.0/24 blackhole { bgp_community.add((64513,1)); };
	route 10.2.2.0/24 blackhole { bgp_large_community.add((64513,1,1)); };
	route 10.2.3.0/24 blackhole { bgp_path.prepend(64777); };
}
protocol static nets6 { ipv6; route fd20:1::/64 blackhole; route fd20:2::/64 blackhole; }
protocol bgp r1 {
	local 192.168.1.2 as 64513;
	neighbor 192.168.1.1 as 64512;
	multihop;
	ipv4 { import all; export all; };
}
protocol bgp r1v6 {
	local fd00:1::2 as 64513;
	neighbor fd00:1::1 as 64512;
	multihop;
	ipv6 { import all; export all; };
}
`

const labFiltersR3 = `
router id 192.168.2.3;
log stderr all;
protocol device { scan time 1; }
protocol static nets { ipv4; route 10.3.0.0/24 blackhole; route 10.2.1.0/24 blackhole { bgp_local_pref = 2147483135; }; }
protocol static via_r1 { ipv4; route 192.168.1.0/24 via 192.168.2.1; }
protocol bgp r1 {
	local 192.168.2.3 as 64512;
	neighbor 192.168.2.1 as 64512;
	multihop;
	ipv4 { import all; export where net ~ [10.0.0.0/8+]; };
}
`

// told is how many routes and withdrawals a BIRD has been told since its
// session came up, by its own count.
func told(t *testing.T, b *lab.Bird, protocol string) (updates, withdrawals int) {
	t.Helper()
	out := b.CLI("show protocols all " + protocol)
	count := func(what string) int {
		m := regexp.MustCompile(`Import ` + what + `:\s+(\d+)`).FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("BIRD counts no %s:\n%s", what, out)
		}
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return count("updates"), count("withdraws")
}

// TestLabFilters: BGPFilters come, change and go. Peers are told what is
// different and no more, the kernel has what is let in, and nobody has to ask
// anybody to say it all again.
func TestLabFilters(t *testing.T) {
	l := lab.New(t)
	r1, r2, r3 := l.Host("r1"), l.Host("r2"), l.Host("r3")
	l.Link(r1, "eth0", []string{"192.168.1.1/24", "fd00:1::1/64"}, r2, "eth0", []string{"192.168.1.2/24", "fd00:1::2/64"})
	l.Link(r1, "eth1", []string{"192.168.2.1/24"}, r3, "eth0", []string{"192.168.2.3/24"})
	var nets []string
	for i := range 8 {
		nets = append(nets, fmt.Sprintf("10.1.%d.1/24", i), fmt.Sprintf("fd10:%d::1/64", i))
	}
	stub(r1, nets...)
	b2, b3 := r2.Bird(labFiltersR2), r3.Bird(labFiltersR3)
	name := map[*lab.Bird]string{b2: "r2", b3: "r3"}
	watch2, watch3 := r1.Capture("eth0"), r1.Capture("eth1")
	node := r1.Calctl()
	node.Apply(strings.ReplaceAll(labFilters, "FILTERS", ""))
	node.Start()
	peers := []string{"192.168.1.2", "fd00:1::2", "192.168.2.3"}
	for _, p := range peers {
		node.Established(p, 15*time.Second)
	}
	for _, p := range []string{"10.2.0.0/24", "10.2.1.0/24", "10.2.2.0/24", "10.2.3.0/24", "fd20:1::/64", "fd20:2::/64", "10.3.0.0/24"} {
		lab.Until(t, 15*time.Second, "route "+p, hasRoute(r1, p))
	}

	// hears waits for what a BIRD is told in all since the last time.
	type sum struct{ updates, withdrawals int }
	last := map[string]sum{}
	hears := func(what string, b *lab.Bird, protocol string, updates, withdrawals int) {
		t.Helper()
		key := name[b] + " " + protocol
		want := sum{last[key].updates + updates, last[key].withdrawals + withdrawals}
		lab.Until(t, 10*time.Second, what+": what "+key+" hears", func() error {
			u, w := told(t, b, protocol)
			if got := (sum{u, w}); got != want {
				return fmt.Errorf("%d updates and %d withdrawals more, want %d and %d",
					got.updates-last[key].updates, got.withdrawals-last[key].withdrawals, updates, withdrawals)
			}
			return nil
		})
		last[key] = want
	}
	// r2 hears the 8 networks of the pool, and so does r3, with what r1 may pass on: nothing outside of the pools.
	hears("start", b2, "r1", 8, 0)
	hears("start", b2, "r1v6", 8, 0)
	hears("start", b3, "r1", 8, 0)

	up := map[string]time.Time{}
	for _, p := range peers {
		was, err := node.Peer(p)
		if err != nil {
			t.Fatal(err)
		}
		up[p] = was.Since
	}
	birds := []time.Time{since(t, b2), since(t, b3)}
	messages := func() string {
		// BIRD's own UPDATEs, and everything but UPDATEs and KEEPALIVEs of anybody.
		return watch2.Show("bgp.type == 2 && !(ip.src == 192.168.1.1) && !(ipv6.src == fd00:1::1)") + "|" +
			watch3.Show("bgp.type == 2 && ip.src == 192.168.2.3") + "|" +
			watch2.Show("bgp.type == 5") + "|" + watch3.Show("bgp.type == 5")
	}
	// The last of a BIRD's first table is End-of-RIB, 23 octets, or 29 for IPv6;
	// what is recorded gets to the file late.
	for _, end := range []struct {
		at     *lab.Capture
		filter string
	}{
		{watch2, "ip.src == 192.168.1.2 && bgp.length == 23"},
		{watch2, "ipv6.src == fd00:1::2 && (bgp.length == 29 || bgp.length == 30)"},
		{watch3, "ip.src == 192.168.2.3 && bgp.length == 23"},
	} {
		lab.Until(t, 15*time.Second, "a recorded End-of-RIB", func() error {
			if end.at.Show(end.filter) == "" {
				return errors.New("none with " + end.filter)
			}
			return nil
		})
	}
	before := messages()

	filter := func(name, spec string) string {
		return "apiVersion: projectcalico.org/v3\nkind: BGPFilter\nmetadata: {name: " + name + "}\nspec:\n" + spec + "\n"
	}
	// A filter is added.
	node.Apply(filter("f", `
  exportV4:
    - {action: Reject, cidr: 10.1.3.0/24, matchOperator: Equal}
    - {action: Reject, cidr: 10.1.4.0/24, matchOperator: Equal, peerType: eBGP}
  exportV6:
    - {action: Reject, cidr: 'fd10::/16', matchOperator: In, prefixLength: {min: 64}}
  importV4:
    - {action: Reject, communities: {values: ['64513:1']}}
    - {action: Reject, communities: {values: ['64513:1:1']}, peerType: iBGP}
  importV6:
    - {action: Reject, cidr: 'fd20:2::/64', matchOperator: Equal}
`) + "---" + strings.ReplaceAll(labFilters, "FILTERS", "f"))
	hears("a filter added", b2, "r1", 0, 2)
	hears("a filter added", b2, "r1v6", 0, 8)
	hears("a filter added", b3, "r1", 0, 1)
	// r3's route to 10.2.1.0/24 takes the place of r2's.
	lab.Until(t, 10*time.Second, "the other way", hasRoute(r1, "10.2.1.0/24", "via 192.168.2.3"))
	lab.Until(t, 10*time.Second, "no IPv6 route", noRoute(r1, "fd20:2::/64"))
	for _, p := range []string{"10.2.0.0/24", "10.2.2.0/24", "10.2.3.0/24", "fd20:1::/64", "10.3.0.0/24"} {
		if err := hasRoute(r1, p)(); err != nil {
			t.Error(err)
		}
	}

	// It changes: another community, a path, what is told with what. r3 hears
	// what r2 told as it is asked for, in no pool; r2 does not, being the one
	// who told it, and hears of what r3 told.
	node.Apply(filter("f", `
  exportV4:
    - {action: Reject, cidr: 10.1.4.0/24, matchOperator: Equal, peerType: eBGP}
    - {action: Reject, cidr: 10.1.5.0/24, matchOperator: Equal, peerType: eBGP}
    - {action: Accept, cidr: 10.1.6.0/24, matchOperator: Equal, operations: [{addCommunity: {value: '64512:6'}}, {addCommunity: {value: '64512:6:6'}}, {prependASPath: {prefix: [64601, 64602]}}, {setPriority: {value: 512}}]}
    - {action: Accept, source: RemotePeers, asPathPrefix: [64512, 64513], peerType: eBGP}
    - {action: Accept, source: RemotePeers, asPathPrefix: [64513, 64777], interface: eth0, peerType: iBGP}
    - {action: Accept, source: RemotePeers, cidr: 10.3.0.0/24, matchOperator: In, interface: 'eth*', operations: [{prependASPath: {prefix: [64603]}}]}
  importV4:
    - {action: Reject, communities: {values: ['64513:1:1']}, peerType: eBGP}
    - {action: Reject, asPathPrefix: [64513, 64777]}
    - {action: Reject, priority: 512}
`))
	hears("a filter changed", b2, "r1", 3, 1)   // back: .3; other: .6; new: 10.3; gone: .5
	hears("a filter changed", b2, "r1v6", 8, 0) // all back
	hears("a filter changed", b3, "r1", 2, 0)   // back: .3; other: .6
	lab.Until(t, 10*time.Second, "the first way again", hasRoute(r1, "10.2.1.0/24", "via 192.168.1.2"))
	lab.Until(t, 10*time.Second, "the IPv6 route again", hasRoute(r1, "fd20:2::/64"))
	lab.Until(t, 10*time.Second, "no route", noRoute(r1, "10.2.2.0/24"))
	lab.Until(t, 10*time.Second, "no route", noRoute(r1, "10.2.3.0/24"))

	// What BIRD sees of it.
	show := func(b *lab.Bird, prefix string, words ...string) {
		t.Helper()
		lab.Until(t, 5*time.Second, prefix+" at "+name[b], func() error {
			return lab.Contains(b.CLI("show route all "+prefix+" protocol r1")+"\n", words...)
		})
	}
	show(b2, "10.1.6.0/24", "BGP.as_path: 64601 64602 64512\n", "BGP.community: (64512,6)\n", "BGP.large_community: (64512, 6, 6)\n", "BGP.next_hop: 192.168.1.1\n")
	show(b3, "10.1.6.0/24", "BGP.as_path: 64601 64602\n", "BGP.local_pref: 2147483135\n", "BGP.community: (64512,6)\n", "BGP.large_community: (64512, 6, 6)\n")
	show(b2, "10.1.7.0/24", "BGP.as_path: 64512\n")
	show(b2, "10.3.0.0/24", "BGP.as_path: 64603 64512\n")

	// A second filter, asked first.
	node.Apply(filter("g", `
  exportV4:
    - {action: Accept, cidr: 10.1.4.0/23, matchOperator: In}
  importV4:
    - {action: Accept, asPathPrefix: [64513]}
`) + "---" + strings.ReplaceAll(labFilters, "FILTERS", "g, f"))
	hears("a filter before it", b2, "r1", 2, 0)
	hears("a filter before it", b2, "r1v6", 0, 0)
	hears("a filter before it", b3, "r1", 1, 0) // 10.2.3.0/24, which f lets pass if it is there
	lab.Until(t, 10*time.Second, "the route", hasRoute(r1, "10.2.2.0/24"))
	lab.Until(t, 10*time.Second, "the route", hasRoute(r1, "10.2.3.0/24"))

	// One is deleted while it is in use: it is passed over, and told.
	node.Do("delete", "bgpfilter", "f")
	lab.Until(t, 10*time.Second, "the problem", func() error {
		return lab.Contains(node.Do("node", "status", "--socket", node.Socket), "BGPFilter(f) does not exist")
	})
	// No filter is there any more.
	node.Apply(strings.ReplaceAll(labFilters, "FILTERS", ""))
	node.Do("delete", "bgpfilter", "g")
	hears("no filter", b2, "r1", 1, 1) // other: .6; gone: 10.3
	hears("no filter", b3, "r1", 1, 1) // other: .6; gone: 10.2.3.0/24
	hears("no filter", b2, "r1v6", 0, 0)
	for _, p := range []string{"10.2.0.0/24", "10.2.1.0/24", "10.2.2.0/24", "10.2.3.0/24", "fd20:1::/64", "fd20:2::/64", "10.3.0.0/24"} {
		lab.Until(t, 10*time.Second, "route "+p, hasRoute(r1, p))
	}
	show(b2, "10.1.6.0/24", "BGP.as_path: 64512\n")

	// Communities go with what the pools let out.
	node.Apply(`
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec:
  communities: [{name: blue, value: '64512:100'}]
  prefixAdvertisements:
    - {cidr: 10.1.2.0/23, communities: [blue]}
    - {cidr: 10.1.3.0/24, communities: ['64512:1:2']}
`)
	hears("communities", b2, "r1", 2, 0)
	hears("communities", b3, "r1", 2, 0)
	show(b2, "10.1.2.0/24", "BGP.community: (64512,100)\n")
	show(b3, "10.1.3.0/24", "BGP.community: (64512,100)\n", "BGP.large_community: (64512, 1, 2)\n")
	node.Do("delete", "bgpconfiguration", "default")
	hears("no communities", b2, "r1", 2, 0)
	hears("no communities", b3, "r1", 2, 0)

	for _, p := range peers {
		is, err := node.Peer(p)
		if err != nil || !is.Since.Equal(up[p]) {
			t.Errorf("the session with %s was restarted: %v, was %v (%v)", p, is.Since, up[p], err)
		}
	}
	if now := []time.Time{since(t, b2), since(t, b3)}; !slices.EqualFunc(now, birds, sameSession) {
		t.Errorf("BIRD says its sessions are up since %v, said %v", now, birds)
	}
	if now := messages(); now != before {
		t.Errorf("the BIRDs have said something more, or somebody has asked for a refresh:\n%s\nbefore:\n%s", now, before)
	}
	for _, c := range []*lab.Capture{watch2, watch3} {
		if bad := c.Show("_ws.malformed || _ws.expert.severity == error", "_ws.expert.message"); bad != "" {
			t.Errorf("Wireshark finds: %s", bad)
		}
	}
}
