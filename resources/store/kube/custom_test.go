package kube

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/resources"
)

var p1 = resources.Key{Kind: resources.KindBGPPeer, Name: "p1"}

// asCalico is an object as a Calico has written it.
const asCalico = `{"apiVersion":"crd.projectcalico.org/v1","kind":"BGPPeer","metadata":{
	"annotations":{"projectcalico.org/metadata":"{\"creationTimestamp\":\"2026-11-22T21:13:53Z\",\"labels\":{\"a\":\"b\"},\"annotations\":{\"x\":\"true\"}}"},
	"name":"p1","uid":"e8a950f1-d13a-4d5b-a3f6-c847daf517b6","resourceVersion":"42","generation":1,"creationTimestamp":"2026-11-22T21:13:54Z",
	"managedFields":[{"manager":"calicoctl"}]},"spec":{"asNumber":64512,"peerIP":"192.0.2.1"}}`

func decoded(t *testing.T, group, raw string) *resources.BGPPeer {
	t.Helper()
	r, err := homeOf(resources.KindBGPPeer, group, "").decode([]byte(raw), p1)
	if err != nil {
		t.Fatal(err)
	}
	return r.(*resources.BGPPeer)
}

func TestReadCustom(t *testing.T) {
	p := decoded(t, groupV1, asCalico)
	if p.UID != "17950a8f-8b5c-4dda-a36f-13e25bafe86d" || p.CreationTimestamp.Format("15:04:05") != "21:13:53" || p.ResourceVersion != "42" ||
		p.Labels["a"] != "b" || p.Annotations["x"] != "true" || len(p.Annotations) != 1 || p.Spec.ASNumber != 64512 {
		t.Errorf("as Calico wrote it: %+v", p)
	}
	p = decoded(t, groupV1, `{"metadata":{"name":"p1","labels":{"a":"b"},"annotations":{"x":"y"},"creationTimestamp":"2026-11-22T21:13:54Z"},"spec":{"peerIP":"192.0.2.1"}}`)
	if p.Labels["a"] != "b" || p.Annotations["x"] != "y" || p.CreationTimestamp == nil {
		t.Errorf("made by kubectl: %+v", p)
	}
	p = decoded(t, groupV1, `{"metadata":{"name":"p1","labels":{"a":"b","projectcalico.org/kind":"x"},"annotations":{"projectcalico.org/metadata":"{}","x":"y"}},"spec":{}}`)
	if d := cmp.Diff(map[string]string{"projectcalico.org/kind": "x"}, p.Labels); d != "" || len(p.Annotations) != 0 {
		t.Errorf("labels %s, annotations %v", d, p.Annotations)
	}
	p = decoded(t, groupV3, `{"metadata":{"name":"p1","uid":"u","labels":{"a":"b"},"generation":3},"spec":{"peerIP":"192.0.2.1","colour":"red"}}`)
	if p.UID != "u" || p.Labels["a"] != "b" || p.Annotations[resources.UnknownFields] != `{"spec":{"colour":"red"}}` {
		t.Errorf("v3: %+v", p)
	}
	_, err := homeOf(resources.KindBGPPeer, groupV1, "").decode([]byte(`{"metadata":{"name":"p1","annotations":{"projectcalico.org/metadata":"{"}}}`), p1)
	if err == nil || !strings.Contains(err.Error(), "bgppeers.crd.projectcalico.org/p1: its annotation projectcalico.org/metadata is no metadata") {
		t.Errorf("a broken annotation: %v", err)
	}
}

// rewritten is raw after its peer was changed.
func rewritten(t *testing.T, group, raw string, change func(p *resources.BGPPeer)) string {
	t.Helper()
	h := homeOf(resources.KindBGPPeer, group, "")
	s := &Store{}
	s.found.Store(&group)
	old, own := decoded(t, group, raw), decoded(t, group, raw)
	change(own)
	q, err := s.change(h, old, []byte(raw), own)
	if err != nil {
		t.Fatal(err)
	}
	return string(q.body)
}

func TestWriteCustom(t *testing.T) {
	got := rewritten(t, groupV1, asCalico, func(*resources.BGPPeer) {})
	if got != "" {
		t.Errorf("a change that is none writes %s", got)
	}
	// What is not ours stays, wherever it is.
	const foreign = `{"apiVersion":"crd.projectcalico.org/v1","kind":"BGPPeer","metadata":{"name":"p1","uid":"e8a950f1-d13a-4d5b-a3f6-c847daf517b6","resourceVersion":"42",
		"finalizers":["f"],"labels":{"helm":"h","projectcalico.org/old":"o"},
		"annotations":{"tool":"t","projectcalico.org/metadata":"{\"creationTimestamp\":\"2026-11-22T21:13:53Z\",\"labels\":{\"a\":\"b\"},\"generation\":7}"}},
		"spec":{"asNumber":64512,"peerIP":"192.0.2.1","colour":{"deep":[1,2]}},"status":{"seen":true}}`
	got = rewritten(t, groupV1, foreign, func(p *resources.BGPPeer) {
		p.Spec.ASNumber = 1
		p.Labels = map[string]string{"a": "c", "projectcalico.org/new": "n"}
		p.Annotations = map[string]string{"x": "<y>"}
	})
	const want = `{"apiVersion":"crd.projectcalico.org/v1","kind":"BGPPeer","metadata":{` +
		`"annotations":{"projectcalico.org/metadata":"{\"creationTimestamp\":\"2026-11-22T21:13:53Z\",\"labels\":{\"a\":\"c\",\"projectcalico.org/new\":\"n\"},\"annotations\":{\"x\":\"\\u003cy\\u003e\"},\"generation\":7}","tool":"t"},` +
		`"finalizers":["f"],"labels":{"helm":"h","projectcalico.org/new":"n"},"name":"p1","resourceVersion":"42","uid":"e8a950f1-d13a-4d5b-a3f6-c847daf517b6"},` +
		`"spec":{"peerIP":"192.0.2.1","asNumber":1,"colour":{"deep":[1,2]}},"status":{"seen":true}}`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("written (-want +got):\n%s", d)
	}
	got = rewritten(t, groupV3, `{"apiVersion":"projectcalico.org/v3","kind":"BGPPeer","metadata":{"name":"p1","resourceVersion":"42","labels":{"a":"b"},"finalizers":["f"],"managedFields":[{}]},"spec":{"peerIP":"192.0.2.1","colour":1}}`,
		func(p *resources.BGPPeer) { p.Labels = nil; p.Spec.ASNumber = 1 })
	if !strings.Contains(got, `"finalizers":["f"],"name":"p1","resourceVersion":"42"}`) || !strings.Contains(got, `"spec":{"peerIP":"192.0.2.1","asNumber":1,"colour":1}`) || strings.Contains(got, "managedFields") {
		t.Errorf("v3: %s", got)
	}
}

// What calctl creates is what calicoctl creates.
func TestCreateCustom(t *testing.T) {
	p := decoded(t, groupV1, asCalico)
	text, err := resources.EncodeStored(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := writeCustom(groupV1, p.Kind(), text, p.Meta(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"apiVersion":"crd.projectcalico.org/v1","kind":"BGPPeer","metadata":{"annotations":{"projectcalico.org/metadata":` +
		`"{\"creationTimestamp\":\"2026-11-22T21:13:53Z\",\"labels\":{\"a\":\"b\"},\"annotations\":{\"x\":\"true\"}}"},"name":"p1"},` +
		`"spec":{"peerIP":"192.0.2.1","asNumber":64512}}`
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("created (-want +got):\n%s", d)
	}
	if !json.Valid(got) {
		t.Error("no JSON")
	}
}

func TestChooseGroup(t *testing.T) {
	group := func(versions ...string) string {
		var text []string
		for _, v := range versions {
			text = append(text, `{"versions":[{"groupVersion":"`+v+`"}]}`)
		}
		return `{"groups":[` + strings.Join(text, ",") + `]}`
	}
	for _, test := range []struct{ answer, want, fault string }{
		{group("apps/v1", groupV3, groupV1), groupV1, ""},
		{group(groupV3), groupV3, ""},
		{group("apps/v1"), "", "the cluster has no CustomResourceDefinitions of Calico's"},
		{"<html>", "", "is no JSON"},
	} {
		got, err := chooseGroup([]byte(test.answer))
		if got != test.want || (err == nil) != (test.fault == "") || err != nil && !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%s: %q, %v", test.answer, got, err)
		}
	}
}
