//go:build kube

package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources/crd"
)

const (
	kubeService = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, externalTrafficPolicy: %s, ipFamilyPolicy: RequireDualStack, clusterIP: 10.96.1.1, clusterIPs: [10.96.1.1, 'fd96::101'], externalIPs: [203.0.113.1, 192.0.2.1], ports: [{port: 80}]}
`
	kubeSlice = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-%[1]s, labels: {kubernetes.io/service-name: web}}
addressType: IPv%[1]s
endpoints: [{addresses: ['%[2]s'], nodeName: %[3]s, conditions: {ready: %[4]v}}]
ports: [{port: 8080}]
`
	kubeRanges = `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec: {serviceClusterIPs: [{cidr: 10.96.0.0/16}, {cidr: 'fd96::/112'}], serviceExternalIPs: [{cidr: 203.0.113.0/24}], serviceLoadBalancerIPs: [{cidr: 198.51.100.0/24}], serviceLoadBalancerAggregation: %s}
`
)

const (
	servicePath = "/api/v1/namespaces/default/services/web"
	slicePath   = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/web-"
)

// TestLabKubeRoutes: what a Kubernetes cluster has of routes, a node tells as soon as it
// is there, and no longer than it is: the blocks that Calico's IPAM gives the node, and
// the addresses of Services whose endpoints are ready on it.
func TestLabKubeRoutes(t *testing.T) {
	l := newOnBlocks(t)
	keeper := l.Host("keeper")
	l.Link(l.r1, "mgmt0", []string{"10.99.0.1/24"}, keeper, "eth0", []string{"10.99.0.9/24"})
	k := keeper.KubeAPI("10.99.0.9:6443", "--service-cluster-ip-range", "10.96.0.0/16,fd96::/112")
	k.Calico(crd.V3)
	k.Apply("/api/v1/nodes/r1", "{apiVersion: v1, kind: Node, metadata: {name: r1}}")
	node := l.r1.CalctlOnKube(k.Kubeconfig(lab.KubeAdmin))

	affinity := func(b ofBlocks) string {
		return "/apis/projectcalico.org/v3/blockaffinities/r1-" + b.flag[1:]
	}
	bird := l.story(t, node,
		func(b ofBlocks) {
			k.Apply(affinity(b), fmt.Sprintf("{apiVersion: projectcalico.org/v3, kind: BlockAffinity, metadata: {name: r1-%s}, spec: {node: r1, cidr: '%s', state: confirmed}}", b.flag[1:], b.block))
		},
		func(b ofBlocks) { k.Delete(affinity(b)) })
	kubeServices(t, k, node, bird)
}

// kubeServices has a Service come, be served and go.
func kubeServices(t *testing.T, k *lab.KubeAPI, node *lab.Calctl, bird *lab.Bird) {
	const four, six = "10.20.1.5/32 10.20.1.6/32 10.96.0.0/16 203.0.113.0/24", "fd20::45/128 fd20::46/128 fd96::/112"
	hear := func(what, moreFour, moreSix string) {
		t.Helper()
		took := lab.Until(t, time.Second, what, func() error {
			return errors.Join(hearsBy(bird, "r1", four+" "+moreFour)(), hearsBy(bird, "r1_six", six+" "+moreSix)())
		})
		t.Logf("%s: %v", what, took.Round(time.Millisecond))
	}
	slice := func(family, address, on string, ready bool) {
		k.Apply(slicePath+family, fmt.Sprintf(kubeSlice, family, address, on, ready))
	}
	node.Apply(fmt.Sprintf(kubeRanges, "Enabled"))
	hear("the ranges", "198.51.100.0/24", "")

	k.Apply(servicePath, fmt.Sprintf(kubeService, "Local"))
	slice("4", "10.20.1.5", "r1", true)
	hear("a Service and its endpoint", "198.51.100.0/24 10.96.1.1/32 203.0.113.1/32", "")
	slice("6", "fd20::45", "r1", true)
	hear("an endpoint of the other family", "198.51.100.0/24 10.96.1.1/32 203.0.113.1/32", "fd96::101/128")
	k.Apply(servicePath+"/status", "{apiVersion: v1, kind: Service, metadata: {name: web}, status: {loadBalancer: {ingress: [{ip: 198.51.100.1}]}}}")
	hear("the load balancer's address", "198.51.100.0/24 10.96.1.1/32 203.0.113.1/32 198.51.100.1/32", "fd96::101/128")
	for _, p := range []string{"10.96.1.1", "203.0.113.1", "198.51.100.1", "10.96.0.0/16"} {
		if err := noRoute(node.Host, p)(); err != nil {
			t.Error(err)
		}
	}

	slice("4", "10.20.1.5", "r1", false)
	hear("an endpoint that isn't ready any more", "198.51.100.0/24", "fd96::101/128")
	slice("4", "10.20.1.9", "r2", true)
	slice("6", "fd20::49", "r2", true)
	hear("endpoints elsewhere", "198.51.100.0/24", "")
	slice("4", "10.20.1.5", "r1", true)
	hear("one is here again", "198.51.100.0/24 10.96.1.1/32 203.0.113.1/32 198.51.100.1/32", "")
	k.Apply("/api/v1/nodes/r1", "{apiVersion: v1, kind: Node, metadata: {name: r1, labels: {node.kubernetes.io/exclude-from-external-load-balancers: 'true'}}}")
	lab.Until(t, time.Second, "nothing of a node that load balancers shall not send to", func() error {
		return errors.Join(hearsBy(bird, "r1", "10.20.1.5/32 10.20.1.6/32")(), hearsBy(bird, "r1_six", "fd20::45/128 fd20::46/128")())
	})
	k.Apply("/api/v1/nodes/r1", "{apiVersion: v1, kind: Node, metadata: {name: r1}}")
	hear("it takes load again", "198.51.100.0/24 10.96.1.1/32 203.0.113.1/32 198.51.100.1/32", "")
	k.Delete(slicePath + "4")
	hear("the endpoints gone", "198.51.100.0/24", "")

	k.Apply(servicePath, fmt.Sprintf(kubeService, "Cluster"))
	node.Apply(fmt.Sprintf(kubeRanges, "Disabled"))
	hear("no range of load balancers, and a Service with endpoints elsewhere", "", "fd96::101/128")
	slice("4", "10.20.1.9", "r2", true)
	hear("of both families", "10.96.1.1/32 203.0.113.1/32 198.51.100.1/32", "fd96::101/128")
	k.Delete(servicePath)
	hear("the Service gone", "", "")
	if r, err := node.Status(); err != nil || len(r.Problems) > 0 || r.Routes.Wanted > 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
