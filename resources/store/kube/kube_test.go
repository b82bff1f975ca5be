//go:build kube

package kube_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/crd"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/kube"
	"github.com/calctl/calctl/resources/store/storetest"
)

const (
	// secretsAt is a namespace that no part of Kubernetes writes to.
	secretsAt = "calico-test"

	limit = 20 * time.Second
)

func startAPI(t *testing.T) *lab.KubeAPI {
	t.Helper()
	k := lab.Local(t).KubeAPI("127.0.0.1:" + lab.FreePort(t))
	k.Apply("/api/v1/namespaces/"+secretsAt, "{apiVersion: v1, kind: Namespace, metadata: {name: "+secretsAt+"}}")
	return k
}

// config is that of the admin.
func config(k *lab.KubeAPI) kube.Config {
	return kube.Config{Kubeconfig: k.Kubeconfig(lab.KubeAdmin), Namespace: secretsAt}
}

func open(t *testing.T, c kube.Config) *kube.Store {
	t.Helper()
	s, err := kube.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// empty removes all that a store shows.
func empty(t *testing.T, k *lab.KubeAPI, group crd.Group) {
	t.Helper()
	for _, path := range lab.CalicoPaths(group) {
		k.Delete(path)
	}
	k.Delete("/api/v1/nodes")
	k.Delete("/api/v1/namespaces/" + secretsAt + "/secrets")
}

// kubelets is a store in whose cluster a kubelet registers each Node that is created,
// and takes it away when it is deleted.
type kubelets struct {
	*kube.Store
	k *lab.KubeAPI
}

func (c kubelets) Create(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	n, ok := r.(*resources.Node)
	if !ok || ctx.Err() != nil {
		return c.Store.Create(ctx, r)
	}
	pods := ""
	if len(n.Status.PodCIDRs) > 0 {
		pods = fmt.Sprintf("podCIDR: %s, podCIDRs: [%s]", n.Status.PodCIDRs[0], strings.Join(n.Status.PodCIDRs, ", "))
	}
	if _, err := c.k.Do(lab.KubeAdmin, http.MethodPost, "/api/v1/nodes", fmt.Sprintf("{apiVersion: v1, kind: Node, metadata: {name: %s}, spec: {%s}}", n.Name, pods)); err != nil {
		return nil, err
	}
	return c.Update(ctx, r)
}

func (c kubelets) Delete(ctx context.Context, key resources.Key, version string) (resources.Resource, error) {
	if key.Kind != resources.KindNode {
		return c.Store.Delete(ctx, key, version)
	}
	r, err := c.Get(ctx, key)
	if err == nil {
		_, err = c.k.Do(lab.KubeAdmin, http.MethodDelete, "/api/v1/nodes/"+key.Name, "")
	}
	return r, err
}

func testStore(t *testing.T, k *lab.KubeAPI, c kube.Config, group crd.Group) {
	fresh := func(t *testing.T) store.Store {
		empty(t, k, group)
		return kubelets{open(t, c), k}
	}
	storetest.Run(t, fresh, func(t *testing.T, s store.Store) store.Store {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		return kubelets{open(t, c), k}
	})
}

// Both groups on one server, which is found to have first the one and then both.
func TestKubeStore(t *testing.T) {
	k := startAPI(t)
	k.Calico(crd.V3)
	t.Run("v3", func(t *testing.T) { testStore(t, k, config(k), crd.V3) })
	k.Calico(crd.Classic)
	t.Run("v1", func(t *testing.T) { testStore(t, k, config(k), crd.Classic) })
	t.Run("v3-forced", func(t *testing.T) {
		c := config(k)
		c.Group = string(crd.V3)
		s := open(t, c)
		apply(t, s, peerYAML("forced"))
		if _, err := k.Do(lab.KubeAdmin, http.MethodGet, "/apis/"+string(crd.V3)+"/bgppeers/forced", ""); err != nil {
			t.Error(err)
		}
	})
}
