package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// A torRestart is a program as r2 of a traffic lab, that is killed and killed beside.
type torRestart struct {
	// start starts it; again says that it was killed. It returns what it says of both
	// sessions, and how to kill it.
	start func(r2 *lab.Host, again bool) (says func() string, kill func())
	up    string // what it says twice, of two sessions that are up
	// gap: its own routes are away for some milliseconds when it comes back, beside BIRD
	// as beside calctl.
	gap bool
}

// restartsUnderTraffic: a thousand packets a second of either family cross r1 and r2 in
// both directions, and none is lost while calctl, or the router beside it, is killed
// (kill -9) and started again.
func restartsUnderTraffic(t *testing.T, x *traffic, tor torRestart) {
	says, kill := tor.start(x.r2, false)
	x.node.Start()
	theySay := func(sessions int) {
		t.Helper()
		lab.Until(t, 60*time.Second, fmt.Sprintf("%d sessions as the router has it", sessions), func() error {
			if got := says(); strings.Count(got, tor.up) != sessions {
				return errors.New(got)
			}
			return nil
		})
	}
	x.begin("kill -9 of calctl")
	x.sessions(x.node, true)
	theySay(2)
	x.node.Kill()
	theySay(0)
	x.node.Start()
	x.sessions(x.node, true)
	theySay(2)
	x.swept(x.node)
	x.flowing()
	x.whole(x.all())

	x.begin("kill -9 of the router")
	kill()
	x.sessions(x.node, false)
	says, _ = tor.start(x.r2, true)
	x.sessions(x.node, true)
	theySay(2)
	x.swept(x.node)
	x.flowing()
	if x.whole(x.there); !tor.gap {
		x.whole(x.back)
	}
}

func TestInteropTrafficFRR(t *testing.T) {
	x := newTraffic(t)
	restartsUnderTraffic(t, x, torRestart{
		start: func(r2 *lab.Host, again bool) (func() string, func()) {
			start := r2.FRRWithKernel
			if again {
				start = r2.FRR // zebra, which has the kernel's routes, has gone on
			}
			f := start(interopFRR)
			return func() string {
				return f.CLI("show bgp neighbors 192.168.1.1") + f.CLI("show bgp neighbors fd01::1")
			}, f.Kill
		},
		up: "BGP state = Established", gap: true,
	})
}

func TestInteropTrafficGoBGP(t *testing.T) { goBGPUnderTraffic(t, (*lab.Host).GoBGP) }

func TestInteropTrafficGoBGP4(t *testing.T) { goBGPUnderTraffic(t, (*lab.Host).GoBGP4) }

// goBGPUnderTraffic: GoBGP leaves the kernel alone, so that r2 itself knows the way back.
func goBGPUnderTraffic(t *testing.T, run func(*lab.Host, string, ...string) *lab.GoBGP) {
	x := newTraffic(t)
	x.r2.IP("route", "add", "10.1.0.0/24", "via", "192.168.1.1")
	x.r2.IP("route", "add", "fd10:1::/64", "via", "fd01::1")
	restartsUnderTraffic(t, x, torRestart{
		start: func(r2 *lab.Host, again bool) (func() string, func()) {
			g := startGoBGP(run, r2, again)
			return func() string {
				return g.CLI("neighbor", "192.168.1.1") + g.CLI("neighbor", "fd01::1")
			}, g.Kill
		},
		up: "ESTABLISHED, up",
	})
}
