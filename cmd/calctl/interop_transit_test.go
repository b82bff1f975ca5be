package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// What others are told of a route is what its sender said of it, whether we
// know what that means or not; only the path and the next hop are ours.
func TestInteropTransit(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	r1 := l.Host("r1")
	var far []*lab.Host
	peers := "---\n"
	for i, asn := range []uint32{64513, 64514, 4200000002, 64515} {
		h := l.Host(fmt.Sprintf("r%d", i+2))
		l.Link(r1, fmt.Sprintf("eth%d", i), []string{fmt.Sprintf("192.168.%d.1/24", i+1), fmt.Sprintf("fd0%d::1/64", i+1)},
			h, "eth0", []string{fmt.Sprintf("192.168.%d.2/24", i+1), fmt.Sprintf("fd0%d::2/64", i+1)})
		for family, addr := range map[string]string{"v4": fmt.Sprintf("192.168.%d.2", i+1), "v6": fmt.Sprintf("fd0%d::2", i+1)} {
			if i%2 == 1 && family == "v6" {
				continue // r3 and r5 have one family
			}
			peers += fmt.Sprintf("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: %s-%s}\nspec: {peerIP: %q, asNumber: %d, sourceAddress: None}\n---\n", h.Name, family, addr, asn)
		}
		far = append(far, h)
	}
	toFRR, toOld := r1.Capture("eth2"), r1.Capture("eth3")

	bird := far[0].Bird(strings.NewReplacer(`password "s3cret";`, "", "export where source = RTS_STATIC;", `export filter {
		if source != RTS_STATIC then reject;
		bgp_path.prepend(64999);
		bgp_med = 55;
		bgp_community.add((64513, 7));
		bgp_ext_community.add((rt, 64513, 9));
		bgp_large_community.add((4200000003, 1, 2));
		accept;
	};`).Replace(interopBird2))
	far[1].ExaBGP(`
neighbor 192.168.2.1 {
	router-id 192.168.2.2;
	local-address 192.168.2.2;
	local-as 64514;
	peer-as 4200000001;
	family { ipv4 unicast; }
	static { route 10.3.0.0/24 next-hop self as-path [ 64514 64777 4200000009 ] attribute [ 0xf0 0xc0 0xdeadbeef ] large-community [ 4200000003:3:4 ] atomic-aggregate aggregator ( 4200000009:192.168.2.2 ); }
}
`)
	frr := far[2].FRR(strings.NewReplacer("64513", "4200000002", "192.168.1.", "192.168.3.", "fd01::", "fd03::",
		" neighbor 192.168.1.1 password s3cret\n", "", " neighbor fd01::1 password s3cret\n", "", "10.2.", "10.4.", "fd10:2::", "fd10:4::").Replace(interopFRR))
	// One that puts AS numbers together from AS_PATH and AS4_PATH (RFC 6793).
	old := far[3].ExaBGP(`
neighbor 192.168.4.1 {
	router-id 192.168.4.2;
	local-address 192.168.4.2;
	local-as 64515;
	peer-as 23456;
	capability { asn4 disable; }
	family { ipv4 unicast; }
	static { route 10.5.0.0/24 next-hop self; }
	api { processes [ ears ]; receive { parsed; update; } }
}
`)

	node := r1.Calctl()
	first, _, _ := strings.Cut(interopR1, "---\napiVersion: v1\nkind: Secret")
	node.Apply(first + strings.TrimSuffix(peers, "---\n"))
	node.Start()

	lab.Until(t, 20*time.Second, "BIRD's routes at FRR", func() error {
		path := "4200000001 64513 64999"
		v4, v6 := frr.CLI("show bgp ipv4 unicast 10.2.0.0/24 json"), frr.CLI("show bgp ipv6 unicast fd10:2::/64 json")
		return errors.Join(
			lab.Contains(v4, path, `"64513:7"`, `"RT:64513:9"`, `"4200000003:1:2"`, `"ip":"192.168.3.1"`, `"origin":"IGP"`),
			lab.Contains(v6, path, `"64513:7"`, `"RT:64513:9"`, `"4200000003:1:2"`, `"ip":"fd03::1"`, `"origin":"IGP"`))
	})
	if got := frr.CLI("show bgp ipv4 unicast 10.2.0.0/24 json"); strings.Contains(got, `"metric":55`) {
		t.Errorf("MULTI_EXIT_DISC is for us, not for the AS after us (RFC 4271, 5.1.4):\n%s", got)
	}
	lab.Until(t, 10*time.Second, "ExaBGP's route at FRR", func() error {
		return lab.Contains(frr.CLI("show bgp ipv4 unicast 10.3.0.0/24 json"), "4200000001 64514 64777 4200000009", `"4200000003:3:4"`,
			`"atomicAggregate":true`, `"aggregatorAs":4200000009`, `"ip":"192.168.3.1"`)
	})
	lab.Until(t, 10*time.Second, "ExaBGP's route at BIRD", func() error {
		return lab.Contains(bird.CLI("show route 10.3.0.0/24 all"), "BGP.as_path: 4200000001 64514 64777 4200000009", "BGP.next_hop: 192.168.1.1",
			"(4200000003, 3, 4)", "de ad be ef")
	})
	lab.Until(t, 10*time.Second, "both at the one with AS numbers of two octets", func() error {
		return errors.Join(
			lab.Contains(old.Events(`"announce"`, "10.2.0.0/24"), "4200000001, 64513, 64999"),
			lab.Contains(old.Events(`"announce"`, "10.3.0.0/24"), "4200000001, 64514, 64777, 4200000009"))
	})
	lab.Until(t, 10*time.Second, "its route at FRR", func() error {
		return lab.Contains(frr.CLI("show bgp ipv4 unicast 10.5.0.0/24 json"), "4200000001 64515")
	})

	if err := node.Stop(); err != nil {
		t.Error(err)
	}
	lab.Until(t, 10*time.Second, "our goodbye at BIRD", func() error {
		return lab.Contains(bird.CLI("show protocols all r1"), "Received: Administrative shutdown", "calctl is stopping")
	})
	lab.Until(t, 10*time.Second, "our goodbye at FRR", func() error {
		return lab.Contains(frr.CLI("show bgp neighbors 192.168.3.1"), "Notification received (Cease/Administrative Shutdown)")
	})
	wellFormed(t, toFRR, "192.168.3.1", "fd03::1", "ip.src==192.168.3.1 && bgp.notify.minor_error_cease==2")
	wellFormed(t, toOld, "192.168.4.1", "fd04::1", "ip.src==192.168.4.1 && bgp.notify.minor_error_cease==2")
	// Attribute 240, optional and transitive; it is partial now, as we don't know
	// it (RFC 4271, 5).
	if got := toFRR.Show("ip.src==192.168.3.1 && bgp.update.path_attribute.type_code==240", "tcp.payload"); !strings.Contains(got, "e0f004deadbeef") {
		t.Errorf("attribute 240 was changed: %s", got)
	}
	if got := toFRR.Show("(ip.src==192.168.3.1 || ipv6.src==fd03::1) && bgp.update.path_attribute.type_code==5", "tcp.payload"); got != "" {
		t.Errorf("LOCAL_PREF to another AS: %s", got)
	}
	// AS4_PATH and AS4_AGGREGATOR (RFC 6793) as we say them to r5.
	if got := toOld.Show("ip.src==192.168.4.1 && bgp.nlri_prefix==10.3.0.0", "tcp.payload"); lab.Contains(got,
		"1112"+"0204"+"fa56ea01"+"0000fc02"+"0000fd09"+"fa56ea09", "1208"+"fa56ea09"+"c0a80202", "0706"+"5ba0"+"c0a80202") != nil {
		t.Errorf("no AS4_PATH, AS4_AGGREGATOR and AS_TRANS in %s", got)
	}
}
