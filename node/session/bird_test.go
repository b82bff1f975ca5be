package session

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/wire"
)

// A beyond is a host with a real BIRD at the other end of a link: 10.9.0.1 and
// fd09::1 are here, 10.9.0.2 and fd09::2 are there.
type beyond struct {
	*lab.Host
	here *lab.Host
	bird *lab.Bird
	door *Listener
}

var (
	here4, there4 = netip.MustParseAddr("10.9.0.1"), netip.MustParseAddr("10.9.0.2")
	here6, there6 = netip.MustParseAddr("fd09::1"), netip.MustParseAddr("fd09::2")
)

// withBird makes a host and starts BIRD there, with a session "v4" and one "v6"
// whose settings are given.
func withBird(t *testing.T, settings string) *beyond {
	t.Helper()
	l := lab.New(t)
	b := &beyond{Host: l.Host("far"), here: l.Here()}
	b.here.Run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
	l.Link(b.here, "tofar", []string{"10.9.0.1/24", "fd09::1/64"}, b.Host, "eth0", []string{"10.9.0.2/24", "fd09::2/64"})
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", "tofar").Run() })
	conf := "router id 10.9.0.2;\nlog stderr all;\ndebug protocols { states, events };\nprotocol device {}\n"
	for _, p := range []struct {
		name, family string
		there, here  netip.Addr
	}{{"v4", "ipv4", there4, here4}, {"v6", "ipv6", there6, here6}} {
		conf += fmt.Sprintf("protocol bgp %s {\n local %v as 65002;\n neighbor %v as 65001;\n %s { import all; export all; add paths on; };\n"+
			" graceful restart on;\n connect delay time 1;\n connect retry time 1;\n error wait time 1, 2;\n multihop;\n %s\n}\n", p.name, p.there, p.here, p.family, settings)
	}
	b.bird = b.Host.Bird(conf)
	var err error
	if b.door, err = Listen(179, nil, testLog(t)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.door.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the listener: %v", err)
		}
	})
	// A fresh link takes a moment to find its IPv6 neighbour.
	lab.Until(t, 5*time.Second, "an answer to ping", func() error { return b.here.Ping(there6.String()) })
	return b
}

// session is one with BIRD, over IPv4 or IPv6.
func (b *beyond) session(t *testing.T, peer netip.Addr, with ...func(*Config)) *side {
	t.Helper()
	a := &side{owner: newOwner(), t: t, addr: here4, door: b.door}
	if peer.Is6() {
		a.addr = here6
	}
	a.source = func(tr Terms) Source {
		return words(tr.Builder().EndOfRIB(nil, tr.Families.List()[0]))
	}
	a.meet(peer, append([]func(*Config){func(c *Config) {
		c.Remote = netip.AddrPortFrom(peer, 179)
		c.LocalAS, c.PeerAS, c.ID = 65001, 65002, netip.MustParseAddr("10.9.0.1")
		c.Capabilities = func() wire.Capabilities {
			f := wire.SetOf(family(peer))
			return wire.Capabilities{
				Families: f, HasFourOctetAS: true, Refresh: true, EnhancedRefresh: true, ExtendedMessage: true,
				AddPathSend: f, AddPathReceive: f,
				GracefulRestart: &wire.GracefulRestart{Restarting: true, Time: 77 * time.Second, Families: f, Forwarding: f, Notification: true},
			}
		}
	}}, with...)...)
	return a
}

func (b *beyond) protocol(name string) string { return b.bird.CLI("show protocols all " + name) }

// TestBird: a BIRD that waits is up at once, over both families; it sees what
// we can do.
func TestBird(t *testing.T) {
	b := withBird(t, "passive;")
	for name, peer := range map[string]netip.Addr{"v4": there4, "v6": there6} {
		t.Run(name, func(t *testing.T) {
			a := b.session(t, peer)
			a.run()
			took := a.await(5 * time.Second)
			t.Logf("established after %v", took)
			if took > 200*time.Millisecond {
				t.Errorf("it took %v", took)
			}
			lab.Until(t, time.Second, "BIRD's view", func() error {
				return lab.Contains(b.protocol(name), "Established", "Graceful restart", "Restart time: 77", "Restart recovery",
					"AF supported: ip"+name, "AF preserved: ip"+name, "4-octet AS numbers", "Route refresh", "Extended message", "ADD-PATH",
					"external multihop")
			})
			terms := a.s.Status().Terms
			if !terms.GracefulRestart || terms.PeerRestart.Families != wire.SetOf(family(peer)) || terms.HoldTime != 240*time.Second || terms.AddPathSend == 0 {
				t.Errorf("agreed %+v", terms.Agreed)
			}
			a.stop()
		})
	}
}

// TestBirdDials, and both dial.
func TestBirdDials(t *testing.T) {
	b := withBird(t, "")
	for _, test := range []struct {
		name string
		with func(*Config)
	}{{"we wait", passive}, {"both", func(*Config) {}}} {
		t.Run(test.name, func(t *testing.T) {
			for range 5 {
				a := b.session(t, there4, test.with)
				a.run()
				t.Logf("established after %v", a.await(5*time.Second))
				n := wire.Shutdown(wire.AdminReset, "")
				a.s.Stop(&n)
				a.stop()
				b.bird.CLI("restart v4")
			}
		})
	}
}

// TestBirdPassword: right, wrong, missing, over both families and from both sides.
func TestBirdPassword(t *testing.T) {
	const right, wrong = "c0rrecthorse", "batterystap1e"
	for _, who := range []string{"we dial", "BIRD dials"} {
		t.Run(who, func(t *testing.T) {
			settings, with := `password "`+right+`"; passive;`, func(c *Config) { c.ConnectRetry = time.Second }
			if who == "BIRD dials" {
				settings, with = `password "`+right+`";`, passive
			}
			b := withBird(t, settings)
			for name, peer := range map[string]netip.Addr{"v4": there4, "v6": there6} {
				for _, p := range []Secret{wrong, "", right} {
					a := b.session(t, peer, with, password(p))
					a.run()
					switch {
					case p == right:
						a.await(5 * time.Second)
					case who == "we dial":
						want := "no answer"
						if p == wrong {
							want += " (is the password the same on both sides?)"
						}
						a.awaitReason(5*time.Second, want)
					default:
						b.triesInVain(t, name)
					}
					if c := a.s.Status().Counters; p != right && c.MessagesIn > 0 {
						t.Errorf("%s, password %t: BIRD was heard: %+v", name, p != "", c)
					}
					a.stop()
				}
			}
		})
	}
}

// triesInVain waits until BIRD has tried for long enough to have been let in.
func (b *beyond) triesInVain(t *testing.T, name string) {
	t.Helper()
	b.bird.CLI("restart " + name)
	begin := time.Now()
	lab.Until(t, 5*time.Second, "BIRD's attempts", func() error {
		if p := b.protocol(name); strings.Contains(p, "Established") || strings.Contains(p, "OpenSent") {
			t.Fatalf("BIRD got through:\n%s", p)
		}
		if time.Since(begin) < 2500*time.Millisecond {
			return fmt.Errorf("wait")
		}
		return nil
	})
}

// TestBirdGTSM: BIRD with ttl security, dialled and dialling (RFC 5082).
func TestBirdGTSM(t *testing.T) {
	near := func(c *Config) { c.GTSM = 1 }
	for _, who := range []string{"we dial", "BIRD dials"} {
		t.Run(who, func(t *testing.T) {
			settings, with := "ttl security on; multihop 1; passive;", func(*Config) {}
			if who == "BIRD dials" {
				settings, with = "ttl security on; multihop 1;", passive
			}
			b := withBird(t, settings)
			for name, peer := range map[string]netip.Addr{"v4": there4, "v6": there6} {
				a := b.session(t, peer, near, with)
				a.run()
				t.Logf("%s established after %v", name, a.await(5*time.Second))
				a.stop()
			}
			// Without it on our side BIRD doesn't hear us.
			a := b.session(t, there4, with, func(c *Config) { c.ConnectRetry = time.Second })
			a.run()
			b.bird.CLI("restart v4")
			begin := time.Now()
			lab.Until(t, 5*time.Second, "attempts", func() error {
				// BIRD's word counts: we don't check, and may hear its KEEPALIVE.
				if p := b.protocol("v4"); strings.Contains(p, "Established") {
					t.Fatalf("established with TTL 64:\n%s", p)
				}
				if time.Since(begin) < 2*time.Second {
					return fmt.Errorf("wait")
				}
				return nil
			})
			a.stop()
		})
	}
}

// TestBirdSaysWhy: NOTIFICATIONs with their words, both ways.
func TestBirdSaysWhy(t *testing.T) {
	b := withBird(t, "hold time 3;")
	a := b.session(t, there4)
	a.run()
	a.await(5 * time.Second)
	b.bird.CLI(`disable v4 "moving to rack 7"`)
	a.awaitReason(time.Second, `received Cease/Administrative Shutdown: "moving to rack 7"`)
	b.bird.CLI("enable v4")
	a.await(5 * time.Second)

	// BIRD falls silent.
	pid := b.bird.PID()
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	a.awaitReason(6*time.Second, "sent Hold Timer Expired (nothing heard for 3s)")
	_ = syscall.Kill(pid, syscall.SIGCONT)
	a.await(10 * time.Second)

	n := wire.Shutdown(wire.AdminShutdown, "new kernel").Hard()
	a.s.Stop(&n)
	a.stop()
	lab.Until(t, time.Second, "BIRD's view", func() error {
		return lab.Contains(b.protocol("v4"), "Received: Administrative shutdown", "new kernel")
	})

	// Another AS than expected.
	a = b.session(t, there4, func(c *Config) { c.PeerAS = 65003 })
	a.run()
	a.awaitReason(5*time.Second, "sent OPEN Message Error/Bad Peer AS (the peer is AS 65002, expected 65003)")
	a.stop()
	a = b.session(t, there4, func(c *Config) { c.LocalAS = 65004 })
	a.run()
	a.awaitReason(5*time.Second, "received OPEN Message Error/Bad Peer AS")
	a.stop()

	// BIRD is killed: no word, so its routes stay. The link goes: no route.
	a = b.session(t, there4)
	a.run()
	a.await(10 * time.Second)
	a.until(t, time.Second, "told", func() bool { return len(a.told()) > 0 })
	b.bird.Kill()
	a.until(t, time.Second, "down", func() bool { return len(a.downs()) == 1 })
	if r := a.downs()[0]; r.Cause != Lost || r.Keep != wire.OnlyIPv4 {
		t.Errorf("%v, keeps %v", r, r.Keep)
	}
	a.awaitReason(5*time.Second, "connection refused")
	b.Host.IP("link", "set", "eth0", "down")
	b.here.IP("neigh", "flush", "dev", "tofar")
	a.awaitReason(20*time.Second, "no route to host")
	a.stop()
}
