package speaker

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/policy/policytest"
	"github.com/calctl/calctl/node/wire"
	"github.com/calctl/calctl/resources"
)

// somePools are what is told where no filter decides.
var somePools = []policy.Export{
	{},
	{Accept: prefixes("10.0.0.0/8")},
	{Accept: prefixes("10.0.0.0/14 10.1.0.0/16"), Reject: prefixes("10.2.0.0/24 10.1.0.0/26")},
	{Accept: prefixes("10.0.0.0/8"), Advertise: []policy.Advertisement{{CIDR: netip.MustParsePrefix("10.1.0.0/16"), Communities: []string{"3:3"}}}},
}

// A leaf is a peer of the hub.
type leaf struct {
	*heard
	asn              uint32
	at               netip.AddrPort
	routes           []netip.Prefix
	imports, exports policy.Chain // the hub's, for it
}

// TestFiltersAtRandom has a hub between peers change any of its policies, many
// times over, some of them before everything that came of the last is told.
// What each peer has at the end is what the policies say of the routes of all
// others, with the attributes they say; no session is reset. Peers of
// one policy need not be one update group: they hear all paths, by numbers of
// their group's, and groups that came to be alike stay apart.
func TestFiltersAtRandom(t *testing.T) {
	h := fars(t, 1)[0].here()
	const n = 5
	self := netip.MustParseAddr("10.99.0.1")
	addrs := []string{"10.99.0.1/32"}
	for i := range n {
		addrs = append(addrs, fmt.Sprintf("10.99.1.%d/32", i+1))
	}
	h.Addr("lo", addrs...)
	t.Cleanup(func() { h.IP("addr", "flush", "dev", "lo", "scope", "global") })

	leaves := make([]*leaf, n)
	for i := range leaves {
		l := &leaf{
			heard: speak(t), asn: 65001 + uint32(i),
			at: netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf("10.99.1.%d", i+1)), uint16(2000+i)),
		}
		own := intent.BGP{
			ASN: l.asn, RouterID: l.at.Addr(), Port: l.at.Port(), Local: map[netip.Prefix]intent.Local{},
			Peers: map[netip.AddrPort]intent.Peer{netip.AddrPortFrom(self, 179): {
				Name: "hub", ASN: ownASN, LocalAddress: l.at.Addr(), Passive: true,
				Rules: intent.Rules{AllowedLocalAS: 99}, // filters prepend anybody's
			}},
			Export: policy.Export{Accept: prefixes("10.0.0.0/8")},
		}
		for j := range 4 {
			for _, bits := range []int{24, 26, 32} {
				p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(j), byte(i), 0}), bits)
				l.routes = append(l.routes, p)
				own.Local[p] = intent.Local{}
			}
		}
		l.apply(own)
		leaves[i] = l
	}
	hub := speak(t)
	want := intent.BGP{ASN: ownASN, RouterID: ownID, Port: 179, Export: somePools[1]}
	apply := func() {
		t.Helper()
		want.Peers = map[netip.AddrPort]intent.Peer{}
		for _, l := range leaves {
			want.Peers[l.at] = intent.Peer{Name: "leaf", ASN: l.asn, LocalAddress: self, Rules: intent.Rules{Import: l.imports, Export: l.exports}}
		}
		hub.apply(want)
	}
	apply()
	var up []time.Time
	for _, l := range leaves {
		hub.awaitUp(l.at.Addr())
		up = append(up, hub.since(l.at.Addr()))
	}

	core := hub.engine.(*core)
	right := func() error {
		names := map[string]bool{}
		for _, l := range leaves {
			expected := map[netip.Prefix]string{}
			for _, from := range leaves {
				if from != l {
					maps.Copy(expected, passing(t, from, l, want.Export))
				}
			}
			names[l.exports.String()] = true
			told := map[netip.Prefix]string{}
			core.call(func() {
				core.peers[l.at].member.Told(func(d wire.Dest, a *wire.Attrs) { told[d.Prefix] = said(a) })
			})
			if !maps.Equal(told, expected) {
				return fmt.Errorf("AS %d is to be told %v, want %v", l.asn, told, expected)
			}
			if has := l.all(); !slices.Equal(has, slices.SortedFunc(maps.Keys(expected), netip.Prefix.Compare)) {
				return fmt.Errorf("AS %d has %v, want %v", l.asn, has, expected)
			}
		}
		groups := 0
		core.call(func() { groups = len(core.groups.List()) })
		if groups < len(names) || groups > n {
			return fmt.Errorf("%d update groups for %d policies of %d peers", groups, len(names), n)
		}
		return nil
	}
	rounds := 60
	if testing.Short() {
		rounds = 12
	}
	r := policytest.New(3)
	// Interfaces lead to none of the leaves in particular.
	draw := func(list string, of func(resources.BGPFilterSpec) []resources.BGPFilterRule) policy.Chain {
		f := policy.Filter{Name: "f", List: list, Rules: of(r.Filter("f").Spec)}
		for i := range f.Rules {
			f.Rules[i].Interface = ""
		}
		return policy.NewChain(f)
	}
	for round := range rounds {
		for range 1 + r.IntN(4) {
			if r.IntN(3) == 0 {
				want.Export = somePools[r.IntN(len(somePools))]
			}
			for _, l := range leaves {
				if r.IntN(3) == 0 {
					l.imports = draw("importV4", func(s resources.BGPFilterSpec) []resources.BGPFilterRule { return s.ImportV4 })
				}
				if r.IntN(3) == 0 {
					l.exports = draw("exportV4", func(s resources.BGPFilterSpec) []resources.BGPFilterRule { return s.ExportV4 })
				}
			}
			apply()
		}
		lab.Until(t, 10*time.Second, fmt.Sprint("round ", round), right)
	}
	for i, l := range leaves {
		if !hub.since(l.at.Addr()).Equal(up[i]) {
			t.Errorf("the session with AS %d was reset", l.asn)
		}
	}
}

// passing are the routes of one leaf that another is to hear, and with what.
func passing(t *testing.T, from, to *leaf, pools policy.Export) map[netip.Prefix]string {
	t.Helper()
	in, out := policy.NewImporter(from.imports, policy.Priorities{}, true), policy.NewExporter(to.exports, pools, true)
	heard := map[netip.Prefix]string{}
	f := wire.Fields{ASPath: wire.NewASPath(from.asn), NextHop: from.at.Addr()}
	came, err := f.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range from.routes {
		a := in.Judge(policy.Route{Prefix: p, Attrs: came, Remote: true}).Attrs
		if a == nil {
			continue
		}
		if a = out.Judge(policy.Route{Prefix: p, Attrs: a.Prepend(ownASN), Remote: true}).Attrs; a != nil {
			heard[p] = said(a)
		}
	}
	return heard
}

func said(a *wire.Attrs) string {
	return fmt.Sprint(a.ASPath(), " ", a.Communities(), " ", a.LargeCommunities())
}
