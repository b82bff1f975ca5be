package intent_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/resources"
)

func TestBrokenEntriesAreProblems(t *testing.T) {
	snap := resources.NewSnapshot()
	peer := resources.Key{Kind: resources.KindBGPPeer, Name: "tor"}
	snap.Broken = []resources.Broken{
		{Source: "/d/bgppeers/what.yaml", Err: errors.New("mapping values are\n  not allowed here")},
		{Key: peer, Source: "/d/bgppeers/tor.yaml", Err: errors.New("line 3: no such field: peerip"), Kept: true},
		{Key: peer, Err: errors.New("unreadable")},
	}
	_, problems := intent.Derive(snap, "a", intent.Host{})
	want := `/d/bgppeers/what.yaml: mapping values are not allowed here; it is as if it were not there
BGPPeer(tor): unreadable; it is as if it were not there
BGPPeer(tor): /d/bgppeers/tor.yaml: line 3: no such field: peerip; the last good version stays in force
Node(a): is not in the datastore, so this node does not speak BGP; calctl node run registers it, or apply one
`
	if diff := cmp.Diff(want, list(problems)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	for i, j := 0, len(snap.Broken)-1; i < j; i, j = i+1, j-1 {
		snap.Broken[i], snap.Broken[j] = snap.Broken[j], snap.Broken[i]
	}
	if _, again := intent.Derive(snap, "a", intent.Host{}); !cmp.Equal(problems, again) {
		t.Errorf("another order of broken entries gives other problems:\n%s", list(again))
	}
}

// TestBrokenFilter: one that can't be read lets nothing pass, and one that isn't
// there does not count.
func TestBrokenFilter(t *testing.T) {
	snap := mesh(1)
	snap.Broken = []resources.Broken{{Key: resources.Key{Kind: resources.KindBGPFilter, Name: "broken"}, Source: "/d/broken.yaml", Err: errors.New("no YAML")}}
	for i, filters := range [][]string{{"broken"}, {"missing"}} {
		p := &resources.BGPPeer{}
		p.Name = filters[0]
		p.Spec = resources.BGPPeerSpec{PeerIP: fmt.Sprint("192.0.2.", i+1), ASNumber: 65000, Filters: filters}
		snap.Put(p)
	}
	bgp, problems := intent.Derive(snap, "node-0", intent.Host{})
	broken, missing := bgp.Peers[netip.MustParseAddrPort("192.0.2.1:179")], bgp.Peers[netip.MustParseAddrPort("192.0.2.2:179")]
	const rejects = `"rules":[{"action":"Reject"}]`
	if !strings.Contains(broken.Import.String(), rejects) || !strings.Contains(broken.Export.String(), rejects) {
		t.Errorf("a broken filter: %+v", broken)
	}
	if missing.Import.String() != "" || missing.Export.String() != "" || missing.Name != "missing" {
		t.Errorf("a missing filter: %+v", missing)
	}
	want := `BGPFilter(broken): /d/broken.yaml: no YAML; until it can be read, no route passes it
BGPPeer(broken): spec.filters: BGPFilter(broken) can't be read; until it can, no route passes it
BGPPeer(missing): spec.filters: BGPFilter(missing) does not exist and is passed over; create it, or take it off the list
`
	if diff := cmp.Diff(want, list(problems)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// TestPasswordsStayHidden: however an intent and its problems are printed, no
// password is in it.
func TestPasswordsStayHidden(t *testing.T) {
	snap := mesh(3)
	snap.Configs["default"].Spec.NodeMeshPassword = &resources.BGPPassword{SecretKeyRef: &resources.SecretKeySelector{Name: "s", Key: "k"}}
	snap.Secrets["s"] = &resources.Secret{Data: map[string][]byte{"k": []byte("rosebud")}}
	bgp, problems := intent.Derive(snap, "node-0", intent.Host{})
	if len(bgp.Peers) != 2 || len(problems) != 0 {
		t.Fatalf("the test itself is wrong: %v, %v", bgp.Peers, problems)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(verb, bgp); strings.Contains(text, "rosebud") || strings.Contains(text, fmt.Sprintf("%x", "rosebud")) {
			t.Errorf("%s shows the password: %s", verb, text)
		}
	}
}

// TestBothEndsOfTheMeshAgree derives every node of random clusters: a session
// is wanted by both its ends or by none, each expects the AS number the other
// has and dials the port the other listens on, and exactly one end waits.
func TestBothEndsOfTheMeshAgree(t *testing.T) {
	for seed := range uint64(50) {
		snap := randomMesh(rand.New(rand.NewPCG(seed, 0)))
		derived := map[string]intent.BGP{}
		for name := range snap.Nodes {
			derived[name], _ = intent.Derive(snap, name, intent.Host{})
		}
		sessions := 0
		for name, bgp := range derived {
			for at, p := range bgp.Peers {
				sessions++
				other := derived[p.Name]
				back, ok := other.Peers[netip.AddrPortFrom(p.LocalAddress, bgp.Port)]
				switch {
				case !ok:
					t.Fatalf("seed %d: %s has a session with %s, which has none with %s", seed, name, p.Name, name)
				case back.LocalAddress != at.Addr() || back.Name != name:
					t.Fatalf("seed %d: %s speaks to %s at %s, which speaks to %s from %s", seed, name, p.Name, at, back.Name, back.LocalAddress)
				case p.ASN != other.ASN || back.ASN != bgp.ASN:
					t.Fatalf("seed %d: %s and %s disagree about AS numbers", seed, name, p.Name)
				case at.Port() != other.Port:
					t.Fatalf("seed %d: %s dials %s, which listens on %d", seed, name, at, other.Port)
				case p.Passive == back.Passive:
					t.Fatalf("seed %d: %s and %s: passive is %v at both ends", seed, name, p.Name, p.Passive)
				}
			}
		}
		if sessions == 0 {
			t.Fatalf("seed %d: no sessions to look at", seed)
		}
	}
}

// randomMesh is a cluster in which every node has an AS number of its own, or
// none has: between a node with and one without Calico's two ends disagree.
func randomMesh(rng *rand.Rand) *resources.Snapshot {
	snap := resources.NewSnapshot()
	snap.Configs["default"] = &resources.BGPConfiguration{}
	withASN := rng.IntN(2) == 0
	for i := range 8 {
		name := fmt.Sprintf("n%d", i)
		bgp := &resources.NodeBGPSpec{}
		if i < 2 || rng.IntN(4) > 0 {
			bgp.IPv4Address = fmt.Sprintf("10.0.%d.%d/16", rng.IntN(30), i+1)
		}
		if rng.IntN(2) == 0 {
			bgp.IPv6Address = fmt.Sprintf("2001:db8::%x:%x/64", rng.IntN(30), i+1)
		}
		if withASN {
			asn := resources.ASN(65000 + rng.IntN(3))
			bgp.ASNumber = &asn
		}
		if i >= 2 && rng.IntN(6) == 0 {
			bgp.RouteReflectorClusterID = "244.0.0.1"
		}
		if rng.IntN(3) == 0 {
			own := &resources.BGPConfiguration{}
			own.Spec.ListenPort = uint16(1790 + i)
			snap.Configs["node."+name] = own
		}
		snap.Nodes[name] = &resources.Node{Spec: resources.NodeSpec{BGP: bgp}}
	}
	return snap
}

// mesh is a cluster of n nodes.
func mesh(n int) *resources.Snapshot {
	snap := resources.NewSnapshot()
	snap.Configs["default"] = &resources.BGPConfiguration{}
	for i := range n {
		name := fmt.Sprintf("node-%d", i)
		snap.Nodes[name] = &resources.Node{
			Metadata: resources.Metadata{Name: name, Labels: map[string]string{"rack": fmt.Sprintf("r%d", i%20)}},
			Spec: resources.NodeSpec{BGP: &resources.NodeBGPSpec{
				IPv4Address: fmt.Sprintf("10.0.%d.%d/16", i/250, i%250+1),
			}},
		}
	}
	return snap
}

// BenchmarkDerive is the cost of one wake-up of the daemon: a mesh of n nodes,
// a router for each of 20 racks, and 100 pools.
func BenchmarkDerive(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 5000} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			snap := mesh(n)
			for i := range 20 {
				p := &resources.BGPPeer{}
				p.Spec.NodeSelector = fmt.Sprintf("rack == 'r%d'", i)
				p.Spec.PeerIP = fmt.Sprintf("192.0.2.%d", i+1)
				p.Spec.ASNumber = 65000
				snap.Peers[fmt.Sprintf("tor-%d", i)] = p
			}
			for i := range 100 {
				p := &resources.IPPool{}
				p.Spec.CIDR = fmt.Sprintf("10.%d.0.0/16", i+1)
				snap.Pools[fmt.Sprintf("pool-%d", i)] = p
			}
			b.ReportAllocs()
			for b.Loop() {
				bgp, problems := intent.Derive(snap, "node-3", intent.Host{})
				if len(bgp.Peers) != n || len(problems) != 0 {
					b.Fatalf("%d peers, %v", len(bgp.Peers), problems)
				}
			}
		})
	}
}
