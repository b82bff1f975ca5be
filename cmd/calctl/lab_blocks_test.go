package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

const (
	blocksTor = `
router id 192.168.1.2;
log stderr all;
protocol device { scan time 1; }
protocol direct { ipv4; ipv6; interface "eth0"; }
protocol kernel { ipv4 { export where source = RTS_BGP; }; }
protocol kernel { ipv6 { export where source = RTS_BGP; }; }
protocol bgp r1 {
	local 192.168.1.2 as 64513; neighbor 192.168.1.1 as 64512;
	multihop; connect delay time 1; error wait time 1, 2;
	ipv4 { import all; export none; };
}
protocol bgp r1_six {
	local fd01::2 as 64513; neighbor fd01::1 as 64512;
	multihop; connect delay time 1; error wait time 1, 2;
	ipv6 { import all; export none; };
}
`
	blocksCluster = `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: v4}
spec: {cidr: 10.20.0.0/16}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: v6}
spec: {cidr: 'fd20::/64'}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor}
spec: {peerIP: 192.168.1.2, asNumber: 64513}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor-six}
spec: {peerIP: 'fd01::2', asNumber: 64513}
`
)

// ofBlocks are r1's block and addresses of it in one family: that of a workload, that
// of one with a better route than normal, and one that nobody has.
type ofBlocks struct{ flag, block, workload, better, nobody, r1, pod, single string }

var blocks = []ofBlocks{
	{"-4", "10.20.1.0/26", "10.20.1.5", "10.20.1.6", "10.20.1.7", "192.168.9.1", "192.168.9.2", "/32"},
	{"-6", "fd20::40/122", "fd20::45", "fd20::46", "fd20::47", "fd09::1", "fd09::2", "/128"},
}

// TestLabBlocks: a block of the node's is told as a whole, and what is inside of it
// only if it is better than normal. What comes for the block is dropped, unless it is
// for a workload; when the block goes, nothing is left of it.
func TestLabBlocks(t *testing.T) {
	t.Parallel()
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		l := newOnBlocks(t)
		n := l.r1.Calctl()
		name := strings.NewReplacer(".", "-", ":", "-", "/", "-")
		l.story(t, n,
			func(b ofBlocks) {
				n.Apply(doc("BlockAffinity", "r1-"+name.Replace(b.block), "node: r1, cidr: '"+b.block+"'"))
			},
			func(b ofBlocks) { n.Do("delete", "blockaffinity", "r1-"+name.Replace(b.block)) })
	})
	t.Run("etcd", func(t *testing.T) { // as Calico's IPAM has it there
		t.Parallel()
		l := newOnBlocks(t)
		keeper := l.Host("keeper")
		l.Link(l.r1, "mgmt0", []string{"10.99.0.1/24"}, keeper, "eth0", []string{"10.99.0.9/24"})
		etcd := rawEtcd(t, keeper.Etcd(etcdURL))
		place := func(b ofBlocks) string {
			return "/calico/ipam/v2/host/r1/ipv" + b.flag[1:] + "/block/" + strings.ReplaceAll(b.block, "/", "-")
		}
		l.story(t, l.r1.CalctlOn(etcdURL),
			func(b ofBlocks) {
				if _, err := etcd.Put(t.Context(), place(b), `{"state":"confirmed"}`); err != nil {
					t.Fatal(err)
				}
			},
			func(b ofBlocks) {
				if _, err := etcd.Delete(t.Context(), place(b)); err != nil {
					t.Fatal(err)
				}
			})
	})
}

// onBlocks is r1 between a router and a machine that has its workloads.
type onBlocks struct {
	*lab.Lab
	r1, tor *lab.Host
}

func newOnBlocks(t *testing.T) onBlocks {
	l := lab.New(t)
	r1, tor, pod := l.Host("r1"), l.Host("tor"), l.Host("pod")
	l.Link(r1, "eth0", []string{"192.168.1.1/24", "fd01::1/64"}, tor, "eth0", []string{"192.168.1.2/24", "fd01::2/64"})
	l.Link(r1, "cali1", []string{"192.168.9.1/24", "fd09::1/64"}, pod, "eth0", []string{"192.168.9.2/24", "fd09::2/64"})
	for _, b := range blocks {
		r1.IP(b.flag, "route", "add", b.workload, "via", b.pod, "metric", "1024")
		r1.IP(b.flag, "route", "add", b.better, "via", b.pod, "metric", "512")
		pod.IP(b.flag, "route", "add", "default", "via", b.r1)
		pod.Addr("eth0", b.workload+b.single)
	}
	return onBlocks{l, r1, tor}
}

func (l onBlocks) story(t *testing.T, node *lab.Calctl, give, take func(ofBlocks)) (bird *lab.Bird) {
	bird = l.tor.Bird(blocksTor)
	node.Apply(blocksCluster)
	for _, b := range blocks {
		give(b)
	}
	node.Start("--ip", "192.168.1.1/24", "--ip6", "fd01::1/64")
	node.Established("192.168.1.2", 20*time.Second)
	node.Established("fd01::2", 20*time.Second)

	hear := func(what, four, six string) {
		t.Helper()
		lab.Until(t, 5*time.Second, what, func() error {
			return errors.Join(hearsBy(bird, "r1", four)(), hearsBy(bird, "r1_six", six)())
		})
	}
	hear("the blocks, and what is better than normal", "10.20.1.0/26 10.20.1.6/32", "fd20::40/122 fd20::46/128")
	for _, b := range blocks {
		lab.Until(t, 5*time.Second, "the block in the kernel", hasRoute(l.r1, b.block, "blackhole "+b.block, "proto 179"))
		lab.Until(t, 10*time.Second, "the workload by way of its block", pings(l.tor, b.workload))
		if err := l.tor.Ping(b.nobody); err == nil {
			t.Errorf("somebody answers for %s", b.nobody)
		}
	}
	if r, err := node.Status(); err != nil || r.Routes.Wanted != 2 || r.Routes.Installed != 2 {
		t.Errorf("%+v, %v", r.Routes, err)
	}
	before := since(t, bird)

	for _, b := range blocks {
		take(b)
	}
	hear("no block, and so the workloads one by one", "10.20.1.5/32 10.20.1.6/32", "fd20::45/128 fd20::46/128")
	for _, b := range blocks {
		lab.Until(t, 5*time.Second, "no route to the block", noRoute(l.r1, b.block))
		lab.Until(t, 10*time.Second, "the workload by its own route", pings(l.tor, b.workload))
	}
	if now := since(t, bird); now.Sub(before).Abs() > time.Second {
		t.Errorf("the session was reset: %v, before %v", now, before)
	}
	return bird
}
