package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// internal is a program in our AS, next door and nowhere else (RFC 5082), with
// ADD-PATH both ways. Its route is 10.2.0.0/24.
type internal struct {
	// start starts it, and returns what it says of a prefix.
	start func(r2 *lab.Host) (view func(prefix string) string)
	local string // how it says that our own route's LOCAL_PREF is 2147483547
	// one: it can't be told to have two paths to a prefix by itself; otherwise
	// they go by 192.168.1.3 and 192.168.1.4.
	one bool
	// log: its view is all that it was ever told.
	log bool
}

const internalBird2 = `
router id 192.168.1.2;
log stderr all;
protocol device { scan time 1; }
protocol static one { ipv4 { preference 200; }; route 10.2.0.0/24 via 192.168.1.3; }
protocol static two { ipv4 { preference 150; }; route 10.2.0.0/24 via 192.168.1.4; }
protocol bgp r1 {
	local 192.168.1.2 as 64512;
	neighbor 192.168.1.1 as 64512;
	multihop 1;
	ttl security on;
	connect delay time 1;
	ipv4 { import all; export filter { if source != RTS_STATIC then reject; bgp_next_hop = gw; accept; }; add paths on; };
}
`

const internalBird1 = `
router id 192.168.1.2;
log stderr all;
protocol device { scan time 1; }
protocol static one { preference 200; route 10.2.0.0/24 via 192.168.1.3; }
protocol static two { preference 150; route 10.2.0.0/24 via 192.168.1.4; }
protocol bgp r1 {
	local 192.168.1.2 as 64512;
	neighbor 192.168.1.1 as 64512;
	multihop 1;
	ttl security on;
	connect delay time 1;
	add paths on;
	import all;
	export filter { if source != RTS_STATIC then reject; bgp_next_hop = gw; accept; };
}
`

const internalFRR = `
hostname r2
router bgp 64512
 bgp router-id 192.168.1.2
 no bgp network import-check
 neighbor 192.168.1.1 remote-as 64512
 neighbor 192.168.1.1 ttl-security hops 1
 neighbor 192.168.1.1 timers connect 1
 neighbor 192.168.1.1 advertisement-interval 0
 address-family ipv4 unicast
  network 10.2.0.0/24
  neighbor 192.168.1.1 addpath-tx-all-paths
 exit-address-family
`

const internalGoBGP = `
[global.config]
as = 64512
router-id = "192.168.1.2"
[[neighbors]]
[neighbors.config]
neighbor-address = "192.168.1.1"
peer-as = 64512
[neighbors.timers.config]
connect-retry = 1
idle-hold-time-after-reset = 1
[neighbors.ttl-security.config]
enabled = true
ttl-min = 255
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv4-unicast"
[neighbors.afi-safis.add-paths.config]
receive = true
send-max = 8
`

const internalOpenBGPD = `
AS 64512
router-id 192.168.1.2
listen on 192.168.1.2
fib-update no
network 10.2.0.0/24
neighbor 192.168.1.1 {
	remote-as 64512
	ttl-security yes
	announce IPv4 unicast
	announce add-path recv yes
	announce add-path send all
}
allow from any
allow to any
`

const internalExaBGP = `
neighbor 192.168.1.1 {
	router-id 192.168.1.2;
	local-address 192.168.1.2;
	local-as 64512;
	peer-as 64512;
	outgoing-ttl 255;
	incoming-ttl 255;
	capability { add-path send/receive; }
	family { ipv4 unicast; }
	static {
		route 10.2.0.0/24 path-information 0.0.0.1 next-hop 192.168.1.3 local-preference 100;
		route 10.2.0.0/24 path-information 0.0.0.2 next-hop 192.168.1.4 local-preference 100;
	}
	api { processes [ ears ]; neighbor-changes; receive { parsed; update; notification; } }
}
`

func internalGo(run func(*lab.Host, string, ...string) *lab.GoBGP) internal {
	return internal{local: "{LocalPref: 2147483547}", start: func(r2 *lab.Host) func(string) string {
		g := run(r2, internalGoBGP)
		for i, hop := range []string{"192.168.1.3", "192.168.1.4"} {
			g.CLI("global", "rib", "add", "10.2.0.0/24", "identifier", fmt.Sprint(i+1), "nexthop", hop, "local-pref", "100")
		}
		return gobgp{g}.view
	}}
}

// TestInteropInternal: each program as an internal peer with TTL security and
// ADD-PATH. It hears of two paths to a prefix, ours and an external peer's, with
// LOCAL_PREF, their next hops and no AS of ours; and we hear of its own two.
func TestInteropInternal(t *testing.T) {
	for name, n := range map[string]internal{
		"BIRD2": {local: "BGP.local_pref: 2147483547", start: func(r2 *lab.Host) func(string) string {
			return bird2{r2.Bird(internalBird2)}.view
		}},
		"BIRD1": {local: "BGP.local_pref: 2147483547", start: func(r2 *lab.Host) func(string) string {
			return bird1{v4: r2.Bird1(false, internalBird1)}.view
		}},
		"FRR": {local: "localpref 2147483547", one: true, start: func(r2 *lab.Host) func(string) string {
			return frr{r2.FRR(internalFRR)}.view
		}},
		"OpenBGPD": {local: "localpref 2147483547", one: true, start: func(r2 *lab.Host) func(string) string {
			return openbgpd{r2.OpenBGPD(internalOpenBGPD)}.view
		}},
		"ExaBGP": {local: `"local-preference": 2147483547`, log: true, start: func(r2 *lab.Host) func(string) string {
			e := r2.ExaBGP(internalExaBGP)
			return func(prefix string) string { return e.Events(prefix) }
		}},
		"GoBGP":  internalGo((*lab.Host).GoBGP),
		"GoBGP4": internalGo((*lab.Host).GoBGP4),
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); n.meet(t) })
	}
}

func (n internal) meet(t *testing.T) {
	r1, r2 := twoRouters(t)
	r3 := r1.Lab.Host("r3")
	r1.Lab.Link(r1, "eth3", []string{"192.168.3.1/24"}, r3, "eth0", []string{"192.168.3.2/24"})
	r2.IP("route", "add", "192.168.3.0/24", "via", "192.168.1.1")
	r1.IP("route", "add", "10.1.9.0/24", "via", "192.168.1.77", "metric", "100")
	record := r1.Capture("eth0")
	external := r3.Bird(birdPeer("192.168.3.2", "192.168.3.1", 64521, "10.1.9.0/24"))
	view := n.start(r2)

	node := r1.Calctl()
	node.Apply(`
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: v4}
spec: {cidr: 10.0.0.0/8}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r2}
spec: {peerIP: 192.168.1.2, asNumber: 64512, ttlSecurity: 1}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r3}
spec: {peerIP: 192.168.3.2, asNumber: 64521, sourceAddress: None}
`)
	node.Start("--ip", "192.168.1.1/24")
	node.Established("192.168.1.2", 20*time.Second)
	node.Established("192.168.3.2", 20*time.Second)

	t.Log("what it is told")
	lab.Until(t, 15*time.Second, "both paths", func() error {
		// 2147483647 less the metric.
		return lab.Contains(view("10.1.9.0/24"), "192.168.1.77", n.local, "192.168.3.2", "64521")
	})
	external.CLI("disable nets")
	lab.Until(t, 15*time.Second, "one path", func() error {
		got := view("10.1.9.0/24")
		if n.log {
			return lab.Contains(got, `"withdraw"`)
		}
		if strings.Contains(got, "192.168.3.2") {
			return fmt.Errorf("still there: %s", got)
		}
		return lab.Contains(got, "192.168.1.77")
	})

	t.Log("what it tells")
	words := []string{"via 192.168.1.3 ", "via 192.168.1.4 "}
	if n.one {
		words = []string{"via 192.168.1.2 "}
	}
	lab.Until(t, 10*time.Second, "its route", hasRoute(r1, "10.2.0.0/24", words...))

	node.Do("delete", "bgppeer", "r2")
	wellFormed(t, record, "192.168.1.1", "::1", "ip.src==192.168.1.1 && bgp.notify.minor_error_cease==3")
	if other := record.Show("ip.src==192.168.1.1 && bgp && ip.ttl!=255"); other != "" {
		t.Errorf("packets with another TTL than 255: %s", other)
	}
	const path = "ip.src==192.168.1.1 && bgp.update.path_attribute.as_path_segment.as4=="
	if record.Show(path+"64521") == "" || record.Show(path+"64512") != "" {
		t.Error("a path without the external AS, or with ours")
	}
}
