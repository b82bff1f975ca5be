//go:build kube

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// onKube is a cluster whose datastore is a Kubernetes API server. Its nodes may do what
// the guide says that they need, and nothing else.
type onKube struct {
	cluster
	*lab.KubeAPI
}

const (
	kubeURL = "https://" + keeperAt + ":6443"
	v3      = "/apis/projectcalico.org/v3/"
)

func newOnKube(t *testing.T) *onKube {
	t.Helper()
	c := &onKube{}
	var user, admin string // files: written once, because nodes read them when they start
	c.cluster = newCluster(t,
		func(keeper *lab.Host) {
			c.KubeAPI = keeper.KubeAPI(keeperAt + ":6443")
			user, admin = c.Kubeconfig(lab.KubeUser), c.Kubeconfig(lab.KubeAdmin)
			c.furnish(keeper.CalctlOnKube(admin))
		},
		func(h *lab.Host) *lab.Calctl { return h.CalctlOnKube(user) },
		func(h *lab.Host) *lab.Calctl { return h.CalctlOnKube(admin) },
	)
	return c
}

// furnish gives an empty cluster what there is before calctl: definitions, roles, and
// Nodes, which are kubelets' to make.
func (c *onKube) furnish(admin *lab.Calctl) {
	admin.T.Helper()
	admin.Do("crds", "--install")
	c.Grant(lab.KubeUser, admin.KubeRoles("calctl-node")...)
	for i := range 3 {
		c.KubeAPI.Apply(fmt.Sprintf("/api/v1/nodes/n%d", i+1), fmt.Sprintf("{apiVersion: v1, kind: Node, metadata: {name: n%d}}", i+1))
	}
}

func TestLabThreeNodesOnOneKube(t *testing.T) {
	c := newOnKube(t)
	c.sharesOne(t, "Kubernetes "+kubeURL, "--name", "n3", "--config", c.Dir()+"/n3.calicoctl.cfg")

	// A kubelet registers its Node again.
	c.Delete("/api/v1/nodes/n3")
	c.KubeAPI.Apply("/api/v1/nodes/n3", "{apiVersion: v1, kind: Node, metadata: {name: n3}}")
	lab.Until(t, 10*time.Second, "the address of n3", c.hasAddress("n3", "192.168.5.3/24"))
	c.full()
}

// hasAddress is a condition: a Node has this address.
func (c *onKube) hasAddress(node, address string) func() error {
	return func() error {
		text, err := c.Do(lab.KubeAdmin, http.MethodGet, "/api/v1/nodes/"+node, "")
		if err != nil {
			return err
		}
		return lab.Contains(text, `"projectcalico.org/IPv4Address":"`+address+`"`)
	}
}

// An outage is how long the API server is away: longer than any request waits, and any pause
// between two.
const outage = 30 * time.Second

func TestLabKubeIsKilled(t *testing.T) {
	c := newOnKube(t)
	watched := witnesses(&c.cluster)
	c.Kill()
	t.Logf("killed: all nodes say so after %v", lab.Until(t, 10*time.Second, "trouble", c.datastore(troubled("datastore Kubernetes "+kubeURL))))
	lab.Until(t, 15*time.Second, "its reason", c.datastore(troubled("connection refused")))
	<-time.After(outage)
	undisturbed(t, "the API server killed", watched)
	c.Restart()
	t.Logf("back: caught up after %v", lab.Until(t, 5*time.Second, "good again", c.datastore(well)))
	undisturbed(t, "the API server back", watched)
	t.Logf("a change is everywhere after %v", c.change(1))
}

func TestLabKubeComesBackEmpty(t *testing.T) {
	c := newOnKube(t)
	watched := witnesses(&c.cluster)
	kept := map[string]string{}
	for _, plural := range []string{"ippools", "bgppeers"} {
		kept[plural] = c.operator.Do("get", plural, "-o", "yaml")
	}
	c.Forget()
	c.Restart()
	lab.Until(t, 20*time.Second, "a server that knows nobody is not obeyed", c.datastore(troubled("datastore Kubernetes "+kubeURL)))
	undisturbed(t, "the API server back and empty", watched)

	// Its administrator makes it a cluster again, without what was in it.
	c.furnish(c.operator)
	lab.Until(t, 20*time.Second, "an empty cluster is not obeyed", c.datastore(troubled("resources are gone at once")))
	undisturbed(t, "a cluster without resources", watched)
	for i := range 3 {
		if c.hasAddress(fmt.Sprintf("n%d", i+1), fmt.Sprintf("192.168.5.%d/24", i+1))() == nil {
			t.Errorf("n%d registers in a cluster that is not obeyed", i+1)
		}
	}
	// What was there comes back, one by one.
	for _, plural := range []string{"ippools", "bgppeers"} {
		c.operator.Apply(withoutVersions(kept[plural]))
	}
	// And nodes write their addresses themselves.
	t.Logf("filled: all is good again after %v", lab.Until(t, 10*time.Second, "all there again", c.datastore(well)))
	undisturbed(t, "the API server back, empty, and filled", watched)
	t.Logf("a change is everywhere after %v", c.change(1))

	// Once more, and meant.
	c.Forget()
	c.Restart()
	c.furnish(c.operator)
	lab.Until(t, 20*time.Second, "what is emptied at once is not obeyed", c.datastore(troubled("resources are gone at once")))
	c.meant(t)
}

// withoutVersions is what get has printed, to be applied to another cluster.
func withoutVersions(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if key, _, _ := strings.Cut(strings.TrimSpace(line), ":"); key != "resourceVersion" && key != "uid" && key != "creationTimestamp" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func TestLabKubeIsCutOff(t *testing.T) {
	c := newOnKube(t)
	c.cutOff(t, func(description string) {
		// Somebody beside calctl changes a resource.
		text := fmt.Sprintf("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: router, labels: {outage: %s}}\n", strings.ReplaceAll(description, " ", "-"))
		if _, err := c.Do(lab.KubeAdmin, http.MethodPatch, v3+"bgppeers/router", text); err != nil {
			t.Fatal(err)
		}
	})
}

// A node waits for an API server that is not there when it starts.
func TestLabNodeStartsBeforeKube(t *testing.T) {
	l := lab.New(t)
	h := l.Host("n1")
	stub(h, keeperAt+"/24")
	c := &onKube{KubeAPI: h.KubeAPI(keeperAt + ":6443")}
	c.furnish(h.CalctlOnKube(c.Kubeconfig(lab.KubeAdmin)))
	c.Kill()
	node := h.CalctlOnKube(c.Kubeconfig(lab.KubeUser))
	node.Start("--ip", keeperAt+"/24", "--timeout", "300ms")
	lab.Until(t, 10*time.Second, "trouble in status", func() error {
		r, err := node.Status()
		if err != nil {
			return err
		}
		return troubled("connection refused")(r.Datastore)
	})
	c.Restart()
	lab.Until(t, 10*time.Second, "its registration", c.hasAddress("n1", keeperAt+"/24"))
}
