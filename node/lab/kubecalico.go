package lab

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/resources/crd"
)

// kubeIsSlow is how long an API server takes at most to do what it was told.
const kubeIsSlow = 20 * time.Second

// Calico gives the cluster one of Calico's groups, as `calctl crds` has it but as if
// Calico had made it, and waits until its objects can be written.
func (k *KubeAPI) Calico(group crd.Group) {
	k.host.T.Helper()
	for _, d := range crd.Definitions(group) {
		d.Metadata.Labels = nil
		text, err := json.Marshal(d)
		if err != nil {
			k.host.T.Fatal(err)
		}
		k.Apply("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"+d.Metadata.Name, string(text))
	}
	for _, path := range CalicoPaths(group) {
		k.until(path)
	}
}

// CalicoPaths are where the objects of a group are.
func CalicoPaths(group crd.Group) (all []string) {
	for _, d := range crd.Definitions(group) {
		all = append(all, "/apis/"+string(group)+"/"+d.Spec.Names.Plural)
	}
	return all
}

func (k *KubeAPI) until(path string) {
	k.host.T.Helper()
	Until(k.host.T, kubeIsSlow, path, func() error {
		_, err := k.Do(KubeAdmin, http.MethodGet, path, "")
		return err
	})
}

// A KubeRole is a Role or a ClusterRole of docs/guides/kubernetes.md.
type KubeRole struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Rules    []struct{ APIGroups, Resources, Verbs []string }
	Text     string `json:"-"` // as it is in the guide
}

// KubeRoles are those of the guide by a name: calctl-node or calctl-admin.
func (h *Host) KubeRoles(name string) (all []KubeRole) {
	h.T.Helper()
	deps, err := depsFolder()
	if err != nil {
		h.T.Fatal(err)
	}
	guide, err := os.ReadFile(filepath.Join(deps, "../../docs/guides/kubernetes.md"))
	if err != nil {
		h.T.Fatal(err)
	}
	_, text, found := strings.Cut(string(guide), "```yaml\n# "+name+"\n")
	text, _, closed := strings.Cut(text, "```")
	if !found || !closed {
		h.T.Fatalf("the guide has no role %s", name)
	}
	for part := range strings.SplitSeq(text, "---\n") {
		role := KubeRole{Text: part}
		if err := yaml.Unmarshal([]byte(part), &role); err != nil {
			h.T.Fatal(err)
		}
		all = append(all, role)
	}
	return all
}

// Grant gives a user roles: all those of the guide by a name, or others.
func (k *KubeAPI) Grant(user string, roles ...KubeRole) {
	k.host.T.Helper()
	const rbac = "/apis/rbac.authorization.k8s.io/v1/"
	for _, r := range roles {
		at := rbac
		if space := r.Metadata.Namespace; space != "" {
			k.until("/api/v1/namespaces/" + space) // the server makes its own when it starts
			at += "namespaces/" + space + "/"
		}
		kind := strings.ToLower(r.Kind)
		k.Apply(at+kind+"s/"+r.Metadata.Name, r.Text)
		k.Apply(at+kind+"bindings/"+r.Metadata.Name, fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: %[1]sBinding, metadata: {name: %[2]s},
		  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %[1]s, name: %[2]s}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %[3]s}]}`, r.Kind, r.Metadata.Name, user))
	}
}
