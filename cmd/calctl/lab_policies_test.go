package main

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/policy/policytest"
	"github.com/calctl/calctl/node/trial"
	"github.com/calctl/calctl/resources"
)

// A policyNeighbour of r1 in the labs of random policies: a BIRD that tells it routes,
// and takes whatever r1 tells.
type policyNeighbour struct {
	name string
	asn  int
	link string // of r1, that leads to it
	n    int    // of the network between
	bird *lab.Bird
}

func (n *policyNeighbour) addr(v4 bool, host int) string {
	if v4 {
		return fmt.Sprintf("192.168.%d.%d", n.n, host)
	}
	return fmt.Sprintf("fc00:%d::%d", n.n, host)
}

var policyNeighbours = []policyNeighbour{
	{name: "t1", asn: 65001, link: "eth0", n: 1},
	{name: "t2", asn: 65002, link: "eth1", n: 2},
	{name: "t3", asn: 64512, link: "eth2", n: 3},
}

// An offer is a route that r1 has: by a neighbour, or without BGP.
type offer struct {
	prefix      netip.Prefix
	from        *policyNeighbour // nil: r1's own
	direct      bool             // of r1's own, on an interface; else it is in the kernel
	way         string           // the interface that leads there; empty for a blackhole
	metric      int              // of a kernel route
	pref, med   int              // of an iBGP neighbour's; 0: none
	path        []int
	communities []string
}

// offers draws the routes of the lab.
func offers(d policytest.Die, world []policyNeighbour, v4 bool, n int) (list []offer) {
	for _, p := range d.Prefixes(v4, n) {
		o := offer{prefix: p}
		switch from := d.IntN(4); {
		case from < len(world):
			o.from = &world[from]
			o.way = o.from.link
			for range d.IntN(3) {
				o.path = append(o.path, d.ASN())
			}
			for range d.IntN(3) {
				if c := d.Community(); !slices.Contains(o.communities, c) {
					o.communities = append(o.communities, c)
				}
			}
			if o.from.asn == 64512 {
				o.pref, o.med = 2147483647-d.Priority(), d.IntN(3)
			}
		default:
			o.way = d.One("lan0", "bond0.7", "")
			o.metric = []int{1, 512, 1024, 1025, 2147483547}[d.IntN(5)]
		}
		list = append(list, o)
	}
	return list
}

// config is the neighbour's BIRD.
func (n *policyNeighbour) config(all []offer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "router id %s;\nlog stderr all;\nprotocol device { scan time 1; }\n", n.addr(true, 2))
	for _, v4 := range []bool{true, false} {
		family := map[bool]string{true: "ipv4", false: "ipv6"}[v4]
		fmt.Fprintf(&b, "protocol static nets_%s { %s;\n", family, family)
		for _, o := range all {
			if o.from != nil && o.from.name == n.name && o.prefix.Addr().Is4() == v4 {
				fmt.Fprintf(&b, "\troute %s blackhole {%s };\n", o.prefix, o.statements())
			}
		}
		fmt.Fprintf(&b, "}\nprotocol bgp r1_%[1]s { local %[2]s as %[3]d; neighbor %[4]s as 64512; multihop; allow local as 99; %[1]s { import all; export where source = RTS_STATIC; }; }\n",
			family, n.addr(v4, 2), n.asn, n.addr(v4, 1))
	}
	return b.String()
}

// statements make the route in BIRD's language.
func (o offer) statements() string {
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
	return b.String()
}

// resourcesOf draws what r1 is to do, in YAML.
func resourcesOf(t *testing.T, d policytest.Die, world []policyNeighbour) string {
	t.Helper()
	list := []string{`apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: r1}
spec: {bgp: {asNumber: 64512, ipv4Address: 192.168.1.1, ipv6Address: 'fc00:1::1'}}
`}
	names := []string{"a", "b", "c", "d", "e"}
	for _, name := range names {
		text, err := yaml.Marshal(d.Filter(name))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(text))
	}
	for i, cidr := range []string{"10.0.0.0/10", "10.64.0.0/10", "10.128.0.0/9", "fd00::/10", "fd40::/10", "fd80::/9"} {
		list = append(list, fmt.Sprintf("apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: p%d}\nspec: {cidr: '%s', disableBGPExport: %v}\n", i, cidr, d.IntN(3) == 0))
	}
	config := "apiVersion: projectcalico.org/v3\nkind: BGPConfiguration\nmetadata: {name: default}\nspec:\n  nodeToNodeMeshEnabled: false\n  prefixAdvertisements:\n"
	for _, v4 := range []bool{true, true, false} {
		config += fmt.Sprintf("  - {cidr: '%s', communities: ['%s', '%s']}\n", d.Prefix(v4), d.Community(), d.Community())
	}
	list = append(list, config)
	for i := range world {
		n := &world[i]
		for _, v4 := range []bool{true, false} {
			d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			list = append(list, fmt.Sprintf("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: %s-%v}\nspec: {peerIP: '%s', sourceAddress: None, asNumber: %d, filters: [%s]}\n",
				n.name, v4, n.addr(v4, 2), n.asn, strings.Join(names[:d.IntN(4)], ", ")))
		}
	}
	return strings.Join(list, "---\n")
}

// heard are the routes that a neighbour has by r1, in words.
type heard map[netip.Prefix]string

// foretold are those that it should have, by what `calctl policy test` says.
func foretold(t *testing.T, documents string, all []offer, world []policyNeighbour) []heard {
	t.Helper()
	decoded, err := resources.Decode(strings.NewReader(documents))
	if err != nil {
		t.Fatal(err)
	}
	snap := resources.NewSnapshot()
	for _, d := range decoded {
		d.Resource.Default()
		snap.Put(d.Resource)
	}
	trials, err := trial.New(snap, "r1", intent.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(q trial.Question) trial.Answer {
		t.Helper()
		a, err := trials.Ask(q)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	told := make([]heard, len(world))
	for i := range world {
		told[i] = heard{}
	}
	for _, o := range all {
		v4 := o.prefix.Addr().Is4()
		q := trial.Question{Prefix: o.prefix.String(), Interface: o.way}
		if o.from == nil {
			q.Source = "direct"
			if metric := uint32(o.metric); !o.direct {
				q.Source, q.Metric = "kernel", &metric
			}
		} else {
			in := q
			in.Direction, in.Peer = "import", o.from.addr(v4, 2)
			for _, as := range o.path {
				in.ASPath = append(in.ASPath, resources.ASN(as))
			}
			if o.from.asn != 64512 {
				in.ASPath = append([]resources.ASN{resources.ASN(o.from.asn)}, in.ASPath...)
			}
			pref, med := uint32(100), uint32(o.med)
			if o.pref > 0 {
				pref = uint32(o.pref)
			}
			if in.LocalPref = &pref; med > 0 {
				in.MED = &med
			}
			in.Communities = o.communities
			a := ask(in)
			if a.Action != "accept" {
				continue
			}
			q.From, q.LocalPref, q.MED = in.Peer, a.LocalPref, a.MED
			q.Communities, q.LargeCommunities = a.Communities, a.LargeCommunities
			for _, as := range a.ASPath {
				q.ASPath = append(q.ASPath, resources.ASN(as))
			}
		}
		for i := range world {
			q.Peer = world[i].addr(v4, 2)
			if a := ask(q); a.Action == "accept" {
				told[i][o.prefix] = answerWords(a)
			}
		}
	}
	return told
}

func answerWords(a trial.Answer) string {
	pref, med := uint32(100), uint32(0) // what a BIRD has of an eBGP peer's, and of none
	if a.LocalPref != nil {
		pref = *a.LocalPref
	}
	if a.MED != nil {
		med = *a.MED
	}
	var path []string
	for _, as := range a.ASPath {
		path = append(path, fmt.Sprint(as))
	}
	return routeWords(path, fmt.Sprint(pref), fmt.Sprint(med), slices.Concat(a.Communities, a.LargeCommunities))
}

func routeWords(path []string, pref, med string, communities []string) string {
	return fmt.Sprintf("path %v, pref %s, med %s, %v", path, pref, med, slices.Sorted(slices.Values(communities)))
}

var parenthesised = regexp.MustCompile(`\(([0-9, ]+)\)`)

// hears are the routes a neighbour has by r1.
func (n *policyNeighbour) hears() (heard, error) {
	got := heard{}
	for _, family := range []string{"ipv4", "ipv6"} {
		out := n.bird.CLI("show route protocol r1_" + family + " all")
		var prefix netip.Prefix
		var path, communities []string
		pref, med := "100", "0"
		end := func() {
			if prefix.IsValid() {
				got[prefix] = routeWords(path, pref, med, communities)
			}
			prefix, path, communities, pref, med = netip.Prefix{}, nil, nil, "100", "0"
		}
		for line := range strings.Lines(out) {
			word, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
			switch {
			case line[0] >= '0' && line[0] <= '9' || line[0] >= 'a' && line[0] <= 'f':
				end()
				var err error
				if prefix, err = netip.ParsePrefix(strings.Fields(line)[0]); err != nil {
					return nil, fmt.Errorf("%s: %w", line, err)
				}
			case word == "BGP.as_path":
				path = strings.Fields(rest)
			case word == "BGP.local_pref":
				pref = strings.TrimSpace(rest)
			case word == "BGP.med":
				med = strings.TrimSpace(rest)
			case word == "BGP.community", word == "BGP.large_community":
				for _, m := range parenthesised.FindAllStringSubmatch(rest, -1) {
					communities = append(communities, strings.NewReplacer(",", ":", " ", "").Replace(m[1]))
				}
			}
		}
		end()
	}
	return got, nil
}

// agree is a condition: all neighbours hear what is foretold.
func agree(world []policyNeighbour, want []heard) func() error {
	return func() error {
		var errs []error
		for i := range world {
			got, err := world[i].hears()
			if err != nil {
				return err
			}
			if maps.Equal(got, want[i]) {
				continue
			}
			wrong := 0
			for _, p := range slices.SortedFunc(maps.Keys(union(got, want[i])), netip.Prefix.Compare) {
				if got[p] != want[i][p] {
					if wrong++; wrong <= 4 {
						errs = append(errs, fmt.Errorf("%s hears of %s\n  %q, by policy test\n  %q", world[i].name, p, got[p], want[i][p]))
					}
				}
			}
			errs = append(errs, fmt.Errorf("%s: %d routes are otherwise, of %d", world[i].name, wrong, len(want[i])))
		}
		return errors.Join(errs...)
	}
}

func union(a, b heard) heard {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// policyLab is r1 between its neighbours, with kernel routes, and what all that
// makes it have.
func policyLab(t *testing.T, seed uint64) (r1 *lab.Host, d policytest.Die, world []policyNeighbour, all []offer) {
	t.Helper()
	l := lab.New(t)
	d, world = policytest.New(seed), slices.Clone(policyNeighbours)
	r1 = l.Host("r1")
	all = slices.Concat(offers(d, world, true, 240), offers(d, world, false, 160))
	for i := range world {
		n := &world[i]
		h := l.Host(n.name)
		l.Link(r1, n.link, []string{n.addr(true, 1) + "/24", n.addr(false, 1) + "/64"}, h, "eth0", []string{n.addr(true, 2) + "/24", n.addr(false, 2) + "/64"})
		n.bird = h.Bird(n.config(all))
	}
	for i := range world {
		for _, net := range []string{world[i].addr(true, 0) + "/24", world[i].addr(false, 0) + "/64"} {
			all = append(all, offer{prefix: netip.MustParsePrefix(net).Masked(), direct: true, way: world[i].link})
		}
	}
	for _, dev := range []string{"lan0", "bond0.7"} {
		r1.IP("link", "add", dev, "type", "veth", "peer", "name", "far-"+dev)
		r1.IP("link", "set", dev, "up")
		r1.IP("link", "set", "far-"+dev, "up")
	}
	var commands strings.Builder
	for _, o := range all {
		switch {
		case o.from != nil || o.direct:
		case o.way == "":
			fmt.Fprintf(&commands, "route add blackhole %s metric %d\n", o.prefix, o.metric)
		default:
			fmt.Fprintf(&commands, "route add %s dev %s metric %d\n", o.prefix, o.way, o.metric)
		}
	}
	r1.IP("-batch", l.File("routes", commands.String()))
	return r1, d, world, all
}

// policyRounds is how many policies a lab of random ones goes through: more with
// CALCTL_ROUNDS in the environment.
func policyRounds(t *testing.T, usual int) int {
	t.Helper()
	if text := os.Getenv("CALCTL_ROUNDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return usual
}

// TestLabPoliciesAtRandom: what r1 tells three neighbours, of some four hundred
// routes from everywhere, is what `calctl policy test` says it would, for one
// random policy after the other, while all sessions stay.
func TestLabPoliciesAtRandom(t *testing.T) {
	r1, d, world, all := policyLab(t, 1)
	node := r1.Calctl()
	documents := resourcesOf(t, d, world)
	node.Apply(documents)
	node.Start()
	up := map[string]time.Time{}
	for i := range world {
		for _, v4 := range []bool{true, false} {
			at := world[i].addr(v4, 2)
			node.Established(at, 20*time.Second)
			p, err := node.Peer(at)
			if err != nil {
				t.Fatal(err)
			}
			up[at] = p.Since
		}
	}
	routes := 0
	for round := range policyRounds(t, 30) {
		if round > 0 {
			documents = resourcesOf(t, d, world)
			node.Apply(documents)
		}
		want := foretold(t, documents, all, world)
		lab.Until(t, 20*time.Second, fmt.Sprintf("round %d: what all hear", round), agree(world, want))
		for _, w := range want {
			routes += len(w)
		}
	}
	for at, was := range up {
		if p, err := node.Peer(at); err != nil || !p.Since.Equal(was) {
			t.Errorf("the session with %s was reset: up since %v, before since %v (%v)", at, p.Since, was, err)
		}
	}
	t.Logf("%d routes were told", routes)
}

// TestLabPoliciesAtRandomInBIRD: BIRD 2 with the configuration that `node run
// --dry-run -o bird` writes tells the same.
func TestLabPoliciesAtRandomInBIRD(t *testing.T) {
	r1, d, world, all := policyLab(t, 2)
	var bird *lab.Bird
	for round := range policyRounds(t, 10) {
		documents := resourcesOf(t, d, world)
		file := r1.File("cluster.yaml", documents)
		config := strings.Replace(r1.Run(lab.Binary(t), "node", "run", "--dry-run", "--name", "r1", "-f", file, "-o", "bird"), "log syslog all;", "log stderr all;", 1)
		if bird == nil {
			bird = r1.Bird(config)
		} else {
			r1.File("r1.bird.conf", config)
			if out := bird.CLI("configure"); !strings.Contains(out, "Reconfigur") {
				t.Fatalf("round %d: %s", round, out)
			}
		}
		lab.Until(t, 40*time.Second, fmt.Sprintf("round %d: what all hear", round), agree(world, foretold(t, documents, all, world)))
	}
}
