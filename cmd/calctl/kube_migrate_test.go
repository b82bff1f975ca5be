//go:build kube

package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources/crd"
)

// What a folder has, and what would have to be in it for an import to be refused.
const (
	toKube = `
{kind: IPPool, apiVersion: projectcalico.org/v3, metadata: {name: pods}, spec: {cidr: 10.1.0.0/16, natOutgoing: true}}
---
{kind: BGPFilter, apiVersion: projectcalico.org/v3, metadata: {name: f, labels: {of: rack1}}, spec: {exportV4: [{cidr: 10.0.0.0/8, matchOperator: In, action: Accept}]}}
---
{kind: BGPConfiguration, apiVersion: projectcalico.org/v3, metadata: {name: default}, spec: {asNumber: 4200000000}}
---
{kind: BGPPeer, apiVersion: projectcalico.org/v3, metadata: {name: rack1}, spec: {peerIP: 192.0.2.1, asNumber: 64513, filters: [f], password: {secretKeyRef: {name: routers, key: rack1}}}}
---
`
	nodeToKube = "{kind: Node, apiVersion: projectcalico.org/v3, metadata: {name: n1, labels: {rack: '1'}, annotations: {why: because}}, spec: {bgp: {ipv4Address: 10.0.0.1/24, asNumber: 64512}}}\n"
	secretFor  = "{kind: Secret, apiVersion: v1, metadata: {name: routers}, stringData: {rack1: geheim}}\n"
	noKubelet  = "---\n{kind: Node, apiVersion: projectcalico.org/v3, metadata: {name: gone}, spec: {bgp: {ipv4Address: 10.0.0.7/24}}}\n"
)

// objectsIn are all that a cluster has of Calico's, and its Nodes, as they are.
func objectsIn(t *testing.T, k *lab.KubeAPI, group crd.Group) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range append(lab.CalicoPaths(group), "/api/v1/nodes") {
		text, err := k.Do(lab.KubeAdmin, http.MethodGet, path, "")
		if err != nil {
			t.Fatal(err)
		}
		var list struct{ Items []json.RawMessage }
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		for _, item := range list.Items {
			all[path] += string(item) + "\n"
		}
	}
	return all
}

// refusedBy runs a command that must not work, and returns what it said.
func refusedBy(t *testing.T, args ...string) string {
	t.Helper()
	_, errs := ran(t, exitFailed, args)
	return errs
}

// A folder's resources go into a cluster, which has its own Nodes, and from there into
// a folder and an etcd.
func TestKubeMigrate(t *testing.T) {
	for _, group := range []crd.Group{crd.Classic, crd.V3} {
		t.Run(string(group), func(t *testing.T) { migrateKube(t, group) })
	}
}

func migrateKube(t *testing.T, group crd.Group) {
	k := lab.Local(t).KubeAPI("127.0.0.1:" + lab.FreePort(t))
	k.Calico(group)
	// n1 is to become a Node of Calico's; n2, which the import has not, is Kubernetes' alone.
	for _, name := range []string{"n1", "n2"} {
		k.Apply("/api/v1/nodes/"+name, "{apiVersion: v1, kind: Node, metadata: {name: "+name+", labels: {kubernetes.io/os: linux}, annotations: {theirs: kept}}}")
	}
	for _, role := range []string{"calctl-node", "calctl-admin"} { // those of the guide are enough
		k.Grant(lab.KubeUser, lab.Local(t).KubeRoles(role)...)
	}
	t.Setenv("KUBECONFIG", k.Kubeconfig(lab.KubeUser))
	t.Setenv("DATASTORE_TYPE", "kubernetes")
	temp := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(temp, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	unchanged := func(what string, before map[string]string) {
		t.Helper()
		if diff := cmp.Diff(before, objectsIn(t, k, group)); diff != "" {
			t.Errorf("%s has changed (-before +after):\n%s", what, diff)
		}
	}
	export := func(name string, args ...string) string {
		t.Helper()
		calctl(t, append([]string{"datastore", "migrate", "lock"}, args...)...)
		return write(name, calctl(t, append([]string{"datastore", "migrate", "export"}, args...)...))
	}
	folder := filepath.Join(temp, "store")
	calctl(t, "apply", "--datastore", folder, "-f", write("made.yaml", toKube+nodeToKube))
	file := export("folder.yaml", "--datastore", folder)
	imports := []string{"datastore", "migrate", "import", "-f", file}

	// What can't be in this cluster is said before anything is written.
	before := objectsIn(t, k, group)
	for _, test := range []struct{ name, text, want string }{
		{"gone.yaml", noKubelet, "Node(gone): a Node is there when its kubelet has registered it"},
		{"label.yaml", strings.NewReplacer("n1", "n2", "rack: '1'", "kubernetes.io/os: beos").Replace(nodeToKube), "Kubernetes has this label itself"},
	} {
		for _, dry := range []string{"--dry-run=false", "--dry-run"} {
			if errs := refusedBy(t, append(imports, "-f", write(test.name, test.text), dry)...); !strings.Contains(errs, test.want) {
				t.Errorf("%s, %s: %s", test.name, dry, errs)
			}
		}
	}
	unchanged("an import that was refused", before)

	// A cluster that has only its Nodes is empty.
	for _, want := range []string{"create IPPool(pods)", "create BGPPeer(rack1)", "update Node(n1)", "Would import 5 resource(s)"} {
		if out := calctl(t, append(imports, "--dry-run")...); !strings.Contains(out, want) {
			t.Errorf("the dry run says nothing of %s: %s", want, out)
		}
	}
	unchanged("a dry run", before)
	if out := calctl(t, imports...); !regexp.MustCompile(`(?s)Node +0 +1 +0.*Imported 5 resource`).MatchString(out) {
		t.Errorf("the import: %s", out)
	}
	before = objectsIn(t, k, group)
	if got, want := calctl(t, imports...), "All 5 resource(s) are there already. Nothing was changed.\n"; got != want {
		t.Errorf("once more: %s", got)
	}
	unchanged("an import of what is there", before)
	nodes := before["/api/v1/nodes"]
	if err := lab.Contains(nodes, `"projectcalico.org/IPv4Address":"10.0.0.1/24"`, `"projectcalico.org/labels":"{\"rack\":\"1\"}"`); err != nil {
		t.Error(err)
	}
	if strings.Count(nodes, "\n") != 2 || strings.Count(nodes, `"theirs":"kept"`) != 2 {
		t.Errorf("the cluster's own Nodes: %s", nodes)
	}

	// A password can follow, and does not come out again.
	if out := calctl(t, append(imports, "-f", write("secret.yaml", secretFor))...); !strings.Contains(out, "Imported 6 resource") {
		t.Errorf("the Secret: %s", out)
	}
	secret, err := k.Do(lab.KubeAdmin, http.MethodGet, "/api/v1/namespaces/kube-system/secrets/routers", "")
	if err != nil {
		t.Fatal(err)
	}
	var asPrinted map[string]any
	if err := json.Unmarshal([]byte(secret), &asPrinted); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"managedFields", "namespace"} { // the first is not printed by kubectl, the second the guide has one delete
		delete(asPrinted["metadata"].(map[string]any), field)
	}
	text, err := json.Marshal(asPrinted)
	if err != nil {
		t.Fatal(err)
	}
	calctl(t, "datastore", "migrate", "import", "-f", write("secret.json", string(text)), "--datastore", filepath.Join(temp, "secrets"))
	if out := calctl(t, "datastore", "migrate", "export"); strings.Contains(out, "geheim") || strings.Contains(out, "kind: Secret") {
		t.Errorf("a Secret is exported: %s", out)
	}

	// The import leaves it locked, for others too.
	if errs := refusedBy(t, "delete", "bgppeer", "rack1"); !strings.Contains(errs, "locked for migration") {
		t.Errorf("delete in the locked datastore: %s", errs)
	}
	// Once it is whole, what differs is somebody's, Nodes included.
	other := write("other.yaml", strings.NewReplacer("10.0.0.1/24", "10.0.0.9/24").Replace(toKube+nodeToKube))
	if errs := refusedBy(t, "datastore", "migrate", "import", "-f", other); !strings.Contains(errs, "Node(n1)") || strings.Contains(errs, "Node(n2)") {
		t.Errorf("an import over a Node that has Calico's annotations: %s", errs)
	}

	// From the cluster to elsewhere: what there is besides is Kubernetes' own.
	file = export("kube.yaml")
	back := filepath.Join(temp, "back")
	calctl(t, "datastore", "migrate", "import", "-f", file, "--datastore", back)
	etcd := lab.Local(t).Etcd("http://127.0.0.1:" + lab.FreePort(t))
	t.Setenv("ETCD_ENDPOINTS", etcd.Endpoint)
	t.Setenv("DATASTORE_TYPE", "etcdv3")
	calctl(t, "datastore", "migrate", "import", "-f", file)
	shown := func(args ...string) string {
		return givenByAll.ReplaceAllString(calctl(t, append([]string{"get", "-o", "yaml", "bgppeers,bgpfilters,bgpconfigurations,ippools"}, args...)...), "")
	}
	want := shown("--datastore", folder)
	for name, got := range map[string]string{"etcd": shown(), "folder": shown("--datastore", back)} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what came through Kubernetes into %s (-want +got):\n%s", name, diff)
		}
	}
	if err := lab.Contains(calctl(t, "get", "node", "n1", "-o", "yaml"), "ipv4Address: 10.0.0.1/24", "asNumber: 64512", "rack: \"1\"", "why: because", "kubernetes.io/os: linux"); err != nil {
		t.Error(err)
	}

	// And back: the cluster has it all.
	t.Setenv("DATASTORE_TYPE", "kubernetes")
	before = objectsIn(t, k, group)
	if got := calctl(t, "datastore", "migrate", "import", "-f", file); !strings.HasPrefix(got, "All 6 resource(s) are there already.") {
		t.Errorf("back again: %s", got)
	}
	unchanged("an import of its own export", before)
	calctl(t, "datastore", "migrate", "unlock")
	calctl(t, "delete", "bgppeer", "rack1")
}

var givenByAll = regexp.MustCompile(`(?m)^ +(uid|creationTimestamp|resourceVersion): .*\n`)
