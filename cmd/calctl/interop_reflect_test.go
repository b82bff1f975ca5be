package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// interopReflectBird and the two after it are clients r2, r3 and r4 of r1, each
// with a network of its own.
const interopReflectBird = `
router id 192.168.2.2;
log stderr all;
protocol device { scan time 1; }
protocol static nets { ipv4; route 10.2.0.0/24 blackhole; }
protocol bgp r1 {
	local 192.168.2.2 as 64512;
	neighbor 192.168.2.1 as 64512;
	connect delay time 1;
	ipv4 { import all; export all; };
}
`

const interopReflectFRR = `
hostname r3
router bgp 64512
 bgp router-id 192.168.3.2
 no bgp network import-check
 neighbor 192.168.3.1 remote-as 64512
 neighbor 192.168.3.1 timers connect 1
 neighbor 192.168.3.1 advertisement-interval 0
 address-family ipv4 unicast
  network 10.3.0.0/24
 exit-address-family
`

const interopReflectGoBGP = `
[global.config]
as = 64512
router-id = "192.168.4.2"
[[neighbors]]
[neighbors.config]
neighbor-address = "192.168.4.1"
peer-as = 64512
[neighbors.timers.config]
connect-retry = 1
`

// TestInteropReflector: calctl reflects between BIRD, FRR, GoBGP and another
// calctl, and takes the marks of RFC 4456 for what they are.
func TestInteropReflector(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	r1 := l.Host("r1")
	far := map[int]*lab.Host{}
	for i := 2; i <= 5; i++ {
		far[i] = l.Host(fmt.Sprintf("r%d", i))
		l.Link(r1, fmt.Sprintf("eth%d", i), []string{fmt.Sprintf("192.168.%d.1/24", i)}, far[i], "eth0", []string{fmt.Sprintf("192.168.%d.2/24", i)})
	}
	record := r1.Capture("eth3")
	bird, frr, gobgp := far[2].Bird(interopReflectBird), far[3].FRR(interopReflectFRR), far[4].GoBGP(interopReflectGoBGP)
	gobgp.CLI("global", "rib", "add", "10.4.0.0/24")
	// The kernel of r5 knows where the others' next hops are.
	far[5].IP("route", "add", "192.168.0.0/16", "via", "192.168.5.1")
	stub(far[5], "10.5.0.1/24")

	reflector, client := r1.Calctl(), far[5].Calctl()
	pool := "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: v4}\nspec: {cidr: 10.0.0.0/8}\n---\n"
	peers := pool + "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: r1}\nspec: {bgp: {ipv4Address: 192.168.1.1/24, routeReflectorClusterID: 244.0.0.1}}\n"
	for i := 2; i <= 5; i++ {
		peers += fmt.Sprintf("---\napiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: r%[1]d}\nspec: {peerIP: 192.168.%[1]d.2, asNumber: 64512, sourceAddress: None}\n", i)
	}
	reflector.Apply(peers)
	reflector.Start()
	client.Apply(pool + `
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: r5}
spec: {bgp: {ipv4Address: 192.168.5.2/24}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r1}
spec: {peerIP: 192.168.5.1, asNumber: 64512}
`)
	client.Start()
	for i := 2; i <= 5; i++ {
		reflector.Established(fmt.Sprintf("192.168.%d.2", i), 15*time.Second)
	}
	for i := 2; i <= 5; i++ {
		prefix, hop := fmt.Sprintf("10.%d.0.0/24", i), fmt.Sprintf("192.168.%d.2", i)
		lab.Until(t, 15*time.Second, prefix+" with everybody else", func() error {
			var errs []error
			if i != 2 {
				errs = append(errs, lab.Contains(bird.CLI("show route all for "+prefix), "BGP.next_hop: "+hop, "BGP.originator_id: "+hop, "BGP.cluster_list: 244.0.0.1"))
			}
			if i != 3 {
				errs = append(errs, lab.Contains(frr.CLI("show bgp ipv4 unicast "+prefix), "Originator: "+hop, "Cluster list: 244.0.0.1", hop+" "))
			}
			if i != 4 {
				errs = append(errs, lab.Contains(gobgp.CLI("global", "rib", prefix), hop, "Originator: "+hop, "ClusterList: [244.0.0.1]"))
			}
			if i != 5 {
				errs = append(errs, hasRoute(far[5], prefix, "via 192.168.5.1 dev eth0")())
			}
			return errors.Join(errs...)
		})
	}
	up, err := reflector.Peer("192.168.3.2")
	if err != nil {
		t.Fatal(err)
	}

	t.Log("no reflector any more, and one again")
	reflector.Apply(strings.Replace(peers, ", routeReflectorClusterID: 244.0.0.1", "", 1))
	lab.Until(t, 10*time.Second, "nothing reflected", func() error {
		return errors.Join(noRoute(far[5], "10.2.0.0/24")(), lab.Contains(frr.CLI("show bgp ipv4 unicast 10.2.0.0/24"), "not in table"),
			lab.Contains(bird.CLI("show route 10.3.0.0/24"), "Network not found"))
	})
	reflector.Apply(strings.Replace(peers, "244.0.0.1", "244.0.0.9", 1))
	lab.Until(t, 10*time.Second, "another cluster", func() error {
		return errors.Join(hasRoute(far[5], "10.2.0.0/24", "via 192.168.5.1")(), lab.Contains(frr.CLI("show bgp ipv4 unicast 10.2.0.0/24"), "Cluster list: 244.0.0.9"))
	})
	if now, err := reflector.Peer("192.168.3.2"); err != nil || !now.Since.Equal(up.Since) {
		t.Errorf("the session was reset: up since %v, was %v; %v", now.Since, up.Since, err)
	}
	reflector.Do("delete", "bgppeer", "r3")
	lab.Until(t, 10*time.Second, "our goodbye at FRR", func() error {
		return lab.Contains(frr.CLI("show bgp neighbors 192.168.3.1"), "Cease/Peer De-configured")
	})
	wellFormed(t, record, "192.168.3.1", "::1", "ip.src==192.168.3.1 && bgp.notify.minor_error_cease==3")
}

// interopClusters is a reflector of cluster 244.0.0.2 as r2, and client r3 of it.
const interopClusters = `
router id 192.168.2.2;
log stderr all;
protocol device { scan time 1; }
protocol static nets { ipv4; route 10.2.0.0/24 blackhole; }
protocol bgp r1 {
	local 192.168.2.2 as 64512;
	neighbor 192.168.2.1 as 64512;
	rr client;
	rr cluster id 244.0.0.2;
	connect delay time 1;
	ipv4 { import all; export all; };
}
`

// TestInteropTwoClusters: of two reflectors, one is BIRD. What comes back to
// the cluster it was in, or to its originator, is not taken.
func TestInteropTwoClusters(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	r1, r2, r3 := l.Host("r1"), l.Host("r2"), l.Host("r3")
	l.Link(r1, "eth2", []string{"192.168.2.1/24"}, r2, "eth0", []string{"192.168.2.2/24"})
	l.Link(r1, "eth3", []string{"192.168.3.1/24"}, r3, "eth0", []string{"192.168.3.2/24"})
	toBird, toFRR := r1.Capture("eth2"), r1.Capture("eth3")
	bird, frr := r2.Bird(interopClusters), r3.FRR(interopReflectFRR)
	node := r1.Calctl()
	const resources = `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: v4}
spec: {cidr: 10.0.0.0/8}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: r1}
spec: {bgp: {ipv4Address: 192.168.2.1/24, routeReflectorClusterID: 244.0.0.1}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r2}
spec: {peerIP: 192.168.2.2, asNumber: 64512, sourceAddress: None}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r3}
spec: {peerIP: 192.168.3.2, asNumber: 64512, sourceAddress: None}
`
	node.Apply(resources)
	node.Start()
	lab.Until(t, 15*time.Second, "both networks on the other side", func() error {
		return errors.Join(
			hasRoute(r1, "10.2.0.0/24", "via 192.168.2.2")(),
			lab.Contains(frr.CLI("show bgp ipv4 unicast 10.2.0.0/24"), "Originator: 192.168.2.2", "Cluster list: 244.0.0.1"),
			lab.Contains(bird.CLI("show route all for 10.3.0.0/24"), "BGP.originator_id: 192.168.3.2", "BGP.cluster_list: 244.0.0.1"))
	})
	// BIRD's own route with our cluster in its list, as if it had gone round.
	bird.Kill()
	r2.Bird(strings.Replace(interopClusters, "export all", "export filter { bgp_cluster_list.add(244.0.0.1); accept; }", 1))
	node.Established("192.168.2.2", 15*time.Second)
	lab.Until(t, 10*time.Second, "a route of our cluster, not taken", func() error {
		p, err := node.Peer("192.168.2.2")
		if err == nil && p.RoutesIn != 1 {
			err = fmt.Errorf("%d routes in", p.RoutesIn)
		}
		return errors.Join(err, noRoute(r1, "10.2.0.0/24")())
	})
	// The same route is a good one for a reflector of another cluster.
	node.Apply(strings.Replace(resources, "ID: 244.0.0.1", "ID: 244.0.0.7", 1))
	lab.Until(t, 10*time.Second, "the route in another cluster", hasRoute(r1, "10.2.0.0/24", "via 192.168.2.2"))
	lab.Until(t, 10*time.Second, "both clusters at FRR", func() error {
		return lab.Contains(frr.CLI("show bgp ipv4 unicast 10.2.0.0/24"), "Cluster list: 244.0.0.7 244.0.0.1")
	})
	node.Do("delete", "bgppeer", "r2", "r3")
	wellFormed(t, toBird, "192.168.2.1", "::1", "ip.src==192.168.2.1 && bgp.notify.minor_error_cease==3")
	wellFormed(t, toFRR, "192.168.3.1", "::1", "ip.src==192.168.3.1 && bgp.notify.minor_error_cease==3")
}
