package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/policy/policytest"
	"github.com/calctl/calctl/resources"
)

// A policyWorld is what r1 (AS 64512) of the labs of random policies sits in: three
// neighbours, some four hundred routes from everywhere, and all of r1's resources but
// its policies.
type policyWorld struct {
	r1         *lab.Host
	neighbours []policyNeighbour
	offers     []offer
	cluster    string // the cluster that r1 reflects for, "" if it does not
}

// A policyNeighbour is a BIRD that tells r1 routes, and takes whatever r1 tells.
type policyNeighbour struct {
	name    string
	asn     int
	localAS int    // that r1 has towards it, as an external peer; 0: its own
	session string // more of its BGPPeers
	link    string // of r1, that leads to it
	n       int    // of the network between
	host    *lab.Host
	bird    *lab.Bird
}

const policyAS = 64512 // r1's

func (n *policyNeighbour) external() bool { return n.asn != policyAS }

func (n *policyNeighbour) addr(v4 bool, host int) string {
	if v4 {
		return fmt.Sprintf("192.168.%d.%d", n.n, host)
	}
	return fmt.Sprintf("fc00:%d::%d", n.n, host)
}

// policyNeighbours draws them: one is external, one internal, and one anything.
func policyNeighbours(d policytest.Die) []policyNeighbour {
	list := []policyNeighbour{
		{name: "t1", asn: d.ASN(), link: "eth0", n: 1},
		{name: "t2", asn: []int{policyAS, d.ASN(), d.ASN()}[d.IntN(3)], link: "eth1", n: 2},
		{name: "t3", asn: policyAS, link: "eth2", n: 3},
	}
	for i := range list {
		n := &list[i]
		n.session = fmt.Sprintf(", numAllowedLocalASNumbers: %d, nextHopMode: %s", d.IntN(4)/2, d.One("Auto", "Auto", "Self", "Keep"))
		if n.external() && d.Sometimes() {
			n.localAS = 64999
			n.session += fmt.Sprintf(", localASNumber: %d", n.localAS)
		}
	}
	return list
}

// An offer is a route that r1 has: by a neighbour, or without BGP.
type offer struct {
	prefix      netip.Prefix
	from        *policyNeighbour // nil: r1's own
	source      string           // of r1's own: kernel, direct or static
	way         string           // the interface that leads there; empty for a blackhole
	via         string           // the gateway of a kernel route; empty for none
	metric      int              // of a kernel route
	pref        int              // of an internal neighbour's; 0: none
	med         int              // 0: none
	path        []int
	communities []string
	attributes  string // more of them, in BIRD's language
}

// offers draws the routes of one family.
func (w *policyWorld) draw(d policytest.Die, v4 bool, n int) {
	for _, p := range d.Prefixes(v4, n) {
		o := offer{prefix: p}
		if from := d.IntN(4); from < len(w.neighbours) {
			o.from = &w.neighbours[from]
			o.tell(d)
		} else {
			o.source, o.metric = "kernel", []int{1, 512, 1024, 1025, 2147483547}[d.IntN(5)]
			if o.way = d.One("lan0", "bond0.7", "eth0", ""); o.way == "eth0" {
				o.via = w.neighbours[0].addr(v4, 77)
			}
		}
		w.offers = append(w.offers, o)
	}
}

// tell draws what a neighbour says of a route. Communities that have a meaning of their
// own (RFC 1997) are among them, and paths that have been in r1's AS.
func (o *offer) tell(d policytest.Die) {
	o.way = o.from.link
	for range d.IntN(3) {
		o.path = append(o.path, d.ASN())
	}
	if d.IntN(12) == 0 {
		o.path = append(o.path, policyAS)
	}
	for range d.IntN(3) {
		c := d.Community()
		if d.IntN(8) == 0 {
			c = d.One("65535:65281", "65535:65282", "65535:65283", "65535:0")
		}
		if !slices.Contains(o.communities, c) {
			o.communities = append(o.communities, c)
		}
	}
	if !o.from.external() {
		o.pref = 2147483647 - d.Priority()
	}
	o.med = d.IntN(3)
	o.attributes = d.One("", "", "", "bgp_origin = ORIGIN_EGP;", "bgp_ext_community.add((rt, 65001, 9));")
}

// statements make the route in BIRD's language.
func (o *offer) statements() string {
	var b strings.Builder
	for _, as := range slices.Backward(o.path) {
		fmt.Fprintf(&b, " bgp_path.prepend(%d);", as)
	}
	for _, c := range o.communities {
		list := map[int]string{1: "bgp_community", 2: "bgp_large_community"}[strings.Count(c, ":")]
		fmt.Fprintf(&b, " %s.add((%s));", list, strings.ReplaceAll(c, ":", ","))
	}
	if o.pref > 0 {
		fmt.Fprintf(&b, " bgp_local_pref = %d;", o.pref)
	}
	if o.med > 0 {
		fmt.Fprintf(&b, " bgp_med = %d;", o.med)
	}
	return b.String() + " " + o.attributes
}

// config is the neighbour's BIRD.
func (n *policyNeighbour) config(all []offer) string {
	as := policyAS
	if n.localAS > 0 {
		as = n.localAS
	}
	var b strings.Builder
	fmt.Fprintf(&b, "router id %s;\nlog stderr all;\nprotocol device { scan time 1; }\n", n.addr(true, 2))
	for _, v4 := range []bool{true, false} {
		family := map[bool]string{true: "ipv4", false: "ipv6"}[v4]
		fmt.Fprintf(&b, "protocol static nets_%s { %s;\n", family, family)
		for i := range all {
			if o := &all[i]; o.from != nil && o.from.name == n.name && o.prefix.Addr().Is4() == v4 {
				fmt.Fprintf(&b, "\troute %s blackhole {%s };\n", o.prefix, o.statements())
			}
		}
		fmt.Fprintf(&b, `}
protocol bgp r1_%[1]s {
	local %[2]s as %[3]d; neighbor %[4]s as %[5]d;
	multihop; allow local as 99; interpret communities off;
	connect delay time 1; connect retry time 1; error wait time 1, 2;
	%[1]s { import all; export filter {
		if source != RTS_STATIC then reject;
		if defined(bgp_med) then bgp_med = bgp_med; # else no other AS is told it
		accept;
	}; };
}
`, family, n.addr(v4, 2), n.asn, n.addr(v4, 1), as)
	}
	return b.String()
}

// Routes that r1 has of its own, by its resources: ranges of service addresses, and its
// blocks of IPAM, in which others are.
var (
	services  = []string{"10.70.0.0/15", "fd47:1::/108"}
	ownBlocks = []string{"10.16.0.0/20", "10.64.0.0/12", "fd40::/116", "fd50::/48"}
)

// policyLab makes a world. The same number makes the same one.
func policyLab(t *testing.T, number uint64) *policyWorld {
	t.Helper()
	l, d := lab.New(t), policytest.New(number)
	w := &policyWorld{r1: l.Host("r1"), neighbours: policyNeighbours(d)}
	if d.IntN(2) == 0 {
		w.cluster = "224.0.0.9"
	}
	w.draw(d, true, 240)
	w.draw(d, false, 160)
	for _, net := range slices.Concat(services, ownBlocks) {
		w.offers = slices.DeleteFunc(w.offers, func(o offer) bool { return o.prefix.String() == net })
		w.offers = append(w.offers, offer{prefix: netip.MustParsePrefix(net), source: "static"})
	}
	for i := range w.neighbours {
		n := &w.neighbours[i]
		n.host = l.Host(n.name)
		l.Link(w.r1, n.link, []string{n.addr(true, 1) + "/24", n.addr(false, 1) + "/64"}, n.host, "eth0", []string{n.addr(true, 2) + "/24", n.addr(false, 2) + "/64"})
		n.bird = n.host.Bird(n.config(w.offers))
		for _, net := range []string{n.addr(true, 0) + "/24", n.addr(false, 0) + "/64"} {
			w.offers = append(w.offers, offer{prefix: netip.MustParsePrefix(net).Masked(), source: "direct", way: n.link})
		}
	}
	for _, dev := range []string{"lan0", "bond0.7"} {
		w.r1.IP("link", "add", dev, "type", "veth", "peer", "name", "far-"+dev)
		w.r1.IP("link", "set", dev, "up")
		w.r1.IP("link", "set", "far-"+dev, "up")
	}
	var commands strings.Builder
	for i := range w.offers {
		switch o := &w.offers[i]; {
		case o.source != "kernel":
		case o.way == "":
			fmt.Fprintf(&commands, "route add blackhole %s metric %d\n", o.prefix, o.metric)
		case o.via != "":
			fmt.Fprintf(&commands, "route add %s via %s dev %s metric %d\n", o.prefix, o.via, o.way, o.metric)
		default:
			fmt.Fprintf(&commands, "route add %s dev %s metric %d\n", o.prefix, o.way, o.metric)
		}
	}
	w.r1.IP("-batch", l.File("routes", commands.String()))
	return w
}

// resources draws what r1 is to do, in YAML: it is this world's, and the policies are
// the die's.
func (w *policyWorld) resources(t *testing.T, d policytest.Die) string {
	t.Helper()
	list := []string{fmt.Sprintf(`apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: r1}
spec: {bgp: {asNumber: %d, ipv4Address: 192.168.1.1, ipv6Address: 'fc00:1::1', routeReflectorClusterID: '%s'}}
`, policyAS, w.cluster)}
	names := []string{"a", "b", "c", "d", "e"}
	for _, name := range names {
		f := d.Filter(name)
		for _, rules := range [][]resources.BGPFilterRule{f.Spec.ImportV4, f.Spec.ImportV6, f.Spec.ExportV4, f.Spec.ExportV6} {
			for i := range rules {
				for _, op := range rules[i].Operations {
					if op.AddCommunity != nil && d.IntN(8) == 0 {
						op.AddCommunity.Value = d.One("65535:65281", "65535:65282")
					}
				}
			}
		}
		text, err := yaml.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(text))
	}
	for i, cidr := range []string{"10.0.0.0/10", "10.64.0.0/10", "10.128.0.0/9", "fd00::/10", "fd40::/10", "fd80::/9"} {
		list = append(list, fmt.Sprintf("apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: p%d}\nspec: {cidr: '%s', disableBGPExport: %v}\n", i, cidr, d.IntN(3) == 0))
	}
	for i, net := range ownBlocks {
		list = append(list, fmt.Sprintf("apiVersion: projectcalico.org/v3\nkind: BlockAffinity\nmetadata: {name: b%d}\nspec: {node: r1, cidr: '%s'}\n", i, net))
	}
	config := "apiVersion: projectcalico.org/v3\nkind: BGPConfiguration\nmetadata: {name: default}\nspec:\n  nodeToNodeMeshEnabled: false\n"
	for i, v4 := range []string{"ipv4", "ipv6"} {
		config += fmt.Sprintf("  %sNormalRoutePriority: %d\n", v4, []int{1024, 1024, 512}[d.IntN(3)])
		if i == 0 {
			config += fmt.Sprintf("  serviceLoadBalancerIPs: [{cidr: '%s'}, {cidr: '%s'}]\n", services[0], services[1])
		}
	}
	config += "  prefixAdvertisements:\n"
	for _, v4 := range []bool{true, true, false} {
		config += fmt.Sprintf("  - {cidr: '%s', communities: ['%s', '%s']}\n", d.Prefix(v4), d.Community(), d.Community())
	}
	list = append(list, config)
	for i := range w.neighbours {
		n := &w.neighbours[i]
		for _, v4 := range []bool{true, false} {
			d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			list = append(list, fmt.Sprintf("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: %s-%s}\nspec: {peerIP: '%s', sourceAddress: None, asNumber: %d, filters: [%s]%s}\n",
				n.name, map[bool]string{true: "v4", false: "v6"}[v4], n.addr(v4, 2), n.asn, strings.Join(names[:d.IntN(4)], ", "), n.session))
		}
	}
	return strings.Join(list, "---\n")
}
