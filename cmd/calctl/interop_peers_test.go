package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calctl/calctl/node/lab"
)

// bird2 is BIRD 2 as r2.
type bird2 struct{ *lab.Bird }

const interopBird2 = `
router id 192.168.1.2;
log stderr all;
protocol device { scan time 1; }
protocol static n4 { ipv4; route 10.2.0.0/24 blackhole; }
protocol static n6 { ipv6; route fd10:2::/64 blackhole; }
template bgp node {
	password "s3cret";
	graceful restart on;
	connect delay time 1;
	connect retry time 1;
	error wait time 1, 2;
}
protocol bgp r1 from node {
	local 192.168.1.2 as 64513;
	neighbor 192.168.1.1 as 4200000001;
	ipv4 { import all; export where source = RTS_STATIC; };
}
protocol bgp r1six from node {
	local fd01::2 as 64513;
	neighbor fd01::1 as 4200000001;
	ipv6 { import all; export where source = RTS_STATIC; };
}
`

func (b bird2) view(prefix string) string { return b.CLI("show route " + prefix + " all") }
func (b bird2) session(six bool) string {
	if six {
		return b.CLI("show protocols all r1six")
	}
	return b.CLI("show protocols all r1")
}
func (b bird2) refresh()              { b.CLI("reload in r1") }
func (b bird2) shutdown(words string) { b.CLI(`disable r1 "` + words + `"`) }

func TestInteropBird2(t *testing.T) {
	course(t, neighbour{
		start: func(r2 *lab.Host, again bool) speaking {
			if again {
				return bird2{r2.Bird(interopBird2, "-R")}
			}
			return bird2{r2.Bird(interopBird2)}
		},
		path: "BGP.as_path: 4200000001", down: "Neighbor graceful restart active", gone: "Received: Peer de-configured",
		keeps: true,
	})
}

// bird1 is BIRD 1.6 as r2: a program for each family.
type bird1 struct{ v4, v6 *lab.Bird }

// interopBird1 is told the address it listens on, its route, and r1's address.
const interopBird1 = `
router id 192.168.1.2;
log stderr all;
listen bgp address %[1]s;
protocol device { scan time 1; }
protocol static nets { route %[2]s blackhole; }
protocol bgp r1 {
	local %[1]s as 64513;
	neighbor %[3]s as 4200000001;
	password "s3cret";
	graceful restart on;
	connect delay time 1;
	connect retry time 1;
	error wait time 1, 2;
	import all;
	export where source = RTS_STATIC;
}
`

func (b bird1) of(six bool) *lab.Bird {
	if six {
		return b.v6
	}
	return b.v4
}
func (b bird1) view(prefix string) string {
	return b.of(strings.Contains(prefix, ":")).CLI("show route " + prefix + " all")
}
func (b bird1) session(six bool) string { return b.of(six).CLI("show protocols all r1") }
func (b bird1) refresh()                { b.v4.CLI("reload in r1") }
func (b bird1) shutdown(words string)   { b.v4.CLI(`disable r1 "` + words + `"`) }
func (b bird1) Kill() {
	b.v4.Kill()
	b.v6.Kill()
}

func TestInteropBird1(t *testing.T) {
	course(t, neighbour{
		start: func(r2 *lab.Host, again bool) speaking {
			var flags []string
			if again {
				flags = []string{"-R"}
			}
			return bird1{
				r2.Bird1(false, fmt.Sprintf(interopBird1, "192.168.1.2", "10.2.0.0/24", "192.168.1.1"), flags...),
				r2.Bird1(true, fmt.Sprintf(interopBird1, "fd01::2", "fd10:2::/64", "fd01::1"), flags...),
			}
		},
		path: "BGP.as_path: 4200000001", down: "Neighbor graceful restart active", gone: "Received: Peer de-configured",
		keeps: true,
	})
}

// frr is FRRouting as r2.
type frr struct{ *lab.FRR }

const interopFRR = `
hostname r2
router bgp 64513
 bgp router-id 192.168.1.2
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 no bgp network import-check
 bgp graceful-restart
 bgp graceful-restart preserve-fw-state
 neighbor 192.168.1.1 remote-as 4200000001
 neighbor 192.168.1.1 password s3cret
 neighbor 192.168.1.1 timers connect 1
 neighbor 192.168.1.1 advertisement-interval 0
 neighbor fd01::1 remote-as 4200000001
 neighbor fd01::1 password s3cret
 neighbor fd01::1 timers connect 1
 neighbor fd01::1 advertisement-interval 0
 address-family ipv4 unicast
  network 10.2.0.0/24
  neighbor 192.168.1.1 activate
 exit-address-family
 address-family ipv6 unicast
  network fd10:2::/64
  neighbor fd01::1 activate
 exit-address-family
`

func (f frr) view(prefix string) string {
	if strings.Contains(prefix, ":") {
		return f.CLI("show bgp ipv6 unicast " + prefix)
	}
	return f.CLI("show bgp ipv4 unicast " + prefix)
}
func (f frr) session(six bool) string {
	if six {
		return f.CLI("show bgp neighbors fd01::1")
	}
	return f.CLI("show bgp neighbors 192.168.1.1")
}
func (f frr) refresh() { f.CLI("clear bgp ipv4 unicast 192.168.1.1 soft in") }
func (f frr) shutdown(words string) {
	f.CLI("configure terminal", "router bgp 64513", "neighbor 192.168.1.1 shutdown message "+words)
}

func TestInteropFRR(t *testing.T) {
	course(t, neighbour{
		start: func(r2 *lab.Host, _ bool) speaking { return frr{r2.FRR(interopFRR)} },
		path:  "4200000001", down: "Last reset", gone: "Cease/Peer De-configured",
		keeps: true,
	})
}

// gobgp is GoBGP as r2.
type gobgp struct{ *lab.GoBGP }

const interopGoBGP = `
[global.config]
as = 64513
router-id = "192.168.1.2"
`

// interopGoBGPNeighbor is told r1's address and the family.
const interopGoBGPNeighbor = `
[[neighbors]]
[neighbors.config]
neighbor-address = "%[1]s"
peer-as = 4200000001
auth-password = "s3cret"
admin-down = true
[neighbors.timers.config]
connect-retry = 1
idle-hold-time-after-reset = 1
[neighbors.graceful-restart.config]
enabled = true
restart-time = 60
notification-enabled = true
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "%[2]s-unicast"
[neighbors.afi-safis.mp-graceful-restart.config]
enabled = true
`

func (g gobgp) view(prefix string) string {
	if strings.Contains(prefix, ":") {
		return g.CLI("global", "rib", prefix, "-a", "ipv6")
	}
	return g.CLI("global", "rib", prefix)
}
func (g gobgp) session(six bool) string {
	if six {
		return g.CLI("neighbor", "fd01::1") + g.Output()
	}
	return g.CLI("neighbor", "192.168.1.1")
}

// refresh does nothing: GoBGP's soft reset takes what it has kept.
func (g gobgp) refresh() {}
func (g gobgp) shutdown(words string) {
	g.CLI("neighbor", "192.168.1.1", "shutdown", "--reason", words)
}

func TestInteropGoBGP(t *testing.T) { courseGoBGP(t, (*lab.Host).GoBGP) }

func TestInteropGoBGP4(t *testing.T) { courseGoBGP(t, (*lab.Host).GoBGP4) }

func courseGoBGP(t *testing.T, run func(*lab.Host, string, ...string) *lab.GoBGP) {
	course(t, neighbour{
		start: func(r2 *lab.Host, again bool) speaking { return gobgp{startGoBGP(run, r2, again)} },
		path:  "4200000001", down: "BGP state = ", gone: "peer deconfigured",
		keeps: true, silent: true,
	})
}

// startGoBGP starts one that has its routes before its sessions: one that was killed
// says End-of-RIB at once.
func startGoBGP(run func(*lab.Host, string, ...string) *lab.GoBGP, r2 *lab.Host, again bool) *lab.GoBGP {
	conf := interopGoBGP + fmt.Sprintf(interopGoBGPNeighbor, "192.168.1.1", "ipv4") + fmt.Sprintf(interopGoBGPNeighbor, "fd01::1", "ipv6")
	var flags []string
	if again {
		flags = []string{"-r"}
	}
	g := run(r2, conf, flags...)
	g.CLI("global", "rib", "add", "10.2.0.0/24")
	g.CLI("global", "rib", "add", "fd10:2::/64", "-a", "ipv6")
	for _, r1 := range []string{"192.168.1.1", "fd01::1"} {
		g.CLI("neighbor", r1, "enable")
	}
	return g
}

// openbgpd is OpenBGPD as r2.
type openbgpd struct{ *lab.OpenBGPD }

const interopOpenBGPD = `
AS 64513
router-id 192.168.1.2
listen on 192.168.1.2
listen on fd01::2
fib-update no
network 10.2.0.0/24
network fd10:2::/64
neighbor 192.168.1.1 {
	remote-as 4200000001
	tcp md5sig password s3cret
	announce IPv4 unicast
	announce IPv6 none
}
neighbor fd01::1 {
	remote-as 4200000001
	tcp md5sig password s3cret
	announce IPv4 none
	announce IPv6 unicast
}
allow from any
allow to any
`

func (o openbgpd) view(prefix string) string {
	return o.CLI("show", "rib", "detail", prefix)
}
func (o openbgpd) session(six bool) string {
	if six {
		return o.CLI("show", "neighbor", "fd01::1")
	}
	return o.CLI("show", "neighbor", "192.168.1.1")
}
func (o openbgpd) refresh()              { o.CLI("neighbor", "192.168.1.1", "refresh") }
func (o openbgpd) shutdown(words string) { o.CLI("neighbor", "192.168.1.1", "down", words) }

func TestInteropOpenBGPD(t *testing.T) {
	course(t, neighbour{
		start: func(r2 *lab.Host, _ bool) speaking { return openbgpd{r2.OpenBGPD(interopOpenBGPD)} },
		path:  "4200000001", down: "BGP state = ", gone: "Last error received: Cease, peer unconfigured",
		keeps: true, forgotten: true,
	})
}

// exabgp is ExaBGP as r2.
type exabgp struct{ *lab.ExaBGP }

// interopExaBGPNeighbor is told r1's address, its own, the family and its route.
const interopExaBGPNeighbor = `
neighbor %[1]s {
	router-id 192.168.1.2;
	local-address %[2]s;
	local-as 64513;
	peer-as 4200000001;
	md5-password s3cret;
	capability { graceful-restart 60; route-refresh enable; }
	family { %[3]s unicast; }
	static { route %[4]s next-hop self; }
	api { processes [ ears ]; neighbor-changes; receive { parsed; update; notification; } }
}
`

func (e exabgp) view(prefix string) string { return e.Events(`"announce"`, prefix) }
func (e exabgp) session(six bool) string {
	if six {
		return e.Events(`"peer": "fd01::1"`)
	}
	return e.Events(`"peer": "192.168.1.1"`)
}
func (e exabgp) refresh() {
	e.Command("neighbor 192.168.1.1 announce route-refresh ipv4 unicast")
}
func (e exabgp) shutdown(string) { e.Command("neighbor 192.168.1.1 teardown 2") }

func TestInteropExaBGP(t *testing.T) {
	conf := fmt.Sprintf(interopExaBGPNeighbor, "192.168.1.1", "192.168.1.2", "ipv4", "10.2.0.0/24") +
		fmt.Sprintf(interopExaBGPNeighbor, "fd01::1", "fd01::2", "ipv6", "fd10:2::/64")
	course(t, neighbour{
		start: func(r2 *lab.Host, _ bool) speaking { return exabgp{r2.ExaBGP(conf)} },
		path:  "4200000001", down: `"state": "down"`, gone: `"notification"`,
		mute: true,
	})
}
