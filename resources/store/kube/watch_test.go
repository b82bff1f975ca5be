//go:build kube

package kube_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/crd"
	"github.com/calctl/calctl/resources/store/kube"
	"github.com/calctl/calctl/resources/store/storetest"
)

func watch(t *testing.T, c kube.Config) *storetest.Eyes {
	t.Helper()
	return storetest.Watch(t, open(t, c))
}

// Whatever becomes of the API server, what was known stays until more is known.
func TestKubeWatchOutlivesTheServer(t *testing.T) {
	k := startAPI(t)
	k.Calico(crd.V3)
	w := watch(t, config(k))
	apply(t, w, peerYAML("p1"))
	lab.Until(t, limit, "p1", w.Shows("p1"))

	k.Kill()
	t.Logf("killed: told after %v", lab.Until(t, limit, "trouble", w.Troubled("datastore Kubernetes "+k.URL)))
	since := w.Health().Since
	lab.Until(t, limit, "the reason", w.Troubled("connection refused"))
	if got := w.Health().Since; !got.Equal(since) {
		t.Errorf("in trouble since %v, before it was %v", got, since)
	}
	calls := w.Calls()
	if err := w.Shows("p1")(); err != nil {
		t.Errorf("the last state is gone: %v", err)
	}

	// The same data: nothing new.
	k.Restart()
	t.Logf("back: good after %v", lab.Until(t, limit, "health", w.Well))
	if got := w.Calls(); got != calls {
		t.Errorf("%d calls without a change", got-calls)
	}
	apply(t, open(t, config(k)), peerYAML("p2"))
	lab.Until(t, limit, "p2", w.Shows("p1", "p2"))

	// A server that has just started knows of nothing that was before.
	if anew, err := kube.EndsAnew(within(t), open(t, config(k)), "1"); !anew {
		t.Errorf("a watch of what is long gone ends with %v", err)
	}

	// One that hangs is told of, and caught up with when it goes on.
	k.Pause()
	t.Logf("hangs: told after %v", lab.Until(t, limit, "trouble", w.Troubled()))
	k.Continue()
	apply(t, open(t, config(k)), peerYAML("p3"))
	t.Logf("goes on: caught up after %v", lab.Until(t, limit, "p3", w.Shows("p1", "p2", "p3")))
	lab.Until(t, limit, "health", w.Well)

	// Without its data it has not even Calico's kinds: that is no state to be in.
	k.Kill()
	k.Etcd.Forget()
	k.Etcd.Restart()
	k.Restart()
	lab.Until(t, limit, "trouble", w.Troubled("it has no ", " any more"))
	if err := w.Shows("p1", "p2", "p3")(); err != nil {
		t.Error(err)
	}
	// Empty: that is what is told. Whether to obey is not ours to decide.
	k.Calico(crd.V3)
	lab.Until(t, limit, "nothing", w.Shows())
	lab.Until(t, limit, "health", w.Well)
}

// A node may start before its datastore, and before there is anything of Calico's.
func TestKubeWatchBeforeTheServer(t *testing.T) {
	k := startAPI(t)
	k.Kill()
	w := watch(t, config(k))
	lab.Until(t, limit, "trouble", w.Troubled("connection refused"))
	k.Restart()
	lab.Until(t, limit, "trouble", w.Troubled("the cluster has no CustomResourceDefinitions of Calico's"))
	k.Calico(crd.Classic)
	lab.Until(t, limit, "nothing", w.Shows())
	lab.Until(t, limit, "health", w.Well)
}

// Services are in snapshots with their endpoints.
func TestKubeServices(t *testing.T) {
	k := startAPI(t)
	k.Calico(crd.V3)
	w := watch(t, config(k))
	const web = "/api/v1/namespaces/" + secretsAt + "/services/web"
	k.Apply(web, `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, clusterIP: 10.96.0.77, externalIPs: [192.0.2.7], externalTrafficPolicy: Local, ports: [{port: 80}]}}`)
	k.Apply(web+"/status", `{apiVersion: v1, kind: Service, metadata: {name: web}, status: {loadBalancer: {ingress: [{ip: 198.51.100.7}]}}}`)
	const slice = "/apis/discovery.k8s.io/v1/namespaces/" + secretsAt + "/endpointslices/web-1"
	k.Apply(slice, `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}, addressType: IPv4,
	  endpoints: [{addresses: [10.1.0.1], nodeName: n1}, {addresses: [10.1.0.2], nodeName: n2, conditions: {ready: false}}], ports: []}`)
	want := []resources.Service{{
		Namespace: secretsAt, Name: "web", ClusterIPs: []netip.Addr{netip.MustParseAddr("10.96.0.77")},
		ExternalIPs: []netip.Addr{netip.MustParseAddr("192.0.2.7")}, LoadBalancerIPs: []netip.Addr{netip.MustParseAddr("198.51.100.7")},
		ExternalTrafficPolicy: "Local", IPv4: resources.Endpoints{Any: true, Nodes: []string{"n1"}},
	}}
	shows := func() error {
		snap := w.Snapshot()
		if snap == nil {
			return fmt.Errorf("nothing")
		}
		var got []resources.Service
		for _, s := range snap.Services {
			if s.Namespace == secretsAt { // the API server has one of its own
				got = append(got, s)
			}
		}
		if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); d != "" {
			return fmt.Errorf("(-want +got):\n%s", d)
		}
		return nil
	}
	lab.Until(t, limit, "the service", shows)
	k.Apply(slice, `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}, addressType: IPv4,
	  endpoints: [{addresses: [10.1.0.3], nodeName: n3}], ports: []}`)
	want[0].IPv4.Nodes = []string{"n3"}
	lab.Until(t, limit, "another endpoint", shows)
	k.Delete(slice)
	want = nil
	lab.Until(t, limit, "no service without a slice", shows)
	if _, err := k.Do(lab.KubeAdmin, http.MethodDelete, web, ""); err != nil {
		t.Error(err)
	}
}

// A kubelet that writes what a node's routing has nothing to do with disturbs nobody.
func TestKubeWatchIgnoresKubelets(t *testing.T) {
	k := startAPI(t)
	k.Calico(crd.V3)
	k.Apply("/api/v1/nodes/n1", "{apiVersion: v1, kind: Node, metadata: {name: n1}}")
	w := watch(t, config(k))
	lab.Until(t, limit, "the node", func() error {
		if snap := w.Snapshot(); snap == nil || snap.Nodes["n1"] == nil {
			return fmt.Errorf("%v", snap)
		}
		return nil
	})
	calls := w.Calls()
	for n := range 5 {
		k.Apply("/api/v1/nodes/n1/status", fmt.Sprintf(`{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {conditions: [{type: Ready, status: "True", reason: r%d}]}}`, n))
	}
	apply(t, open(t, config(k)), peerYAML("mark"))
	lab.Until(t, limit, "the mark", w.Shows("mark"))
	if got := w.Calls() - calls; got != 1 {
		t.Errorf("%d calls for one change", got)
	}
	_, o := get(t, k, "/api/v1/nodes/n1")
	if got := w.Snapshot().Nodes["n1"].ResourceVersion; got != o.Metadata.ResourceVersion {
		t.Errorf("the node's version is %s, want %s", got, o.Metadata.ResourceVersion)
	}
}
