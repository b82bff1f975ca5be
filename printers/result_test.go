package printers

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/resources"
)

func meta(name string) resources.Metadata {
	created := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
	return resources.Metadata{Name: name, UID: "c37d222d-0000-4000-8000-000000000000", ResourceVersion: "7", CreationTimestamp: &created}
}

func head(kind resources.Kind) resources.TypeMeta {
	return resources.TypeMeta{TypeKind: kind, APIVersion: resources.TypeOf(kind).APIVersion}
}

func ptr[T any](v T) *T { return &v }

func peer(name string, spec resources.BGPPeerSpec) *resources.BGPPeer {
	return &resources.BGPPeer{TypeMeta: head(resources.KindBGPPeer), Metadata: meta(name), Spec: spec}
}

func list1(kind resources.Kind, items ...resources.Resource) []Result {
	return []Result{{Kind: kind, List: true, Items: items}}
}

// everything is one list of each kind, with the cells that differ.
func everything() map[string][]Result {
	return map[string][]Result{
		"bgppeer": list1(resources.KindBGPPeer,
			peer("nodepeer", resources.BGPPeerSpec{Node: "k2", PeerIP: "192.0.2.1", ASNumber: 64512}),
			peer("p1", resources.BGPPeerSpec{PeerIP: "192.0.2.1", ASNumber: 64512}),
			peer("selected", resources.BGPPeerSpec{NodeSelector: "rack == 'a: b' && !has(x)", PeerSelector: "rr == \"{{ .X }}\""}),
			peer("strange", resources.BGPPeerSpec{NodeSelector: "a\t== 'b\nc'\x1b[2J"})),
		"bgpconfiguration": list1(resources.KindBGPConfiguration,
			&resources.BGPConfiguration{TypeMeta: head(resources.KindBGPConfiguration), Metadata: meta("default"),
				Spec: resources.BGPConfigurationSpec{LogSeverityScreen: "Info", NodeToNodeMeshEnabled: ptr(false), ASNumber: ptr(resources.ASN(65546))}},
			&resources.BGPConfiguration{TypeMeta: head(resources.KindBGPConfiguration), Metadata: meta("node.r1"),
				Spec: resources.BGPConfigurationSpec{LogSeverityScreen: "Info"}}),
		"bgpfilter": list1(resources.KindBGPFilter,
			&resources.BGPFilter{TypeMeta: head(resources.KindBGPFilter), Metadata: meta("f1"),
				Spec: resources.BGPFilterSpec{
					ExportV4: []resources.BGPFilterRule{{Action: "Accept", Source: "RemotePeers"}, {Action: "Reject"}},
					ImportV6: []resources.BGPFilterRule{{Action: "Reject"}},
				}}),
		"ippool": list1(resources.KindIPPool,
			&resources.IPPool{TypeMeta: head(resources.KindIPPool), Metadata: meta("pool1"),
				Spec: resources.IPPoolSpec{CIDR: "10.10.0.0/16", NATOutgoing: true, IPIPMode: "Never", VXLANMode: "Never", NodeSelector: "all()", AssignmentMode: ptr("Automatic")}},
			&resources.IPPool{TypeMeta: head(resources.KindIPPool), Metadata: meta("pool2"), Spec: resources.IPPoolSpec{CIDR: "fd00::/48"}}),
		"node": list1(resources.KindNode,
			&resources.Node{TypeMeta: head(resources.KindNode), Metadata: meta("n0")},
			&resources.Node{TypeMeta: head(resources.KindNode), Metadata: meta("n1"), Spec: resources.NodeSpec{BGP: &resources.NodeBGPSpec{IPv4Address: "10.0.0.1/24"}}},
			&resources.Node{TypeMeta: head(resources.KindNode), Metadata: meta("n2"), Spec: resources.NodeSpec{BGP: &resources.NodeBGPSpec{ASNumber: ptr(resources.ASN(64600)), IPv4Address: "10.0.0.2/24", IPv6Address: "fd00::2/64"}}}),
		"secret": list1(resources.KindSecret,
			&resources.Secret{TypeMeta: head(resources.KindSecret), Metadata: meta("bgp"), Type: "Opaque",
				Data: map[string][]byte{"rack1": []byte("hunter2"), "rack0": []byte("hunter2")}, StringData: map[string]string{"rack2": "hunter2"}}),
	}
}

func show(t *testing.T, format string, results []Result, cluster Cluster) string {
	t.Helper()
	printer, err := ByName(format)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := printer(&b, results, cluster); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLists(t *testing.T) {
	for kind, results := range everything() {
		for _, format := range []string{"table", "wide", "yaml", "json", "name"} {
			t.Run(kind+"-"+format, func(t *testing.T) {
				golden(t, "get-"+kind+"-"+format+".txt", show(t, format, results, Cluster{}))
			})
		}
	}
}

func TestAliases(t *testing.T) {
	results := everything()["node"]
	for alias, format := range map[string]string{"": "table", "ps": "table", "yml": "yaml"} {
		if got, want := show(t, alias, results, Cluster{}), show(t, format, results, Cluster{}); got != want {
			t.Errorf("-o '%s' differs from -o %s:\n%s", alias, format, got)
		}
	}
}

func TestByNameRefuses(t *testing.T) {
	_, err := ByName("foo")
	if err == nil || err.Error() != "unrecognized output format 'foo'; there are table, wide, yaml, json, name" {
		t.Errorf("got %v", err)
	}
}

// One resource by name is an object; several are a sequence, not a List; none
// of a kind is an empty list. Tables have their heading once for each result.
func TestShapes(t *testing.T) {
	one := Result{Kind: resources.KindBGPPeer, Items: []resources.Resource{peer("p1", resources.BGPPeerSpec{PeerIP: "192.0.2.1"})}}
	two := Result{Kind: resources.KindBGPPeer, Items: []resources.Resource{peer("p2", resources.BGPPeerSpec{PeerIP: "192.0.2.2"})}}
	for name, results := range map[string][]Result{
		"one":   {one},
		"two":   {one, two},
		"none":  {},
		"empty": list1(resources.KindBGPPeer),
	} {
		for _, format := range []string{"table", "yaml", "json"} {
			t.Run(name+"-"+format, func(t *testing.T) {
				golden(t, "shape-"+name+"-"+format+".txt", show(t, format, results, Cluster{}))
			})
		}
	}
}

func TestEmptyTableIsCalicoctls(t *testing.T) {
	if got, want := show(t, "table", list1(resources.KindBGPPeer), Cluster{}), "NAME   PEERIP   NODE   ASN   \n\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDefaultASN(t *testing.T) {
	asked := 0
	cluster := Cluster{DefaultASN: func() string { asked++; return "65000" }}
	results := everything()["node"]
	if got := show(t, "wide", results, cluster); !strings.Contains(got, "(65000)") {
		t.Errorf("the cluster's AS number is missing:\n%s", got)
	}
	asked = 0
	_ = show(t, "table", results, cluster)
	if asked != 0 {
		t.Error("the cluster was asked for what the table does not show")
	}
}

// No format shows a secret, however the resource came about.
func TestSecretsAreRedacted(t *testing.T) {
	results := everything()["secret"]
	single := []Result{{Kind: resources.KindSecret, Items: results[0].Items}}
	for _, format := range []string{"table", "wide", "yaml", "json", "name"} {
		for _, results := range [][]Result{results, single} {
			out := show(t, format, results, Cluster{})
			for _, form := range []string{"hunter2", "aHVudGVyMg"} { // plain, and in base64
				if strings.Contains(out, form) {
					t.Errorf("-o %s shows the secret:\n%s", format, out)
				}
			}
		}
	}
	if s := results[0].Items[0].(*resources.Secret); string(s.Data["rack1"]) != "hunter2" {
		t.Error("printing has changed the resource itself")
	}
}

func TestVersionOfAList(t *testing.T) {
	a, b := peer("a", resources.BGPPeerSpec{}), peer("b", resources.BGPPeerSpec{})
	before := versionOf([]resources.Resource{a, b})
	if again := versionOf([]resources.Resource{a, b}); again != before {
		t.Errorf("the same list has versions %s and %s", before, again)
	}
	b.ResourceVersion = "8"
	if after := versionOf([]resources.Resource{a, b}); after == before {
		t.Error("a changed resource leaves the version of its list as it was")
	}
}

func TestWriteErrors(t *testing.T) {
	for _, format := range []string{"table", "wide", "yaml", "json", "name"} {
		printer, err := ByName(format)
		if err != nil {
			t.Fatal(err)
		}
		if err := printer(full{}, everything()["bgppeer"], Cluster{}); !errors.Is(err, errFull) {
			t.Errorf("-o %s: got %v", format, err)
		}
	}
}
