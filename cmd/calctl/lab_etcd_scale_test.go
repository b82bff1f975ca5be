package main

import (
	"fmt"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calctl/calctl/node/lab"
)

// A node of a thousand, with a router for each of them, knows what to do soon
// after its start.
func TestLabEtcdOfAThousandNodes(t *testing.T) {
	const count = 1000
	l := lab.New(t)
	h := l.Host("n0001")
	stub(h, "10.99.0.9/24")
	c := &onEtcd{cluster: cluster{Lab: l}, etcd: h.Etcd(etcdURL)}
	client := c.raw()
	for i := 1; i <= count; i++ {
		const key, head = "/calico/resources/v3/projectcalico.org/", `"apiVersion":"projectcalico.org/v3","metadata":{"name":"%s","uid":"00000000-0000-4000-8000-%012d","creationTimestamp":"2026-01-02T03:04:05Z"},`
		node, peer := fmt.Sprintf("n%04d", i), fmt.Sprintf("rack-%04d", i)
		addr := fmt.Sprintf("10.50.%d.%d", i/250, i%250+1)
		if i == 1 {
			addr = "10.99.0.9"
		}
		_, err := client.Txn(t.Context()).Then(
			clientv3.OpPut(key+"nodes/"+node, fmt.Sprintf(`{"kind":"Node",`+head+`"spec":{"bgp":{"ipv4Address":"%s/24"}},"status":{}}`, node, i, addr)),
			clientv3.OpPut(key+"bgppeers/"+peer, fmt.Sprintf(`{"kind":"BGPPeer",`+head+`"spec":{"node":"%s","peerIP":"10.60.%d.%d","asNumber":64999}}`, peer, i, node, i/250, i%250+1)),
		).Commit()
		if err != nil {
			t.Fatal(err)
		}
	}
	node := h.CalctlOn(etcdURL)
	startsWith(t, node, count)
}

// startsWith starts a node at 10.99.0.9, which is to have so many sessions soon.
func startsWith(t *testing.T, node *lab.Calctl, count int) {
	t.Helper()
	lab.Binary(t)
	begin := time.Now()
	node.Start("--ip", "10.99.0.9/24")
	// The mesh, and the router of its own.
	lab.Until(t, 20*time.Second, "all sessions it is to have", func() error {
		r, err := node.Status()
		if err == nil && len(r.Peers) != count {
			err = fmt.Errorf("%d peers", len(r.Peers))
		}
		return err
	})
	took := time.Since(begin)
	t.Logf("start to %d sessions in status: %v", count, took)
	if took > 3*time.Second {
		t.Errorf("the start took %v, want less than 3 s", took)
	}
}
