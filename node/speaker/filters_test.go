package speaker

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/rib"
)

// rules is a chain of one filter, written in YAML.
func rules(t testing.TB, text string) policy.Chain {
	t.Helper()
	f := policy.Filter{Name: "f", List: "importV4"}
	if err := yaml.UnmarshalStrict([]byte(text), &f.Rules); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return policy.NewChain(f)
}

// TestImportFilters: what comes in follows the filters, in both directions,
// while the session stays; what was rejected has been kept.
func TestImportFilters(t *testing.T) {
	f := fars(t, 2)
	f[0].bird(bird{asn: 64513, routes: []string{"10.2.0.0/24", "10.2.1.0/24", "10.3.0.0/24"}})
	f[1].bird(bird{asn: 64514, routes: []string{"10.3.0.0/24"}})
	s := speak(t)
	with := func(text string) {
		t.Helper()
		s.apply(bgpWith(f[0].peer4(64513, func(p *intent.Peer) { p.Import = rules(t, text) }), f[1].peer4(64514)))
	}
	has := func(one, two, three string) {
		t.Helper()
		s.awaitRoute("10.2.0.0/24", one)
		s.awaitRoute("10.2.1.0/24", two)
		s.awaitRoute("10.3.0.0/24", three)
	}
	with("- {action: Reject, cidr: 10.2.0.0/24, matchOperator: Equal}")
	s.awaitUp(f[0].addr4())
	s.awaitUp(f[1].addr4())
	up := s.since(f[0].addr4())
	has("", "10.0.1.2", "10.0.1.2 10.0.2.2")
	with("[]")
	has("10.0.1.2", "10.0.1.2", "10.0.1.2 10.0.2.2")
	with("- {action: Reject, cidr: 10.2.0.0/16, matchOperator: In}")
	has("", "", "10.0.1.2 10.0.2.2")
	// A worse one in the place of an equal one, and a better one.
	with("- {action: Accept, operations: [{prependASPath: {prefix: [64513]}}]}")
	has("10.0.1.2", "10.0.1.2", "10.0.2.2")
	with("- {action: Accept, operations: [{setPriority: {value: 1024}}]}")
	has("10.0.1.2", "10.0.1.2", "10.0.1.2")
	with("- {action: Reject}")
	has("", "", "10.0.2.2")
	if p := s.peer(f[0].addr4()); p.RoutesIn != 3 {
		t.Errorf("%d routes of the peer are known, want all 3", p.RoutesIn)
	}
	with("[]")
	has("10.0.1.2", "10.0.1.2", "10.0.1.2 10.0.2.2")
	if !s.since(f[0].addr4()).Equal(up) {
		t.Error("the session was reset")
	}
}

// TestExportFilters: what a peer hears follows its own filters.
func TestExportFilters(t *testing.T) {
	f := fars(t, 2)
	b1 := f[0].bird(bird{asn: 64513, routes: []string{"10.2.0.0/24"}})
	b2 := f[1].bird(bird{asn: 64513})
	s := speak(t)
	with := func(one, two string) {
		t.Helper()
		s.apply(bgpWith(
			f[0].peer4(64513, func(p *intent.Peer) { p.Export = rules(t, one) }),
			f[1].peer4(64513, func(p *intent.Peer) { p.Export = rules(t, two) })))
	}
	with("[]", "[]")
	s.awaitUp(f[0].addr4())
	s.awaitUp(f[1].addr4())
	up := [2]time.Time{s.since(f[0].addr4()), s.since(f[1].addr4())}
	birdRoute(t, b1, "172.16.1.0/24", "64512")
	birdRoute(t, b2, "172.16.1.0/24", "64512")
	birdRoute(t, b2, "10.2.0.0/24") // learned, and in no pool

	remote := "- {action: Accept, source: RemotePeers, peerType: eBGP, asPathPrefix: [64512, 64513], operations: [{addCommunity: {value: '64512:7'}}, {prependASPath: {prefix: [64599, 64598]}}, {addCommunity: {value: '64512:1:2'}}]}"
	with("[]", remote)
	// BIRD 2 keeps what has its own AS in the path away: it is told, and not taken.
	lab.Until(t, 10*time.Second, "a route more told", func() error {
		if n := s.peer(f[1].addr4()).RoutesOut; n != 2 {
			return fmt.Errorf("%d routes out", n)
		}
		return nil
	})
	birdRoute(t, b2, "172.16.1.0/24", "64512")
	with("- {action: Accept, operations: [{addCommunity: {value: '64512:7'}}, {prependASPath: {prefix: [64599, 64598]}}, {addCommunity: {value: '64512:1:2'}}]}", "- {action: Reject}")
	birdRoute(t, b1, "172.16.1.0/24", "BGP.as_path: 64599 64598 64512", "BGP.community: (64512,7)", "BGP.large_community: (64512, 1, 2)")
	birdRoute(t, b2, "172.16.1.0/24")
	with("[]", "[]")
	birdRoute(t, b1, "172.16.1.0/24", "BGP.as_path: 64512\n")
	birdRoute(t, b2, "172.16.1.0/24", "BGP.as_path: 64512\n")
	for i := range f {
		if !s.since(f[i].addr4()).Equal(up[i]) {
			t.Errorf("the session with %s was reset", f[i].Name)
		}
	}
}

// TestFiltersByInterface: where a route leads to may change, and the filters
// hear of it.
func TestFiltersByInterface(t *testing.T) {
	f := fars(t, 1)[0]
	b := f.bird(bird{asn: 64513, routes: []string{"10.2.0.0/24"}})
	var way = make(chan string, 1)
	way <- "eth0"
	s := speakWith(t, Options{Reach: func(netip.Addr) Reach {
		now := <-way
		way <- now
		return Reach{Resolvable: true, OnLink: true, Interface: now}
	}})
	want := bgpWith(f.peer4(64513, func(p *intent.Peer) {
		p.Import = rules(t, "- {action: Reject, interface: 'eth*'}")
		p.Export = rules(t, "- {action: Reject, interface: 'dummy*'}")
	}))
	local := func(dev string) {
		t.Helper()
		want.Local[netip.MustParsePrefix("172.16.1.0/24")] = intent.Local{Interface: dev}
		s.apply(want)
	}
	local("eth5")
	s.awaitUp(f.addr4())
	birdRoute(t, b, "172.16.1.0/24", "64512")
	s.awaitRoute("10.2.0.0/24", "")
	<-way
	way <- "bond0"
	s.ReachChanged()
	s.awaitRoute("10.2.0.0/24", "10.0.1.2")
	<-way
	way <- "eth1"
	s.ReachChanged()
	s.awaitRoute("10.2.0.0/24", "")
	local("dummy0")
	birdRoute(t, b, "172.16.1.0/24")
	local("eth5")
	birdRoute(t, b, "172.16.1.0/24", "64512")
}

// TestPoliciesAreShared: peers with equal filters, of one type, have one
// policy, by which they are one update group; what nobody has is forgotten.
func TestPoliciesAreShared(t *testing.T) {
	c := &core{policies: newPolicies(nil), peers: map[netip.AddrPort]*peering{}}
	add := func(n byte, asn uint32, text string) *peering {
		p := &peering{c: c, peer: &rib.Peer{Source: rib.BGP, AS: asn, LocalAS: ownASN}}
		p.rules.Import, p.rules.Export = rules(t, text), rules(t, text)
		c.peers[netip.AddrPortFrom(ten(0, n), 179)] = p
		c.policies.importer(p.importJudges())
		p.exporter()
		return p
	}
	const one, two = "- {action: Reject}", "- {action: Accept}"
	a, b, inside, other := add(1, 64513, one), add(2, 64514, one), add(3, ownASN, one), add(4, 64513, two)
	if a.exporter() != b.exporter() {
		t.Error("equal filters are not one policy")
	}
	for _, p := range []*peering{inside, other} {
		if x := p.exporter(); x == a.exporter() || x.name == a.exporter().name {
			t.Errorf("%s: not a policy of its own", x.name)
		}
	}
	kept := a.exporter()
	delete(c.peers, netip.AddrPortFrom(ten(0, 4), 179))
	c.tidy()
	if len(c.policies.in) != 2 || len(c.policies.out) != 2 || a.exporter() != kept {
		t.Errorf("kept: %d and %d policies", len(c.policies.in), len(c.policies.out))
	}
}
