package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/calctl/calctl/resources/crd"
)

// The two groups in which a cluster may have Calico's objects.
const (
	groupV1 = string(crd.Classic)
	groupV3 = string(crd.V3)
)

// group returns the one this cluster has. The API server is asked until it has said.
func (s *Store) group(ctx context.Context) (string, error) {
	if g := s.found.Load(); g != nil {
		return *g, nil
	}
	raw, err := s.send(ctx, request{verb: "GET", path: "/apis"})
	if err != nil {
		return "", err
	}
	group, err := chooseGroup(raw)
	if err != nil {
		return "", s.where(err)
	}
	s.found.Store(&group)
	return group, nil
}

// chooseGroup takes the older group where there are both, as Calico does: then the newer
// one is Calico's own API server, which keeps its objects in the older.
func chooseGroup(discovery []byte) (string, error) {
	var list struct {
		Groups []struct {
			Versions []struct {
				GroupVersion string `json:"groupVersion"`
			} `json:"versions"`
		} `json:"groups"`
	}
	if err := json.Unmarshal(discovery, &list); err != nil {
		return "", fmt.Errorf("what the API server says of its groups is no JSON: %w", err)
	}
	var v1, v3 bool
	for _, g := range list.Groups {
		for _, v := range g.Versions {
			v1 = v1 || v.GroupVersion == groupV1
			v3 = v3 || v.GroupVersion == groupV3
		}
	}
	switch {
	case v1:
		return groupV1, nil
	case v3:
		return groupV3, nil
	}
	return "", errors.New("the cluster has no CustomResourceDefinitions of Calico's, neither " + groupV1 + " nor " + groupV3 + ": install Calico's, or calctl's with 'calctl crds --install'")
}
