package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// TestLabReachableBy: a router that the kernel knows no way to is reached by the
// gateway its BGPPeer names, and so are its routes. Without, they lead nowhere, and so
// while the link has no carrier; then all is as it was.
func TestLabReachableBy(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	r1, mid, r2 := l.Host("r1"), l.Host("mid"), l.Host("r2")
	l.Link(r1, "eth0", []string{"192.168.1.1/24"}, mid, "eth0", []string{"192.168.1.9/24"})
	l.Link(mid, "eth1", []string{"192.168.3.9/24"}, r2, "eth0", []string{"192.168.3.2/24"})
	r2.IP("route", "add", "192.168.1.0/24", "via", "192.168.3.9")
	r2.Bird(strings.Replace(birdPeer("192.168.3.2", "192.168.1.1", 64513, "10.2.0.0/24"), "neighbor", "multihop 4;\n\tneighbor", 1))
	node := r1.Calctl()
	by := func(more string) {
		node.Apply(fmt.Sprintf("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: r2}\nspec: {peerIP: 192.168.3.2, asNumber: 64513%s}\n", more))
	}
	by(", reachableBy: 192.168.1.9")
	node.Start("--ip", "192.168.1.1/24")
	node.Established("192.168.3.2", 15*time.Second)
	there := func() error {
		return errors.Join(hasRoute(r1, "10.2.0.0/24", "via 192.168.1.9 dev eth0 proto 179")(), hasRoute(r1, "192.168.3.2/32", "via 192.168.1.9 dev eth0 proto 179")())
	}
	lab.Until(t, 5*time.Second, "the router and its route", there)

	by("")
	lab.Until(t, 5*time.Second, "no gateway", func() error {
		return errors.Join(hasRoute(r1, "10.2.0.0/24", "unreachable")(), noRoute(r1, "192.168.3.2/32")())
	})
	if r, err := node.Status(); err != nil || r.Routes.NotInstalled != 1 || !strings.Contains(r.Routes.Failed[0].Reason, "next hop 192.168.3.2 is not reachable") {
		t.Errorf("%+v, %v", r.Routes, err)
	}
	by(", reachableBy: 192.168.1.9")
	lab.Until(t, 5*time.Second, "the gateway again", there)

	mid.IP("link", "set", "eth0", "down")
	lab.Until(t, 5*time.Second, "no carrier", hasRoute(r1, "10.2.0.0/24", "unreachable"))
	mid.IP("link", "set", "eth0", "up")
	lab.Until(t, 5*time.Second, "the carrier again", there)
	if p, err := node.Peer("192.168.3.2"); err != nil || p.State != "up" {
		t.Errorf("the session has ended meanwhile: %+v, %v", p, err)
	}
}

// TestLabNextHopsNowhere: a route whose next hop nothing leads to is unreachable, one
// whose next hop is in a service range, or on an ignored interface, is of no use either.
func TestLabNextHopsNowhere(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	r1, r2 := l.Host("r1"), l.Host("r2")
	l.Link(r1, "eth0", []string{"192.168.1.1/24"}, r2, "eth0", []string{"192.168.1.2/24"})
	stub(r1, "172.16.0.1/24")
	r2.Bird(`
router id 192.168.1.2;
log stderr all;
protocol device { scan time 1; }
protocol static nets { ipv4; route 10.2.0.0/24 blackhole; route 10.3.0.0/24 blackhole; route 10.4.0.0/24 blackhole; route 10.5.0.0/24 blackhole; }
protocol bgp r1 {
	local 192.168.1.2 as 64512; neighbor 192.168.1.1 as 64512; multihop; connect delay time 1;
	ipv4 { import all; export filter {
		if net = 10.3.0.0/24 then bgp_next_hop = 203.0.113.7;
		if net = 10.4.0.0/24 then bgp_next_hop = 10.96.0.7;
		if net = 10.5.0.0/24 then bgp_next_hop = 172.16.0.7;
		accept;
	}; };
}
`)
	node := r1.Calctl()
	node.Apply("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: r2}\nspec: {peerIP: 192.168.1.2, asNumber: 64512}\n")
	config := func(spec string) {
		node.Apply("apiVersion: projectcalico.org/v3\nkind: BGPConfiguration\nmetadata: {name: default}\nspec: {" + spec + "}\n")
	}
	config("")
	node.Start("--ip", "192.168.1.1/24")
	routes := func(when, four, five string) {
		t.Helper()
		lab.Until(t, 10*time.Second, when, func() error {
			return errors.Join(hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2")(), hasRoute(r1, "10.3.0.0/24", "unreachable")(),
				hasRoute(r1, "10.4.0.0/24", four)(), hasRoute(r1, "10.5.0.0/24", five)())
		})
	}
	routes("at first", "unreachable", "via 172.16.0.7 dev lan0")
	config("serviceClusterIPs: [{cidr: 10.96.0.0/12}], ignoredInterfaces: ['lan*']")
	routes("a service range, an ignored interface", "blackhole", "unreachable")
	config("")
	routes("at last", "unreachable", "via 172.16.0.7 dev lan0")
	r1.IP("route", "add", "default", "via", "192.168.1.2")
	lab.Until(t, 5*time.Second, "a default route", hasRoute(r1, "10.3.0.0/24", "via 192.168.1.2 dev eth0"))
}
