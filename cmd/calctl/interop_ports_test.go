package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// portsBird is one of two BIRDs of one machine. It dials us as well.
const portsBird = `
router id 10.255.0.%[1]d;
log stderr all;
protocol device { scan time 1; }
protocol static nets { ipv4; route 10.%[1]d.0.0/24 blackhole; }
protocol bgp r1 {
	local 192.168.1.2 port %[2]d as 64513;
	neighbor 192.168.1.1 as 64512;
	multihop;
	password "%[3]s";
	connect delay time 1;
	connect retry time 1;
	error wait time 1, 2;
	ipv4 { import all; export where source = RTS_STATIC; };
}
`

// TestInteropPorts: two BIRDs on two ports of one address are two peers, each with
// its own password and filter, although both dial us from that address and are in
// one AS. When one goes, the other may come in.
func TestInteropPorts(t *testing.T) {
	t.Parallel()
	r1, r2 := twoRouters(t)
	record := r1.Capture("eth0")
	one := r2.Bird(fmt.Sprintf(portsBird, 2, 179, "first"))
	two := r2.Bird(fmt.Sprintf(portsBird, 3, 1790, "second"))
	node := r1.Calctl()
	node.Apply(`
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {one: first, two: second}
---
apiVersion: projectcalico.org/v3
kind: BGPFilter
metadata: {name: mark}
spec: {importV4: [{action: Reject, cidr: 10.2.0.0/24, matchOperator: Equal}]}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: one}
spec: {peerIP: 192.168.1.2, asNumber: 64513, password: {secretKeyRef: {name: s, key: one}}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: two}
spec: {peerIP: "192.168.1.2:1790", asNumber: 64513, password: {secretKeyRef: {name: s, key: two}}, filters: [mark]}
`)
	node.Start("--ip", "192.168.1.1/24")
	both := func() error {
		return errors.Join(hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2")(), hasRoute(r1, "10.3.0.0/24", "via 192.168.1.2")())
	}
	lab.Until(t, 20*time.Second, "the routes of both", both)
	r, err := node.Status()
	if err != nil || len(r.Peers) != 2 || len(r.Problems) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	for i, p := range r.Peers {
		if p.Port != []uint16{179, 1790}[i] || p.Name != []string{"one", "two"}[i] || p.State != "up" || p.RoutesIn != 1 {
			t.Errorf("%+v", p)
		}
	}
	up := r.Peers[1].Since

	// The first restarts, and finds us although we don't let it in.
	one.Kill()
	r2.Bird(fmt.Sprintf(portsBird, 2, 179, "first"))
	lab.Until(t, 20*time.Second, "the first again", again(node, 0, r.Peers[0].Since))
	lab.Until(t, 5*time.Second, "the routes of both", both)
	if r, err = node.Status(); err != nil || !r.Peers[1].Since.Equal(up) {
		t.Errorf("the second was reset: %+v, %v", r.Peers, err)
	}

	// The second alone is let in, by its password.
	node.Do("delete", "bgppeer", "one")
	lab.Until(t, 10*time.Second, "the first one's route gone", noRoute(r1, "10.2.0.0/24"))
	if r, err = node.Status(); err != nil || len(r.Peers) != 1 || !r.Peers[0].Since.Equal(up) {
		t.Errorf("the second was reset: %+v, %v", r.Peers, err)
	}
	two.Kill()
	r2.Bird(fmt.Sprintf(portsBird, 3, 1790, "second"))
	lab.Until(t, 20*time.Second, "the second again", again(node, 0, up))
	wellFormed(t, record, "192.168.1.1", "::1", "ip.src==192.168.1.1 && bgp.notify.minor_error_cease==3")
}

// again is a condition: the i-th peer is up anew.
func again(node *lab.Calctl, i int, was time.Time) func() error {
	return func() error {
		r, err := node.Status()
		if err == nil && (r.Peers[i].State != "up" || r.Peers[i].Since.Equal(was)) {
			err = fmt.Errorf("%+v", r.Peers[i])
		}
		return err
	}
}
