package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/status"
)

// onEtcd is a cluster of three nodes, a BIRD that peers with the first, and an
// etcd on a machine of its own, reached by another network than the routes.
type onEtcd struct {
	*lab.Lab
	etcd  *lab.Etcd
	host  *lab.Host // of etcd
	bird  *lab.Bird
	nodes []*lab.Calctl
}

const etcdURL = "http://10.99.0.9:2379"

func newOnEtcd(t *testing.T) *onEtcd {
	t.Helper()
	l := lab.New(t)
	hosts := []*lab.Host{l.Host("n1"), l.Host("n2"), l.Host("n3")}
	router, keeper := l.Host("router"), l.Host("keeper")
	members, managed := map[*lab.Host]string{router: "192.168.5.9/24"}, map[*lab.Host]string{keeper: "10.99.0.9/24"}
	for i, h := range hosts {
		members[h], managed[h] = fmt.Sprintf("192.168.5.%d/24", i+1), fmt.Sprintf("10.99.0.%d/24", i+1)
		stub(h, fmt.Sprintf("10.20.%d.1/24", i+1))
	}
	l.LAN("eth0", members)
	l.LAN("mgmt0", managed)
	c := &onEtcd{Lab: l, host: keeper, etcd: keeper.Etcd(etcdURL), bird: router.Bird(birdOnEtcd)}
	for _, h := range hosts {
		c.nodes = append(c.nodes, h.CalctlOn(etcdURL))
	}
	c.nodes[0].Apply(poolOnEtcd)
	for i, n := range c.nodes {
		n.Start("--ip", fmt.Sprintf("192.168.5.%d/24", i+1))
	}
	c.full()
	return c
}

const poolOnEtcd = `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: v4}
spec: {cidr: 10.20.0.0/16}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: router}
spec: {node: n1, peerIP: 192.168.5.9, asNumber: 64999}
`

// The router peers with all nodes, and they with it once they are told.
var birdOnEtcd = func() string {
	conf := "router id 192.168.5.9;\nlog stderr all;\nprotocol device { scan time 1; }\nprotocol static nets { ipv4; route 10.30.0.0/24 blackhole; }\n"
	for i := 1; i <= 3; i++ {
		conf += fmt.Sprintf("protocol bgp n%[1]d { local 192.168.5.9 as 64999; neighbor 192.168.5.%[1]d as 64512; connect retry time 1; error wait time 1, 2; ipv4 { import all; export all; }; }\n", i)
	}
	return conf
}()

// full waits until everybody has the routes of all.
func (c *onEtcd) full() {
	c.T.Helper()
	lab.Until(c.T, 20*time.Second, "every network in every kernel", func() error {
		var errs []error
		for i, n := range c.nodes {
			for j := range c.nodes {
				if i != j {
					errs = append(errs, hasRoute(n.Host, fmt.Sprintf("10.20.%d.0/24", j+1), fmt.Sprintf("via 192.168.5.%d ", j+1))())
				}
			}
		}
		return errors.Join(append(errs, hasRoute(c.nodes[0].Host, "10.30.0.0/24", "via 192.168.5.9 ")())...)
	})
}

// A witness sees every change of a kernel's routes, and since when sessions are up.
type witness struct {
	node     *lab.Calctl
	kernel   *lab.Process
	sessions string
}

func witnesses(c *onEtcd) []witness {
	var all []witness
	for _, n := range c.nodes {
		w := witness{node: n, kernel: n.Host.Start("ip", "monitor", "route"), sessions: sessionsOf(c.T, n)}
		// It hears when it has heard of a route that is none of ours.
		lab.Until(c.T, 5*time.Second, "a witness that hears", func() error {
			n.IP("route", "replace", "blackhole", "203.0.113.1")
			n.IP("route", "del", "blackhole", "203.0.113.1")
			return lab.Contains(w.kernel.Output(), "203.0.113.1")
		})
		all = append(all, w)
	}
	return all
}

// undisturbed fails if a route has changed or a session was down.
func undisturbed(t testing.TB, after string, all []witness) {
	t.Helper()
	for _, w := range all {
		for line := range strings.Lines(w.kernel.Output()) {
			if strings.Contains(line, "proto 179") {
				t.Errorf("%s: the kernel of %s has seen %s", after, w.node.Name, line)
			}
		}
		if got := sessionsOf(t, w.node); got != w.sessions {
			t.Errorf("%s: sessions of %s are\n%s, were\n%s", after, w.node.Name, got, w.sessions)
		}
	}
}

func sessionsOf(t testing.TB, n *lab.Calctl) string {
	t.Helper()
	r, err := n.Status()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, p := range r.Peers {
		fmt.Fprintf(&b, "%s %s since %s\n", p.Address, p.State, p.Since.Format(time.RFC3339Nano))
	}
	return b.String()
}

// datastore is a condition: every node says this of its datastore.
func (c *onEtcd) datastore(ok func(status.Datastore) error) func() error {
	return func() error {
		for _, n := range c.nodes {
			r, err := n.Status()
			if err == nil {
				err = ok(r.Datastore)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", n.Name, err)
			}
		}
		return nil
	}
}

func troubled(words ...string) func(status.Datastore) error {
	return func(d status.Datastore) error {
		if d.Since.IsZero() != (d.Error == "") {
			return fmt.Errorf("since %v there is the error %q", d.Since, d.Error)
		}
		if d.Error == "" {
			return errors.New("the datastore is well")
		}
		return lab.Contains(d.Error, words...)
	}
}

func well(d status.Datastore) error {
	if d.Error != "" {
		return errors.New(d.Error)
	}
	return nil
}

// change applies a pool and returns how long it takes until all nodes have told
// the router of the network in it.
func (c *onEtcd) change(n int) time.Duration {
	c.T.Helper()
	for i, node := range c.nodes {
		node.Addr("lo", fmt.Sprintf("10.4%d.%d.1/32", n, i+1))
	}
	begin := time.Now()
	c.nodes[1].Apply(fmt.Sprintf("apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: more%[1]d}\nspec: {cidr: 10.4%[1]d.0.0/16}\n", n))
	lab.Until(c.T, 10*time.Second, "the change everywhere", func() error {
		var errs []error
		for i := range c.nodes {
			for j, other := range c.nodes {
				if i != j {
					errs = append(errs, hasRoute(other.Host, fmt.Sprintf("10.4%d.%d.1", n, i+1), fmt.Sprintf("via 192.168.5.%d ", i+1))())
				}
			}
		}
		return errors.Join(errs...)
	})
	return time.Since(begin)
}

func TestLabThreeNodesOnOneEtcd(t *testing.T) {
	c := newOnEtcd(t)
	undisturbedUntil := witnesses(c)
	undisturbed(t, "at rest", undisturbedUntil)

	// One BGPPeer for all nodes.
	begin := time.Now()
	c.nodes[2].Apply("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: router}\nspec: {peerIP: 192.168.5.9, asNumber: 64999}\n")
	applied := time.Since(begin)
	lab.Until(t, time.Second, "the BGPPeer at all nodes", func() error {
		for _, n := range c.nodes {
			if _, err := n.Peer("192.168.5.9"); err != nil {
				return fmt.Errorf("%s: %w", n.Name, err)
			}
		}
		return nil
	})
	t.Logf("apply took %v, all nodes had the peer after %v", applied, time.Since(begin))
	for _, n := range c.nodes {
		n.Established("192.168.5.9", 10*time.Second)
	}
	if out := c.nodes[0].Do("get", "nodes", "-o", "name"); out != "node/n1\nnode/n2\nnode/n3\n" {
		t.Errorf("nodes are %s", out)
	}
	table := c.nodes[0].Do("node", "status", "--socket", c.nodes[0].Socket, "-o", "wide")
	if err := lab.Contains(table, "etcd "+etcdURL); err != nil {
		t.Error(err)
	}
	// A fourth machine with an address that is taken is refused.
	out, err := c.host.Try(lab.Binary(t), "node", "run", "--name", "thief", "--ip", "192.168.5.2/24", "--socket", c.Dir()+"/thief.sock", "--config", c.Dir()+"/n1.calicoctl.cfg")
	if err == nil || !strings.Contains(out, "Calico node 'n2' is already using the IPv4 address 192.168.5.2") {
		t.Errorf("a node with another's address: %v, %s", err, out)
	}
}

func TestLabEtcdIsKilled(t *testing.T) {
	c := newOnEtcd(t)
	watched := witnesses(c)
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

	watched = witnesses(c)
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
	for _, n := range c.nodes {
		if err := syscall.Kill(n.PID(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	lab.Until(t, 10*time.Second, "the peer that nobody asks for gone", func() error {
		if p, err := c.nodes[0].Peer("192.168.5.9"); err == nil {
			return fmt.Errorf("there is %+v", p)
		}
		return nil
	})
	lab.Until(t, 20*time.Second, "all nodes registered anew", func() error {
		if out := c.nodes[0].Do("get", "nodes", "-o", "name"); out != "node/n1\nnode/n2\nnode/n3\n" {
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

func TestLabEtcdIsCutOff(t *testing.T) {
	c := newOnEtcd(t)
	watched := witnesses(c)
	// Silent: everything sent is lost, nobody is told.
	for _, how := range []struct {
		name      string
		cut, mend []string
	}{
		{"the link is down", []string{"link", "set", "mgmt0", "down"}, []string{"link", "set", "mgmt0", "up"}},
		{"nothing gets through", []string{"link", "set", "mgmt0", "address", "02:00:00:00:00:01", "arp", "off"}, nil},
	} {
		var mac string
		if how.mend == nil {
			mac = strings.Fields(c.host.IP("-o", "link", "show", "mgmt0")[strings.Index(c.host.IP("-o", "link", "show", "mgmt0"), "link/ether "):])[1]
			how.mend = []string{"link", "set", "mgmt0", "address", mac, "arp", "on"}
		}
		c.host.IP(how.cut...)
		t.Logf("%s: all nodes say so after %v", how.name, lab.Until(t, 20*time.Second, "trouble", c.datastore(troubled())))
		// For longer than any request waits.
		lab.Until(t, 20*time.Second, "a request that was not answered", c.datastore(troubled("no answer in time")))
		undisturbed(t, how.name, watched)
		// Somebody beside etcd changes a resource meanwhile.
		client := c.raw()
		peer, err := client.Get(t.Context(), "/calico/resources/v3/projectcalico.org/bgppeers/router")
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(peer.Kvs[0].Value), `"asNumber":64999`, `"asNumber":64999,"keepOriginalNextHop":false`, 1)
		if _, err := client.Put(t.Context(), string(peer.Kvs[0].Key), text); err != nil {
			t.Fatal(err)
		}
		c.host.IP(how.mend...)
		t.Logf("%s: caught up %v after it ended", how.name, lab.Until(t, 5*time.Second, how.name+": good again", c.datastore(well)))
		undisturbed(t, how.name+", and up again", watched)
	}
	t.Logf("a change is everywhere after %v", c.change(1))
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
