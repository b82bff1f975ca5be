package bench

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

var (
	clusters  = flag.String("clusters", "10,100,1000,3000", "numbers of nodes of S7")
	on        = flag.String("datastores", "", "which datastores S7 is on, by a part of their names; all if empty")
	following = flag.Duration("following", 30*time.Second, "how long S7 looks at CPU, with and without changes")
)

// mostOfACore is what a node of a thousand may use where something changes every second.
const mostOfACore = 0.05

// A datastore is where the resources of S7 are.
type datastore struct {
	name string
	// on gives a host a calctl with such a datastore, which holds some Nodes, and says
	// which processes serve it.
	on func(dut *lab.Host, nodes []string) (*lab.Calctl, []*lab.Process)
}

var datastores = append([]datastore{
	{"a folder", func(dut *lab.Host, nodes []string) (*lab.Calctl, []*lab.Process) {
		c := dut.Calctl()
		c.Apply(strings.Join(nodes, ""))
		return c, nil
	}},
	{"etcd", func(dut *lab.Host, nodes []string) (*lab.Calctl, []*lab.Process) {
		url := "http://" + dutAddr.String() + ":2379"
		e := dut.Etcd(url)
		c := dut.CalctlOn(url)
		c.Apply(strings.Join(nodes, ""))
		return c, []*lab.Process{e.Process}
	}},
}, onKube...)

// A followed is what a node of a cluster uses of a core.
type followed struct {
	idle, changing float64 // of a core
	changes        int
	memory         int64
}

// BenchmarkS7 is a node in a full mesh, with a BGPPeer beside each node: what it uses
// when nothing happens, and when a resource that is none of its business changes once
// a second.
func BenchmarkS7(b *testing.B) {
	roomForNeighbours(b)
	for _, d := range datastores {
		if !strings.Contains(d.name, *on) {
			continue
		}
		_, _ = fmt.Fprintf(os.Stdout, "\nS7: a node in a cluster whose datastore is %s, over %v\n\n"+
			"| nodes | CPU when nothing changes | with one change a second | a change | memory |\n|--:|--:|--:|--:|--:|\n", d.name, *following)
		for _, n := range numbers(b, "clusters", *clusters) {
			r, err := follow(b, d, n)
			if err != nil {
				b.Errorf("S7: %s, %d nodes: %v", d.name, n, err)
				continue
			}
			_, _ = fmt.Fprintf(os.Stdout, "| %d | %.2f %% | %.2f %% | %.1f ms | %s |\n", n, 100*r.idle, 100*r.changing,
				1000*(r.changing-r.idle)*following.Seconds()/float64(r.changes), megabytes(r.memory))
			if n <= 1000 && r.changing > mostOfACore {
				b.Errorf("S7: %s, %d nodes: %.1f %% of a core", d.name, n, 100*r.changing)
			}
		}
	}
	b.ReportMetric(0, "ns/op") // what counts is not time
}

// follow runs a node in a cluster of n nodes, all of whose sessions are up.
func follow(b *testing.B, d datastore, n int) (r followed, err error) {
	f := newField(b, setting{neighbours: n - 1, reflect: true})
	defer f.over()
	nodes := []string{nodeOfS7("dut", dutAddr)}
	var peers strings.Builder
	for i := range n - 1 {
		name := fmt.Sprintf("n%04d", i)
		nodes = append(nodes, nodeOfS7(name, nth(i)))
		peers.WriteString(peerOfS7(i, 64999))
	}
	c, servers := d.on(f.dut, nodes)
	defer func() {
		for _, p := range servers {
			p.Kill()
		}
	}()
	c.Apply(peers.String())
	c.Start("--ip", dutAddr.String()+"/17", "--log-level", "error")
	f.speaker = []*lab.Process{c.Process}
	if err := f.joinAll(nil); err != nil {
		return r, err
	}
	if _, err := f.quiet(); err != nil {
		return r, err
	}
	use := func(each func(i int)) float64 {
		before, begin := costOf(b, f.speaker).cpu(), time.Now()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for i := 0; time.Since(begin) < *following; i++ {
			<-tick.C
			each(i)
		}
		return (costOf(b, f.speaker).cpu() - before).Seconds() / time.Since(begin).Seconds()
	}
	r.idle = use(func(int) {})
	r.changing = use(func(i int) {
		r.changes++
		c.Apply(peerOfS7(i%(n-1), 65000+i))
	})
	r.memory = costOf(b, f.speaker).peak
	// It has followed: what is its business reaches it.
	c.Apply("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: own}\nspec: {node: dut, peerIP: 192.168.1.99, asNumber: 64998}\n")
	err = await(*limit, func() error {
		_, err := c.Peer("192.168.1.99")
		return err
	})
	if err == nil {
		err = f.broken()
	}
	return r, err
}

func nodeOfS7(name string, addr netip.Addr) string {
	return fmt.Sprintf("---\napiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: %s}\nspec: {bgp: {ipv4Address: %v/17}}\n", name, addr)
}

// peerOfS7 is the router beside the i-th node.
func peerOfS7(i, asn int) string {
	return fmt.Sprintf("---\napiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: rack-%04[1]d}\nspec: {node: n%04[1]d, peerIP: 10.60.%d.%d, asNumber: %d}\n", i, i/250, i%250+1, asn)
}
