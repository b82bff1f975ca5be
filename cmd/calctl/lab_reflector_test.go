package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

const labReflector = `
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: rr, labels: {rr: 'yes'}}
spec: {bgp: {ipv4Address: 192.168.1.1/24, routeReflectorClusterID: 244.0.0.1}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: c2}
spec: {bgp: {ipv4Address: 192.168.1.2/24}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: c3}
spec: {bgp: {ipv4Address: 192.168.1.3/24}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: rr4, labels: {rr: 'yes'}}
spec: {bgp: {ipv4Address: 192.168.1.4/24, routeReflectorClusterID: 244.0.0.1}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: to-reflectors}
spec: {nodeSelector: '!has(rr)', peerSelector: has(rr)}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: between-reflectors}
spec: {nodeSelector: has(rr), peerSelector: has(rr)}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: all}
spec: {cidr: 10.2.0.0/16}
`

// TestLabReflector: one BGPPeer between nodes and reflectors is enough, and the
// reflector tells its clients of each other and of the other reflector, and that
// one of the clients, with the marks of RFC 4456. Another cluster id, or none,
// is told as other routes, and costs no session.
func TestLabReflector(t *testing.T) {
	l := lab.New(t)
	rr := l.Host("rr")
	lan := map[*lab.Host]string{rr: "192.168.1.1/24"}
	hosts := map[int]*lab.Host{}
	for i := 2; i <= 4; i++ {
		hosts[i] = l.Host(fmt.Sprintf("h%d", i))
		lan[hosts[i]] = fmt.Sprintf("192.168.1.%d/24", i)
	}
	l.LAN("eth0", lan)
	birds := map[int]*lab.Bird{}
	for i, h := range hosts {
		birds[i] = h.Bird(birdPeer(fmt.Sprintf("192.168.1.%d", i), "192.168.1.1", 64512, fmt.Sprintf("10.2.%d.0/24", i)))
	}
	node := rr.Calctl()
	node.Apply(labReflector)
	node.Start()
	for i := range birds {
		node.Established(fmt.Sprintf("192.168.1.%d", i), 15*time.Second)
	}
	// tells waits until host i hears host from's network with the marks, or not at all.
	tells := func(i, from int, marks ...string) {
		t.Helper()
		lab.Until(t, 15*time.Second, fmt.Sprintf("h%d on the network of h%d", i, from), func() error {
			got := birds[i].CLI(fmt.Sprintf("show route for 10.2.%d.0/24 all protocol r1", from))
			if len(marks) == 0 {
				if strings.Contains(got, "BGP.") {
					return fmt.Errorf("there still is %s", got)
				}
				return nil
			}
			return lab.Contains(got, append(marks, fmt.Sprintf("BGP.next_hop: 192.168.1.%d", from), "BGP.local_pref: 100", fmt.Sprintf("BGP.originator_id: 192.168.1.%d", from))...)
		})
	}
	reflected := func(cluster string) {
		t.Helper()
		for _, pair := range [][2]int{{2, 3}, {3, 2}, {2, 4}, {3, 4}, {4, 2}, {4, 3}} {
			tells(pair[0], pair[1], "BGP.cluster_list: "+cluster)
		}
	}
	reflected("244.0.0.1")
	if got := birds[2].CLI("show route for 10.2.2.0/24 all protocol r1"); strings.Contains(got, "BGP.") {
		t.Errorf("h2 hears its own route:\n%s", got)
	}
	up := map[int]time.Time{}
	for i, b := range birds {
		up[i] = since(t, b)
	}
	cluster := func(id string) {
		t.Helper()
		for _, name := range []string{"rr", "rr4"} {
			node.Apply(fmt.Sprintf(`
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: %s, labels: {rr: 'yes'}}
spec: {bgp: {ipv4Address: 192.168.1.%s/24%s}}
`, name, map[string]string{"rr": "1", "rr4": "4"}[name], id))
		}
	}
	cluster(", routeReflectorClusterID: 244.0.0.9")
	reflected("244.0.0.9")
	cluster("")
	for _, pair := range [][2]int{{2, 3}, {3, 2}, {2, 4}, {3, 4}, {4, 2}, {4, 3}} {
		tells(pair[0], pair[1])
	}
	cluster(", routeReflectorClusterID: 244.0.0.1")
	reflected("244.0.0.1")
	for i, b := range birds {
		if now := since(t, b); !sameSession(now, up[i]) {
			t.Errorf("the session with h%d was restarted: %v, was %v", i, now, up[i])
		}
	}
}
