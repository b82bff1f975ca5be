//go:build kube

package kube_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/crd"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/kube"
	"github.com/calctl/calctl/resources/store/storetest"
)

// What a command asks of the API server is no more than it has to know.
func TestKubeRequests(t *testing.T) {
	k := startAPI(t)
	k.Calico(crd.V3)
	k.Apply("/api/v1/nodes/n1", "{apiVersion: v1, kind: Node, metadata: {name: n1}}")
	const (
		groups = "GET /apis"
		locked = "GET /apis/projectcalico.org/v3/clusterinformations/default"
		peers  = "/apis/projectcalico.org/v3/bgppeers"
		p1, p2 = peers + "/p1", peers + "/p2"
		node   = "/api/v1/nodes/n1"
	)
	changed := func(name string) string {
		return "{kind: BGPPeer, apiVersion: projectcalico.org/v3, metadata: {name: " + name + "}, spec: {peerIP: 192.0.2.1, asNumber: 2}}"
	}
	for _, test := range []struct {
		what string
		do   func(s store.Store, b *store.Batch) error
		want []string
	}{
		{"apply what is new", func(_ store.Store, b *store.Batch) error {
			return second(b.Apply(within(t), decode(t, peerYAML("p1"))[0]))
		}, []string{groups, locked, "GET " + p1, "POST " + peers}},
		{"apply what is there", func(_ store.Store, b *store.Batch) error {
			return second(b.Apply(within(t), decode(t, peerYAML("p1"))[0]))
		}, []string{groups, locked, "GET " + p1}},
		{"create", func(_ store.Store, b *store.Batch) error {
			return second(b.Create(within(t), decode(t, peerYAML("p2"))[0]))
		}, []string{groups, locked, "POST " + peers}},
		{"apply two that change", func(_ store.Store, b *store.Batch) error {
			if _, err := b.Apply(within(t), decode(t, changed("p1"))[0]); err != nil {
				return err
			}
			return second(b.Apply(within(t), decode(t, changed("p2"))[0]))
		}, []string{groups, locked, "GET " + p1, "PUT " + p1, "GET " + p2, "PUT " + p2}},
		{"apply a Node", func(_ store.Store, b *store.Batch) error {
			return second(b.Apply(within(t), decode(t, "{kind: Node, apiVersion: projectcalico.org/v3, metadata: {name: n1}, spec: {bgp: {ipv4Address: 10.0.0.1}}}")[0]))
		}, []string{groups, locked, "GET " + node, "PATCH " + node + "/status"}},
		{"delete", func(_ store.Store, b *store.Batch) error {
			return second(b.Delete(within(t), resources.Key{Kind: resources.KindBGPPeer, Name: "p1"}, ""))
		}, []string{groups, locked, "GET " + p1, "DELETE " + p1}},
		{"list", func(s store.Store, _ *store.Batch) error {
			return second(s.List(within(t), resources.KindBGPPeer))
		}, []string{groups, "GET " + peers}},
		{"get a Node", func(s store.Store, _ *store.Batch) error {
			return second(s.Get(within(t), resources.Key{Kind: resources.KindNode, Name: "n1"}))
		}, []string{"GET " + node}},
	} {
		s := open(t, config(k)) // as a command does
		count := kube.Count(s)
		b := store.NewBatch(s)
		if err := test.do(s, b); err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
		b.Close()
		if d := cmp.Diff(test.want, count.Take()); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.what, d)
		}
	}

	// A watch lists each kind once, and is told of the rest.
	watched := open(t, config(k))
	count := kube.Count(watched)
	w := storetest.Watch(t, watched)
	lab.Until(t, limit, "the watch", w.Shows("p2"))
	lab.Until(t, limit, "a change", func() error {
		apply(t, open(t, config(k)), peerYAML("p2"))
		return w.Shows("p2")()
	})
	got := count.Take()
	slices.Sort(got)
	var want []string
	for _, path := range append(lab.CalicoPaths(crd.V3), "/api/v1/nodes", "/api/v1/services", "/api/v1/namespaces/"+secretsAt+"/secrets", "/apis/discovery.k8s.io/v1/endpointslices") {
		want = append(want, "GET "+path, "WATCH "+path)
	}
	want = append(want, groups)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("a watch (-want +got):\n%s", d)
	}
}
