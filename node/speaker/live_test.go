package speaker

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/status"
)

// TestEqualPaths: two peers with the same route make one route with two next
// hops; one of them leaving leaves the other.
func TestEqualPaths(t *testing.T) {
	f := fars(t, 2)
	for _, x := range f {
		x.bird(bird{asn: 64513, routes: []string{"10.9.0.0/24"}})
	}
	s := speak(t)
	s.apply(bgpWith(f[0].peer4(64513), f[1].peer4(64513)))
	s.awaitRoute("10.9.0.0/24", "10.0.1.2 10.0.2.2")
	s.apply(bgpWith(f[1].peer4(64513)))
	s.awaitRoute("10.9.0.0/24", "10.0.2.2")
	s.apply(bgpWith(f[0].peer4(64513), f[1].peer4(64513)))
	s.awaitRoute("10.9.0.0/24", "10.0.1.2 10.0.2.2")

	// A route of our own takes precedence, and gives it back.
	want := bgpWith(f[0].peer4(64513), f[1].peer4(64513))
	want.Local[netip.MustParsePrefix("10.9.0.0/24")] = intent.Local{}
	s.apply(want)
	s.awaitRoute("10.9.0.0/24", "")
	s.apply(bgpWith(f[0].peer4(64513), f[1].peer4(64513)))
	s.awaitRoute("10.9.0.0/24", "10.0.1.2 10.0.2.2")
}

// TestExportChange: what peers hear follows the pools while the session stays
// up. The withdrawal must really go over the wire: BIRD is asked.
func TestExportChange(t *testing.T) {
	f := fars(t, 1)[0]
	b := f.bird(bird{asn: 64513, v6: true})
	s := speak(t)
	want := bgpWith(f.peer4(64513), f.peer6(64513))
	want.Local = map[netip.Prefix]intent.Local{}
	for _, p := range []string{"172.16.1.0/24", "172.16.2.0/24", "172.17.1.0/24", "fd16:1::/64", "fd17:1::/64", "192.168.0.0/24"} {
		want.Local[netip.MustParsePrefix(p)] = intent.Local{}
	}
	pools := func(accept, reject string) {
		t.Helper()
		want.Export = policy.Export{Accept: prefixes(accept), Reject: prefixes(reject)}
		s.apply(want)
	}
	hears := func(list string) {
		t.Helper()
		for p := range want.Local {
			if strings.Contains(" "+list+" ", " "+p.String()+" ") {
				birdRoute(t, b, p.String(), "64512")
			} else {
				birdRoute(t, b, p.String())
			}
			if want.Export.Permits(p, policy.DefaultPriority) != strings.Contains(" "+list+" ", " "+p.String()+" ") {
				t.Errorf("%v: the test and Permits don't agree", p)
			}
		}
	}
	pools("172.16.0.0/16 fd16::/16", "")
	s.awaitUp(f.addr4())
	s.awaitUp(f.addr6())
	since4, since6 := s.peer(f.addr4()).Since, s.peer(f.addr6()).Since
	hears("172.16.1.0/24 172.16.2.0/24 fd16:1::/64")
	pools("172.16.0.0/16 fd16::/16", "172.16.2.0/24")
	hears("172.16.1.0/24 fd16:1::/64")
	pools("172.16.0.0/15", "172.16.2.0/23 172.16.1.0/24")
	hears("172.17.1.0/24")
	pools("", "")
	hears("")
	pools("0.0.0.0/0 fd17:1::/64", "192.168.0.0/16 fd16::/16")
	hears("172.16.1.0/24 172.16.2.0/24 172.17.1.0/24 fd17:1::/64")
	pools("172.16.2.0/24 172.16.0.0/12", "")
	hears("172.16.1.0/24 172.16.2.0/24 172.17.1.0/24")

	// Routes come and go.
	delete(want.Local, netip.MustParsePrefix("172.16.1.0/24"))
	s.apply(want)
	birdRoute(t, b, "172.16.1.0/24")
	want.Local[netip.MustParsePrefix("172.16.1.0/24")] = intent.Local{}
	s.apply(want)
	hears("172.16.1.0/24 172.16.2.0/24 172.17.1.0/24")

	lab.Until(t, 5*time.Second, "counts", func() error {
		if p := s.peer(f.addr4()); p.RoutesOut != 3 || p.RoutesIn != 0 {
			return fmt.Errorf("%d in, %d out", p.RoutesIn, p.RoutesOut)
		}
		return nil
	})
	if !s.peer(f.addr4()).Since.Equal(since4) || !s.peer(f.addr6()).Since.Equal(since6) {
		t.Error("a session was reset")
	}
	if out := b.CLI("show protocols all v4"); !strings.Contains(out, "Established") {
		t.Error(out)
	}
}

func prefixes(list string) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range strings.Fields(list) {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// TestExportAgreesWithPermits: what goes out is what intent says should, for pools within pools of both kinds.
func TestExportAgreesWithPermits(t *testing.T) {
	f := fars(t, 1)[0]
	b := f.bird(bird{asn: 64513})
	s := speak(t)
	want := bgpWith(f.peer4(64513))
	want.Local = map[netip.Prefix]intent.Local{}
	for _, p := range prefixes("10.0.0.0/7 10.0.0.0/8 10.1.0.0/16 10.1.2.0/24 10.1.2.3/32 10.1.2.128/25 10.2.0.0/15 10.2.0.0/16 10.2.3.0/24 11.0.0.0/8 10.128.0.0/9 0.0.0.0/0") {
		want.Local[p] = intent.Local{}
	}
	for _, e := range []policy.Export{
		{Accept: prefixes("10.0.0.0/8 10.1.0.0/16"), Reject: prefixes("10.1.2.0/24")},
		{Accept: prefixes("10.1.2.0/24"), Reject: prefixes("10.0.0.0/8")},
		{Accept: prefixes("0.0.0.0/0"), Reject: prefixes("10.1.2.3/32 10.1.2.0/25")},
		{Accept: prefixes("10.1.2.3/32")},
		{Reject: prefixes("0.0.0.0/0")},
	} {
		want.Export = e
		s.apply(want)
		s.awaitUp(f.addr4())
		for p := range want.Local {
			if e.Permits(p, policy.DefaultPriority) {
				birdRoute(t, b, p.String(), "64512")
			} else {
				birdRoute(t, b, p.String())
			}
		}
	}
}

// TestPeersComeAndGo: what happens to one session leaves the others alone.
func TestPeersComeAndGo(t *testing.T) {
	f := fars(t, 2)
	b := f[0].bird(bird{asn: 64513, routes: []string{"10.2.0.0/24"}})
	f[1].bird(bird{asn: 64514, routes: []string{"10.3.0.0/24"}})
	s := speak(t)
	s.apply(bgpWith(f[0].peer4(64513)))
	s.awaitRoute("10.2.0.0/24", "10.0.1.2")
	since := s.peer(f[0].addr4()).Since
	if p := s.peer(f[0].addr4()); p.RoutesIn != 1 || p.RoutesOut != 1 || p.BGPState != "Established" ||
		p.LastError != "" || p.Port != 179 || p.LocalAddress != "10.0.1.1" || p.Type != status.Global || p.Name != "far1" {
		t.Errorf("peer: %+v", p)
	}
	s.apply(bgpWith(f[0].peer4(64513), f[1].peer4(64514)))
	s.awaitRoute("10.3.0.0/24", "10.0.2.2")
	s.apply(bgpWith(f[0].peer4(64513, func(p *intent.Peer) { p.Name = "renamed" }), f[1].peer4(64515)))
	s.awaitRoute("10.3.0.0/24", "")
	s.awaitProblem(f[1].addr4(), "sent OPEN Message Error/Bad Peer AS (the peer is AS 64514, expected 64515)")
	s.apply(bgpWith(f[0].peer4(64513, func(p *intent.Peer) { p.Name = "renamed" })))
	p := s.peer(f[0].addr4())
	if !p.Since.Equal(since) || p.State != status.StateUp || p.Name != "renamed" {
		t.Errorf("%+v, up since %v", p, since)
	}
	if got := b.CLI("show protocols v4"); !strings.Contains(got, "Established") {
		t.Error(got)
	}
	if n := len(s.Peers()); n != 1 {
		t.Errorf("%d peers", n)
	}
	lab.Until(t, 5*time.Second, "news of peers", func() error {
		s.lock.Lock()
		defer s.lock.Unlock()
		if s.news < 3 {
			return fmt.Errorf("told %d times", s.news)
		}
		return nil
	})
}

// TestNewIdentity: another AS number ends every session and begins it anew.
func TestNewIdentity(t *testing.T) {
	f := fars(t, 1)[0]
	b := f.bird(bird{asn: 64513, routes: []string{"10.2.0.0/24"}})
	s := speak(t)
	s.apply(bgpWith(f.peer4(64513)))
	s.awaitRoute("10.2.0.0/24", "10.0.1.2")
	want := bgpWith(f.peer4(64513))
	want.ASN = 64999
	s.apply(want)
	s.awaitRoute("10.2.0.0/24", "")
	lab.Until(t, 15*time.Second, "BIRD's refusal", func() error {
		return lab.Contains(s.peer(f.addr4()).LastError, "Bad Peer AS")
	})
	s.apply(intent.BGP{ASN: 64999})
	if got := s.Peers(); len(got) != 0 {
		t.Errorf("peers without an identity: %v", got)
	}
	s.apply(bgpWith(f.peer4(64513)))
	s.awaitRoute("10.2.0.0/24", "10.0.1.2")
	birdRoute(t, b, "172.16.1.0/24", "64512")
}

// TestCloseTellsPeers: they drop our routes at once and know why.
func TestCloseTellsPeers(t *testing.T) {
	f := fars(t, 2)
	one := f[0].bird(bird{asn: 64513, routes: []string{"10.2.0.0/24"}})
	two := f[1].bird(bird{asn: ownASN})
	s := speak(t)
	s.apply(bgpWith(f[0].peer4(64513), f[1].peer4(ownASN)))
	birdRoute(t, one, "172.16.1.0/24", "64512")
	birdRoute(t, two, "172.16.1.0/24", "10.0.2.1")
	start := time.Now()
	s.Close()
	t.Logf("closed in %v", time.Since(start))
	for _, b := range []*lab.Bird{one, two} {
		birdRoute(t, b, "172.16.1.0/24")
		lab.Until(t, time.Second, "BIRD's log", func() error {
			return lab.Contains(b.Output(), `Administrative shutdown: "calctl is stopping"`)
		})
	}
	if s.route("10.2.0.0/24") == "" {
		t.Error("closing took the route away from the kernel")
	}
}

// TestSettledByBird: BIRD sends End-of-RIB; without graceful restart it does not.
func TestSettledByBird(t *testing.T) {
	f := fars(t, 2)
	f[0].bird(bird{asn: 64513, v6: true, routes: []string{"10.2.0.0/24"}})
	f[1].bird(bird{asn: 64514, noRestart: true, routes: []string{"10.3.0.0/24"}})
	// A fresh link takes a second to find its IPv6 neighbour.
	lab.Until(t, 5*time.Second, "an answer to ping", func() error { return f[0].here().Ping(f[0].addr6().String()) })
	s := speakWith(t, Options{Restarting: true})
	s.apply(bgpWith(f[0].peer4(64513), f[0].peer6(64513)))
	settled(t, s, 3*time.Second)
	s.Close()

	s = speak(t)
	s.apply(bgpWith(f[0].peer4(64513), f[1].peer4(64514)))
	settled(t, s, 8*time.Second)
	if s.route("10.2.0.0/24") == "" || s.route("10.3.0.0/24") == "" {
		t.Error("settled before the routes came")
	}
}

func settled(t *testing.T, s *heard, limit time.Duration) {
	t.Helper()
	took := lab.Until(t, limit, "settled", func() error {
		s.lock.Lock()
		defer s.lock.Unlock()
		if s.settled != 1 {
			return fmt.Errorf("told %d times", s.settled)
		}
		return nil
	})
	t.Logf("settled after %v", took)
}

// TestGracefulRestart: BIRD keeps our routes while the process is gone, and a
// restarting speaker says so in its OPEN. The death is played by taking the
// link away from under the session.
func TestGracefulRestart(t *testing.T) {
	f := fars(t, 1)[0]
	b := f.bird(bird{asn: 64513, routes: []string{"10.2.0.0/24"}})
	first := speak(t)
	first.apply(bgpWith(f.peer4(64513)))
	birdRoute(t, b, "172.16.1.0/24", "64512")

	// Nothing of what Close says gets out: for BIRD the node has died.
	drop := exec.Command("ip", "link", "set", "to1", "down")
	if out, err := drop.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	first.Close()
	if out, err := exec.Command("ip", "link", "set", "to1", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}

	s := speakWith(t, Options{Restarting: true})
	s.apply(bgpWith(f.peer4(64513)))
	birdRoute(t, b, "172.16.1.0/24", "64512") // kept, if stale
	s.awaitUp(f.addr4())
	s.awaitRoute("10.2.0.0/24", "10.0.1.2")
	birdRoute(t, b, "172.16.1.0/24", "64512")
	lab.Until(t, 15*time.Second, "BIRD's view of the restart", func() error {
		out := b.CLI("show protocols all v4")
		return lab.Contains(out, "Established", "Graceful restart", "Restart time: 120", "Restart recovery", "AF supported: ipv4", "AF preserved: ipv4")
	})
	// A restarting speaker withholds its routes until its peers have sent
	// theirs; then what is no longer told goes.
	want := bgpWith(f.peer4(64513))
	delete(want.Local, netip.MustParsePrefix("172.16.1.0/24"))
	s.apply(want)
	birdRoute(t, b, "172.16.1.0/24")
}

// TestPassivePeerIsNotDialled: it dials us.
func TestPassivePeerIsNotDialled(t *testing.T) {
	f := fars(t, 1)[0]
	s := speak(t)
	passive := func(p *intent.Peer) { p.Passive = true }
	s.apply(bgpWith(f.peer4(64513, passive)))
	if p := s.peer(f.addr4()); p.State != status.StateStart {
		t.Errorf("%+v", p)
	}
	f.bird(bird{asn: 64513, routes: []string{"10.2.0.0/24"}})
	s.awaitRoute("10.2.0.0/24", "10.0.1.2")
	if p := s.peer(f.addr4()); p.LastError != "" {
		t.Errorf("dialled: %+v", p)
	}
}

// TestNotListening: port 0 means that we only dial, and those who dial us are refused.
func TestNotListening(t *testing.T) {
	f := fars(t, 1)[0]
	f.bird(bird{asn: 64513, passive: true, routes: []string{"10.2.0.0/24"}})
	s := speak(t)
	want := bgpWith(f.peer4(64513))
	want.Port = 0
	s.apply(want)
	s.awaitRoute("10.2.0.0/24", "10.0.1.2")
	if c, err := f.Dial(f.addr4(), netip.AddrPortFrom(f.here4(), 179)); err == nil {
		_ = c.Close()
		t.Error("somebody listens")
	}
}

// TestPortTaken: the reason is told, and the next attempt may succeed.
func TestPortTaken(t *testing.T) {
	f := fars(t, 1)[0]
	f.bird(bird{asn: 64513, routes: []string{"10.2.0.0/24"}})
	l := f.here().Listen(179)
	s := speak(t)
	err := s.Apply(t.Context(), bgpWith(f.peer4(64513)))
	if err == nil || !strings.Contains(err.Error(), "start BGP: can't listen for BGP on port 179") || !errors.Is(err, ErrListen) || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
	if p := s.peer(f.addr4()); p.State != status.StateDown || !strings.Contains(p.LastError, "address already in use") {
		t.Errorf("%+v", p)
	}
	_ = l.Close()
	s.apply(bgpWith(f.peer4(64513)))
	s.awaitRoute("10.2.0.0/24", "10.0.1.2")
}

// TestPasswordTheKernelRefuses must not end in a session without one. The
// kernel refuses when a listener's keys exceed net.core.optmem_max.
func TestPasswordTheKernelRefuses(t *testing.T) {
	f := fars(t, 1)[0]
	f.bird(bird{asn: 64513})
	limit := readSysctl(t, "net.core.optmem_max")
	s := speak(t)
	want := bgpWith()
	s.apply(want) // listens
	writeSysctl(t, "net.core.optmem_max", "0")
	defer writeSysctl(t, "net.core.optmem_max", limit)
	want = bgpWith(f.peer4(64513, func(p *intent.Peer) { p.Password = resources.NewPassword("secret") }))
	err := s.Apply(t.Context(), want)
	if err == nil || !strings.Contains(err.Error(), "no room for another TCP-MD5 password: raise the sysctl net.core.optmem_max") {
		t.Errorf("got %v", err)
	}
	if p := s.peer(f.addr4()); p.State != status.StateDown {
		t.Errorf("%+v", p)
	}
	writeSysctl(t, "net.core.optmem_max", limit)
	s.apply(want)
	s.awaitProblem(f.addr4(), "no answer (is the password the same on both sides?)")
}

func readSysctl(t *testing.T, key string) string {
	t.Helper()
	out, err := exec.Command("sysctl", "-n", key).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func writeSysctl(t *testing.T, key, value string) {
	t.Helper()
	if out, err := exec.Command("sysctl", "-qw", key+"="+value).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
