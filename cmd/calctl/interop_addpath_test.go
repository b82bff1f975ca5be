package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// addPathBird has two ways to 10.4.0.0/24 and tells both.
const addPathBird = `
router id 192.168.4.2;
log stderr all;
protocol device { scan time 1; }
protocol static one { ipv4 { preference 200; }; route 10.4.0.0/24 via 192.168.4.3; }
protocol static two { ipv4 { preference 150; }; route 10.4.0.0/24 via 192.168.4.4; }
protocol bgp r1 {
	local 192.168.4.2 as 64514;
	neighbor 192.168.4.1 as 64512;
	multihop;
	connect delay time 1;
	ipv4 { import all; export filter { if source != RTS_STATIC then reject; bgp_next_hop = gw; accept; }; add paths on; };
}
`

const addPathFRR = `
hostname r5
router bgp 64515
 bgp router-id 192.168.5.2
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 192.168.5.1 remote-as 64512
 neighbor 192.168.5.1 ebgp-multihop
 neighbor 192.168.5.1 timers connect 1
 neighbor 192.168.5.1 advertisement-interval 0
 address-family ipv4 unicast
  network 10.5.0.0/24
  neighbor 192.168.5.1 addpath-tx-all-paths
 exit-address-family
`

const addPathGoBGP = `
[global.config]
as = 64516
router-id = "192.168.6.2"
[[neighbors]]
[neighbors.config]
neighbor-address = "192.168.6.1"
peer-as = 64512
[neighbors.ebgp-multihop.config]
enabled = true
multihop-ttl = 64
[neighbors.timers.config]
connect-retry = 1
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv4-unicast"
[neighbors.afi-safis.add-paths.config]
receive = true
send-max = 8
`

// TestInteropAddPath: BIRD, FRR and GoBGP hear all paths to a prefix, and what
// they tell of several is told apart.
func TestInteropAddPath(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	r1 := l.Host("r1")
	far := map[int]*lab.Host{}
	for i := 2; i <= 6; i++ {
		far[i] = l.Host(fmt.Sprintf("r%d", i))
		l.Link(r1, fmt.Sprintf("eth%d", i), []string{fmt.Sprintf("192.168.%d.1/24", i)}, far[i], "eth0", []string{fmt.Sprintf("192.168.%d.2/24", i)})
	}
	record := r1.Capture("eth5")
	source := func(i, asn int) *lab.Bird {
		return far[i].Bird(birdPeer(fmt.Sprintf("192.168.%d.2", i), fmt.Sprintf("192.168.%d.1", i), asn, "10.2.0.0/24"))
	}
	source(2, 64521)
	second := source(3, 64522)
	bird, frr, gobgp := far[4].Bird(addPathBird), far[5].FRR(addPathFRR), far[6].GoBGP(addPathGoBGP)
	gobgp.CLI("global", "rib", "add", "10.6.0.0/24", "identifier", "1", "nexthop", "192.168.6.3")
	gobgp.CLI("global", "rib", "add", "10.6.0.0/24", "identifier", "2", "nexthop", "192.168.6.4")

	node := r1.Calctl()
	peers := "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: v4}\nspec: {cidr: 10.2.0.0/16}\n"
	for i, asn := range map[int]int{2: 64521, 3: 64522, 4: 64514, 5: 64515, 6: 64516} {
		peers += fmt.Sprintf("---\napiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: r%[1]d}\nspec: {peerIP: 192.168.%[1]d.2, asNumber: %[2]d, sourceAddress: None}\n", i, asn)
	}
	node.Apply(peers)
	node.Start("--ip", "192.168.1.1/24")
	for i := 2; i <= 6; i++ {
		node.Established(fmt.Sprintf("192.168.%d.2", i), 15*time.Second)
	}

	count := func(who, view, mark string, n int) error {
		if got := strings.Count(view, mark); got != n {
			return fmt.Errorf("%s has %d paths, want %d:\n%s", who, got, n, view)
		}
		return nil
	}
	everybody := func(n int) func() error {
		return func() error {
			return errors.Join(
				count("BIRD", bird.CLI("show route 10.2.0.0/24 all"), "BGP.as_path: 64512 6452", n),
				count("FRR", frr.CLI("show bgp ipv4 unicast 10.2.0.0/24"), "64512 6452", n),
				count("GoBGP", gobgp.CLI("global", "rib", "10.2.0.0/24"), "64512 6452", n))
		}
	}
	t.Log("what we tell")
	lab.Until(t, 15*time.Second, "two paths with everybody", everybody(2))
	second.CLI("disable nets")
	lab.Until(t, 15*time.Second, "one path with everybody", everybody(1))
	second.CLI("enable nets")
	lab.Until(t, 15*time.Second, "two paths with everybody", everybody(2))

	t.Log("what we are told")
	hops := func(prefix string, want ...string) func() error {
		return func() error { return lab.Contains(r1.Run("ip", "route", "show", prefix), want...) }
	}
	lab.Until(t, 10*time.Second, "BIRD's two next hops", hops("10.4.0.0/24", "via 192.168.4.3", "via 192.168.4.4"))
	lab.Until(t, 10*time.Second, "GoBGP's two next hops", hops("10.6.0.0/24", "via 192.168.6.3", "via 192.168.6.4"))
	lab.Until(t, 10*time.Second, "FRR's route", hops("10.5.0.0/24", "via 192.168.5.2"))
	bird.CLI("disable one")
	gobgp.CLI("global", "rib", "del", "10.6.0.0/24", "identifier", "1", "nexthop", "192.168.6.3")
	for prefix, gone := range map[string]string{"10.4.0.0/24": "192.168.4.3", "10.6.0.0/24": "192.168.6.3"} {
		lab.Until(t, 10*time.Second, "one next hop", func() error {
			got := r1.Run("ip", "route", "show", prefix)
			if strings.Contains(got, gone) {
				return errors.New(got)
			}
			return lab.Contains(got, "via "+strings.TrimSuffix(gone, "3")+"4")
		})
	}
	bird.CLI("enable one")
	lab.Until(t, 10*time.Second, "BIRD's two next hops", hops("10.4.0.0/24", "via 192.168.4.3", "via 192.168.4.4"))

	node.Do("delete", "bgppeer", "r5")
	wellFormed(t, record, "192.168.5.1", "::1", "ip.src==192.168.5.1 && bgp.notify.minor_error_cease==3")
}
