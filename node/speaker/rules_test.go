package speaker

import (
	"net/netip"
	"testing"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// TestImporting: what has been here before, leads back to us or nowhere stays out.
func TestImporting(t *testing.T) {
	p := &peering{c: &core{asn: 64512, id: netip.MustParseAddr("192.0.2.1")}, self: netip.MustParseAddr("10.0.0.1")}
	p.rules.Cluster = netip.MustParseAddr("244.0.0.1")
	p.importer = policy.NewImporter(chain("f", "cidr: 10.66.0.0/16, matchOperator: In"), policy.Priorities{}, true)
	for _, tt := range []struct {
		what   string
		path   []uint32
		change func(*wire.Fields)
		prefix string
		in     bool
	}{
		{"a usual route", []uint32{64513, 64514}, nil, "10.2.0.0/24", true},
		{"a default route", []uint32{64513}, nil, "0.0.0.0/0", true},
		{"our AS in the path", []uint32{64513, 64512}, nil, "10.2.0.0/24", false},
		{"an internal route", nil, nil, "10.2.0.0/24", true},
		{"another's ORIGINATOR_ID", nil, func(f *wire.Fields) { f.OriginatorID = netip.MustParseAddr("192.0.2.2") }, "10.2.0.0/24", true},
		{"our ORIGINATOR_ID", nil, func(f *wire.Fields) { f.OriginatorID = netip.MustParseAddr("192.0.2.1") }, "10.2.0.0/24", false},
		{"another's cluster", nil, func(f *wire.Fields) { f.ClusterList = f.ClusterList.Prepend(0xf4000002) }, "10.2.0.0/24", true},
		{"our cluster", nil, func(f *wire.Fields) { f.ClusterList = f.ClusterList.Prepend(0xf4000001).Prepend(7) }, "10.2.0.0/24", false},
		{"our address as next hop", []uint32{64513}, func(f *wire.Fields) { f.NextHop = netip.MustParseAddr("10.0.0.1") }, "10.2.0.0/24", false},
		{"loopback", []uint32{64513}, nil, "127.0.0.0/8", false},
		{"what a filter rejects", []uint32{64513}, nil, "10.66.1.0/24", false},
		{"multicast", []uint32{64513}, nil, "224.0.0.0/4", false},
	} {
		f := wire.Fields{ASPath: wire.ASPath("").Prepend(tt.path...), NextHop: netip.MustParseAddr("10.0.0.2")}
		if tt.change != nil {
			tt.change(&f)
		}
		a, err := f.Build()
		if err != nil {
			t.Fatalf("%s: %v", tt.what, err)
		}
		for range 2 { // the second time from memory
			if got, _ := p.importing(nil, wire.IPv4, netip.MustParsePrefix(tt.prefix), a); (got == a) != tt.in || (got == nil) == tt.in {
				t.Errorf("%s: let in %v, want %v", tt.what, got != nil, tt.in)
			}
		}
	}
}

// TestResolver: BIRD's distances.
func TestResolver(t *testing.T) {
	for _, tt := range []struct {
		kernel Reach
		want   rib.Reach
	}{
		{Reach{}, rib.Reach{}},
		{Reach{OnLink: true}, rib.Reach{}},
		{Reach{Resolvable: true, OnLink: true}, rib.Reach{Resolvable: true}},
		{Reach{Resolvable: true}, rib.Reach{Resolvable: true, Metric: rib.Far}},
	} {
		if got := resolver(func(netip.Addr) Reach { return tt.kernel })(netip.Addr{}); got != tt.want {
			t.Errorf("%+v: %+v, want %+v", tt.kernel, got, tt.want)
		}
	}
	if got := resolver(nil)(netip.Addr{}); got != (rib.Reach{Resolvable: true}) {
		t.Errorf("without a kernel: %+v", got)
	}
}

// TestTidyBeforeASession: a peer that has never been up has no export policy
// yet, and what forgets and tidies must not make it one.
func TestTidyBeforeASession(t *testing.T) {
	c := &core{policies: newPolicies(nil)}
	p := &peering{c: c, peer: &rib.Peer{Source: rib.BGP, AS: 64513, LocalAS: 64512}}
	c.peers = map[netip.AddrPort]*peering{netip.MustParseAddrPort("192.0.2.1:179"): p}
	c.policies.importer(p.importJudges())
	c.tidy()
	c.policies.forget()
	if len(c.policies.in) != 1 || len(c.policies.out) != 0 {
		t.Errorf("%d import and %d export policies are kept", len(c.policies.in), len(c.policies.out))
	}
}
