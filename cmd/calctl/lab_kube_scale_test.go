//go:build kube

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources/crd"
)

// A node of a thousand, with a router for each of them, knows what to do soon
// after its start.
func TestLabKubeOfAThousandNodes(t *testing.T) {
	const count = 1000
	l := lab.New(t)
	h := l.Host("n0001")
	stub(h, "10.99.0.9/24")
	k := h.KubeAPI("10.99.0.9:6443")
	k.Calico(crd.V3)
	var makers errgroup.Group
	makers.SetLimit(8)
	for i := 1; i <= count; i++ {
		makers.Go(func() error {
			name, addr := fmt.Sprintf("n%04d", i), fmt.Sprintf("10.50.%d.%d", i/250, i%250+1)
			if i == 1 {
				addr = "10.99.0.9"
			}
			_, err := k.Do(lab.KubeAdmin, http.MethodPost, "/api/v1/nodes", fmt.Sprintf(
				"{apiVersion: v1, kind: Node, metadata: {name: %s, annotations: {projectcalico.org/IPv4Address: %s/24, others: %s}}}", name, addr, strings.Repeat("x", 6000))) // as a Node weighs
			if err == nil {
				_, err = k.Do(lab.KubeAdmin, http.MethodPost, "/apis/projectcalico.org/v3/bgppeers", fmt.Sprintf(
					"{apiVersion: projectcalico.org/v3, kind: BGPPeer, metadata: {name: rack-%04d}, spec: {node: %s, peerIP: 10.60.%d.%d, asNumber: 64999}}", i, name, i/250, i%250+1))
			}
			return err
		})
	}
	if err := makers.Wait(); err != nil {
		t.Fatal(err)
	}
	node := h.CalctlOnKube(k.Kubeconfig(lab.KubeAdmin))
	startsWith(t, node, count)
}
