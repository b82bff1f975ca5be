package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/status"
)

// traffic is a network a – r1 – r2 – b that packets of both families cross in
// both directions all the time. r1 is calctl.
type traffic struct {
	t      *testing.T
	r1, r2 *lab.Host
	node   *lab.Calctl
	there  []*lab.Probe // by r1's routes
	back   []*lab.Probe // by r2's routes
	marks  map[*lab.Probe]int
}

func newTraffic(t *testing.T) *traffic {
	l := lab.New(t)
	a, r1, r2, b := l.Host("a"), l.Host("r1"), l.Host("r2"), l.Host("b")
	l.Link(r1, "eth0", []string{"192.168.1.1/24", "fd01::1/64"}, r2, "eth0", []string{"192.168.1.2/24", "fd01::2/64"})
	l.Link(a, "eth0", []string{"10.1.0.2/24", "fd10:1::2/64"}, r1, "eth1", []string{"10.1.0.1/24", "fd10:1::1/64"})
	l.Link(b, "eth0", []string{"10.2.0.2/24", "fd10:2::2/64"}, r2, "eth1", []string{"10.2.0.1/24", "fd10:2::1/64"})
	a.IP("route", "add", "default", "via", "10.1.0.1")
	a.IP("route", "add", "default", "via", "fd10:1::1")
	b.IP("route", "add", "default", "via", "10.2.0.1")
	b.IP("route", "add", "default", "via", "fd10:2::1")
	x := &traffic{t: t, r1: r1, r2: r2, node: r1.Calctl(), marks: map[*lab.Probe]int{}}
	x.node.Apply(interopR1)
	for _, net := range []string{"10.%d.0.2", "fd10:%d::2"} {
		x.there = append(x.there, a.Probe(b, netip.MustParseAddr(fmt.Sprintf(net, 2))))
		x.back = append(x.back, b.Probe(a, netip.MustParseAddr(fmt.Sprintf(net, 1))))
	}
	return x
}

func (x *traffic) all() []*lab.Probe { return append(append([]*lab.Probe{}, x.there...), x.back...) }

// begin begins a trial when packets arrive everywhere: losses count from here.
func (x *traffic) begin(what string) {
	x.t.Helper()
	x.t.Log(what)
	x.flowing()
	for _, p := range x.all() {
		x.marks[p] = p.Now()
	}
}

// flowing waits until packets sent from now on arrive everywhere, for half a
// second.
func (x *traffic) flowing() {
	x.t.Helper()
	for _, p := range x.all() {
		now := p.Now()
		lab.Until(x.t, 30*time.Second, "packets", func() error { return p.Arrives(now, lab.ProbeRate/2) })
	}
}

// whole fails the test when one of these streams has lost a packet since begin.
func (x *traffic) whole(probes []*lab.Probe) {
	x.t.Helper()
	for _, p := range probes {
		lost := p.Lost(x.marks[p])
		x.t.Logf("%v: %d of %d packets lost", p, lost, p.Now()-x.marks[p])
		if lost > 0 {
			x.t.Errorf("%v: %d packets lost", p, lost)
		}
	}
}

// routes waits until a router has its route of each family, or has none.
func (x *traffic) routes(r *lab.Host, wanted bool, limit time.Duration) {
	x.t.Helper()
	prefixes, via := []string{"10.2.0.0/24", "fd10:2::/64"}, []string{"via 192.168.1.2", "via fd01::2"}
	if r == x.r2 {
		prefixes, via = []string{"10.1.0.0/24", "fd10:1::/64"}, []string{"via 192.168.1.1", "via fd01::1"}
	}
	took := lab.Until(x.t, limit, fmt.Sprintf("routes on %s: %v", r.Name, wanted), func() error {
		if wanted {
			return errors.Join(hasRoute(r, prefixes[0], via[0])(), hasRoute(r, prefixes[1], via[1])())
		}
		return errors.Join(noRoute(r, prefixes[0])(), noRoute(r, prefixes[1])())
	})
	x.t.Logf("routes on %s: %v after %v", r.Name, wanted, took.Round(time.Millisecond))
}

// sessions waits until both sessions of a calctl are up, or neither.
func (x *traffic) sessions(of *lab.Calctl, up bool) {
	x.t.Helper()
	lab.Until(x.t, 45*time.Second, fmt.Sprintf("sessions of %s up: %v", of.Name, up), func() error {
		r, err := of.Status()
		if err != nil {
			return err
		}
		if len(r.Peers) != 2 {
			return fmt.Errorf("%d peers", len(r.Peers))
		}
		for _, p := range r.Peers {
			if (p.State == status.StateUp) != up {
				return fmt.Errorf("%v is %s: %s", p.Address, p.State, p.LastError)
			}
		}
		return nil
	})
}

// swept waits until a calctl that came back has done away with what its peers
// no longer tell.
func (x *traffic) swept(of *lab.Calctl) {
	x.t.Helper()
	lab.Until(x.t, 30*time.Second, "no stale routes on "+of.Name, func() error {
		r, err := of.Status()
		if err == nil && (r.Routes.Stale > 0 || r.Routes.Installed != 2) {
			err = fmt.Errorf("%+v", r.Routes)
		}
		return err
	})
}

// parted waits until a calctl whose neighbour has said goodbye has tried to
// reach it again: its status still has the goodbye. With a password there is no
// answer to that: the kernel minds no RST without one.
func (x *traffic) parted(of *lab.Calctl) {
	x.t.Helper()
	lab.Until(x.t, 15*time.Second, "goodbye and the attempts since in the status of "+of.Name, func() error {
		r, err := of.Status()
		if err != nil {
			return err
		}
		for _, p := range r.Peers {
			if err := errors.Join(lab.Contains(p.LastError, "received Cease/Administrative Shutdown", `"calctl is stopping"`), lab.Contains(p.AttemptError, "no answer")); err != nil {
				return err
			}
		}
		return nil
	})
}

// trafficBird is told what BIRD does about graceful restart.
const trafficBird = `
router id 192.168.1.2;
log stderr all;
protocol device { scan time 1; }
protocol direct { ipv4; ipv6; interface "eth1"; }
protocol kernel { graceful restart; ipv4 { export where source = RTS_BGP; }; }
protocol kernel { graceful restart; ipv6 { export where source = RTS_BGP; }; }
template bgp node {
	password "s3cret";
	graceful restart %[1]s;
	connect delay time 1;
	connect retry time 1;
	error wait time 1, 2;
}
protocol bgp r1 from node {
	local 192.168.1.2 as 64513;
	neighbor 192.168.1.1 as 4200000001;
	ipv4 { import all; export where source = RTS_DEVICE; };
}
protocol bgp r1six from node {
	local fd01::2 as 64513;
	neighbor fd01::1 as 4200000001;
	ipv6 { import all; export where source = RTS_DEVICE; };
}
`

// birdSays waits until BIRD says the same of both its sessions.
func birdSays(t *testing.T, b *lab.Bird, words string) {
	t.Helper()
	for _, name := range []string{"r1", "r1six"} {
		lab.Until(t, 30*time.Second, "BIRD on "+name, func() error { return lab.Contains(b.CLI("show protocols all "+name), words) })
	}
}

func TestLabTrafficRestartsBesideBird(t *testing.T) {
	x := newTraffic(t)
	bird := x.r2.Bird(fmt.Sprintf(trafficBird, "on"))
	x.node.Start()

	x.begin("kill -9 of calctl")
	x.sessions(x.node, true)
	x.node.Kill()
	birdSays(t, bird, "Neighbor graceful restart active")
	x.node.Start()
	x.sessions(x.node, true)
	birdSays(t, bird, "Established")
	x.swept(x.node)
	x.flowing()
	x.whole(x.all())

	x.begin("kill -9 of BIRD")
	bird.Kill()
	x.sessions(x.node, false)
	bird = x.r2.Bird(fmt.Sprintf(trafficBird, "on"), "-R")
	x.sessions(x.node, true)
	lab.Until(t, 30*time.Second, "the end of BIRD's recovery", func() error {
		if got := bird.CLI("show status"); strings.Contains(got, "recovery in progress") {
			return errors.New(got)
		}
		return nil
	})
	x.flowing()
	x.whole(x.all())

	x.begin("SIGTERM of calctl: what it told goes, its own routes stay")
	if err := x.node.Stop(); err != nil {
		t.Error(err)
	}
	x.routes(x.r2, false, 2*time.Second)
	x.node.Start()
	x.routes(x.r2, true, 30*time.Second)
	x.swept(x.node)
	x.flowing()
	x.whole(x.there)
	x.broken(x.back)
}

// broken fails the test when one of these streams has lost nothing since begin:
// then the trial proves nothing.
func (x *traffic) broken(probes []*lab.Probe) {
	x.t.Helper()
	for _, p := range probes {
		lost := p.Lost(x.marks[p])
		x.t.Logf("%v: %d of %d packets lost, as it must be", p, lost, p.Now()-x.marks[p])
		if lost == 0 {
			x.t.Errorf("%v has lost no packet, though its route was away", p)
		}
	}
}

func TestLabTrafficWithoutGracefulRestart(t *testing.T) {
	x := newTraffic(t)
	conf := fmt.Sprintf(trafficBird, "off")
	bird := x.r2.Bird(conf)
	x.node.Start()

	x.begin("kill -9 of calctl: BIRD drops what it has told, at once")
	x.node.Kill()
	x.routes(x.r2, false, 2*time.Second)
	x.node.Start()
	x.routes(x.r2, true, 30*time.Second)
	x.swept(x.node)
	x.flowing()
	x.whole(x.there)
	x.broken(x.back)

	x.begin("kill -9 of BIRD: calctl drops what it has told, at once")
	bird.Kill()
	x.routes(x.r1, false, 2*time.Second)
	bird = x.r2.Bird(conf)
	x.routes(x.r1, true, 30*time.Second)
	x.flowing()
	x.broken(x.there)
	if err := lab.Contains(bird.CLI("show protocols all r1"), "Established"); err != nil {
		t.Error(err)
	}
}

func TestLabTrafficRestartsOfCalctlOnBothSides(t *testing.T) {
	x := newTraffic(t)
	two := x.r2.Calctl()
	two.Apply(strings.NewReplacer("4200000001", "64513", "64513", "4200000001", "name: r1", "name: r2", "192.168.1.1/", "192.168.1.2/", "fd01::1/", "fd01::2/",
		"192.168.1.2,", "192.168.1.1,", `"fd01::2"`, `"fd01::1"`).Replace(interopR1))
	nodes := []*lab.Calctl{x.node, two}
	for _, n := range nodes {
		n.Start()
	}
	for i, n := range nodes {
		other := nodes[1-i]
		x.begin("kill -9 of " + n.Name)
		x.sessions(n, true)
		n.Kill()
		x.sessions(other, false)
		n.Start()
		x.sessions(n, true)
		x.sessions(other, true)
		x.swept(n)
		x.swept(other)
		x.flowing()
		x.whole(x.all())

		x.begin("SIGTERM of " + n.Name)
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
		x.routes(other.Host, false, 2*time.Second)
		x.parted(other)
		n.Start()
		x.routes(other.Host, true, 30*time.Second)
		x.swept(n)
		x.flowing()
		mine, others := x.there, x.back
		if n == two {
			mine, others = x.back, x.there
		}
		x.whole(mine)
		x.broken(others)
	}
}

// TestLabTrafficChangesOver: a node goes from BIRD to calctl as the migration guide says,
// and no packet that it forwards by BGP is lost. BIRD's routes have the metrics that calctl's are to have:
// those stand behind until BIRD's are taken away.
func TestLabTrafficChangesOver(t *testing.T) {
	x := newTraffic(t)
	far := x.r2.Bird(fmt.Sprintf(trafficBird, "on"))
	before := x.r1.Bird(strings.ReplaceAll(asBIRD(x.r1, interopR1), "put in: key r2 of Secret(bgp)", "s3cret"))
	birdSays(t, far, "Established")

	x.begin("kill -9 of BIRD, and calctl in its place")
	before.Kill()
	birdSays(t, far, "Neighbor graceful restart active")
	x.node.Start()
	x.sessions(x.node, true)
	birdSays(t, far, "Established")
	lab.Until(t, 10*time.Second, "routes that stand behind", func() error {
		r, err := x.node.Status()
		if err == nil && (r.Routes.NotInstalled != 2 || len(r.Routes.Failed) != 2) {
			err = fmt.Errorf("%+v", r.Routes)
		}
		for _, f := range r.Routes.Failed {
			err = errors.Join(err, lab.Contains(f.Reason, "another route with metric 2147483547 is there, made by bird"))
		}
		return errors.Join(err, hasRoute(x.r1, "10.2.0.0/24", "proto 179 metric 2147483548")())
	})
	x.r1.IP("-4", "route", "flush", "proto", "bird")
	x.r1.IP("-6", "route", "flush", "proto", "bird")
	x.swept(x.node)
	lab.Until(t, 10*time.Second, "the metric it is to have", hasRoute(x.r1, "10.2.0.0/24", "proto 179 metric 2147483547"))
	x.flowing()
	x.whole(x.there) // the other way BIRD may lose some, when it hears the routes anew
}
