//go:build kube

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/resources/crd"
)

// Nodes of Kubernetes become Calico's, with the rights of the guide and no others: as soon
// as their kubelets have registered them, and not with the address of another.
func TestLabKubeRegistration(t *testing.T) {
	l := lab.New(t)
	n1, n2, keeper := l.Host("n1"), l.Host("n2"), l.Host("keeper")
	l.LAN("eth0", map[*lab.Host]string{n1: "192.168.5.1/24", n2: "192.168.5.2/24", keeper: "192.168.5.9/24"})
	stub(n1, "10.20.1.1/24")
	stub(n2, "10.20.2.1/24")
	k := keeper.KubeAPI("192.168.5.9:6443")
	k.Calico(crd.Classic)
	k.Grant(lab.KubeUser, keeper.KubeRoles("calctl-node")...)
	admin := keeper.CalctlOnKube(k.Kubeconfig(lab.KubeAdmin))
	admin.Apply("{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: v4}, spec: {cidr: 10.20.0.0/16}}")

	first, second := n1.CalctlOnKube(k.Kubeconfig(lab.KubeUser)), n2.CalctlOnKube(k.Kubeconfig(lab.KubeUser))
	first.Start("--ip", "192.168.5.1/24")
	lab.Until(t, 20*time.Second, "why it is not registered", func() error {
		return lab.Contains(first.Output(), "could not register this node, trying again", "operation Create is not supported on Node(n1): a Node is there when its kubelet has registered it")
	})
	for _, name := range []string{"n1", "n2"} {
		k.Apply("/api/v1/nodes/"+name, "{apiVersion: v1, kind: Node, metadata: {name: "+name+", annotations: {theirs: kept}}}")
	}
	lab.Until(t, 20*time.Second, "its registration", func() error {
		node, err := k.Do(lab.KubeAdmin, http.MethodGet, "/api/v1/nodes/n1", "")
		if err != nil {
			return err
		}
		return lab.Contains(node, `"projectcalico.org/IPv4Address":"192.168.5.1/24"`, `"theirs":"kept"`)
	})

	second.Start("--ip", "192.168.5.1/24")
	lab.Until(t, 20*time.Second, "the end of a node with the address of another", func() error {
		if second.Running() {
			return fmt.Errorf("it runs")
		}
		return lab.Contains(second.Output(), "Calico node 'n1' is already using the IPv4 address 192.168.5.1")
	})
	second.Start("--ip", "192.168.5.2/24")
	for _, c := range []struct {
		node *lab.Calctl
		want string
	}{{first, "10.20.2.0/24"}, {second, "10.20.1.0/24"}} {
		lab.Until(t, 20*time.Second, "the other's network", hasRoute(c.node.Host, c.want, "via 192.168.5."))
	}

	// What the API can't do is said by the command line, in words to go by.
	out, err := keeper.Try("env", "DATASTORE_TYPE=kubernetes", "KUBECONFIG="+k.Kubeconfig(lab.KubeAdmin), lab.Binary(t), "delete", "node", "n1")
	if err == nil || !strings.Contains(out, "operation Delete is not supported on Node(n1): remove it from Kubernetes, with kubectl delete node n1") {
		t.Errorf("delete says %v, %s", err, out)
	}
}
