package kube

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/resources"
)

const kubeNode = `{"metadata":{"name":"n1","uid":"u","resourceVersion":"7",
	"labels":{"kubernetes.io/os":"linux","rack":"k8s"},
	"annotations":{"foo":"bar","projectcalico.org/IPv4Address":"10.0.0.1/24","projectcalico.org/IPv6Address":"fd00::1/64","projectcalico.org/ASNumber":"64512",
		"projectcalico.org/RouteReflectorClusterID":"244.0.0.1","projectcalico.org/IPv4IPIPTunnelAddr":"10.1.0.1","projectcalico.org/IPv4VXLANTunnelAddr":"10.1.0.2",
		"projectcalico.org/VXLANTunnelMACAddr":"66:2d:bf:4a:6c:01","projectcalico.org/IPv6VXLANTunnelAddr":"fd00::2","projectcalico.org/VXLANTunnelMACAddrV6":"66:2d:bf:4a:6c:02",
		"projectcalico.org/IPv4WireguardInterfaceAddr":"10.1.0.3","projectcalico.org/WireguardPublicKey":"key",
		"projectcalico.org/Interfaces":"[{\"name\":\"eth0\",\"addresses\":[\"10.0.0.1\"]}]",
		"projectcalico.org/labels":"{\"rack\":\"shadowed\",\"room\":\"2\"}","projectcalico.org/annotations":"{\"why\":\"because\"}"}},
	"spec":{"podCIDR":"10.1.0.0/24","podCIDRs":["10.1.0.0/24","fd01::/64"]},
	"status":{"addresses":[{"address":"10.0.0.1","type":"InternalIP"},{"address":"n1","type":"Hostname"}]}}`

func core(t *testing.T, text string) (*coreNode, *resources.Node) {
	t.Helper()
	var k coreNode
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		t.Fatal(err)
	}
	n, err := readNode(&k)
	if err != nil {
		t.Fatal(err)
	}
	return &k, n
}

func TestReadNode(t *testing.T) {
	_, n := core(t, kubeNode)
	asn := resources.ASN(64512)
	want := &resources.Node{
		Metadata: resources.Metadata{Name: "n1", UID: "u", Labels: map[string]string{"kubernetes.io/os": "linux", "rack": "k8s", "room": "2"}, Annotations: map[string]string{"why": "because"}},
		Spec: resources.NodeSpec{
			BGP:                 &resources.NodeBGPSpec{ASNumber: &asn, IPv4Address: "10.0.0.1/24", IPv6Address: "fd00::1/64", IPv4IPIPTunnelAddr: "10.1.0.1", RouteReflectorClusterID: "244.0.0.1"},
			IPv4VXLANTunnelAddr: "10.1.0.2", VXLANTunnelMACAddr: "66:2d:bf:4a:6c:01", IPv6VXLANTunnelAddr: "fd00::2", VXLANTunnelMACAddrV6: "66:2d:bf:4a:6c:02",
			OrchRefs:   []resources.OrchRef{{NodeName: "n1", Orchestrator: "k8s"}},
			Wireguard:  &resources.NodeWireguardSpec{InterfaceIPv4Address: "10.1.0.3"},
			Addresses:  []resources.NodeAddress{{Address: "10.0.0.1/24", Type: "CalicoNodeIP"}, {Address: "fd00::1/64", Type: "CalicoNodeIP"}, {Address: "10.0.0.1", Type: "InternalIP"}},
			Interfaces: []resources.NodeInterface{{Name: "eth0", Addresses: []string{"10.0.0.1"}}},
		},
		Status: resources.NodeStatus{WireguardPublicKey: "key", PodCIDRs: []string{"10.1.0.0/24", "fd01::/64"}},
	}
	want.Default()
	if d := cmp.Diff(want, n); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if _, n := core(t, `{"metadata":{"name":"n1"},"spec":{"podCIDR":"10.1.0.0/24"}}`); n.Spec.BGP != nil || n.Spec.Wireguard != nil || n.Labels != nil || len(n.Status.PodCIDRs) != 1 {
		t.Errorf("a node without Calico: %+v", n)
	}
	for note, text := range map[string]string{noteASN: "abc", noteLabels: "{", noteInterfaces: "7"} {
		k := coreNode{Metadata: metadata{Name: "n1", Annotations: map[string]string{note: text}}}
		if n, err := readNode(&k); err == nil || !strings.Contains(err.Error(), note) {
			t.Errorf("%s %q: %+v, %v", note, text, n, err)
		}
	}
}

func TestWriteNode(t *testing.T) {
	for name, test := range map[string]struct {
		change func(n *resources.Node)
		want   string // the annotations in the PATCH
		fault  string
	}{
		"nothing": {func(*resources.Node) {}, "", ""},
		"without what is Kubernetes' own": {func(n *resources.Node) {
			n.Labels, n.Spec.OrchRefs, n.Spec.Addresses = map[string]string{"room": "2"}, nil, nil
		}, "", ""},
		"an address": {func(n *resources.Node) { n.Spec.BGP.IPv4Address = "10.0.0.9/24" }, `{"projectcalico.org/IPv4Address":"10.0.0.9/24"}`, ""},
		"no BGP": {func(n *resources.Node) { n.Spec.BGP = nil },
			`{"projectcalico.org/ASNumber":null,"projectcalico.org/IPv4Address":null,"projectcalico.org/IPv4IPIPTunnelAddr":null,"projectcalico.org/IPv6Address":null,"projectcalico.org/RouteReflectorClusterID":null}`, ""},
		"labels":                    {func(n *resources.Node) { n.Labels = map[string]string{"room": "3"} }, `{"projectcalico.org/labels":"{\"rack\":\"shadowed\",\"room\":\"3\"}"}`, ""},
		"no labels, no annotations": {func(n *resources.Node) { n.Labels, n.Annotations = nil, nil }, `{"projectcalico.org/annotations":null,"projectcalico.org/labels":"{\"rack\":\"shadowed\"}"}`, ""},
		"a label of Kubernetes": {func(n *resources.Node) { n.Labels["rack"] = "zzz" }, "",
			"metadata.labels.rack = 'zzz' (Kubernetes has this label itself, with the value 'k8s'"},
		"a label that was Kubernetes' when calicoctl printed it": {func(n *resources.Node) {
			n.Labels = map[string]string{"room": "2", "rack": "old", "gone": "g"}
			n.Annotations["projectcalico.org/kube-labels"] = `{"rack":"old","gone":"g"}`
		}, "", ""},
		"printed by calicoctl where there are none": {func(n *resources.Node) { n.Annotations["projectcalico.org/kube-labels"] = "null" }, "", ""},
		"another orchestrator":                      {func(n *resources.Node) { n.Spec.OrchRefs = []resources.OrchRef{{NodeName: "x", Orchestrator: "k8s"}} }, "", "spec.orchRefs[0]"},
		"another address":                           {func(n *resources.Node) { n.Spec.Addresses[2].Address = "10.9.9.9" }, "", "spec.addresses[2].address = '10.9.9.9'"},
		"interfaces":                                {func(n *resources.Node) { n.Spec.Interfaces = nil }, `{"projectcalico.org/Interfaces":null}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			k, n := core(t, kubeNode)
			test.change(n)
			got, err := writeNode(k, n)
			if test.fault != "" {
				if err == nil || !strings.Contains(err.Error(), test.fault) {
					t.Errorf("%s, %v; want %s", got, err, test.fault)
				}
				return
			}
			want := ""
			if test.want != "" {
				want = `{"metadata":{"annotations":` + test.want + `,"resourceVersion":"7"}}`
			}
			if d := cmp.Diff(want, string(got)); d != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
		})
	}
}
