package main

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

func TestLabRepair(t *testing.T) {
	r1, r2 := twoRouters(t)
	r2.Bird(labBirdR2)
	node := r1.Calctl()
	node.Apply(labR1)
	node.Start()
	lab.Until(t, 5*time.Second, "the route", hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2"))

	r1.IP("route", "del", "10.2.0.0/24")
	took := lab.Until(t, 200*time.Millisecond, "a deleted route back", hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2"))
	t.Logf("ip route del: back after %v (the time of asking included)", took)

	r1.IP("link", "set", "eth0", "down")
	lab.Until(t, time.Second, "no way to the next hop", hasRoute(r1, "10.2.0.0/24", "unreachable"))
	r1.IP("link", "set", "eth0", "up")
	took = lab.Until(t, time.Second, "routes back after a link flap", hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2"))
	t.Logf("link down and up: back after %v", took)

	// What others have put into the table stays theirs, also when it gets in the way.
	r1.IP("route", "add", "10.2.9.0/24", "via", "192.168.1.77", "metric", "5")
	lab.Until(t, 2*time.Second, "both routes side by side", func() error {
		return lab.Contains(r1.Routes("10.2.9.0/24"), "via 192.168.1.77", "via 192.168.1.2")
	})
}

func TestLabRoutesOfOthersInTheKernel(t *testing.T) {
	r1, r2 := twoRouters(t)
	bird := r2.Bird(strings.NewReplacer("as 64513", "as 64512", "route 10.2.9.0/24 blackhole;", "route 0.0.0.0/0 blackhole;").Replace(labBirdR2))
	node := r1.Calctl()
	node.Apply(strings.Replace(labR1, "64513", "64512", 1))
	// A static default route, as a machine has from DHCP, and one inside the pool.
	r1.IP("route", "add", "default", "via", "192.168.1.77", "metric", "100")
	r1.IP("route", "add", "10.1.0.128/25", "via", "192.168.1.77")
	node.Start()
	lab.Until(t, 5*time.Second, "BGP's default route beside the static one", func() error {
		return lab.Contains(r1.Routes("default"), "via 192.168.1.77 dev eth0 metric 100", "via 192.168.1.2 dev eth0 proto 179 metric 2147483547")
	})
	lab.Until(t, 5*time.Second, "the static route inside the pool at r2, with its metric of 0", func() error {
		return lab.Contains(bird.CLI("show route 10.1.0.128/25 all"), "10.1.0.128/25", "BGP.local_pref: 2147483647")
	})
	if got := bird.CLI("show route protocol r1"); strings.Contains(got, "0.0.0.0/0") {
		t.Errorf("the default route went out:\n%s", got)
	}
	r1.IP("route", "del", "10.1.0.128/25")
	lab.Until(t, 5*time.Second, "the static route gone from r2", func() error {
		if got := bird.CLI("show route protocol r1"); strings.Contains(got, "10.1.0.128/25") {
			return fmt.Errorf("%s", got)
		}
		return nil
	})
}

// TestLabUnreachableNextHopLoses: the better path is of no use while nobody
// can reach its next hop.
func TestLabUnreachableNextHopLoses(t *testing.T) {
	l := lab.New(t)
	r1, mid, r2, r3 := l.Host("r1"), l.Host("mid"), l.Host("r2"), l.Host("r3")
	l.Link(r1, "eth0", []string{"192.168.1.1/24"}, mid, "eth0", []string{"192.168.1.9/24"})
	l.Link(mid, "eth1", []string{"192.168.3.9/24"}, r2, "eth0", []string{"192.168.3.2/24"})
	l.Link(r1, "eth1", []string{"192.168.2.1/24"}, r3, "eth0", []string{"192.168.2.2/24"})
	r1.IP("route", "add", "192.168.3.0/24", "via", "192.168.1.9")
	r2.IP("route", "add", "192.168.1.0/24", "via", "192.168.3.9")
	r2.Bird(strings.Replace(birdPeer("192.168.3.2", "192.168.1.1", 64513, "10.2.0.0/24"), "neighbor", "multihop 4;\n\tneighbor", 1))
	r3.Bird(strings.Replace(birdPeer("192.168.2.2", "192.168.2.1", 64514, "10.2.0.0/24"), "export all;",
		"export filter { bgp_path.prepend(64514); accept; };", 1))
	node := r1.Calctl()
	node.Apply(strings.Replace(labR1, "192.168.1.2,", "192.168.3.2,", 1) + `
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r3}
spec: {peerIP: 192.168.2.2, asNumber: 64514, sourceAddress: None}
`)
	node.Start()
	node.Established("192.168.2.2", 10*time.Second)
	lab.Until(t, 10*time.Second, "the shorter path", hasRoute(r1, "10.2.0.0/24", "via 192.168.1.9 dev eth0"))
	r1.IP("route", "del", "192.168.3.0/24")
	lab.Until(t, 2*time.Second, "the longer path, which works", hasRoute(r1, "10.2.0.0/24", "via 192.168.2.2 dev eth1"))
	r1.IP("route", "add", "192.168.3.0/24", "via", "192.168.1.9")
	lab.Until(t, 2*time.Second, "the shorter path again", hasRoute(r1, "10.2.0.0/24", "via 192.168.1.9 dev eth0"))
}

// TestLabHoldTimerExpires: a peer that falls silent is gone, routes and all,
// and not kept as one that restarts.
func TestLabHoldTimerExpires(t *testing.T) {
	r1, r2 := twoRouters(t)
	bird := r2.Bird(strings.Replace(labBirdR2, "neighbor", "hold time 3;\n\tneighbor", 1))
	node := r1.Calctl()
	node.Apply(labR1)
	node.Start()
	lab.Until(t, 5*time.Second, "the route", hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2"))
	if err := syscall.Kill(bird.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	lab.Until(t, 10*time.Second, "the silent peer's route gone", noRoute(r1, "10.2.0.0/24"))
	p, err := node.Peer("192.168.1.2")
	if err != nil || p.State == "up" || !strings.Contains(p.LastError, "Hold Timer Expired") {
		t.Errorf("%+v, %v", p, err)
	}
}

// pinger sends a ping every two milliseconds through the lab until told to stop.
func pinger(from *lab.Host, source, to string, count int) *exec.Cmd {
	return from.Command("ping", "-q", "-i", "0.002", "-c", fmt.Sprint(count), "-W", "2", "-I", source, to)
}

func TestLabKilledAndRestarted(t *testing.T) {
	l := lab.New(t)
	h, r1, r2 := l.Host("h"), l.Host("r1"), l.Host("r2")
	l.Link(h, "eth0", []string{"10.1.0.2/24"}, r1, "lan0", []string{"10.1.0.1/24"})
	l.Link(r1, "eth0", []string{"192.168.1.1/24"}, r2, "eth0", []string{"192.168.1.2/24"})
	h.IP("route", "add", "default", "via", "10.1.0.1")
	stub(r2, "10.2.0.1/24")
	bird := r2.Bird(labBirdR2)
	node := r1.Calctl()
	node.Apply(labR1)
	node.Start()
	node.Established("192.168.1.2", 5*time.Second)
	lab.Until(t, 5*time.Second, "ping through r1", pings(h, "10.2.0.1"))
	lab.Until(t, 5*time.Second, "the extra route", hasRoute(r1, "10.2.9.0/24", "via 192.168.1.2"))

	ping := pinger(h, "10.1.0.2", "10.2.0.1", 3000)
	var out strings.Builder
	ping.Stdout, ping.Stderr = &out, &out
	if err := ping.Start(); err != nil {
		t.Fatal(err)
	}

	node.Kill()
	if err := hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2")(); err != nil {
		t.Errorf("kill -9 took the routes: %v", err)
	}
	// While the node is away its peer loses a route: it is stale from then on.
	lab.Until(t, 5*time.Second, "BIRD to notice", func() error {
		if strings.Contains(bird.CLI("show protocols r1"), "Established") {
			return fmt.Errorf("still established")
		}
		return nil
	})
	bird.CLI("disable extra")

	node.Start()
	node.Established("192.168.1.2", 10*time.Second)
	lab.Until(t, 20*time.Second, "the stale route swept", noRoute(r1, "10.2.9.0/24"))
	if err := hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2")(); err != nil {
		t.Error(err)
	}
	lab.Until(t, 15*time.Second, "r1's network at BIRD, not stale any more", func() error {
		got := bird.CLI("show route for 10.1.0.1 all")
		if strings.Contains(got, "(s)") {
			return fmt.Errorf("still stale: %s", got)
		}
		return lab.Contains(got, "10.1.0.0/24", "192.168.1.1")
	})
	if err := ping.Wait(); err != nil {
		t.Errorf("ping: %v", err)
	}
	if !strings.Contains(out.String(), " 0% packet loss") {
		t.Errorf("packets were lost across kill -9 and restart:\n%s", out.String())
	}
	r, err := node.Status()
	if err != nil {
		t.Fatal(err)
	}
	if r.Routes.Stale != 0 || r.Routes.NotInstalled != 0 {
		t.Errorf("routes: %+v", r.Routes)
	}
	t.Log(strings.TrimSpace(out.String()))
}
