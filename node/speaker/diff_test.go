package speaker

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/status"
)

// compare lets go-cmp look at addresses and passwords.
var compare = cmp.Options{
	cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{}, resources.Password{}, policy.Chain{}),
	cmpopts.EquateEmpty(),
}

func TestDiff(t *testing.T) {
	var (
		a, b = netip.MustParseAddrPort("10.0.0.2:179"), netip.MustParseAddrPort("10.0.0.3:179")
		b2   = netip.MustParseAddrPort("10.0.0.3:1790")
		p, q = netip.MustParsePrefix("10.1.0.0/24"), netip.MustParsePrefix("10.2.0.0/24")
		pool = netip.MustParsePrefix("10.0.0.0/8")
	)
	base := func(change ...func(*intent.BGP)) intent.BGP {
		w := intent.BGP{
			ASN: 64512, RouterID: ownID, Port: 179,
			Peers: map[netip.AddrPort]intent.Peer{
				a: {Name: "a", Type: status.Global, ASN: 64513},
				b: {Name: "b", Type: status.NodePeer, ASN: 64514, Password: resources.NewPassword("x")},
			},
			Local:  map[netip.Prefix]intent.Local{p: {Source: intent.Direct}},
			Export: policy.Export{Accept: []netip.Prefix{pool}},
		}
		for _, c := range change {
			c(&w)
		}
		return w
	}
	peer := func(at netip.AddrPort, change func(*intent.Peer)) func(*intent.BGP) {
		return func(w *intent.BGP) {
			x := w.Peers[at]
			change(&x)
			w.Peers[at] = x
		}
	}
	everything := Changes{Restart: true, Policy: true, Announce: []netip.Prefix{p}, Add: []netip.AddrPort{a, b}}
	changed := func(at netip.AddrPort) Changes {
		return Changes{Remove: []netip.AddrPort{at}, Add: []netip.AddrPort{at}}
	}

	tests := []struct {
		name       string
		have, want intent.BGP
		changes    Changes
	}{
		{"first", intent.BGP{}, base(), everything},
		{"nothing", base(), base(), Changes{}},
		{"never enabled", intent.BGP{}, intent.BGP{ASN: 64512}, Changes{}},
		{"no longer enabled", base(), intent.BGP{ASN: 64512}, Changes{Restart: true}},
		{"as number", base(), base(func(w *intent.BGP) { w.ASN = 1 }), everything},
		{"router id", base(), base(func(w *intent.BGP) { w.RouterID = netip.MustParseAddr("192.0.2.2") }), everything},
		{"port", base(), base(func(w *intent.BGP) { w.Port = 1179 }), everything},
		{"where to listen", base(), base(func(w *intent.BGP) { w.Listen = []netip.Addr{ownID} }), everything},
		{"a peer more", base(func(w *intent.BGP) { delete(w.Peers, b) }), base(), Changes{Add: []netip.AddrPort{b}}},
		{"a peer less", base(), base(func(w *intent.BGP) { delete(w.Peers, a) }), Changes{Remove: []netip.AddrPort{a}}},
		{"renamed", base(), base(peer(a, func(x *intent.Peer) { x.Name, x.Type = "z", status.NodePeer })), Changes{}},
		{"the peer's as number", base(), base(peer(a, func(x *intent.Peer) { x.ASN++ })), changed(a)},
		{"local address", base(), base(peer(a, func(x *intent.Peer) { x.LocalAddress = ownID })), changed(a)},
		{"password", base(), base(peer(b, func(x *intent.Peer) { x.Password = resources.NewPassword("y") })), changed(b)},
		{"password off", base(), base(peer(b, func(x *intent.Peer) { x.Password = resources.Password{} })), changed(b)},
		{"passive", base(), base(peer(a, func(x *intent.Peer) { x.Passive = true })), changed(a)},
		{"filters in", base(), base(peer(a, func(x *intent.Peer) { x.Import = chain("f", "") })), Changes{Rules: []netip.AddrPort{a}}},
		{"filters out", base(peer(b, func(x *intent.Peer) { x.Export = chain("f", "") })), base(peer(b, func(x *intent.Peer) { x.Export = chain("g", "") })), Changes{Rules: []netip.AddrPort{b}}},
		{"filters off", base(peer(b, func(x *intent.Peer) { x.Export = chain("f", "") }), peer(a, func(x *intent.Peer) { x.Import = chain("f", "") })), base(), Changes{Rules: []netip.AddrPort{a, b}}},
		{"local as number", base(), base(peer(a, func(x *intent.Peer) { x.LocalASN = 7 })), changed(a)},
		{"distance", base(), base(peer(a, func(x *intent.Peer) { x.TTLSecurity = 1 })), changed(a)},
		{"restart time", base(), base(peer(a, func(x *intent.Peer) { x.RestartTime = 1 })), changed(a)},
		{"keepalive", base(), base(peer(a, func(x *intent.Peer) { x.Keepalive = 1 })), changed(a)},
		{"cluster", base(), base(peer(a, func(x *intent.Peer) { x.Cluster = ownID })), Changes{Rules: []netip.AddrPort{a}}},
		{"next hop", base(), base(peer(a, func(x *intent.Peer) { x.NextHop = intent.NextHopSelf })), Changes{Rules: []netip.AddrPort{a}}},
		{"maximum", base(), base(peer(a, func(x *intent.Peer) { x.MaximumPrefixes = 1 })), Changes{Rules: []netip.AddrPort{a}}},
		{"filters and password", base(), base(peer(a, func(x *intent.Peer) { x.Import, x.Password = chain("f", ""), resources.NewPassword("y") })), changed(a)},
		{"another port of a peer", base(), base(func(w *intent.BGP) { w.Peers[b2] = w.Peers[b]; delete(w.Peers, b) }),
			Changes{Remove: []netip.AddrPort{b}, Add: []netip.AddrPort{b2}}},
		{"a route more", base(), base(func(w *intent.BGP) { w.Local[q] = intent.Local{} }), Changes{Announce: []netip.Prefix{q}}},
		{"a route less", base(), base(func(w *intent.BGP) { delete(w.Local, p) }), Changes{Withdraw: []netip.Prefix{p}}},
		{"a route by another gateway", base(), base(func(w *intent.BGP) { w.Local[p] = intent.Local{Source: intent.Kernel, Metric: 5} }), Changes{Announce: []netip.Prefix{p}}},
		{"a pool more", base(), base(func(w *intent.BGP) { w.Export.Reject = []netip.Prefix{q} }), Changes{Policy: true}},
		{"communities", base(), base(func(w *intent.BGP) {
			w.Export.Advertise = []policy.Advertisement{{CIDR: q, Communities: []string{"1:2"}}}
		}), Changes{Policy: true}},
		{"a pool less", base(), base(func(w *intent.BGP) { w.Export.Accept = nil }), Changes{Policy: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Diff(tt.have, tt.want)
			if d := cmp.Diff(tt.changes, got, compare); d != "" {
				t.Errorf("changes (-want +got):\n%s", d)
			}
			if got.Empty() != cmp.Equal(Changes{}, tt.changes, compare) {
				t.Errorf("Empty() = %v", got.Empty())
			}
		})
	}
}

func TestCheck(t *testing.T) {
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	ok := intent.Peer{Name: "p", ASN: 64513}
	with := func(change func(*intent.Peer)) intent.Peer { p := ok; change(&p); return p }
	tests := []struct {
		at   netip.AddrPort
		peer intent.Peer
		want string
	}{
		{at("10.0.0.2:179"), ok, ""},
		{at("[fd00::2]:179"), with(func(p *intent.Peer) { p.LocalAddress = netip.MustParseAddr("fd00::1") }), ""},
		{netip.AddrPort{}, ok, "peer invalid AddrPort (p): not the address of a host"},
		{at("0.0.0.0:179"), ok, "peer 0.0.0.0:179 (p): not the address of a host"},
		{at("224.0.0.5:179"), ok, "peer 224.0.0.5:179 (p): not the address of a host"},
		{at("[::ffff:10.0.0.2]:179"), ok, "peer [::ffff:10.0.0.2]:179 (p): not the address of a host"},
		{at("10.0.0.2:0"), ok, "peer 10.0.0.2:0 (p): port 0 can't be dialled"},
		{at("10.0.0.2:179"), with(func(p *intent.Peer) { p.ASN = 0 }), "peer 10.0.0.2:179 (p): as number 0 is reserved (RFC 7607)"},
		{at("10.0.0.2:179"), with(func(p *intent.Peer) { p.LocalAddress = netip.MustParseAddr("fd00::1") }), "peer 10.0.0.2:179 (p): local address fd00::1 is of the other IP version"},
		{at("10.0.0.2:179"), with(func(p *intent.Peer) { p.LocalAddress = netip.MustParseAddr("10.0.0.2") }), "peer 10.0.0.2:179 (p): is this node's own address"},
		{at("10.0.0.2:179"), with(func(p *intent.Peer) { p.Password = resources.NewPassword(string(make([]byte, 81))) }), "peer 10.0.0.2:179 (p): the password is longer than the 80 bytes TCP MD5 takes"},
	}
	for _, tt := range tests {
		want, bad, err := check(intent.BGP{ASN: 1, RouterID: ownID, Peers: map[netip.AddrPort]intent.Peer{tt.at: tt.peer}})
		if err != nil {
			t.Errorf("%v: %v", tt.at, err)
		}
		got := ""
		if bad[tt.at] != nil {
			got = bad[tt.at].Error()
		}
		if got != tt.want {
			t.Errorf("%v %+v: got %q, want %q", tt.at, tt.peer, got, tt.want)
		}
		if _, kept := want.Peers[tt.at]; kept != (tt.want == "") {
			t.Errorf("%v %+v: kept %v", tt.at, tt.peer, kept)
		}
	}

	for _, tt := range []struct {
		bgp  intent.BGP
		want string
	}{
		{intent.BGP{ASN: 1, RouterID: netip.MustParseAddr("fd00::1")}, "router id fd00::1: must be an IPv4 address other than 0.0.0.0"},
		{intent.BGP{RouterID: ownID}, "as number 0 is reserved (RFC 7607): give the node another"},
		{intent.BGP{ASN: 1, RouterID: ownID, Local: map[netip.Prefix]intent.Local{netip.MustParsePrefix("10.0.0.1/24"): {}}}, "local route: 10.0.0.1/24 is not a network"},
		{intent.BGP{ASN: 1, RouterID: ownID, Export: policy.Export{Accept: []netip.Prefix{{}}}}, "export policy: invalid Prefix is not a network"},
		{intent.BGP{ASN: 1, RouterID: ownID, Export: policy.Export{Reject: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/120")}}}, "export policy: ::ffff:10.0.0.0/120 is not a network"},
	} {
		if _, _, err := check(tt.bgp); err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

// chain is one rule that rejects what meets the conditions, written in YAML.
func chain(name, conditions string) policy.Chain {
	f := policy.Filter{Name: name, List: "importV4"}
	if err := yaml.UnmarshalStrict([]byte("[{action: Reject, "+conditions+"}]"), &f.Rules); err != nil {
		panic(err)
	}
	return policy.NewChain(f)
}
