package etcd_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/etcd"
)

const root = "/calico/resources/v3/projectcalico.org/"

func apply(t *testing.T, s store.Store, yaml string) resources.Resource {
	t.Helper()
	docs, err := resources.Decode(strings.NewReader(yaml))
	if err != nil {
		t.Fatal(err)
	}
	var last resources.Resource
	for _, d := range docs {
		if last, err = store.Apply(within(t), s, d.Resource); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

func stored(t *testing.T, c *clientv3.Client, key string) (value string, revision int64) {
	t.Helper()
	got, err := c.Get(within(t), key)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Kvs) == 0 {
		return "", 0
	}
	return string(got.Kvs[0].Value), got.Kvs[0].ModRevision
}

// What is written is what calicoctl writes, to the byte, and under its keys.
func TestBytes(t *testing.T) {
	e := startEtcd(t)
	c := raw(t, e)
	s := open(t, etcd.Config{Endpoints: []string{e.Endpoint}})
	for _, test := range []struct{ yaml, key, rest string }{
		{
			"{kind: BGPPeer, apiVersion: projectcalico.org/v3, metadata: {name: p2}, spec: {peerIP: 192.0.2.1, asNumber: 64512}}",
			"bgppeers/p2", `"spec":{"peerIP":"192.0.2.1","asNumber":64512}}`,
		},
		{
			"{kind: Node, apiVersion: projectcalico.org/v3, metadata: {name: n2, labels: {rack: r1}}, spec: {bgp: {asNumber: 64600, ipv4Address: 10.0.0.2/24, ipv6Address: 'fd00::2/64', routeReflectorClusterID: 244.0.0.1}}}",
			"nodes/n2", `"spec":{"bgp":{"asNumber":64600,"ipv4Address":"10.0.0.2/24","ipv6Address":"fd00::2/64","routeReflectorClusterID":"244.0.0.1"}},"status":{}}`,
		},
		{
			"{kind: BGPConfiguration, apiVersion: projectcalico.org/v3, metadata: {name: default}, spec: {asNumber: '1.10'}}",
			"bgpconfigurations/default", `"asNumber":65546,"serviceLoadBalancerAggregation":"Enabled"}}`,
		},
		{
			"{kind: BGPFilter, apiVersion: projectcalico.org/v3, metadata: {name: f}, spec: {exportV4: [{action: Accept, source: RemotePeers}]}}",
			"bgpfilters/f", `"spec":{"exportV4":[{"source":"RemotePeers","action":"Accept"}]}}`,
		},
		{
			"{kind: IPPool, apiVersion: projectcalico.org/v3, metadata: {name: pool}, spec: {cidr: 10.0.0.0/16}}",
			"ippools/pool", `"spec":{"cidr":"10.0.0.0/16","vxlanMode":"Never","ipipMode":"Never","blockSize":26,"nodeSelector":"all()","allowedUses":["Workload","Tunnel"],"assignmentMode":"Automatic"}}`,
		},
	} {
		r := apply(t, s, test.yaml)
		m := r.Meta()
		value, revision := stored(t, c, root+test.key)
		labels := ""
		if m.Labels != nil {
			labels = `,"labels":{"rack":"r1"}`
		}
		want := fmt.Sprintf(`{"kind":"%s","apiVersion":"projectcalico.org/v3","metadata":{"name":"%s","uid":"%s","creationTimestamp":"%s"%s},`,
			r.Kind(), m.Name, m.UID, m.CreationTimestamp.Format("2006-01-02T15:04:05Z"), labels)
		if !strings.HasPrefix(value, want) || !strings.HasSuffix(value, test.rest) {
			t.Errorf("%s is\n%s, want\n%s…%s", test.key, value, want, test.rest)
		}
		if m.ResourceVersion != fmt.Sprint(revision) {
			t.Errorf("%s has version %s, want its ModRevision %d", test.key, m.ResourceVersion, revision)
		}
	}
}

// A newer Calico's fields survive every write of ours.
func TestUnknownFieldsSurvive(t *testing.T) {
	e := startEtcd(t)
	c := raw(t, e)
	s := open(t, etcd.Config{Endpoints: []string{e.Endpoint}})
	key := resources.Key{Kind: resources.KindBGPPeer, Name: "p"}
	const was = `{"kind":"BGPPeer","apiVersion":"projectcalico.org/v3","metadata":{"name":"p","uid":"u","creationTimestamp":"2026-01-02T03:04:05Z","generation":3},"spec":{"peerIP":"192.0.2.1","asNumber":1,"colour":{"deep":[1,2]}},"status":{"seen":true}}`
	if _, err := c.Put(within(t), root+"bgppeers/p", was); err != nil {
		t.Fatal(err)
	}
	r, err := s.Get(within(t), key)
	if err != nil {
		t.Fatal(err)
	}
	_, before := stored(t, c, root+"bgppeers/p")
	if _, err := s.Update(within(t), r); err != nil {
		t.Fatal(err)
	}
	if value, after := stored(t, c, root+"bgppeers/p"); value != was || after != before {
		t.Errorf("a write that changes nothing made revision %d of %d:\n%s", after, before, value)
	}
	r.(*resources.BGPPeer).Spec.ASNumber = 2
	r.Meta().Labels = map[string]string{"a": "b"}
	if _, err := s.Update(within(t), r); err != nil {
		t.Fatal(err)
	}
	const want = `{"kind":"BGPPeer","apiVersion":"projectcalico.org/v3","metadata":{"name":"p","uid":"u","creationTimestamp":"2026-01-02T03:04:05Z","labels":{"a":"b"},"generation":3},"spec":{"peerIP":"192.0.2.1","asNumber":2,"colour":{"deep":[1,2]}},"status":{"seen":true}}`
	if value, _ := stored(t, c, root+"bgppeers/p"); value != want {
		t.Errorf("after a change:\n%s, want\n%s", value, want)
	}
	// The same through what the command line does.
	apply(t, s, "{kind: BGPPeer, apiVersion: projectcalico.org/v3, metadata: {name: p}, spec: {peerIP: 192.0.2.1, asNumber: 3}}")
	if value, _ := stored(t, c, root+"bgppeers/p"); value != strings.Replace(strings.Replace(want, `,"labels":{"a":"b"}`, "", 1), `"asNumber":2`, `"asNumber":3`, 1) {
		t.Errorf("after apply:\n%s", value)
	}
}

// What can't be read hides nothing else and is not touched.
func TestBrokenEntries(t *testing.T) {
	e := startEtcd(t)
	c := raw(t, e)
	s := open(t, etcd.Config{Endpoints: []string{e.Endpoint}})
	apply(t, s, "{kind: BGPPeer, apiVersion: projectcalico.org/v3, metadata: {name: good}, spec: {peerIP: 192.0.2.1, asNumber: 1}}")
	for name, value := range map[string]string{"bad": "{", "sub/key": "{}"} {
		if _, err := c.Put(within(t), root+"bgppeers/"+name, value); err != nil {
			t.Fatal(err)
		}
	}
	key := resources.Key{Kind: resources.KindBGPPeer, Name: "bad"}
	list, err := s.List(within(t), resources.KindBGPPeer)
	var broken *store.BrokenError
	if !errors.As(err, &broken) || len(broken.Entries) != 1 || broken.Entries[0].Source != root+"bgppeers/bad" || len(list) != 1 {
		t.Errorf("List: %v, %v", list, err)
	}
	for what, err := range map[string]error{
		"Get":    second(s.Get(within(t), key)),
		"Update": second(s.Update(within(t), &resources.BGPPeer{Metadata: resources.Metadata{Name: "bad"}})),
		"Delete": second(s.Delete(within(t), key, "")),
	} {
		if !errors.As(err, &broken) || !strings.Contains(err.Error(), root+"bgppeers/bad: is no BGPPeer") {
			t.Errorf("%s of a broken entry: %v", what, err)
		}
	}
	if value, _ := stored(t, c, root+"bgppeers/bad"); value != "{" {
		t.Errorf("the broken entry is %q now", value)
	}
}

func second[T any](_ T, err error) error { return err }
