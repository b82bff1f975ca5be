package kube

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/calctl/calctl/resources"
)

// asJSON writes a Service or an EndpointSlice of the namespace ns.
func asJSON(name, label, rest string) []byte {
	return fmt.Appendf(nil, `{"metadata":{"namespace":"ns","name":%q,"labels":{"kubernetes.io/service-name":%q}},%s}`, name, label, rest)
}

const web = `"spec":{"type":"LoadBalancer","clusterIP":"10.96.0.9","clusterIPs":["10.96.0.9","fd00::9"],"externalIPs":["192.0.2.9"],"externalTrafficPolicy":"Local"},
	"status":{"loadBalancer":{"ingress":[{"ip":"198.51.100.9"},{"hostname":"lb.example"}]}}`

func TestServices(t *testing.T) {
	s := newServices()
	step := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: news is %v", what, got)
		}
	}
	slice := asJSON("web-1", "web", `"addressType":"IPv4","endpoints":[{"nodeName":"n2"},{"nodeName":"n1","conditions":{"ready":true}},{"nodeName":"n3","conditions":{"ready":false,"serving":true}},{"nodeName":"n1"},{}]`)
	step("a slice alone", s.put(kindEndpointSlice, slice), false)
	step("a service with a slice", s.put(kindService, asJSON("web", "", web)), true)
	step("the same again", s.put(kindEndpointSlice, slice), false)
	want := []resources.Service{{
		Namespace: "ns", Name: "web",
		ClusterIPs:  []netip.Addr{netip.MustParseAddr("10.96.0.9"), netip.MustParseAddr("fd00::9")},
		ExternalIPs: []netip.Addr{netip.MustParseAddr("192.0.2.9")}, LoadBalancerIPs: []netip.Addr{netip.MustParseAddr("198.51.100.9")},
		ExternalTrafficPolicy: "Local", IPv4: resources.Endpoints{Any: true, Nodes: []string{"n1", "n2"}},
	}}
	look := func() {
		t.Helper()
		if d := cmp.Diff(want, s.list(), cmpopts.EquateComparable(netip.Addr{})); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	look()
	// Pods that come and go on the same nodes are no news.
	step("other pods", s.put(kindEndpointSlice, asJSON("web-2", "web", `"addressType":"IPv4","endpoints":[{"nodeName":"n2"}]`)), false)
	step("names", s.put(kindEndpointSlice, asJSON("web-3", "web", `"addressType":"FQDN","endpoints":[{"nodeName":"n9"}]`)), false)
	step("the other family", s.put(kindEndpointSlice, asJSON("web-6", "web", `"addressType":"IPv6","endpoints":[{"nodeName":"n4"}]`)), true)
	want[0].IPv6 = resources.Endpoints{Any: true, Nodes: []string{"n4"}}
	look()
	step("a slice changes hands", s.put(kindEndpointSlice, asJSON("web-6", "other", `"addressType":"IPv6","endpoints":[{"nodeName":"n4"}]`)), true)
	want[0].IPv6 = resources.Endpoints{}
	look()
	step("one of two slices goes", s.remove(kindEndpointSlice, asJSON("web-1", "web", `"addressType":"IPv4"`)), true)
	want[0].IPv4.Nodes = []string{"n2"}
	look()
	step("none of its slices has endpoints", s.put(kindEndpointSlice, asJSON("web-2", "web", `"addressType":"IPv4"`)), true)
	want[0].IPv4 = resources.Endpoints{}
	look()
	step("its slices go", s.remove(kindEndpointSlice, slice), false)
	step("its slices go", s.remove(kindEndpointSlice, asJSON("web-3", "web", `"a":1`)), false)
	step("its last slice goes", s.remove(kindEndpointSlice, asJSON("web-2", "web", `"a":1`)), true)
	want = nil
	look()
	step("it goes", s.remove(kindService, asJSON("web", "", web)), false)
	step("what is not there goes", s.remove(kindService, asJSON("web", "", web)), false)
	step("rubbish", s.put(kindService, []byte("{")) || s.put(kindEndpointSlice, []byte("7")) || s.remove(kindService, nil), false)

	for what, spec := range map[string]string{
		"headless":     `"spec":{"type":"ClusterIP","clusterIP":"None"}`,
		"elsewhere":    `"spec":{"type":"ExternalName","externalName":"example.com"}`,
		"without a IP": `"spec":{"type":"ClusterIP"}`,
	} {
		s.put(kindEndpointSlice, asJSON("x-1", "x", `"addressType":"IPv4"`))
		step(what, s.put(kindService, asJSON("x", "", spec)), false)
	}

	all := map[resources.Kind][]json.RawMessage{kindService: {asJSON("web", "", web)}, kindEndpointSlice: {slice}}
	step("everything anew", s.replace(all), true)
	step("everything once more", s.replace(all), false)
	step("nothing", s.replace(nil), true)
	if len(s.all) != 0 || len(s.of) != 0 {
		t.Errorf("something is remembered: %v, %v", s.all, s.of)
	}
}
