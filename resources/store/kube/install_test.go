//go:build kube

package kube_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/crd"
	"github.com/calctl/calctl/resources/store/kube"
)

const definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"

// all is what is done about every definition of a group.
func all(group crd.Group, did string) (done []kube.Installed) {
	for _, d := range crd.Definitions(group) {
		done = append(done, kube.Installed{Name: d.Metadata.Name, Did: did})
	}
	return done
}

func TestKubeInstall(t *testing.T) {
	k := startAPI(t)
	s := open(t, config(k))
	installs := func(when string, group crd.Group, want []kube.Installed) {
		t.Helper()
		got, err := s.Install(t.Context(), group)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", when, err, diff)
		}
	}
	refuses := func(when string, s *kube.Store, group crd.Group, why ...string) {
		t.Helper()
		got, err := s.Install(t.Context(), group)
		if err == nil {
			t.Fatalf("%s: installed", when)
		}
		if err := lab.Contains(err.Error(), why...); err != nil || len(got) > 0 {
			t.Errorf("%s: %v, done %v", when, err, got)
		}
	}
	user := config(k)
	user.Kubeconfig = k.Kubeconfig(lab.KubeUser)
	refuses("nobody may", open(t, user), crd.V3, "is forbidden")

	installs("nothing there", crd.V3, all(crd.V3, kube.Created))
	if _, err := s.Create(t.Context(), &resources.BGPPeer{
		Metadata: resources.Metadata{Name: "p"}, Spec: resources.BGPPeerSpec{PeerIP: "192.0.2.1", ASNumber: 1},
	}); err != nil {
		t.Errorf("it is not served at once: %v", err)
	}
	installs("again", crd.V3, all(crd.V3, kube.Unchanged))
	refuses("the other group", s, crd.Classic, "the cluster has resources in projectcalico.org/v3")

	peers := definitionsPath + "bgppeers.projectcalico.org"
	text, err := k.Do(lab.KubeAdmin, http.MethodGet, peers, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Do(lab.KubeAdmin, http.MethodPut, peers+"?fieldManager=kubectl", strings.ReplaceAll(text, `"node and nodeSelector cannot both be set"`, `"no"`)); err != nil {
		t.Fatal(err)
	}
	refuses("another has changed one", s, crd.V3, "CustomResourceDefinition(bgppeers.projectcalico.org) has been changed by somebody else", `conflict with "kubectl"`)

	k.Calico(crd.Classic)
	was, err := k.Do(lab.KubeAdmin, http.MethodGet, definitionsPath, "")
	if err != nil {
		t.Fatal(err)
	}
	refuses("beside Calico's", s, crd.V3, "the cluster has resources in crd.projectcalico.org/v1")
	refuses("over Calico's", s, crd.Classic, "CustomResourceDefinition(bgpconfigurations.crd.projectcalico.org) is somebody else's")
	if is, err := k.Do(lab.KubeAdmin, http.MethodGet, definitionsPath, ""); err != nil || is != was {
		t.Errorf("what was refused has changed something: %v", err)
	}
}
