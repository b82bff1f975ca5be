//go:build kube

package bench

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/calctl/calctl/node/lab"
)

// onKube is an API server. Kubelets have made the Nodes before calctl writes their addresses.
var onKube = []datastore{{"a Kubernetes API server", func(dut *lab.Host, nodes []string) (*lab.Calctl, []*lab.Process) {
	k := dut.KubeAPI(dutAddr.String() + ":6443")
	c := dut.CalctlOnKube(k.Kubeconfig(lab.KubeAdmin))
	c.Do("crds", "--install")
	for _, node := range nodes {
		_, rest, _ := strings.Cut(node, "metadata: {name: ")
		name, _, _ := strings.Cut(rest, "}")
		if _, err := k.Do(lab.KubeAdmin, http.MethodPost, "/api/v1/nodes", fmt.Sprintf("{apiVersion: v1, kind: Node, metadata: {name: %s}}", name)); err != nil {
			dut.T.Fatal(err)
		}
	}
	c.Apply(strings.Join(nodes, ""))
	return c, []*lab.Process{k.Process, k.Etcd.Process}
}}}
