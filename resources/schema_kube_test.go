//go:build kube

package resources_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/crd"
)

// beyondCEL are the validations that only calctl can do: the syntax of selectors, and
// whether there is a community of a name.
var beyondCEL = map[string]bool{
	"node selector": true, "peer selector": true, "selector": true,
	"community not defined": true,
}

// What Validate says of a resource, the schema of its CustomResourceDefinition makes a
// real API server say.
func TestServerAgreesWithValidate(t *testing.T) {
	k := lab.Local(t).KubeAPI("127.0.0.1:" + lab.FreePort(t))
	k.Warned = func(text string) { t.Errorf("the server warns: %s", text) }
	for _, group := range []crd.Group{crd.V3, crd.Classic} {
		establish(t, k, group)
		for _, s := range []suite{peerSuite(), configurationSuite(), ofNodeSuite(), filterSuite(), poolSuite(), affinitySuite()} {
			for _, tt := range s.tests {
				if r := s.resource(t, tt); !beyondCEL[tt.name] {
					agree(t, k, group, tt.name, r)
				} else if err := judged(t, k, group, r); err != nil {
					t.Errorf("%s: CEL can do it after all: %v", tt.name, err)
				}
			}
		}
		for _, d := range crd.Definitions(group) {
			r, _ := full(t, resources.TypeOf(d.Spec.Names.Kind))
			agree(t, k, group, "sample", r)
		}
	}
}

// agree compares the server's verdict of a resource, as it is and with its defaults,
// with Validate's.
func agree(t *testing.T, k *lab.KubeAPI, group crd.Group, name string, r resources.Resource) {
	t.Helper()
	defaulted := resources.Clone(r)
	defaulted.Default()
	valid := defaulted.Validate()
	for _, r := range []resources.Resource{r, defaulted} {
		err := judged(t, k, group, r)
		if (valid == nil) != (err == nil) {
			t.Errorf("%s: %s, %s: validate says %v, the server %v", group, r.Kind(), name, valid, err)
		}
		if err != nil && !strings.Contains(err.Error(), "422") {
			t.Errorf("%s: %s, %s: refused, but not by the schema: %v", group, r.Kind(), name, err)
		}
	}
}

// establish makes the server store the resources of a group.
func establish(t *testing.T, k *lab.KubeAPI, group crd.Group) {
	t.Helper()
	const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
	for _, d := range crd.Definitions(group) {
		text, err := yaml.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		k.Apply(definitions+d.Metadata.Name, string(text))
	}
	for _, d := range crd.Definitions(group) {
		lab.Until(t, 20*time.Second, d.Metadata.Name, func() error {
			got, err := k.Do(lab.KubeAdmin, http.MethodGet, definitions+d.Metadata.Name, "")
			if err != nil {
				return err
			}
			if strings.Contains(got, "NonStructuralSchema") {
				t.Errorf("%s is not structural: %s", d.Metadata.Name, got)
			}
			return lab.Contains(got, `"type":"Established","status":"True"`, d.Metadata.Name)
		})
	}
}

// judged is what the server says of a resource; it does not store it.
func judged(t *testing.T, k *lab.KubeAPI, group crd.Group, r resources.Resource) error {
	t.Helper()
	r = resources.Clone(r)
	meta := r.Meta()
	meta.UID, meta.ResourceVersion, meta.CreationTimestamp = "", "", nil
	text := strings.Replace(encode(t, r), "apiVersion: "+string(crd.V3), "apiVersion: "+string(group), 1)
	if group == crd.Classic {
		text = strings.Replace(text, "deleted: true", `deleted: "true"`, 1)
	}
	_, err := k.Do(lab.KubeAdmin, http.MethodPost, "/apis/"+string(group)+"/"+resources.TypeOf(r.Kind()).Plural+"?dryRun=All", text)
	return err
}

// A pool's range and blocks stay as they are; what a newer Calico has added to a
// resource stays in it.
func TestServerKeeps(t *testing.T) {
	k := lab.Local(t).KubeAPI("127.0.0.1:" + lab.FreePort(t))
	establish(t, k, crd.V3)
	const (
		pool   = "/apis/projectcalico.org/v3/ippools/p"
		filter = "/apis/projectcalico.org/v3/bgpfilters/f"
	)
	put := func(spec string) error {
		_, err := k.Do(lab.KubeAdmin, http.MethodPatch, pool, "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: p}\nspec: {"+spec+"}\n")
		return err
	}
	for _, step := range []struct{ spec, refused string }{
		{"cidr: 10.0.0.0/16", ""},
		{"cidr: 10.0.0.0/16, blockSize: 28", "IPPool BlockSize cannot be modified"},
		{"cidr: 10.0.0.0/16, blockSize: 26", ""},
		{"cidr: 10.0.0.0/16, blockSize: 26, natOutgoing: true", ""},
		{"cidr: 10.0.0.0/17, blockSize: 26", "IPPool CIDR cannot be modified; create another pool instead"},
		{"cidr: 10.0.0.0/16, blockSize: 27", "IPPool BlockSize cannot be modified"},
	} {
		switch err := put(step.spec); {
		case step.refused == "" && err != nil:
			t.Errorf("%s: %v", step.spec, err)
		case step.refused != "" && (err == nil || !strings.Contains(err.Error(), step.refused)):
			t.Errorf("%s: got %v, want %q", step.spec, err, step.refused)
		}
	}
	k.Apply(filter, "apiVersion: projectcalico.org/v3\nkind: BGPFilter\nmetadata: {name: f}\n"+
		"spec: {exportV4: [{action: Accept, novel: {a: 1}, operations: [{setPriority: {value: 1, mild: true}}]}], importV9: [x]}\nstatus: {seen: 1}\n")
	got, err := k.Do(lab.KubeAdmin, http.MethodGet, filter, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"novel":{"a":1}`, `"mild":true`, `"importV9":["x"]`, `"status":{"seen":1}`} {
		if err := lab.Contains(got, want); err != nil {
			t.Error(err)
		}
	}
}
