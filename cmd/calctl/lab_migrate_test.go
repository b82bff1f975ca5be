package main

import (
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calctl/calctl/node/lab"
)

// A locked datastore disturbs no node, whatever happens in it; other commands are
// refused; and when it is unlocked the nodes do what it says.
func TestLabLockedDatastore(t *testing.T) {
	c := newOnEtcd(t)
	watched := witnesses(&c.cluster)
	c.nodes[0].Do("datastore", "migrate", "lock")
	lab.Until(t, 5*time.Second, "all nodes say so", c.datastore(troubled("datastore is locked for migration since ", "until then changes are not followed")))
	file := c.nodes[1].File("refused.yaml", poolOfCluster)
	out, err := c.nodes[1].Try(lab.Binary(t), "apply", "-f", file, "--config", c.Dir()+"/n2.calicoctl.cfg")
	if err == nil || lab.Contains(out, "datastore is locked for migration since ") != nil {
		t.Errorf("apply in a locked datastore: %v, %s", err, out)
	}

	// All is gone for a while: the nodes see it, and do nothing.
	const cluster = "/calico/resources/v3/projectcalico.org/clusterinformations/default"
	kept, err := c.raw().Get(t.Context(), "/calico/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range kept.Kvs {
		if string(kv.Key) != cluster {
			if _, err := c.raw().Delete(t.Context(), string(kv.Key)); err != nil {
				t.Fatal(err)
			}
		}
	}
	lab.Until(t, 5*time.Second, "all nodes have seen it", c.datastore(troubled("resources are gone at once")))
	undisturbed(t, "all gone from a locked datastore", watched)
	for _, kv := range kept.Kvs {
		if _, err := c.raw().Put(t.Context(), string(kv.Key), string(kv.Value)); err != nil {
			t.Fatal(err)
		}
	}
	lab.Until(t, 5*time.Second, "all nodes have seen that too", c.datastore(troubled("datastore is locked for migration since ")))
	undisturbed(t, "all there again", watched)

	// A node that starts takes what there is.
	n := c.nodes[2]
	n.Kill()
	n.Start("--ip", "192.168.5.3/24")
	c.full()
	lab.Until(t, 5*time.Second, "it says that it does not follow", c.datastore(troubled("datastore is locked for migration since ")))

	// As Calico unlocks it: the rest stays.
	if _, err := c.raw().Put(t.Context(), cluster, `{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":{"datastoreReady":true}}`); err != nil {
		t.Fatal(err)
	}
	lab.Until(t, 5*time.Second, "all nodes follow again", c.datastore(well))
	c.change(1)
}
