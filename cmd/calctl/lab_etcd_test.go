package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/calctl/calctl/node/lab"
)

// onEtcd is a cluster whose datastore is an etcd.
type onEtcd struct {
	cluster
	etcd *lab.Etcd
}

const etcdURL = "http://" + keeperAt + ":2379"

func newOnEtcd(t *testing.T) *onEtcd {
	t.Helper()
	c := &onEtcd{}
	calctl := func(h *lab.Host) *lab.Calctl { return h.CalctlOn(etcdURL) }
	c.cluster = newCluster(t, func(keeper *lab.Host) { c.etcd = keeper.Etcd(etcdURL) }, calctl, calctl)
	return c
}

func TestLabThreeNodesOnOneEtcd(t *testing.T) {
	c := newOnEtcd(t)
	c.sharesOne(t, "etcd "+etcdURL, "--name", "thief", "--config", c.Dir()+"/keeper.calicoctl.cfg")
}

func TestLabEtcdIsKilled(t *testing.T) {
	c := newOnEtcd(t)
	watched := witnesses(&c.cluster)
	down := func() {
		t.Helper()
		c.etcd.Kill()
		t.Logf("etcd killed: all nodes say so after %v", lab.Until(t, 10*time.Second, "trouble", c.datastore(troubled("datastore etcd "+etcdURL))))
		lab.Until(t, 15*time.Second, "its reason", c.datastore(troubled("connection refused")))
		undisturbed(t, "etcd killed", watched)
	}
	back := func(what string) {
		t.Helper()
		t.Logf("%s: caught up after %v", what, lab.Until(t, 5*time.Second, what+": good again", c.datastore(well)))
		undisturbed(t, what, watched)
	}

	down()
	c.etcd.Restart()
	back("etcd back with the same data")

	down()
	c.etcd.Restart()
	etcd := c.raw()
	got, err := etcd.Put(t.Context(), "/elsewhere", "")
	if err == nil {
		_, err = etcd.Compact(t.Context(), got.Header.Revision)
	}
	if err != nil {
		t.Fatal(err)
	}
	back("etcd back and compacted")
	t.Logf("a change is everywhere after %v", c.change(1))

	watched = witnesses(&c.cluster)
	kept, err := etcd.Get(t.Context(), "/calico/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	down()
	c.etcd.Forget()
	c.etcd.Restart()
	lab.Until(t, 5*time.Second, "an empty etcd is not obeyed", c.datastore(troubled("resources are gone at once")))
	undisturbed(t, "etcd back and empty", watched)
	table := c.nodes[0].Do("node", "status", "--socket", c.nodes[0].Socket)
	if err := lab.Contains(table, "The datastore etcd "+etcdURL+" is not followed since ", "resources are gone at once"); err != nil {
		t.Error(err)
	}
	if out := c.nodes[0].Do("get", "nodes", "-o", "name"); out != "" {
		t.Errorf("nodes register in an etcd that is not obeyed: %s", out)
	}
	// What was there comes back, one by one.
	for _, kv := range kept.Kvs {
		if _, err := c.raw().Put(t.Context(), string(kv.Key), string(kv.Value)); err != nil {
			t.Fatal(err)
		}
	}
	back("etcd back, empty, and filled")
	t.Logf("a change is everywhere after %v", c.change(2))

	// Meant.
	c.etcd.Forget()
	c.etcd.Restart()
	lab.Until(t, 5*time.Second, "an empty etcd is not obeyed", c.datastore(troubled("resources are gone at once")))
	c.meant(t)
	lab.Until(t, 20*time.Second, "all nodes registered anew", func() error {
		if out := c.nodes[0].Do("get", "nodes", "-o", "name"); out != allNodes {
			return errors.New(out)
		}
		return c.datastore(well)()
	})
}

func (c *onEtcd) raw() *clientv3.Client { return rawEtcd(c.T, c.etcd) }

// rawEtcd is a client of an etcd that knows nothing of Calico.
func rawEtcd(t testing.TB, e *lab.Etcd) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{e.Socket}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// A node starts, and routes, by what it had when etcd is not there: it has
// nothing, so it waits; but it is not ended.
func TestLabNodeStartsBeforeEtcd(t *testing.T) {
	l := lab.New(t)
	n := l.Host("n1")
	stub(n, "10.99.0.9/24")
	e := n.Etcd(etcdURL)
	e.Kill()
	node := n.CalctlOn(etcdURL)
	node.Start("--ip", "10.99.0.9/24", "--timeout", "300ms")
	lab.Until(t, 10*time.Second, "trouble in status", func() error {
		r, err := node.Status()
		if err != nil {
			return err
		}
		return troubled("connection refused")(r.Datastore)
	})
	e.Restart()
	lab.Until(t, 10*time.Second, "its registration", func() error {
		if out := node.Do("get", "nodes", "-o", "name"); out != "node/n1\n" {
			return errors.New(out)
		}
		return nil
	})
}

func TestLabEtcdIsCutOff(t *testing.T) {
	c := newOnEtcd(t)
	c.cutOff(t, func(string) {
		// Somebody beside etcd changes a resource.
		client := c.raw()
		peer, err := client.Get(t.Context(), "/calico/resources/v3/projectcalico.org/bgppeers/router")
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(peer.Kvs[0].Value), `"asNumber":64999`, `"asNumber":64999,"keepOriginalNextHop":false`, 1)
		if _, err := client.Put(t.Context(), string(peer.Kvs[0].Key), text); err != nil {
			t.Fatal(err)
		}
	})
}
