//go:build kube

package kube_test

import (
	"context"
	"strings"
	"testing"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func decode(t *testing.T, yaml string) []resources.Resource {
	t.Helper()
	docs, err := resources.Decode(strings.NewReader(yaml))
	if err != nil {
		t.Fatal(err)
	}
	var all []resources.Resource
	for _, d := range docs {
		all = append(all, d.Resource)
	}
	return all
}

func apply(t *testing.T, s store.Store, yaml string) (last resources.Resource) {
	t.Helper()
	for _, r := range decode(t, yaml) {
		var err error
		if last, err = store.Apply(within(t), s, r); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

func peerYAML(name string) string {
	return "{kind: BGPPeer, apiVersion: projectcalico.org/v3, metadata: {name: " + name + "}, spec: {peerIP: 192.0.2.1, asNumber: 1}}"
}

func second[T any](_ T, err error) error { return err }

func wantError(t *testing.T, what string, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %v, want %q", what, err, words)
	}
}
