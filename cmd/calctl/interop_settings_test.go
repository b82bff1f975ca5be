package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/status"
)

// settingsBird believes r1 to be AS 64999, one hop away, and has had its route
// from there.
const settingsBird = `
router id 192.168.2.2;
log stderr all;
protocol device { scan time 1; }
protocol static nets { ipv4; route 10.2.0.0/24 blackhole; }
protocol bgp r1 {
	local 192.168.2.2 as 64513;
	neighbor 192.168.2.1 as 64999;
	ttl security on;
	connect delay time 1;
	error wait time 1, 2;
	ipv4 { import all; export filter { if source != RTS_STATIC then reject; bgp_path.prepend(64999); accept; }; };
}
`

const settingsFRR = `
hostname r3
router bgp 64514
 bgp router-id 192.168.3.2
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 192.168.3.1 remote-as 64512
 neighbor 192.168.3.1 ttl-security hops 1
 neighbor 192.168.3.1 timers connect 1
 neighbor 192.168.3.1 advertisement-interval 0
 address-family ipv4 unicast
  network 10.3.0.0/24
 exit-address-family
`

// settingsFar does without GTSM: it sends a TTL of 1.
const settingsFar = `
router id 192.168.4.2;
log stderr all;
protocol device { scan time 1; }
protocol bgp r1 {
	local 192.168.4.2 as 64515;
	neighbor 192.168.4.1 as 64512;
	connect delay time 1;
	error wait time 1, 2;
	ipv4 { import all; export all; };
}
`

// TestInteropSettings: what a BGPPeer may say of a session, heard by the peer.
func TestInteropSettings(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	r1 := l.Host("r1")
	far := map[int]*lab.Host{}
	for i := 2; i <= 4; i++ {
		far[i] = l.Host(fmt.Sprintf("r%d", i))
		l.Link(r1, fmt.Sprintf("eth%d", i), []string{fmt.Sprintf("192.168.%d.1/24", i)}, far[i], "eth0", []string{fmt.Sprintf("192.168.%d.2/24", i)})
	}
	r1.IP("route", "add", "10.1.9.0/24", "via", "192.168.4.77")
	record := r1.Capture("eth2")
	bird, frr := far[2].Bird(settingsBird), far[3].FRR(settingsFRR)
	far[4].Bird(settingsFar)

	node := r1.Calctl()
	node.Apply("apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: v4}\nspec: {cidr: 10.0.0.0/8}\n")
	peer := func(i, asn int, more string) {
		t.Helper()
		node.Apply(fmt.Sprintf("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: r%[1]d}\nspec: {peerIP: 192.168.%[1]d.2, asNumber: %[2]d, sourceAddress: None%[3]s}\n", i, asn, more))
	}
	const toBird = ", localASNumber: 64999, ttlSecurity: 1, keepaliveTime: 1s, maxRestartTime: 33s"
	peer(2, 64513, toBird+", numAllowedLocalASNumbers: 1")
	peer(3, 64514, ", ttlSecurity: 1")
	peer(4, 64515, "")
	node.Start("--ip", "192.168.1.1/24")
	node.Established("192.168.2.2", 15*time.Second)
	node.Established("192.168.3.2", 15*time.Second)

	t.Log("AS numbers")
	lab.Until(t, 10*time.Second, "our other AS alone at BIRD", func() error {
		return lab.Contains(bird.CLI("show route 10.3.0.0/24 all"), "BGP.as_path: 64999 64514\n", "BGP.next_hop: 192.168.2.1")
	})
	lab.Until(t, 10*time.Second, "the route that has been in our other AS", func() error {
		return errors.Join(hasRoute(r1, "10.2.0.0/24", "via 192.168.2.2")(),
			lab.Contains(frr.CLI("show bgp ipv4 unicast 10.2.0.0/24 json"), "64512 64513 64999"))
	})
	up := map[string]status.Peer{}
	for _, addr := range []string{"192.168.2.2", "192.168.3.2"} {
		p, err := node.Peer(addr)
		if err != nil {
			t.Fatal(err)
		}
		up[addr] = p
	}
	peer(2, 64513, toBird)
	lab.Until(t, 10*time.Second, "the route gone", noRoute(r1, "10.2.0.0/24"))
	peer(2, 64513, toBird+", numAllowedLocalASNumbers: 1")
	lab.Until(t, 10*time.Second, "the route back", hasRoute(r1, "10.2.0.0/24", "via 192.168.2.2"))

	t.Log("next hops")
	hops := func(learned, local string) {
		t.Helper()
		lab.Until(t, 10*time.Second, "next hops at FRR", func() error {
			return errors.Join(lab.Contains(frr.CLI("show bgp ipv4 unicast 10.2.0.0/24 json"), `"ip":"`+learned+`"`),
				lab.Contains(frr.CLI("show bgp ipv4 unicast 10.1.9.0/24 json"), `"ip":"`+local+`"`))
		})
	}
	hops("192.168.3.1", "192.168.3.1")
	peer(3, 64514, ", ttlSecurity: 1, nextHopMode: Keep")
	hops("192.168.2.2", "192.168.4.77")
	peer(3, 64514, ", ttlSecurity: 1, nextHopMode: Self")
	hops("192.168.3.1", "192.168.3.1")
	peer(3, 64514, ", ttlSecurity: 1, keepOriginalNextHop: true")
	hops("192.168.2.2", "192.168.4.77")
	for addr, was := range up {
		if now, err := node.Peer(addr); err != nil || !now.Since.Equal(was.Since) {
			t.Errorf("the session with %s was reset: up since %v, was %v; %v", addr, now.Since, was.Since, err)
		}
	}

	t.Log("times")
	if err := lab.Contains(bird.CLI("show protocols all r1"), "Restart time: 33"); err != nil {
		t.Error(err)
	}
	lab.Until(t, 15*time.Second, "a KEEPALIVE each second", func() error {
		seen := strings.Fields(record.Show("ip.src==192.168.2.1 && bgp.type==4"))
		if len(seen) < 6 {
			return fmt.Errorf("%d KEEPALIVEs", len(seen))
		}
		return nil
	})

	t.Log("distance")
	node.Established("192.168.4.2", 15*time.Second)
	toFar := r1.Capture("eth4")
	peer(4, 64515, ", ttlSecurity: 1")
	lab.Until(t, 20*time.Second, "an OPEN said in vain", func() error {
		if n := len(strings.Fields(toFar.Show("ip.src==192.168.4.2 && tcp.len>0 && tcp.analysis.retransmission"))); n < 2 {
			return fmt.Errorf("said again %d times", n)
		}
		return nil
	})
	if p, err := node.Peer("192.168.4.2"); err != nil || p.State == status.StateUp {
		t.Errorf("a session with one whose packets have a TTL of 1: %+v, %v", p, err)
	}
	if other := record.Show("ip.src==192.168.2.1 && bgp && ip.ttl!=255"); other != "" {
		t.Errorf("packets with another TTL than 255: %s", other)
	}
	node.Do("delete", "bgppeer", "r2")
	wellFormed(t, record, "192.168.2.1", "::1", "ip.src==192.168.2.1 && bgp.notify.minor_error_cease==3")
}

// TestLabBindMode: with NodeIP the node is spoken to at its own address and no
// other.
func TestLabBindMode(t *testing.T) {
	t.Parallel()
	r1, r2 := twoRouters(t)
	r1.Addr("lo", "10.99.0.1/32")
	r2.IP("route", "add", "10.99.0.1/32", "via", "192.168.1.1")
	node := r1.Calctl()
	const config = "apiVersion: projectcalico.org/v3\nkind: BGPConfiguration\nmetadata: {name: default}\nspec: {bindMode: %s}\n"
	node.Apply(fmt.Sprintf(config, "NodeIP"))
	node.Start("--ip", "192.168.1.1/24")
	listens := func(want string) func() error {
		return func() error {
			got := r1.Run("ss", "-Hltn", "sport", "=", ":179")
			if strings.Count(got, "LISTEN") != strings.Count(want, " ")+1 {
				return errors.New(got)
			}
			return lab.Contains(got, strings.Fields(want)...)
		}
	}
	lab.Until(t, 10*time.Second, "one listener", listens("192.168.1.1:179"))
	node.Apply(fmt.Sprintf(config, "None"))
	lab.Until(t, 10*time.Second, "listeners everywhere", listens("0.0.0.0:179 [::]:179"))
	node.Apply(fmt.Sprintf(config, "NodeIP"))
	lab.Until(t, 10*time.Second, "one listener again", listens("192.168.1.1:179"))
}

// TestInteropMaximumPrefixes: BIRD and FRR are told that they tell too much, and
// are let in again when they may.
func TestInteropMaximumPrefixes(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	r1, r2, r3 := l.Host("r1"), l.Host("r2"), l.Host("r3")
	l.Link(r1, "eth2", []string{"192.168.2.1/24"}, r2, "eth0", []string{"192.168.2.2/24"})
	l.Link(r1, "eth3", []string{"192.168.3.1/24"}, r3, "eth0", []string{"192.168.3.2/24"})
	record := r1.Capture("eth3")
	bird := r2.Bird(strings.Replace(birdPeer("192.168.2.2", "192.168.2.1", 64513, "10.2.0.0/24"), "route 10.2.0.0/24", "route 10.2.1.0/24 blackhole; route 10.2.0.0/24", 1))
	frr := r3.FRR(strings.NewReplacer(" neighbor 192.168.3.1 ttl-security hops 1\n", "", "network 10.3.0.0/24", "network 10.3.0.0/24\n  network 10.3.1.0/24").Replace(settingsFRR))
	watch := r1.Start("ip", "-ts", "monitor", "route")

	node := r1.Calctl()
	maximum := func(n int) {
		t.Helper()
		var peers string
		for i, asn := range []int{64513, 64514} {
			peers += fmt.Sprintf("---\napiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: r%[1]d, annotations: {calctl.io/maximum-prefixes: '%[3]d'}}\nspec: {peerIP: 192.168.%[1]d.2, asNumber: %[2]d, sourceAddress: None}\n", i+2, asn, n)
		}
		node.Apply(strings.TrimPrefix(peers, "---\n"))
	}
	maximum(1)
	node.Start("--ip", "192.168.1.1/24")
	lab.Until(t, 20*time.Second, "both sessions over, and why", func() error {
		for _, addr := range []string{"192.168.2.2", "192.168.3.2"} {
			p, err := node.Peer(addr)
			if err != nil {
				return err
			}
			if p.State == status.StateUp {
				return errors.New(addr + " is up")
			}
			if err := lab.Contains(p.LastError, "sent Cease/Maximum Number of Prefixes Reached (more than 1)"); err != nil {
				return err
			}
		}
		return errors.Join(
			lab.Contains(bird.CLI("show protocols all r1"), "Maximum number of prefixes reached"),
			lab.Contains(frr.CLI("show bgp neighbors 192.168.3.1"), "Cease/Maximum Number of Prefixes Reached"))
	})
	if got := watch.Output(); strings.Contains(got, "10.2.") || strings.Contains(got, "10.3.") {
		t.Errorf("the kernel has had a route of a peer that told too much:\n%s", got)
	}
	// AFI, SAFI and the limit (RFC 4486, 4), behind code and subcode.
	lab.Until(t, 10*time.Second, "the NOTIFICATION's data", func() error {
		return lab.Contains(record.Show("ip.src==192.168.3.1 && bgp.notify.minor_error_cease==1", "tcp.payload"), "03"+"0601"+"0001"+"01"+"00000001")
	})

	maximum(2)
	node.Established("192.168.2.2", 20*time.Second)
	node.Established("192.168.3.2", 20*time.Second)
	for _, prefix := range []string{"10.2.0.0/24", "10.2.1.0/24", "10.3.0.0/24", "10.3.1.0/24"} {
		lab.Until(t, 10*time.Second, prefix, hasRoute(r1, prefix))
	}
	node.Do("delete", "bgppeer", "r3")
	wellFormed(t, record, "192.168.3.1", "::1", "ip.src==192.168.3.1 && bgp.notify.minor_error_cease==3")
}
