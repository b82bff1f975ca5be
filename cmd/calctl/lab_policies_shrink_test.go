package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/resources"
)

// shrink takes away from resources what can be without, as long as they still are bad:
// filters, pools, rules, and what is in them. It ends with what it has when its time is
// over.
func shrink(documents string, until time.Time, bad func(documents string) bool) string {
	for less := true; less; {
		less = false
		list := smallerThan(documents)
		for i := 0; i < len(list); {
			if time.Now().After(until) {
				return documents
			}
			if !bad(list[i]) {
				i++
				continue
			}
			documents, less = list[i], true
			list = smallerThan(documents) // at i is now what was behind it
		}
	}
	return documents
}

// bearing are resources without the filters that say nothing of the routes of a family that
// come from or go to these BGPPeers, and without the lists that don't.
func bearing(documents, family string, peers ...string) string {
	parts := strings.Split(documents, "---\n")
	used := map[string]bool{}
	change := func(kind string, to func(name string, spec map[string]any) (keep bool)) {
		for i := 0; i < len(parts); {
			var tree struct {
				APIVersion string         `json:"apiVersion"`
				Kind       string         `json:"kind"`
				Metadata   map[string]any `json:"metadata"`
				Spec       map[string]any `json:"spec"`
			}
			if yaml.Unmarshal([]byte(parts[i]), &tree) == nil && tree.Kind == kind {
				keep := to(fmt.Sprint(tree.Metadata["name"]), tree.Spec)
				text, err := yaml.Marshal(tree)
				if err != nil || !keep {
					parts = slices.Delete(parts, i, i+1)
					continue
				}
				parts[i] = string(text)
			}
			i++
		}
	}
	change("BGPPeer", func(name string, spec map[string]any) bool {
		if !slices.Contains(peers, name) {
			delete(spec, "filters")
		}
		list, _ := spec["filters"].([]any)
		for _, f := range list {
			used[fmt.Sprint(f)] = true
		}
		return true
	})
	change("BGPFilter", func(name string, spec map[string]any) bool {
		maps.DeleteFunc(spec, func(list string, _ any) bool { return !strings.HasSuffix(list, family) })
		return used[name]
	})
	return strings.Join(parts, "---\n")
}

// smallerThan are the valid resources that are one thing less, large things first.
func smallerThan(documents string) (list []string) {
	parts := strings.Split(documents, "---\n")
	sessions := sessionsIn(documents)
	try := func(parts []string) {
		if all := strings.Join(parts, "---\n"); consistent(all) && sessionsIn(all) == sessions {
			list = append(list, all)
		}
	}
	for depth := 1; depth < 8; depth++ {
		for i := range parts {
			if depth == 2 && nameIn(parts[i]) != "" {
				try(slices.Delete(slices.Clone(parts), i, i+1))
			}
		}
		for i, part := range slices.Backward(parts) { // peers stand last
			for n := 0; ; n++ {
				var tree map[string]any
				if yaml.Unmarshal([]byte(part), &tree) != nil {
					break
				}
				spec, _ := tree["spec"].(map[string]any)
				if kind := tree["kind"]; kind != "BGPFilter" && kind != "BGPPeer" && kind != "BGPConfiguration" {
					break
				}
				left := n
				if _, done := cut(spec, depth, &left); !done {
					break
				}
				text, err := yaml.Marshal(tree)
				if err != nil {
					break
				}
				less := slices.Clone(parts)
				less[i] = string(text)
				try(less)
			}
		}
	}
	return list
}

// cut takes the nth thing at a depth out of a tree.
func cut(tree any, depth int, n *int) (left any, done bool) {
	switch tree := tree.(type) {
	case map[string]any:
		for _, key := range sortedKeys(tree) {
			if depth == 1 {
				if *n == 0 {
					delete(tree, key)
					return tree, true
				}
				*n--
				continue
			}
			if tree[key], done = cut(tree[key], depth-1, n); done {
				return tree, true
			}
		}
	case []any:
		for i := range tree {
			if depth == 1 {
				if *n == 0 {
					return slices.Delete(tree, i, i+1), true
				}
				*n--
				continue
			}
			if tree[i], done = cut(tree[i], depth-1, n); done {
				return tree, true
			}
		}
	}
	return tree, false
}

func sortedKeys(m map[string]any) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// consistent reports whether calctl would take resources.
func consistent(documents string) bool {
	list, err := resources.Decode(strings.NewReader(documents))
	if err != nil {
		return false
	}
	names := namesIn(documents)
	for _, d := range list {
		d.Resource.Default()
		if d.Resource.Validate() != nil {
			return false
		}
		if peer, ok := d.Resource.(*resources.BGPPeer); ok {
			for _, f := range peer.Spec.Filters {
				if !names["bgpfilter/"+f] {
					return false
				}
			}
		}
	}
	return true
}

// sessionsIn is what resources say of sessions. It has to stay: what is shrunk is policies.
func sessionsIn(documents string) string {
	list, _ := resources.Decode(strings.NewReader(documents))
	var all []any
	for _, d := range list {
		switch r := d.Resource.(type) {
		case *resources.BGPPeer:
			r.Spec.Filters = nil
			all = append(all, r.Spec)
		case *resources.BGPConfiguration:
			all = append(all, r.Spec.NodeToNodeMeshEnabled)
		}
	}
	text, _ := yaml.Marshal(all)
	return string(text)
}

// nameIn is the name of the filter or pool that a document is, as commands take it; ""
// of other kinds.
func nameIn(document string) string {
	var head struct {
		Kind     string
		Metadata struct{ Name string }
	}
	if yaml.Unmarshal([]byte(document), &head) != nil || head.Kind != "BGPFilter" && head.Kind != "IPPool" {
		return ""
	}
	return strings.ToLower(head.Kind) + "/" + head.Metadata.Name
}

func namesIn(documents string) map[string]bool {
	names := map[string]bool{}
	for part := range strings.SplitSeq(documents, "---\n") {
		if name := nameIn(part); name != "" {
			names[name] = true
		}
	}
	return names
}

func TestShrink(t *testing.T) {
	t.Parallel()
	const documents = `apiVersion: projectcalico.org/v3
kind: BGPFilter
metadata: {name: a}
spec:
  exportV4:
  - {action: Accept, cidr: 10.0.0.0/8, matchOperator: In}
  - {action: Reject, cidr: 10.1.0.0/16, matchOperator: In, source: RemotePeers}
---
apiVersion: projectcalico.org/v3
kind: BGPFilter
metadata: {name: b}
spec: {importV4: [{action: Reject}]}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: t}
spec: {peerIP: 192.0.2.1, asNumber: 65001, sourceAddress: None, nextHopMode: Keep, filters: [b, a]}
`
	if got := bearing(documents, "V6", "t"); strings.Contains(got, "action") || strings.Count(got, "BGPFilter") != 2 {
		t.Errorf("rules for IPv4 are there:\n%s", got)
	}
	if got := bearing(documents, "V4", "other"); strings.Contains(got, "BGPFilter") || !consistent(got) {
		t.Errorf("filters are there:\n%s", got)
	}
	got := shrink(documents, time.Now().Add(time.Minute), func(documents string) bool {
		return strings.Contains(documents, "Keep") && strings.Contains(documents, "RemotePeers")
	})
	for what, want := range map[string]int{"kind: BGPFilter": 1, "RemotePeers": 1, "action": 1, "filters": 0, "Keep": 1, "sourceAddress": 1} {
		if n := strings.Count(got, what); n != want {
			t.Errorf("%q is there %d times, want %d:\n%s", what, n, want, got)
		}
	}
}
