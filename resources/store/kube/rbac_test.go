//go:build kube

package kube_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/crd"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/kube"
	"github.com/calctl/calctl/resources/store/storetest"
)

// granted is what roles allow, whatever the group: "list nodes".
func granted(roles []lab.KubeRole) []string {
	all := map[string]bool{}
	for _, r := range roles {
		for _, rule := range r.Rules {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all[verb+" "+resource] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// needed is what requests need to be allowed.
func needed(requests []string) []string {
	all := map[string]bool{}
	for _, r := range requests {
		method, path, _ := strings.Cut(r, " ")
		parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
		if len(parts) < 3 {
			continue // discovery is everybody's
		}
		parts = parts[map[string]int{"api": 2, "apis": 3}[parts[0]]:]
		if parts[0] == "namespaces" {
			parts = parts[2:]
		}
		verb := map[string]string{"WATCH": "watch", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "list"}[method]
		if verb == "list" && len(parts) > 1 {
			verb = "get"
		}
		if len(parts) > 2 {
			parts[0] += "/" + parts[2]
		}
		all[verb+" "+parts[0]] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// The roles of the guide allow what calctl does, and nothing else.
func TestKubeRoles(t *testing.T) {
	k := startAPI(t)
	guide := lab.Local(t)
	k.Apply("/api/v1/nodes/n1", "{apiVersion: v1, kind: Node, metadata: {name: n1}}")
	k.Calico(crd.Classic)
	apply(t, open(t, config(k)), "{kind: BGPConfiguration, apiVersion: projectcalico.org/v3, metadata: {name: default}, spec: {serviceClusterIPs: [{cidr: 10.96.0.0/16}]}}")
	c := kube.Config{Kubeconfig: k.Kubeconfig(lab.KubeUser)}

	wantError(t, "without a role", second(open(t, c).List(within(t), resources.KindBGPPeer)), `User "calctl" cannot list resource "bgppeers"`)
	k.Grant(lab.KubeUser, guide.KubeRoles("calctl-node")...)
	lab.Until(t, limit, "the role", func() error { return second(open(t, c).List(within(t), resources.KindNode)) })
	watched := open(t, c)
	asked := kube.Count(watched)
	w := storetest.Watch(t, watched)
	lab.Until(t, limit, "everything", func() error {
		snap := w.Snapshot()
		if snap == nil || snap.Configs["default"] == nil || len(snap.Broken) > 0 {
			return fmt.Errorf("%+v, health %v", snap, w.Health())
		}
		return nil
	})
	lab.Until(t, limit, "all watches", func() error { // they begin after the lists
		if n := len(slices.DeleteFunc(slices.Clone(asked.Peek()), func(r string) bool { return !strings.HasPrefix(r, "WATCH") })); n < 10 {
			return fmt.Errorf("%d watches", n)
		}
		return nil
	})
	s := open(t, c)
	count := kube.Count(s)
	if _, err := s.List(within(t), resources.KindNode); err != nil { // as registration does
		t.Fatal(err)
	}
	apply(t, s, "{kind: Node, apiVersion: projectcalico.org/v3, metadata: {name: n1}, spec: {bgp: {ipv4Address: 10.0.0.1/24}}}")
	if d := cmp.Diff(granted(guide.KubeRoles("calctl-node")), needed(append(asked.Take(), count.Take()...))); d != "" {
		t.Errorf("a node's role (-granted +needed):\n%s", d)
	}
	wantError(t, "apply as a node", second(store.Apply(within(t), s, decode(t, peerYAML("p1"))[0])), "is forbidden")
	if _, err := k.Do(lab.KubeUser, http.MethodPatch, "/api/v1/nodes/n1", "{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {unschedulable: true}}"); err == nil {
		t.Error("a node can be made unschedulable")
	}

	k.Grant(lab.KubeUser, guide.KubeRoles("calctl-admin")...)
	lab.Until(t, limit, "the role", func() error {
		_, err := s.Get(within(t), p1)
		if err != nil && strings.Contains(err.Error(), "forbidden") {
			return err
		}
		return nil
	})
	s = open(t, c)
	count = kube.Count(s)
	for _, text := range []string{
		"{kind: Secret, apiVersion: v1, metadata: {name: bgp%s}, stringData: {a: geheim}}",
		"{kind: BGPConfiguration, apiVersion: projectcalico.org/v3, metadata: {name: node.n1%s}, spec: {logSeverityScreen: Info}}",
		"{kind: IPPool, apiVersion: projectcalico.org/v3, metadata: {name: pool%s}, spec: {cidr: 10.7.0.0/16}}",
		"{kind: BGPFilter, apiVersion: projectcalico.org/v3, metadata: {name: f%s}}",
		"{kind: BGPPeer, apiVersion: projectcalico.org/v3, metadata: {name: p1%s}, spec: {peerIP: 192.0.2.1, asNumber: 1}}",
	} {
		apply(t, s, fmt.Sprintf(text, ""))
		r := apply(t, s, fmt.Sprintf(text, ", labels: {a: b}"))
		if _, err := s.Delete(within(t), resources.KeyOf(r), ""); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Get(within(t), resources.Key{Kind: resources.KindBlockAffinity, Name: "none"}); err == nil {
		t.Error("there is a block")
	}
	for _, lock := range []resources.Lock{{Locked: true, Since: time.Now()}, {}} {
		if err := store.SetLock(within(t), s, lock); err != nil {
			t.Error(err)
		}
	}
	admin := granted(guide.KubeRoles("calctl-admin"))
	got := needed(count.Take())
	for _, right := range admin {
		if !slices.Contains(got, right) {
			t.Errorf("an administrator may %s, which is not needed", right)
		}
	}
}

// A node without the rights it can do without says what it misses, if somebody wants it.
func TestKubeMissingRights(t *testing.T) {
	k := startAPI(t)
	k.Calico(crd.V3)
	for _, r := range lab.Local(t).KubeRoles("calctl-node") {
		if r.Metadata.Namespace == "" { // the other is for passwords
			r.Text = strings.Replace(r.Text, "resources: [services]", "resources: [nothings]", 1)
			k.Grant(lab.KubeUser, r)
		}
	}
	c := kube.Config{Kubeconfig: k.Kubeconfig(lab.KubeUser)}
	lab.Until(t, limit, "the role", func() error { return second(open(t, c).List(within(t), resources.KindNode)) })
	w := watch(t, c)
	lab.Until(t, limit, "a state", w.Shows())
	if snap := w.Snapshot(); len(snap.Broken) != 0 {
		t.Errorf("nobody has asked for it, and it is missed: %v", snap.Broken)
	}
	admin := open(t, config(k))
	apply(t, admin, strings.Replace(peerYAML("p1"), "asNumber: 1", "asNumber: 1, password: {secretKeyRef: {name: bgp, key: a}}", 1))
	apply(t, admin, "{kind: BGPConfiguration, apiVersion: projectcalico.org/v3, metadata: {name: default}, spec: {serviceClusterIPs: [{cidr: 10.96.0.0/16}]}}")
	lab.Until(t, limit, "what is missed", func() error {
		text := fmt.Sprint(w.Snapshot().Broken)
		return lab.Contains(text, `cannot list resource "secrets"`, `cannot list resource "services"`)
	})
	if err := w.Well(); err != nil {
		t.Error(err)
	}
}
