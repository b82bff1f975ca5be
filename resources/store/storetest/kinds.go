package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// everyKind has a resource of each kind, with values that text formats like to
// get wrong.
const everyKind = `
apiVersion: v1
kind: Secret
metadata:
  name: rack1
type: Opaque
stringData:
  password: "p: #'\"ü\\ trailing "
---
apiVersion: v1
kind: Secret
metadata:
  name: binary
type: Opaque
data:
  raw: AP/+gAo=
---
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata:
  name: default
spec:
  nodeToNodeMeshEnabled: false
  asNumber: 4200000000
  listenPort: 1790
  communities: [{name: bh, value: "65535:666"}]
  prefixAdvertisements: [{cidr: 10.0.0.0/16, communities: [bh]}]
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: pool1
spec:
  cidr: 10.10.0.0/16
  natOutgoing: true
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: pool6
spec:
  cidr: 2001:db8::/64
  disableBGPExport: true
---
apiVersion: projectcalico.org/v3
kind: BGPFilter
metadata:
  name: f1
spec:
  exportV4:
  - {action: Accept, matchOperator: In, cidr: 10.0.0.0/8, prefixLength: {min: 16, max: 24}}
  - {action: Reject}
  importV6:
  - {action: Reject, matchOperator: NotIn, cidr: "2001:db8::/32"}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata:
  name: node-a
  labels: {rack: "1", "true": "no", version: "1.10"}
  annotations:
    note: "two\nlines\n"
    empty: ""
    number: "0123"
spec:
  bgp:
    asNumber: "1.10"
    ipv4Address: 192.0.2.1/24
    ipv6Address: 2001:db8::1/64
    routeReflectorClusterID: 224.0.0.1
  orchRefs: [{nodeName: node-a, orchestrator: k8s}]
  addresses: [{address: 192.0.2.1/24, type: CalicoNodeIP}, {address: "2001:db8::1/64", type: CalicoNodeIP}]
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: peer.with-dots.and-dashes
spec:
  nodeSelector: rack == "1" && has(version)
  peerIP: "[2001:db8::2]:1790"
  asNumber: 64513
  filters: [f1]
  keepaliveTime: 20s
  password: {secretKeyRef: {name: rack1, key: password}}
---
apiVersion: projectcalico.org/v3
kind: BlockAffinity
metadata:
  name: node-a-10-10-0-0-26
spec:
  node: node-a
  cidr: 10.10.0.0/26
---
apiVersion: projectcalico.org/v3
kind: ClusterInformation
metadata:
  name: default
spec:
  clusterType: k8s,bgp
  datastoreReady: true
`

func testKinds(t *testing.T, s store.Store) {
	in := decode(t, everyKind)
	seen := map[resources.Kind]bool{}
	for _, r := range in {
		seen[r.Kind()] = true
	}
	for _, typ := range resources.Types() {
		if !seen[typ.Kind] {
			t.Errorf("storetest has no %s", typ.Kind)
		}
	}
	in = writable(t, s, in)
	for _, r := range in {
		stored := mustCreate(t, s, r)
		sameContent(t, resources.KeyOf(r).String()+" as created", r, stored)
		same(t, resources.KeyOf(r).String()+" as stored", stored, mustGet(t, s, resources.KeyOf(r)))
	}
	snap := watch(t, s).until("every kind", func(snap *resources.Snapshot) bool { return len(all(snap)) == len(in) })
	for _, r := range in {
		got := mustGet(t, s, resources.KeyOf(r))
		same(t, "version in the snapshot", got.Meta().ResourceVersion, all(snap)[resources.KeyOf(r).String()])
	}
	password, err := snap.Password(*snap.Peers["peer.with-dots.and-dashes"].Spec.Password.SecretKeyRef)
	if err != nil || password.Reveal() != `p: #'"ü\ trailing ` {
		t.Errorf("the password came back as %q, %v", password.Reveal(), err)
	}
	for _, r := range in {
		if _, err := s.Delete(wait(t), resources.KeyOf(r), ""); err != nil {
			t.Errorf("Delete(%s): %v", resources.KeyOf(r), err)
		}
	}
	watch(t, s).until("nothing", func(snap *resources.Snapshot) bool { return len(all(snap)) == 0 })
}

// writable are the resources of a list that a store does not leave to Calico's IPAM.
// Of the others there may be none: nobody can write them.
func writable(t *testing.T, s store.Store, list []resources.Resource) []resources.Resource {
	t.Helper()
	return slices.DeleteFunc(list, func(r resources.Resource) bool {
		if r.Kind() != resources.KindBlockAffinity {
			return false
		}
		_, updated := s.Update(wait(t), r)
		if !errors.Is(updated, store.ErrReadOnly) {
			return false
		}
		_, created := s.Create(wait(t), r)
		_, deleted := s.Delete(wait(t), resources.KeyOf(r), "")
		if !errors.Is(created, store.ErrReadOnly) || !errors.Is(deleted, store.ErrReadOnly) {
			t.Errorf("%s can't be updated, but it can be created (%v) or deleted (%v)", resources.KeyOf(r), created, deleted)
		}
		return true
	})
}
