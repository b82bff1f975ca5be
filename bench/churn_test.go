package bench

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/status"
)

var (
	churnFor   = flag.Duration("churn", 20*time.Second, "how long TestChurn goes on")
	churnPeers = flag.Int("churn-peers", 1000, "number of peers of TestChurn")
	churnRate  = flag.Int("churn-rate", 50_000, "route changes a minute of TestChurn")
	churnFlaps = flag.Int("churn-flaps", 300, "sessions that end a minute in TestChurn")
)

// TestChurn has peers announce, change and withdraw overlapping routes, come
// and go in every way there is, and links fail, for as long as -churn says. In
// the end the kernel has to have what the peers' last words make of it, and
// calctl no more memory, files and goroutines than before.
func TestChurn(t *testing.T) {
	roomForNeighbours(t)
	c := newChurn(t)
	c.start()
	c.settled("before")
	want := c.quit()
	c.start()
	c.settled("before, once more")
	files, since := c.files(), c.steadySince()

	memory := c.run()

	c.settled("after")
	lab.Until(t, 30*time.Second, "as many open files as before", func() error {
		if got := c.files(); got != files {
			return fmt.Errorf("%d, and %d before", got, files)
		}
		return nil
	})
	for at, was := range c.steadySince() {
		if !was.Equal(since[at]) {
			t.Errorf("the session with %v, that nobody touched, came up at %v and again at %v", at, since[at], was)
		}
	}
	n := len(memory)
	early, late := slices.Max(memory[n/4:n/2]), slices.Max(memory[3*n/4:])
	t.Logf("memory %d MB in the second quarter, %d MB in the last", early>>20, late>>20)
	if late > early+early/4 {
		t.Errorf("memory grows: %d MB in the second quarter, %d MB in the last", early>>20, late>>20)
	}
	got := c.quit()
	t.Logf("%d goroutines after the churn, %d with the same sessions before it; %d files", got, want, files)
	if got > want+5 {
		t.Errorf("%d goroutines are left over", got-want)
	}
}

// A churn is the speaker under test between two hosts full of peers.
type churn struct {
	t     *testing.T
	dut   *lab.Host
	far   [2]*lab.Host
	node  *lab.Calctl
	peers []*churner
	stray atomic.Int64 // sessions that ended and should not have
}

func newChurn(t *testing.T) *churn {
	l := lab.New(t)
	c := &churn{t: t, dut: l.Host("dut"), far: [2]*lab.Host{l.Host("far0"), l.Host("far1")}}
	var yaml strings.Builder
	yaml.WriteString(`apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: dut}
spec: {bgp: {asNumber: 64512, ipv4Address: 192.168.1.1/24, ipv6Address: "fd01::1/64"}}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: told-on}
spec: {cidr: 1.0.0.0/18}
`)
	for link, far := range c.far {
		dev, ours := fmt.Sprint("eth", link), link+1
		l.Link(c.dut, dev, []string{fmt.Sprintf("192.168.%d.1/24", ours), fmt.Sprintf("10.%d.0.1/16", ours), fmt.Sprintf("fd0%d::1/64", ours)}, far, "eth0", nil)
		for _, h := range []*lab.Host{c.dut, far} {
			h.Run("sysctl", "-qw", "net.ipv6.conf.all.keep_addr_on_down=1")
		}
	}
	var batch [2]strings.Builder
	for i := range *churnPeers {
		link, failing := 0, i%5 == 3
		if failing {
			link = 1
		}
		six := i >= *churnPeers-*churnPeers/8
		p := &churner{
			number: i, host: c.far[link], asn: 64513 + uint32(i/2%4), steady: i%10 == 0 || i%10 == 3, failing: failing, restart: i%2 == 0,
			id: churnAddr(link, i, false), at: churnAddr(link, i, six), table: map[netip.Prefix]told{},
			dut: netip.MustParseAddrPort("192.168.1.1:179"),
		}
		for j := max(0, i-10); j <= i; j += 5 { // peers on the same link
			p.hops = append(p.hops, churnAddr(link, j, six))
		}
		length, nodad := 16, ""
		if six {
			length, nodad, p.dut = 64, "nodad", netip.MustParseAddrPort("[fd01::1]:179")
		}
		for j := range window {
			if rand.IntN(3) > 0 {
				p.table[p.prefix(j)] = p.mind()
			}
		}
		_, _ = fmt.Fprintf(&batch[link], "addr add %v/%d dev eth0 %s\n", p.at, length, nodad)
		if six && !c.peers[i-1].at.Is6() {
			for j := max(0, i-10); j < i; j++ { // next hops of the first ones
				if (j%5 == 3) == (link == 1) {
					_, _ = fmt.Fprintf(&batch[link], "addr add %v/64 dev eth0 nodad\n", churnAddr(link, j, true))
				}
			}
		}
		_, _ = fmt.Fprintf(&yaml, "---\napiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: p%d}\nspec: {peerIP: \"%v\", asNumber: %d}\n", i, p.at, p.asn)
		c.peers = append(c.peers, p)
	}
	for link, far := range c.far {
		far.IP("-batch", l.File(fmt.Sprint("addresses", link), batch[link].String()))
	}
	c.ways()
	c.node = c.dut.Calctl()
	c.node.Apply(yaml.String())
	return c
}

// churnAddr is the address of the i-th peer, on its link.
func churnAddr(link, i int, six bool) netip.Addr {
	if six {
		return netip.AddrFrom16([16]byte{0xfd, byte(1 + link), 13: 1, 14: byte(i >> 8), 15: byte(i)})
	}
	return netip.AddrFrom4([4]byte{10, byte(1 + link), byte(1 + i>>8), byte(i)})
}

// retry calls fn until it works, four times a second.
func (c *churn) retry(fn func() error) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); ; <-tick.C {
		err := fn()
		if err == nil {
			return
		}
		if time.Since(begin) > 3*time.Minute {
			c.t.Errorf("a peer can't come back: %v", err)
			return
		}
	}
}

// strayed notes a session that ended by itself.
func (c *churn) strayed(p *churner, err error) {
	if c.stray.Add(1) < 10 {
		c.t.Errorf("the session of %v ended: %v", p, err)
	}
	p.flap(c.retry, c.strayed)
}

// start starts calctl and brings all sessions up.
func (c *churn) start() {
	c.node.Start("--log-level", "error")
	var up sync.WaitGroup
	for _, p := range c.peers {
		up.Go(func() { c.retry(func() error { return p.join(c.strayed) }) })
	}
	up.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// quit ends calctl with a dump of all its goroutines and counts them.
func (c *churn) quit() int {
	for _, p := range c.peers {
		p.goner.Store(true)
	}
	_ = syscall.Kill(c.node.PID(), syscall.SIGQUIT)
	lab.Until(c.t, 30*time.Second, "the end after SIGQUIT", func() error {
		if c.node.Running() {
			return fmt.Errorf("it still runs")
		}
		return nil
	})
	n := strings.Count(c.node.Output(), "\ngoroutine ")
	if n == 0 {
		c.t.Errorf("no goroutine in the dump: %s", c.node.Output())
	}
	for _, p := range c.peers {
		_ = p.conn.Close()
	}
	return n
}

// settled waits until the kernel and what calctl says of itself are what the
// peers' words make of them.
func (c *churn) settled(when string) {
	want := expected(c.peers)
	took := lab.Until(c.t, 2*time.Minute, "the kernel as the peers say, "+when, func() error {
		got, err := routesOf(c.dut)
		if err != nil {
			return err
		}
		return same(got, want)
	})
	r, err := c.node.Status()
	if err != nil {
		c.t.Fatal(err)
	}
	if r.Routes.Wanted != len(want) || r.Routes.Installed != len(want) || r.Routes.NotInstalled != 0 || r.Routes.Stale != 0 || len(r.Problems) > 0 {
		c.t.Errorf("%s: status says %+v and %v of %d routes", when, r.Routes, r.Problems, len(want))
	}
	told := map[netip.Addr]int{}
	for _, p := range c.peers {
		told[p.at] = len(p.table)
	}
	paths := 0
	for _, p := range r.Peers {
		paths += told[p.Address]
		if p.State != status.StateUp || int(p.RoutesIn) != told[p.Address] {
			c.t.Errorf("%s: status says of %v: %s, %d routes, want %d", when, p.Address, p.State, p.RoutesIn, told[p.Address])
		}
	}
	c.t.Logf("%s: %d sessions, %d routes of %d paths in the kernel as they must be, %v after the last word", when, len(r.Peers), len(want), paths, took.Round(time.Millisecond))
}

// steadySince is when the sessions came up that nobody touches.
func (c *churn) steadySince() map[netip.Addr]time.Time {
	r, err := c.node.Status()
	if err != nil {
		c.t.Fatal(err)
	}
	since := map[netip.Addr]time.Time{}
	for _, p := range r.Peers {
		since[p.Address] = p.Since
	}
	for _, p := range c.peers {
		if !p.steady {
			delete(since, p.at)
		}
	}
	return since
}

func (c *churn) files() int {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.node.PID()))
	if err != nil {
		c.t.Fatal(err)
	}
	return len(list)
}

// run is the churn itself. It returns calctl's resident memory, read all the time.
func (c *churn) run() (memory []int64) {
	ctx, cancel := context.WithTimeout(c.t.Context(), *churnFor)
	defer cancel()
	var flapping sync.WaitGroup
	var changes, flaps, links int
	begin := time.Now()
	report := begin
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for down := -1; ctx.Err() == nil; <-tick.C {
		minutes := time.Since(begin).Minutes()
		for changes < int(minutes*float64(*churnRate)) {
			p := c.peers[rand.IntN(len(c.peers))]
			n, err := p.change()
			if err != nil {
				c.t.Errorf("%v can't tell: %v", p, err)
			}
			changes += n
		}
		for ; flaps < int(minutes*float64(*churnFlaps)); flaps++ {
			if p := c.peers[rand.IntN(len(c.peers))]; !p.steady {
				flapping.Go(func() { p.flap(c.retry, c.strayed) })
			}
		}
		// Every ten seconds one end of the second link is taken down for a second:
		// ours, and the kernel drops all its routes, or the far one.
		if second := int(minutes * 60); second != down && second%2 == 0 && second/2%5 == 4 {
			c.link(second/10%2, "down")
			down = second
			links++
		} else if down >= 0 && second != down {
			c.link(down/10%2, "up")
			down = -1
		}
		memory = append(memory, residentOf(c.t, c.node.PID()))
		if time.Since(report) > min(time.Minute, *churnFor/4) {
			report = time.Now()
			c.t.Logf("%v: %d changes, %d flaps, %d link failures, %d MB, %d files, %d threads", time.Since(begin).Round(time.Second),
				changes, flaps, links, memory[len(memory)-1]>>20, c.files(), threadsOf(c.t, c.node.PID()))
		}
	}
	c.link(0, "up")
	c.link(1, "up")
	flapping.Wait()
	c.t.Logf("in %v: %d changes, %d flaps, %d link failures, %d sessions ended by themselves", time.Since(begin).Round(time.Second), changes, flaps, links, c.stray.Load())
	return memory
}

// link sets an end of the second link up or down.
func (c *churn) link(end int, how string) {
	if end == 0 {
		c.dut.IP("link", "set", "eth1", how)
		return
	}
	c.far[1].IP("link", "set", "eth0", how)
	if how == "up" {
		c.ways()
	}
}

// ways are the far hosts' routes to the speaker's address, which go when their
// links go.
func (c *churn) ways() {
	c.far[0].IP("route", "replace", "192.168.1.1", "via", "10.1.0.1", "dev", "eth0", "onlink")
	c.far[1].IP("route", "replace", "192.168.1.1", "via", "10.2.0.1", "dev", "eth0", "onlink")
	c.far[1].IP("route", "replace", "fd01::1", "via", "fd02::1", "dev", "eth0", "onlink")
}
