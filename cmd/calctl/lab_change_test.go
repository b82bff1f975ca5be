package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// birdPeer is a BIRD with one network of its own that peers with r1.
func birdPeer(addr, r1 string, asn int, network string) string {
	return fmt.Sprintf(`
router id %[1]s;
log stderr all;
protocol device { scan time 1; }
protocol static nets { ipv4; route %[4]s blackhole; }
protocol bgp r1 {
	local %[1]s as %[3]d;
	neighbor %[2]s as 64512;
	ipv4 { import all; export all; };
}
`, addr, r1, asn, network)
}

// since is when a session of a BIRD came up, in BIRD's own words, to the
// second: it works out the time anew for each answer, and milliseconds come out
// one more or less.
func since(t *testing.T, b *lab.Bird) (when time.Time) {
	t.Helper()
	lab.Until(t, 5*time.Second, "BIRD's word on its session", func() error {
		answer := b.CLI("show protocols r1")
		for _, line := range strings.Split(answer, "\n") {
			if f := strings.Fields(line); len(f) > 5 && f[0] == "r1" && f[5] == "Established" {
				var err error
				when, err = time.Parse("15:04:05", f[4])
				return err
			}
		}
		return errors.New(answer)
	})
	return when
}

// sameSession says whether two answers of since can be about one session.
func sameSession(a, b time.Time) bool { return a.Sub(b).Abs() < 500*time.Millisecond }

func TestLabChangesWhileRunning(t *testing.T) {
	l := lab.New(t)
	r1, r2, r3 := l.Host("r1"), l.Host("r2"), l.Host("r3")
	l.Link(r1, "eth0", []string{"192.168.1.1/24"}, r2, "eth0", []string{"192.168.1.2/24"})
	l.Link(r1, "eth1", []string{"192.168.2.1/24"}, r3, "eth0", []string{"192.168.2.2/24"})
	stub(r1, "10.1.0.1/24", "10.3.0.1/24")
	b2 := r2.Bird(birdPeer("192.168.1.2", "192.168.1.1", 64513, "10.2.0.0/24"))
	b3 := r3.Bird(birdPeer("192.168.2.2", "192.168.2.1", 64514, "10.4.0.0/24"))
	node := r1.Calctl()
	node.Apply(labR1)
	node.Start()
	node.Established("192.168.1.2", 5*time.Second)
	lab.Until(t, 5*time.Second, "the first peer's route", hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2"))
	up, err := node.Peer("192.168.1.2")
	if err != nil {
		t.Fatal(err)
	}
	birdUp := since(t, b2)
	undisturbed := func(after string) {
		t.Helper()
		p, err := node.Peer("192.168.1.2")
		if err != nil {
			t.Fatal(err)
		}
		if bird := since(t, b2); !p.Since.Equal(up.Since) || !sameSession(bird, birdUp) {
			t.Errorf("%s: the session with r2 was restarted: %v, was %v; BIRD says %q, said %q", after, p.Since, up.Since, bird, birdUp)
		}
	}

	// r3's session takes the network's far side: another AS, another link.
	node.Apply(`
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r3}
spec: {peerIP: 192.168.2.2, asNumber: 64514, sourceAddress: None}
`)
	node.Established("192.168.2.2", 5*time.Second)
	lab.Until(t, 5*time.Second, "the second peer's route", hasRoute(r1, "10.4.0.0/24", "via 192.168.2.2 dev eth1"))
	undisturbed("a peer added")

	heard := func(b *lab.Bird, prefix string, want bool) func() error {
		return func() error {
			got := b.CLI("show route protocol r1")
			if strings.Contains(got, prefix) != want {
				return fmt.Errorf("BIRD has %s: want %v\n%s", prefix, want, got)
			}
			return nil
		}
	}
	lab.Until(t, 5*time.Second, "the pool's network at r3", heard(b3, "10.1.0.0/24", true))
	if err := heard(b2, "10.3.0.0/24", false)(); err != nil {
		t.Error(err)
	}

	// Another pool adds to what is advertised, disableBGPExport takes away.
	pool := "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: more}\nspec: {cidr: 10.3.0.0/24}\n"
	node.Apply(pool)
	lab.Until(t, 5*time.Second, "the new pool's network at r2", heard(b2, "10.3.0.0/24", true))
	node.Apply(strings.Replace(labR1, "cidr: 10.1.0.0/24", "cidr: 10.1.0.0/24, disableBGPExport: true", 1))
	lab.Until(t, 5*time.Second, "the closed pool's network gone from r2", heard(b2, "10.1.0.0/24", false))
	if err := heard(b2, "10.3.0.0/24", true)(); err != nil {
		t.Error(err)
	}
	node.Apply(labR1)
	lab.Until(t, 5*time.Second, "the opened pool's network back at r2", heard(b2, "10.1.0.0/24", true))
	undisturbed("pools changed")

	// A broken hand edit changes nothing and is a problem in node status.
	file := filepath.Join(node.Store, "bgppeers", "r3.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nspec: [nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lab.Until(t, 5*time.Second, "the problem in node status", func() error {
		return lab.Contains(node.Do("node", "status", "--socket", node.Socket), "Problems", "r3.yaml")
	})
	if p, err := node.Peer("192.168.2.2"); err != nil || p.State != "up" {
		t.Errorf("a broken file ended a session: %+v, %v", p, err)
	}
	if err := hasRoute(r1, "10.4.0.0/24", "via 192.168.2.2")(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	lab.Until(t, 5*time.Second, "the problem to go", func() error {
		r, err := node.Status()
		if err == nil && len(r.Problems) > 0 {
			err = fmt.Errorf("%v", r.Problems)
		}
		return err
	})

	node.Do("delete", "bgppeer", "r3")
	lab.Until(t, 5*time.Second, "the deleted peer's route gone", noRoute(r1, "10.4.0.0/24"))
	if _, err := node.Peer("192.168.2.2"); err == nil {
		t.Error("the deleted peer is still in node status")
	}
	undisturbed("a peer deleted")
}

func TestLabPassword(t *testing.T) {
	r1, r2 := twoRouters(t)
	bird := r2.Bird(strings.Replace(labBirdR2, "neighbor 192.168.1.1 as 64512;", "neighbor 192.168.1.1 as 64512;\n\tpassword \"sesame\";", 1))
	node := r1.Calctl()
	node.Apply(strings.Replace(labR1, "asNumber: 64513}", "asNumber: 64513, password: {secretKeyRef: {name: bgp, key: r2}}}", 1))
	node.Start()
	lab.Until(t, 5*time.Second, "the missing secret as a problem", func() error {
		r, err := node.Status()
		if err != nil {
			return err
		}
		return lab.Contains(fmt.Sprint(r.Problems), "BGPPeer(r2)", "Secret(bgp)")
	})
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: bgp}\nstringData: {r2: %s}\n"
	node.Apply(fmt.Sprintf(secret, "wrong"))
	lab.Until(t, 5*time.Second, "the session to be tried", func() error {
		_, err := node.Peer("192.168.1.2")
		return err
	})
	node.Apply(fmt.Sprintf(secret, "sesame"))
	node.Established("192.168.1.2", 15*time.Second)
	if got := bird.CLI("show protocols r1"); !strings.Contains(got, "Established") {
		t.Error(got)
	}

	info, err := os.Stat(filepath.Join(node.Store, "secrets", "bgp.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the secret's file has mode %v, want 0600", info.Mode())
	}
	for what, text := range map[string]string{"the log": node.Output(), "get -o yaml": node.Do("get", "secrets", "-o", "yaml"), "get -o json": node.Do("get", "secret", "bgp", "-o", "json")} {
		if strings.Contains(text, "sesame") || strings.Contains(text, "c2VzYW1l") {
			t.Errorf("%s shows the password:\n%s", what, text)
		}
	}
}

func TestLabNextHopTwoHopsAway(t *testing.T) {
	l := lab.New(t)
	r1, mid, r2 := l.Host("r1"), l.Host("mid"), l.Host("r2")
	l.Link(r1, "eth0", []string{"192.168.1.1/24"}, mid, "eth0", []string{"192.168.1.9/24"})
	l.Link(mid, "eth1", []string{"192.168.2.9/24"}, r2, "eth0", []string{"192.168.2.2/24"})
	r1.IP("route", "add", "192.168.2.0/24", "via", "192.168.1.9")
	r2.IP("route", "add", "192.168.1.0/24", "via", "192.168.2.9")
	stub(r2, "10.2.0.1/24")
	r2.Bird(strings.Replace(birdPeer("192.168.2.2", "192.168.1.1", 64513, "10.2.0.0/24"), "neighbor", "multihop 4;\n\tneighbor", 1))
	node := r1.Calctl()
	node.Apply(strings.Replace(labR1, "192.168.1.2,", "192.168.2.2,", 1))
	node.Start()
	lab.Until(t, 10*time.Second, "the route through the middle", hasRoute(r1, "10.2.0.0/24", "via 192.168.1.9 dev eth0"))
	// The way to the next hop goes, and comes back.
	r1.IP("route", "del", "192.168.2.0/24")
	lab.Until(t, 2*time.Second, "the route unreachable", hasRoute(r1, "10.2.0.0/24", "unreachable"))
	r1.IP("route", "add", "192.168.2.0/24", "via", "192.168.1.9")
	lab.Until(t, 2*time.Second, "the route back", hasRoute(r1, "10.2.0.0/24", "via 192.168.1.9"))
}

func TestLabEqualPathsShareTheLoad(t *testing.T) {
	l := lab.New(t)
	r1, r2, r3 := l.Host("r1"), l.Host("r2"), l.Host("r3")
	l.Link(r1, "eth0", []string{"192.168.1.1/24"}, r2, "eth0", []string{"192.168.1.2/24"})
	l.Link(r1, "eth1", []string{"192.168.2.1/24"}, r3, "eth0", []string{"192.168.2.2/24"})
	r2.Bird(birdPeer("192.168.1.2", "192.168.1.1", 64513, "10.2.0.0/24"))
	b3 := r3.Bird(birdPeer("192.168.2.2", "192.168.2.1", 64513, "10.2.0.0/24"))
	node := r1.Calctl()
	node.Apply(labR1 + `
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: r3}
spec: {peerIP: 192.168.2.2, asNumber: 64513, sourceAddress: None}
`)
	node.Start()
	lab.Until(t, 10*time.Second, "both next hops", hasRoute(r1, "10.2.0.0/24", "nexthop via 192.168.1.2", "nexthop via 192.168.2.2"))
	b3.CLI("disable nets")
	lab.Until(t, 5*time.Second, "one next hop", func() error {
		got := r1.Routes("10.2.0.0/24")
		if strings.Contains(got, "192.168.2.2") || !strings.Contains(got, "192.168.1.2") {
			return errors.New(got)
		}
		return nil
	})
}
