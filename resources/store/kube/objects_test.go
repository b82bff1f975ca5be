//go:build kube

package kube_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/crd"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/kube"
)

// get is an object as the API server has it.
func get(t *testing.T, k *lab.KubeAPI, path string) (text string, o object) {
	t.Helper()
	text, err := k.Do(lab.KubeAdmin, http.MethodGet, path, "")
	if err == nil {
		err = json.Unmarshal([]byte(text), &o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text, o
}

type object struct {
	Metadata struct {
		UID, ResourceVersion string
		Labels, Annotations  map[string]string
		Finalizers           []string
	}
}

var p1 = resources.Key{Kind: resources.KindBGPPeer, Name: "p1"}

// Objects are what calicoctl's are, and what others have put into them stays.
func TestKubeObjects(t *testing.T) {
	k := startAPI(t)
	k.Calico(crd.Classic)
	k.Calico(crd.V3)
	const classic, v3 = "/apis/crd.projectcalico.org/v1/bgppeers/p1", "/apis/projectcalico.org/v3/bgppeers/p1"
	s := open(t, config(k)) // where there are both groups, the older is Calico's

	r := apply(t, s, "{kind: BGPPeer, apiVersion: projectcalico.org/v3, metadata: {name: p1, labels: {a: b}, annotations: {x: 'true'}}, spec: {peerIP: 192.0.2.1, asNumber: 64512}}")
	_, o := get(t, k, classic)
	want := `{"creationTimestamp":"` + r.Meta().CreationTimestamp.Format("2006-01-02T15:04:05Z") + `","labels":{"a":"b"},"annotations":{"x":"true"}}`
	if got := o.Metadata.Annotations["projectcalico.org/metadata"]; got != want || len(o.Metadata.Annotations) != 1 || o.Metadata.Labels != nil {
		t.Errorf("metadata is %+v, want the annotation\n%s", o.Metadata, want)
	}
	if kube.CalicoUID(o.Metadata.UID) != r.Meta().UID || o.Metadata.UID == r.Meta().UID {
		t.Errorf("uid %s is shown as %s", o.Metadata.UID, r.Meta().UID)
	}
	if o.Metadata.ResourceVersion != r.Meta().ResourceVersion {
		t.Errorf("version %s is shown as %s", o.Metadata.ResourceVersion, r.Meta().ResourceVersion)
	}

	// What others have written: a tool, and a newer Calico.
	const foreign = `{metadata: {name: p1, labels: {helm: h}, annotations: {tool: t}, finalizers: [calctl.io/test]}, spec: {peerIP: 192.0.2.1, asNumber: 64512, colour: {deep: [1, 2]}}}`
	k.Apply(classic, "{apiVersion: crd.projectcalico.org/v1, kind: BGPPeer, "+foreign[1:])
	k.Apply(v3, "{apiVersion: projectcalico.org/v3, kind: BGPPeer, "+foreign[1:])
	c := config(k)
	c.Group = string(crd.V3)
	for path, s := range map[string]*kube.Store{classic: s, v3: open(t, c)} {
		r, err := s.Get(within(t), p1)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Meta().Annotations[resources.UnknownFields]; got != `{"spec":{"colour":{"deep":[1,2]}}}` {
			t.Errorf("%s: unknown fields are shown as %q", path, got)
		}
		_, before := get(t, k, path)
		if again, err := s.Update(within(t), r); err != nil || again.Meta().ResourceVersion != before.Metadata.ResourceVersion {
			t.Errorf("%s: a write that changes nothing: %v, %v", path, again, err)
		}
		apply(t, s, peerYAML("p1"))
		text, o := get(t, k, path)
		if !strings.Contains(text, `"colour":{"deep":[1,2]}`) || !strings.Contains(text, `"asNumber":1,`) || len(o.Metadata.Finalizers) != 1 {
			t.Errorf("%s: after an apply: %s", path, text)
		}
		if path == classic && (o.Metadata.Labels["helm"] != "h" || o.Metadata.Annotations["tool"] != "t") {
			t.Errorf("%s: after an apply: %s", path, text)
		}
		group := strings.TrimSuffix(strings.TrimPrefix(path, "/apis/"), "/bgppeers/p1")
		k.Apply(path, "{apiVersion: "+group+", kind: BGPPeer, "+strings.Replace(foreign[1:], "[calctl.io/test]", "[]", 1))
	}

	// What can't be read hides nothing else and is not touched.
	apply(t, s, peerYAML("good"))
	k.Apply(classic, `{apiVersion: crd.projectcalico.org/v1, kind: BGPPeer, metadata: {name: p1, annotations: {projectcalico.org/metadata: "{"}}, spec: {peerIP: 192.0.2.1, asNumber: 1}}`)
	list, err := s.List(within(t), resources.KindBGPPeer)
	var broken *store.BrokenError
	if !errors.As(err, &broken) || len(broken.Entries) != 1 || broken.Entries[0].Source != "bgppeers.crd.projectcalico.org/p1" || len(list) != 1 {
		t.Errorf("List: %v, %v", list, err)
	}
	wantError(t, "Delete of what is broken", second(s.Delete(within(t), p1, "")), "bgppeers.crd.projectcalico.org/p1: its annotation projectcalico.org/metadata is no metadata")
	wantError(t, "Create under an impossible name", second(s.Create(within(t), &resources.BGPPeer{Metadata: resources.Metadata{Name: "../nodes/n1"}})), "a name in Kubernetes")
	if _, err := s.Get(within(t), resources.Key{Kind: resources.KindBGPPeer, Name: "../nodes/n1"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of an impossible name: %v", err)
	}
	// The API server has rules of its own, and says which.
	bad := decode(t, peerYAML("bad"))[0].(*resources.BGPPeer)
	bad.Spec.Node, bad.Spec.NodeSelector = "n1", "all()"
	wantError(t, "Create of what the server refuses", second(s.Create(within(t), bad)), "node and nodeSelector cannot both be set")
}

// Of a Node only Calico's annotations are changed, and only if it is as it was.
func TestKubeNode(t *testing.T) {
	k := startAPI(t)
	s := open(t, config(k))
	key := resources.Key{Kind: resources.KindNode, Name: "n1"}
	k.Calico(crd.V3)
	wantError(t, "apply of a Node that is not there", second(store.Apply(within(t), s, decode(t, "{kind: Node, apiVersion: projectcalico.org/v3, metadata: {name: n1}}")[0])),
		"operation Create is not supported on Node(n1): a Node is there when its kubelet has registered it")

	k.Apply("/api/v1/nodes/n1", `{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {zone: z}, annotations: {foo: bar}}, spec: {podCIDR: 10.1.0.0/24}}`)
	const yaml = "{kind: Node, apiVersion: projectcalico.org/v3, metadata: {name: n1, labels: {rack: a}, annotations: {why: w}}, spec: {bgp: {ipv4Address: 10.0.0.1/24, asNumber: 64512}}}"
	n := apply(t, s, yaml).(*resources.Node)
	if n.Labels["zone"] != "z" || n.Labels["rack"] != "a" || len(n.Annotations) != 1 || n.Status.PodCIDRs[0] != "10.1.0.0/24" {
		t.Errorf("%+v", n)
	}
	_, o := get(t, k, "/api/v1/nodes/n1")
	for note, want := range map[string]string{
		"foo": "bar", "projectcalico.org/IPv4Address": "10.0.0.1/24", "projectcalico.org/ASNumber": "64512",
		"projectcalico.org/labels": `{"rack":"a"}`, "projectcalico.org/annotations": `{"why":"w"}`,
	} {
		if got := o.Metadata.Annotations[note]; got != want {
			t.Errorf("annotation %s is %q, want %q", note, got, want)
		}
	}
	if again := apply(t, s, yaml); again.Meta().ResourceVersion != n.ResourceVersion {
		t.Error("an apply that changes nothing has written")
	}

	// A kubelet writes between our reading and our writing.
	if _, err := s.Get(within(t), key); err != nil {
		t.Fatal(err)
	}
	k.Apply("/api/v1/nodes/n1/status", `{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {addresses: [{type: InternalIP, address: 10.0.0.1}], conditions: [{type: Ready, status: "True"}]}}`)
	n.Spec.BGP.IPv4Address = "10.0.0.2/24"
	if _, err := s.Update(within(t), n); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an update of what a kubelet has changed: %v", err)
	}
	n.ResourceVersion = ""
	if _, err := s.Update(within(t), n); err != nil {
		t.Fatal(err)
	}
	text, _ := get(t, k, "/api/v1/nodes/n1")
	if !strings.Contains(text, `"manager":"calctl"`) || !strings.Contains(text, `"type":"Ready"`) || !strings.Contains(text, `"address":"10.0.0.1"`) || !strings.Contains(text, "10.0.0.2/24") {
		t.Errorf("after both have written: %s", text)
	}

	// What the API can't do changes nothing.
	_, before := get(t, k, "/api/v1/nodes/n1")
	wantError(t, "Delete", second(s.Delete(within(t), key, "")), "operation Delete is not supported on Node(n1)")
	wantError(t, "a label of Kubernetes'", second(store.Apply(within(t), s, decode(t, strings.Replace(yaml, "rack: a", "zone: q", 1))[0])), "metadata.labels.zone = 'q'")
	if _, after := get(t, k, "/api/v1/nodes/n1"); after.Metadata.ResourceVersion != before.Metadata.ResourceVersion {
		t.Error("what was refused was written")
	}
}
