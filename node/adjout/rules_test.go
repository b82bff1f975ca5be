package adjout

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

var (
	selfV4, selfV6 = addr("192.0.2.254"), addr("2001:db8::fe")

	external  = Key{Family: wire.IPv4, External: true, LocalAS: 64512, Self: selfV4}
	internal  = Key{Family: wire.IPv4, LocalAS: 64512, Self: selfV4, ClusterID: 9}
	ourClient = Key{Family: wire.IPv4, LocalAS: 64512, Self: selfV4, ClusterID: 9, Client: true}

	fromExternal  = &rib.Peer{Source: rib.BGP, AS: 65001, LocalAS: 64512, RouterID: addr("192.0.2.1")}
	fromInternal  = &rib.Peer{Source: rib.BGP, AS: 64512, LocalAS: 64512, RouterID: addr("192.0.2.2"), ClusterID: 9}
	fromClient    = &rib.Peer{Source: rib.BGP, AS: 64512, LocalAS: 64512, RouterID: addr("192.0.2.3"), Client: true, ClusterID: 9}
	fromClient8   = &rib.Peer{Source: rib.BGP, AS: 64512, LocalAS: 64512, RouterID: addr("192.0.2.4"), Client: true, ClusterID: 8}
	fromOtherSelf = &rib.Peer{Source: rib.BGP, AS: 64999, LocalAS: 64999, RouterID: addr("192.0.2.5")}
	fromKernel    = &rib.Peer{Source: rib.Kernel}
)

func with(k Key, change func(*Key)) Key {
	change(&k)
	return k
}

// said is what is compared: wire.Fields as text where that reads better.
type said struct {
	Path, Hop, Originator, Communities string
	Clusters                           []uint32
	LocalPref, MED                     int // -1: not there
	Ext                                int
}

func heard(a *wire.Attrs) said {
	s := said{Path: a.ASPath().String(), Hop: a.NextHop().String(), Communities: a.Communities().String(), LocalPref: -1, MED: -1, Ext: a.ExtCommunities().Len()}
	if o := a.OriginatorID(); o.IsValid() {
		s.Originator = o.String()
	}
	for c := range a.ClusterList().All() {
		s.Clusters = append(s.Clusters, c)
	}
	if v, ok := a.LocalPref(); ok {
		s.LocalPref = int(v)
	}
	if v, ok := a.MED(); ok {
		s.MED = int(v)
	}
	return s
}

func TestRules(t *testing.T) {
	plain := wire.Fields{ASPath: wire.NewASPath(65001, 65002), NextHop: addr("203.0.113.1")}
	tests := []struct {
		name   string
		says   string // who says so
		key    Key
		from   *rib.Peer
		local  *rib.Local
		change func(*wire.Fields)
		want   said
		why    Reason
	}{
		{
			name: "external to external", says: "RFC 4271 §5.1.2 b, §5.1.3; BIRD multihop: next hop is the source address",
			key: external, from: fromExternal,
			want: said{Path: "64512 65001 65002", Hop: "192.0.2.254", LocalPref: -1, MED: -1},
		}, {
			name: "LOCAL_PREF stays inside", says: "RFC 4271 §5.1.5",
			key: external, from: fromInternal,
			change: func(f *wire.Fields) { f.LocalPref, f.HasLocalPref = 300, true },
			want:   said{Path: "64512 65001 65002", Hop: "192.0.2.254", LocalPref: -1, MED: -1},
		}, {
			name: "MED goes no further", says: "RFC 4271 §5.1.4; BIRD bgp_update_attrs sets 0",
			key: external, from: fromExternal,
			change: func(f *wire.Fields) { f.MED, f.HasMED = 50, true },
			want:   said{Path: "64512 65001 65002", Hop: "192.0.2.254", LocalPref: -1, MED: 0},
		}, {
			name: "MED inside", says: "RFC 4271 §5.1.4",
			key: internal, from: fromExternal,
			change: func(f *wire.Fields) { f.MED, f.HasMED = 50, true },
			want:   said{Path: "65001 65002", Hop: "203.0.113.1", LocalPref: 100, MED: 50},
		}, {
			name: "the peer's own AS in the path is no reason", says: "BIRD sends such routes; RFC 4271 §9.1.2 leaves it to the receiver",
			key: with(external, func(k *Key) { k.LocalAS = 64513 }), from: fromExternal,
			want: said{Path: "64513 65001 65002", Hop: "192.0.2.254", LocalPref: -1, MED: -1},
		}, {
			name: "reflection marks don't leave the AS", says: "RFC 4456 §8: non-transitive",
			key: external, from: fromClient,
			change: func(f *wire.Fields) {
				f.OriginatorID, f.ClusterList = addr("192.0.2.9"), wire.ClusterList("").Prepend(3)
			},
			want: said{Path: "64512 65001 65002", Hop: "192.0.2.254", LocalPref: -1, MED: -1},
		}, {
			name: "only transitive extended communities leave the AS", says: "RFC 4360 §2",
			key: external, from: fromInternal,
			change: func(f *wire.Fields) {
				f.ExtCommunities = "\x40\x02\x00\x01\x00\x00\x00\x01\x00\x02\x00\x01\x00\x00\x00\x02"
			},
			want: said{Path: "64512 65001 65002", Hop: "192.0.2.254", LocalPref: -1, MED: -1, Ext: 1},
		}, {
			name: "external, next hop keep", says: "BIRD next hop keep; Calico keepOriginalNextHop",
			key: with(external, func(k *Key) { k.NextHop = NextHopKeep }), from: fromExternal,
			want: said{Path: "64512 65001 65002", Hop: "203.0.113.1", LocalPref: -1, MED: -1},
		}, {
			name: "external to internal", says: "RFC 4271 §5.1.3: next hop unchanged, as BIRD; §5.1.5: LOCAL_PREF must be there",
			key: internal, from: fromExternal,
			want: said{Path: "65001 65002", Hop: "203.0.113.1", LocalPref: 100, MED: -1},
		}, {
			name: "external to internal, next hop self", says: "BIRD next hop self; Calico nextHopMode Self",
			key: with(internal, func(k *Key) { k.NextHop = NextHopSelf }), from: fromExternal,
			want: said{Path: "65001 65002", Hop: "192.0.2.254", LocalPref: 100, MED: -1},
		}, {
			name: "a LOCAL_PREF that is there stays", says: "RFC 4271 §5.1.5",
			key: internal, from: fromClient,
			change: func(f *wire.Fields) { f.LocalPref, f.HasLocalPref = 2147482623, true },
			want:   said{Path: "65001 65002", Hop: "203.0.113.1", LocalPref: 2147482623, MED: -1, Originator: "192.0.2.3", Clusters: []uint32{9}},
		}, {
			name: "internal to internal", says: "RFC 4271 §9.2: not without reflection",
			key: internal, from: fromInternal, why: NotReflected,
		}, {
			name: "internal to client", says: "RFC 4456 §6 case 1; §8",
			key: ourClient, from: fromInternal,
			want: said{Path: "65001 65002", Hop: "203.0.113.1", LocalPref: 100, MED: -1, Originator: "192.0.2.2", Clusters: []uint32{9}},
		}, {
			name: "client to internal", says: "RFC 4456 §6 case 2; BIRD marks towards everyone",
			key: internal, from: fromClient,
			want: said{Path: "65001 65002", Hop: "203.0.113.1", LocalPref: 100, MED: -1, Originator: "192.0.2.3", Clusters: []uint32{9}},
		}, {
			name: "client to client, already reflected", says: "RFC 4456 §8: an ORIGINATOR_ID that is there stays",
			key: ourClient, from: fromClient,
			change: func(f *wire.Fields) {
				f.OriginatorID, f.ClusterList = addr("192.0.2.77"), wire.ClusterList("").Prepend(3)
			},
			want: said{Path: "65001 65002", Hop: "203.0.113.1", LocalPref: 100, MED: -1, Originator: "192.0.2.77", Clusters: []uint32{9, 3}},
		}, {
			name: "from the client of one cluster to that of another", says: "BIRD bgp_update_attrs: both are named",
			key: ourClient, from: fromClient8,
			want: said{Path: "65001 65002", Hop: "203.0.113.1", LocalPref: 100, MED: -1, Originator: "192.0.2.4", Clusters: []uint32{8, 9}},
		}, {
			name: "a client's own cluster", says: "RFC 4456 §8; BIRD bgp_cluster_list_loopy looks at it on export too",
			key: ourClient, from: fromInternal,
			change: func(f *wire.Fields) { f.ClusterList = wire.ClusterList("").Prepend(9).Prepend(3) },
			why:    ClusterLoop,
		}, {
			name: "external to client is no reflection", says: "RFC 4456 §6",
			key: ourClient, from: fromExternal,
			want: said{Path: "65001 65002", Hop: "203.0.113.1", LocalPref: 100, MED: -1},
		}, {
			name: "internal by another local AS", says: "BIRD bgp_import_control: only peers of one local AS reflect",
			key: internal, from: fromOtherSelf,
			want: said{Path: "65001 65002", Hop: "203.0.113.1", LocalPref: 100, MED: -1},
		}, {
			name: "NO_ADVERTISE inside", says: "RFC 1997",
			key: internal, from: fromExternal,
			change: func(f *wire.Fields) { f.Communities = wire.NewCommunities(wire.NoAdvertise) }, why: NoAdvertise,
		}, {
			name: "NO_EXPORT outside", says: "RFC 1997",
			key: external, from: fromInternal,
			change: func(f *wire.Fields) { f.Communities = wire.NewCommunities(1, wire.NoExport) }, why: NoExport,
		}, {
			name: "NO_EXPORT_SUBCONFED outside", says: "RFC 1997; we are no confederation",
			key: external, from: fromInternal,
			change: func(f *wire.Fields) { f.Communities = wire.NewCommunities(wire.NoExportSubconfed) }, why: NoExport,
		}, {
			name: "NO_EXPORT inside", says: "RFC 1997",
			key: internal, from: fromExternal,
			change: func(f *wire.Fields) { f.Communities = wire.NewCommunities(wire.NoExport) },
			want:   said{Path: "65001 65002", Hop: "203.0.113.1", LocalPref: 100, MED: -1, Communities: wire.NewCommunities(wire.NoExport).String()},
		}, {
			name: "long-lived stale", says: "RFC 9494 §4.3",
			key: internal, from: fromExternal,
			change: func(f *wire.Fields) { f.Communities = wire.NewCommunities(wire.LLGRStale) }, why: LongLivedStale,
		}, {
			name: "long-lived stale, to one who knows", says: "RFC 9494 §4.3",
			key: with(internal, func(k *Key) { k.LongLived = true }), from: fromExternal,
			change: func(f *wire.Fields) { f.Communities = wire.NewCommunities(wire.LLGRStale) },
			want:   said{Path: "65001 65002", Hop: "203.0.113.1", LocalPref: 100, MED: -1, Communities: wire.NewCommunities(wire.LLGRStale).String()},
		}, {
			name: "local, inside", says: "BIRD bgp_create_attrs: the gateway [LAB: via 10.0.0.50 is told with NEXT_HOP 10.0.0.50]",
			key: internal, from: fromKernel, local: &rib.Local{Gateway: addr("10.0.0.50")},
			change: func(f *wire.Fields) { f.ASPath = "" },
			want:   said{Hop: "10.0.0.50", LocalPref: 100, MED: -1},
		}, {
			name: "local, inside, without a gateway", says: "BIRD bgp_create_attrs",
			key: internal, from: fromKernel,
			change: func(f *wire.Fields) { f.ASPath, f.NextHop = "", netip.Addr{} },
			want:   said{Hop: "192.0.2.254", LocalPref: 100, MED: -1},
		}, {
			name: "local, inside, next hop self", says: "BIRD next hop self",
			key: with(internal, func(k *Key) { k.NextHop = NextHopSelf }), from: fromKernel, local: &rib.Local{Gateway: addr("10.0.0.50")},
			change: func(f *wire.Fields) { f.ASPath = "" },
			want:   said{Hop: "192.0.2.254", LocalPref: 100, MED: -1},
		}, {
			name: "local, inside, link-local gateway", says: "BIRD bgp_create_attrs: not a link-local one",
			key:  with(internal, func(k *Key) { k.Family, k.Self = wire.IPv6, selfV6 }),
			from: fromKernel, local: &rib.Local{Gateway: addr("fe80::1")},
			change: func(f *wire.Fields) { f.ASPath = "" },
			want:   said{Hop: "2001:db8::fe", LocalPref: 100, MED: -1},
		}, {
			name: "local, outside", says: "BIRD bgp_create_attrs: the source address, on multihop sessions",
			key: external, from: fromKernel, local: &rib.Local{Gateway: addr("10.0.0.50")},
			change: func(f *wire.Fields) { f.ASPath = "" },
			want:   said{Path: "64512", Hop: "192.0.2.254", LocalPref: -1, MED: -1},
		}, {
			name: "local, outside, keep", says: "BIRD next hop keep",
			key: with(external, func(k *Key) { k.NextHop = NextHopKeep }), from: fromKernel, local: &rib.Local{Gateway: addr("10.0.0.50")},
			change: func(f *wire.Fields) { f.ASPath = "" },
			want:   said{Path: "64512", Hop: "10.0.0.50", LocalPref: -1, MED: -1},
		}, {
			name: "link-local next hops stay on their link", says: "RFC 2545 §3",
			key:  with(internal, func(k *Key) { k.Family, k.Self = wire.IPv6, selfV6 }),
			from: fromExternal, change: func(f *wire.Fields) { f.NextHop, f.LinkLocal = addr("2001:db8::1"), addr("fe80::1") },
			want: said{Path: "65001 65002", Hop: "2001:db8::1", LocalPref: 100, MED: -1},
		}, {
			name: "an IPv6 next hop of an IPv4 route", says: "RFC 8950 §3: only if agreed",
			key: internal, from: fromExternal,
			change: func(f *wire.Fields) { f.NextHop = addr("2001:db8::1") }, why: NoNextHop,
		}, {
			name: "an IPv6 next hop of an IPv4 route, agreed", says: "RFC 8950 §3",
			key: with(internal, func(k *Key) { k.ExtendedNextHop = true }), from: fromExternal,
			change: func(f *wire.Fields) { f.NextHop = addr("2001:db8::1") },
			want:   said{Path: "65001 65002", Hop: "2001:db8::1", LocalPref: 100, MED: -1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := plain
			if tt.change != nil {
				tt.change(&f)
			}
			a, err := f.Build()
			if err != nil {
				t.Fatal(err)
			}
			got, why := tt.key.Export(nil, Route{From: tt.from, Local: tt.local, Held: a})
			if why != tt.why {
				t.Fatalf("%v, should be %v (%s)", why, tt.why, tt.says)
			}
			if why != Told {
				return
			}
			if d := cmp.Diff(tt.want, heard(got)); d != "" {
				t.Errorf("%s (-want +got):\n%s", tt.says, d)
			}
			if got.LinkLocal().IsValid() {
				t.Errorf("link-local next hop %v", got.LinkLocal())
			}
		})
	}
}

// What a policy sees and may do: BIRD runs filters after its own rules.
func TestPolicySeesOurAS(t *testing.T) {
	f := wire.Fields{ASPath: wire.NewASPath(65001), NextHop: addr("203.0.113.1")}
	a, _ := f.Build()
	policy := func(r Route) *wire.Attrs {
		if !r.Attrs.ASPath().HasPrefix(64512, 65001) {
			t.Errorf("the policy sees the path %v", r.Attrs.ASPath())
		}
		if pref, ok := r.Attrs.LocalPref(); pref != 100 || !ok {
			t.Errorf("the policy sees LOCAL_PREF %d %v", pref, ok)
		}
		if r.Held != a {
			t.Error("the policy doesn't see what is held")
		}
		return r.Attrs.Prepend(65010).WithLocalPref(5).WithMED(9)
	}
	got, why := external.Export(policy, Route{From: fromExternal, Held: a})
	want := said{Path: "65010 64512 65001", Hop: "192.0.2.254", LocalPref: -1, MED: 9}
	if d := cmp.Diff(want, heard(got)); why != Told || d != "" {
		t.Errorf("%v (-want +got):\n%s", why, d)
	}
	if _, why := external.Export(func(Route) *wire.Attrs { return nil }, Route{From: fromExternal, Held: a}); why != ByPolicy {
		t.Errorf("rejected: %v", why)
	}
}

func TestKeys(t *testing.T) {
	a := external
	b := with(external, func(k *Key) {
		k.ClusterID, k.Client, k.Builder.MaxLen, k.Builder.AddPath = 5, true, wire.MaxLen, wire.OnlyIPv6
	})
	if a.normal() != b.normal() {
		t.Error("keys differ by what makes no difference")
	}
	for r := Told; r <= NoNextHop+1; r++ {
		if r.String() == "" {
			t.Errorf("reason %d has no words", r)
		}
	}
	if NextHopKeep.String() != "Keep" || NextHopSelf.String() != "Self" || NextHopUsual.String() != "Auto" {
		t.Error("next hop rules have other names in the resources")
	}
}
