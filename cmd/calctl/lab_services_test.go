package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// servicesPeer tells a route inside a service range, and one outside.
const servicesPeer = `
router id 192.168.%[1]d.2;
log stderr all;
protocol device { scan time 1; }
protocol static nets { ipv4; route 10.96.%[1]d.0/24 blackhole; route 10.%[1]d.0.0/24 blackhole; }
protocol bgp r1 {
	local 192.168.%[1]d.2 as %[2]d; neighbor 192.168.%[1]d.1 as 64512;
	multihop; connect delay time 1; error wait time 1, 2;
	ipv4 { import all; export where source = RTS_STATIC; };
}
`

// hears is a condition: a BIRD has heard of these prefixes and of no others.
func hears(b *lab.Bird, prefixes string) func() error { return hearsBy(b, "r1", prefixes) }

// hearsBy is hears of one session of BIRD's.
func hearsBy(b *lab.Bird, session, prefixes string) func() error {
	return func() error {
		got := map[string]bool{}
		for line := range strings.Lines(b.CLI("show route protocol " + session)) {
			if word, _, _ := strings.Cut(line, " "); strings.Contains(word, "/") {
				got[word] = true
			}
		}
		want := strings.Fields(prefixes)
		for _, p := range want {
			if !got[p] {
				return fmt.Errorf("not heard of %s: %v", p, got)
			}
		}
		if len(got) != len(want) {
			return fmt.Errorf("heard of %v, want %s", got, prefixes)
		}
		return nil
	}
}

// TestLabServices: ranges of service addresses are told to everybody, as are the
// routes inside of them; none of it is installed. What leads to workloads isn't told
// to a peer of the own AS. A change resets no session.
func TestLabServices(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	r1, r2, r3 := l.Host("r1"), l.Host("r2"), l.Host("r3")
	l.Link(r1, "eth2", []string{"192.168.2.1/24"}, r2, "eth0", []string{"192.168.2.2/24"})
	l.Link(r1, "eth3", []string{"192.168.3.1/24"}, r3, "eth0", []string{"192.168.3.2/24"})
	for i, name := range []string{"a.cali", "a.calico", "bpfin.cali", "tunl0"} {
		r1.IP("link", "add", name, "type", "veth", "peer", "name", fmt.Sprint("w", i))
		r1.IP("link", "set", name, "up")
		r1.IP("link", "set", fmt.Sprint("w", i), "up")
	}
	r1.IP("route", "add", "10.1.1.0/24", "dev", "a.cali")
	r1.IP("route", "add", "10.1.2.0/24", "dev", "a.calico")
	r1.IP("route", "add", "10.1.3.0/24", "dev", "bpfin.cali")
	r1.IP("route", "add", "10.1.4.0/24", "dev", "tunl0")
	r1.IP("route", "add", "10.1.5.0/24", "dev", "eth2")
	r1.IP("route", "add", "10.96.7.0/24", "dev", "eth2")
	inside, outside := r2.Bird(fmt.Sprintf(servicesPeer, 2, 64512)), r3.Bird(fmt.Sprintf(servicesPeer, 3, 64513))
	node := r1.Calctl()
	config := func(more string) {
		node.Apply("apiVersion: projectcalico.org/v3\nkind: BGPConfiguration\nmetadata: {name: default}\nspec: {serviceClusterIPs: [{cidr: 10.96.0.0/12}], serviceExternalIPs: [{cidr: 203.0.113.0/24}, {cidr: 203.0.114.1/32}]" + more + "}\n")
	}
	config("")
	node.Apply(`
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pool}
spec: {cidr: 10.1.0.0/16}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r2}
spec: {peerIP: 192.168.2.2, asNumber: 64512, sourceAddress: None}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r3}
spec: {peerIP: 192.168.3.2, asNumber: 64513, sourceAddress: None}
`)
	node.Start("--ip", "192.168.2.1/24")
	const services = " 10.96.0.0/12 203.0.113.0/24 10.96.7.0/24"
	lab.Until(t, 20*time.Second, "what eBGP hears", hears(outside, "10.1.1.0/24 10.1.2.0/24 10.1.4.0/24 10.1.5.0/24 10.96.2.0/24"+services))
	lab.Until(t, 5*time.Second, "what iBGP hears", hears(inside, "10.1.5.0/24 10.96.3.0/24"+services))
	lab.Until(t, 5*time.Second, "the routes outside of ranges", func() error {
		return errors.Join(hasRoute(r1, "10.2.0.0/24", "via 192.168.2.2")(), hasRoute(r1, "10.3.0.0/24", "via 192.168.3.2")())
	})
	for _, p := range []string{"10.96.0.0/12", "203.0.113.0/24", "10.96.2.0/24", "10.96.3.0/24"} {
		if err := noRoute(r1, p)(); err != nil {
			t.Errorf("inside of a range: %v", err)
		}
	}
	before := since(t, inside)

	config(", programClusterRoutes: Enabled")
	lab.Until(t, 5*time.Second, "routes by the tunnel at iBGP", hears(inside, "10.1.4.0/24 10.1.5.0/24 10.96.3.0/24"+services))
	node.Apply("apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: r1, labels: {node.kubernetes.io/exclude-from-external-load-balancers: 'true'}}\nspec: {bgp: {ipv4Address: 192.168.2.1/24}}\n")
	lab.Until(t, 5*time.Second, "a node that load balancers shall not send to", hears(inside, "10.1.4.0/24 10.1.5.0/24"))
	if err := noRoute(r1, "10.96.2.0/24")(); err != nil {
		t.Errorf("inside of a range that isn't told: %v", err)
	}
	node.Apply("apiVersion: projectcalico.org/v3\nkind: BGPConfiguration\nmetadata: {name: default}\nspec: {}\n")
	lab.Until(t, 5*time.Second, "routes that are in no range any more", func() error {
		return errors.Join(hasRoute(r1, "10.96.2.0/24", "via 192.168.2.2")(), hasRoute(r1, "10.96.3.0/24", "via 192.168.3.2")())
	})
	if now := since(t, inside); now.Sub(before).Abs() > time.Second {
		t.Errorf("the session was reset: %v, before %v", now, before)
	}
}
