package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/status"
)

// A cluster is three nodes on one datastore, a BIRD that peers with the first, and a
// machine with the datastore, reached by another network than the routes.
type cluster struct {
	*lab.Lab
	keeper   *lab.Host // of the datastore
	bird     *lab.Bird
	nodes    []*lab.Calctl
	operator *lab.Calctl // who applies
}

// keeperAt is the keeper's address.
const keeperAt = "10.99.0.9"

// newCluster has the keeper serve a datastore, and then nodes and operator use it.
func newCluster(t *testing.T, serve func(keeper *lab.Host), node, operator func(*lab.Host) *lab.Calctl) cluster {
	t.Helper()
	l := lab.New(t)
	hosts := []*lab.Host{l.Host("n1"), l.Host("n2"), l.Host("n3")}
	router, keeper := l.Host("router"), l.Host("keeper")
	members, managed := map[*lab.Host]string{router: "192.168.5.9/24"}, map[*lab.Host]string{keeper: keeperAt + "/24"}
	for i, h := range hosts {
		members[h], managed[h] = fmt.Sprintf("192.168.5.%d/24", i+1), fmt.Sprintf("10.99.0.%d/24", i+1)
		stub(h, fmt.Sprintf("10.20.%d.1/24", i+1))
	}
	l.LAN("eth0", members)
	l.LAN("mgmt0", managed)
	serve(keeper)
	c := cluster{Lab: l, keeper: keeper, bird: router.Bird(birdOfCluster), operator: operator(keeper)}
	c.operator.Apply(poolOfCluster)
	for i, h := range hosts {
		n := node(h)
		n.Start("--ip", fmt.Sprintf("192.168.5.%d/24", i+1))
		c.nodes = append(c.nodes, n)
	}
	c.full()
	return c
}

const poolOfCluster = `
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
var birdOfCluster = func() string {
	conf := "router id 192.168.5.9;\nlog stderr all;\nprotocol device { scan time 1; }\nprotocol static nets { ipv4; route 10.30.0.0/24 blackhole; }\n"
	for i := 1; i <= 3; i++ {
		conf += fmt.Sprintf("protocol bgp n%[1]d { local 192.168.5.9 as 64999; neighbor 192.168.5.%[1]d as 64512; connect retry time 1; error wait time 1, 2; ipv4 { import all; export all; }; }\n", i)
	}
	return conf
}()

// full waits until everybody has the routes of all.
func (c *cluster) full() {
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

func witnesses(c *cluster) []witness {
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
func (c *cluster) datastore(ok func(status.Datastore) error) func() error {
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
func (c *cluster) change(n int) time.Duration {
	c.T.Helper()
	for i, node := range c.nodes {
		node.Addr("lo", fmt.Sprintf("10.4%d.%d.1/32", n, i+1))
	}
	begin := time.Now()
	c.operator.Apply(fmt.Sprintf("apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: more%[1]d}\nspec: {cidr: 10.4%[1]d.0.0/16}\n", n))
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

// sharesOne checks what nodes that share a datastore have of it: one BGPPeer is everybody's,
// and nobody takes another's address.
func (c *cluster) sharesOne(t *testing.T, datastore string, thief ...string) {
	t.Helper()
	undisturbedUntil := witnesses(c)
	undisturbed(t, "at rest", undisturbedUntil)

	// One BGPPeer for all nodes.
	begin := time.Now()
	c.operator.Apply("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: router}\nspec: {peerIP: 192.168.5.9, asNumber: 64999}\n")
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
	if out := c.operator.Do("get", "nodes", "-o", "name"); out != allNodes {
		t.Errorf("nodes are %s", out)
	}
	table := c.nodes[0].Do("node", "status", "--socket", c.nodes[0].Socket, "-o", "wide")
	if err := lab.Contains(table, datastore); err != nil {
		t.Error(err)
	}
	// Another machine with an address that is taken is refused.
	out, err := c.keeper.Try(lab.Binary(t), append([]string{"node", "run", "--ip", "192.168.5.2/24", "--socket", c.Dir() + "/thief.sock"}, thief...)...)
	if err == nil || !strings.Contains(out, "Calico node 'n2' is already using the IPv4 address 192.168.5.2") {
		t.Errorf("a node with another's address: %v, %s", err, out)
	}
}

const allNodes = "node/n1\nnode/n2\nnode/n3\n"

// cutOff takes the datastore away from the nodes in two ways; what is changed meanwhile
// they have when it is back.
func (c *cluster) cutOff(t *testing.T, change func(description string)) {
	t.Helper()
	watched := witnesses(c)
	// Silent: everything sent is lost, nobody is told.
	for _, how := range []struct {
		name      string
		cut, mend []string
	}{
		{"the link is down", []string{"link", "set", "mgmt0", "down"}, []string{"link", "set", "mgmt0", "up"}},
		{"nothing gets through", []string{"link", "set", "mgmt0", "address", "02:00:00:00:00:01", "arp", "off"}, nil},
	} {
		if how.mend == nil {
			_, rest, _ := strings.Cut(c.keeper.IP("-o", "link", "show", "mgmt0"), "link/ether ")
			how.mend = []string{"link", "set", "mgmt0", "address", strings.Fields(rest)[0], "arp", "on"}
		}
		c.keeper.IP(how.cut...)
		t.Logf("%s: all nodes say so after %v", how.name, lab.Until(t, 20*time.Second, "trouble", c.datastore(troubled())))
		lab.Until(t, 20*time.Second, "longer than any request waits", c.datastore(func(d status.Datastore) error {
			if lasts := time.Since(d.Since); lasts < 10*time.Second {
				return fmt.Errorf("it lasts for %v", lasts)
			}
			return troubled()(d)
		}))
		undisturbed(t, how.name, watched)
		change(how.name)
		c.keeper.IP(how.mend...)
		t.Logf("%s: caught up %v after it ended", how.name, lab.Until(t, 5*time.Second, how.name+": good again", c.datastore(well)))
		undisturbed(t, how.name+", and up again", watched)
	}
	t.Logf("a change is everywhere after %v", c.change(1))
}

// meant tells all nodes that an empty datastore is meant, and waits until it is obeyed.
func (c *cluster) meant(t *testing.T) {
	t.Helper()
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
}
