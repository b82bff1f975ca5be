package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/status"
)

// What r1 of the two-router lab is told.
const labR1 = `
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: r1}
spec: {bgp: {asNumber: 64512, ipv4Address: 192.168.1.1/24}}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: r1-networks}
spec: {cidr: 10.1.0.0/24}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r2}
spec: {peerIP: 192.168.1.2, asNumber: 64513}
`

// What BIRD is told as r2: its side of the session, its network and a few static routes.
const labBirdR2 = `
router id 192.168.1.2;
log stderr all;
protocol device { scan time 1; }
protocol direct { ipv4; interface "lan0"; }
protocol static extra { ipv4; route 10.2.9.0/24 blackhole; }
protocol kernel { ipv4 { export where source = RTS_BGP; }; }
protocol bgp r1 {
	local 192.168.1.2 as 64513;
	neighbor 192.168.1.1 as 64512;
	ipv4 { import all; export all; };
}
`

// twoRouters is the lab of the demo: r1 (10.1.0.0/24) and r2 (10.2.0.0/24) on
// 192.168.1.0/24.
func twoRouters(t *testing.T) (r1, r2 *lab.Host) {
	l := lab.New(t)
	r1, r2 = l.Host("r1"), l.Host("r2")
	l.Link(r1, "eth0", []string{"192.168.1.1/24"}, r2, "eth0", []string{"192.168.1.2/24"})
	stub(r1, "10.1.0.1/24")
	stub(r2, "10.2.0.1/24")
	return r1, r2
}

// stub gives a host a network that nobody else is on.
func stub(h *lab.Host, addrs ...string) {
	h.IP("link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
	h.IP("link", "set", "lan0", "up")
	h.IP("link", "set", "lan1", "up")
	h.Addr("lan0", addrs...)
}

// hasRoute is a condition: the kernel of h has a route to prefix with these words in it.
func hasRoute(h *lab.Host, prefix string, words ...string) func() error {
	return func() error {
		got := h.Routes(prefix)
		if got == "" {
			return fmt.Errorf("%s has no route to %s", h.Name, prefix)
		}
		return lab.Contains(got, words...)
	}
}

// noRoute is a condition: the kernel of h has no route to prefix.
func noRoute(h *lab.Host, prefix string) func() error {
	return func() error {
		if got := h.Routes(prefix); got != "" {
			return fmt.Errorf("%s still has %s", h.Name, got)
		}
		return nil
	}
}

// pings is a condition: from gets an answer from addr.
func pings(from *lab.Host, addr string) func() error {
	return func() error { return from.Ping(addr) }
}

func TestLabTwoRoutersWithBird(t *testing.T) {
	r1, r2 := twoRouters(t)
	bird := r2.Bird(labBirdR2)
	node := r1.Calctl()
	node.Apply(labR1)

	node.Start()
	took := lab.Until(t, 1500*time.Millisecond, "BIRD's network in r1's kernel", hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2 dev eth0 proto 179"))
	t.Logf("start of node run to route in the kernel: %v", took)
	node.Established("192.168.1.2", time.Second)

	lab.Until(t, 5*time.Second, "r1's network in BIRD's table", func() error {
		return lab.Contains(bird.CLI("show route for 10.1.0.1 all"), "10.1.0.0/24", "192.168.1.1", "BGP.as_path: 64512")
	})
	lab.Until(t, 5*time.Second, "ping across", func() error {
		out, err := r1.Try("ping", "-c1", "-W1", "-I", "10.1.0.1", "10.2.0.1")
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	// The pool does not hold the link's own network: BIRD must not hear of it.
	if got := bird.CLI("show route protocol r1"); strings.Contains(got, "192.168.1.0/24") {
		t.Errorf("r1 told of a network outside the pool:\n%s", got)
	}

	table := node.Do("node", "status", "--socket", node.Socket)
	if err := lab.Contains(table, "Calico process is running.", "IPv4 BGP status", "| 192.168.1.2  | global    | up    |", "Established", "No IPv6 peers found."); err != nil {
		t.Error(err)
	}

	if err := node.Stop(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	lab.Until(t, 5*time.Second, "BIRD to drop the routes of a node that said goodbye", func() error {
		if got := bird.CLI("show route protocol r1"); strings.Contains(got, "10.1.0.0/24") {
			return errors.New(got)
		}
		return nil
	})
	if err := hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2")(); err != nil {
		t.Errorf("routes must stay in the kernel when the node stops: %v", err)
	}
}

func TestLabTwoRoutersBothCalctl(t *testing.T) {
	r1, r2 := twoRouters(t)
	n1, n2 := r1.Calctl(), r2.Calctl()
	n1.Apply(labR1)
	n2.Apply(strings.NewReplacer("64512", "64513", "64513", "64512", "192.168.1.1/", "192.168.1.2/", "192.168.1.2,", "192.168.1.1,",
		"name: r1-", "name: r2-", "name: r1}", "name: r2}", "name: r2}", "name: r1}", "10.1.", "10.2.").Replace(labR1))
	n1.Start()
	n2.Start()
	took := lab.Until(t, 3*time.Second, "routes on both sides", func() error {
		return errors.Join(hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2")(), hasRoute(r2, "10.1.0.0/24", "via 192.168.1.1")())
	})
	t.Logf("start of both nodes to routes in both kernels: %v", took)
	lab.Until(t, 5*time.Second, "ping across", pings(r1, "10.2.0.1"))
	lab.Until(t, 5*time.Second, "ping back", pings(r2, "10.1.0.1"))
}

func TestLabMeshOfThree(t *testing.T) {
	l := lab.New(t)
	hosts := []*lab.Host{l.Host("n1"), l.Host("n2"), l.Host("n3")}
	members := map[*lab.Host]string{}
	for i, h := range hosts {
		members[h] = fmt.Sprintf("192.168.5.%d/24", i+1)
		stub(h, fmt.Sprintf("10.20.%d.1/24", i+1), fmt.Sprintf("fd20::%d:1/112", i+1))
		h.Addr("lo", fmt.Sprintf("10.20.100.%d/32", i+1)) // a loopback address inside the pool
	}
	l.LAN("eth0", members)
	for i, h := range hosts {
		h.Addr("eth0", fmt.Sprintf("fd05::%d/64", i+1))
	}

	store := l.Dir() + "/shared"
	nodes := make([]*lab.Calctl, len(hosts))
	for i, h := range hosts {
		nodes[i] = h.CalctlSharing(store)
	}
	nodes[0].Apply(`
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: v4}
spec: {cidr: 10.20.0.0/16}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: v6}
spec: {cidr: "fd20::/64"}
`)
	for i, n := range nodes {
		n.Start("--ip", fmt.Sprintf("192.168.5.%d/24", i+1), "--ip6", fmt.Sprintf("fd05::%d/64", i+1))
	}
	lab.Until(t, 10*time.Second, "every network in every kernel", func() error {
		var errs []error
		for i, h := range hosts {
			for j := range hosts {
				if i == j {
					continue
				}
				via4, via6 := fmt.Sprintf("via 192.168.5.%d ", j+1), fmt.Sprintf("via fd05::%d ", j+1)
				errs = append(errs,
					hasRoute(h, fmt.Sprintf("10.20.%d.0/24", j+1), via4)(),
					hasRoute(h, fmt.Sprintf("10.20.100.%d", j+1), via4)(),
					hasRoute(h, fmt.Sprintf("fd20::%d:0/112", j+1), via6)())
			}
		}
		return errors.Join(errs...)
	})
	for _, n := range nodes {
		r, err := n.Status()
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Peers) != 4 {
			t.Errorf("%s has %d sessions, want 2 of each family", n.Name, len(r.Peers))
		}
		for _, p := range r.Peers {
			if p.Type != status.NodeMesh || p.State != status.StateUp || p.ASNumber != 64512 {
				t.Errorf("%s: %+v", n.Name, p)
			}
		}
		if len(r.Problems) != 0 {
			t.Errorf("%s reports problems: %v", n.Name, r.Problems)
		}
	}
	lab.Until(t, 5*time.Second, "ping across", pings(hosts[0], "10.20.3.1"))
	lab.Until(t, 5*time.Second, "IPv6 ping across", pings(hosts[2], "fd20::1:1"))
	if got := nodes[0].Do("get", "nodes", "-o", "wide"); strings.Count(got, "(64512)") != 3 {
		t.Errorf("the nodes should have registered themselves:\n%s", got)
	}
}
