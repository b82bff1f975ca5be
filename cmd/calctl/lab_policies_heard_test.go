package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/calctl/calctl/node/trial"
	"github.com/calctl/calctl/resources"
)

// A picture is what becomes of the routes that r1 has: what each neighbour hears, and
// what its kernel gets.
type picture map[spot]fate

// A spot is where a route may turn up.
type spot struct {
	who    string // a neighbour, or kernel
	prefix netip.Prefix
}

func (s spot) String() string { return s.prefix.String() + " at " + s.who }

// A fate is what a route arrives with.
type fate struct {
	policy string // what policies decide on
	more   string // what else there is to see; "" where that is not known
}

// differ are the spots at which two pictures are not the same.
func (p picture) differ(other picture) (at []spot) {
	for s, f := range p {
		if g, ok := other[s]; !ok || !f.fits(g) {
			at = append(at, s)
		}
	}
	for s := range other {
		if _, ok := p[s]; !ok {
			at = append(at, s)
		}
	}
	slices.SortFunc(at, func(a, b spot) int { return cmp.Or(cmp.Compare(a.who, b.who), a.prefix.Compare(b.prefix)) })
	return at
}

func (f fate) fits(g fate) bool {
	return f.policy == g.policy && (f.more == g.more || f.more == "" || g.more == "")
}

// is is a condition: another picture is this one.
func (p picture) is(got picture) error {
	at := p.differ(got)
	if len(at) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d differ", len(at), len(p))
	for i, s := range at {
		if i == 5 {
			b.WriteString("\n…")
			break
		}
		fmt.Fprintf(&b, "\n%v\n   is %v\n want %v", s, got[s], p[s])
	}
	return errors.New(b.String())
}

// isAt is the condition that another picture is the same at one spot.
func (p picture) isAt(s spot) func(picture) error {
	return func(got picture) error {
		if !slices.Contains(p.differ(got), s) {
			return nil
		}
		return fmt.Errorf("%v\n   is %v\n want %v", s, got[s], p[s])
	}
}

func (f fate) String() string {
	switch {
	case f == fate{}:
		return "not there"
	case f.more == "":
		return f.policy
	}
	return f.policy + ", " + f.more
}

// foretold is the picture that `calctl policy test --batch` has of the world by these
// resources.
func (w *policyWorld) foretold(t *testing.T, documents string) picture {
	t.Helper()
	file := w.r1.File("foretold.yaml", documents)
	var came []trial.Question
	var from []*offer
	for i := range w.offers {
		if o := &w.offers[i]; o.from != nil {
			came, from = append(came, o.arrives()), append(from, o)
		}
	}
	var leave []trial.Question // what r1 then has
	for i, a := range policyTest(t, file, came) {
		if a.Action == "accept" {
			q := trial.Question{Prefix: came[i].Prefix, Interface: from[i].way, From: came[i].Peer, LocalPref: a.LocalPref, MED: a.MED, Communities: a.Communities, LargeCommunities: a.LargeCommunities}
			for _, as := range a.ASPath {
				q.ASPath = append(q.ASPath, resources.ASN(as))
			}
			leave = append(leave, q)
		}
	}
	for i := range w.offers {
		if o := &w.offers[i]; o.from == nil {
			q := trial.Question{Prefix: o.prefix.String(), Interface: o.way, Source: o.source}
			if metric := uint32(o.metric); o.source == "kernel" {
				q.Metric = &metric
			}
			leave = append(leave, q)
		}
	}
	var to []trial.Question
	var spots []spot
	ask := func(q trial.Question, who, peer string) {
		q.Peer = peer
		to, spots = append(to, q), append(spots, spot{who, netip.MustParsePrefix(q.Prefix)})
	}
	for _, q := range leave {
		for i := range w.neighbours {
			n := &w.neighbours[i]
			ask(q, n.name, n.addr(netip.MustParsePrefix(q.Prefix).Addr().Is4(), 2))
		}
		if q.From != "" || q.Source == "static" {
			q.From = ""
			ask(q, "kernel", "kernel")
		}
	}
	p := picture{}
	for i, a := range policyTest(t, file, to) {
		if a.Action == "accept" {
			p[spots[i]] = fate{policy: answerWords(a)}
			if spots[i].who == "kernel" {
				p[spots[i]] = fate{policy: fmt.Sprint("metric ", *a.Metric)}
			}
		}
	}
	return p
}

// arrives is the question what r1 makes of a neighbour's route.
func (o *offer) arrives() trial.Question {
	q := trial.Question{Prefix: o.prefix.String(), Interface: o.way, Direction: "import", Peer: o.from.addr(o.prefix.Addr().Is4(), 2), Communities: o.communities}
	if o.from.external() {
		q.ASPath = append(q.ASPath, resources.ASN(o.from.asn))
	}
	for _, as := range o.path {
		q.ASPath = append(q.ASPath, resources.ASN(as))
	}
	pref, med := uint32(100), uint32(o.med)
	if o.pref > 0 {
		pref = uint32(o.pref)
	}
	if q.LocalPref = &pref; med > 0 {
		q.MED = &med
	}
	return q
}

// policyTest is `calctl policy test --batch` for r1.
func policyTest(t *testing.T, file string, questions []trial.Question) []trial.Answer {
	t.Helper()
	var in, out, errs bytes.Buffer
	for _, q := range questions {
		if err := json.NewEncoder(&in).Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	if got := run(t.Context(), []string{"policy", "test", "--node", "r1", "-f", file, "--batch", "-"}, &in, &out, &errs); got != exitOK {
		t.Fatalf("policy test: status %d: %s", got, errs.String())
	}
	answers := make([]trial.Answer, len(questions))
	d := json.NewDecoder(&out)
	for i := range answers {
		if err := d.Decode(&answers[i]); err != nil {
			t.Fatal(err)
		}
	}
	return answers
}

func answerWords(a trial.Answer) string {
	pref, med := uint32(100), uint32(0) // what a BIRD has of an external peer's, and of none
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

// look is the picture as it is.
func (w *policyWorld) look() (picture, error) {
	p := picture{}
	for i := range w.neighbours {
		if err := w.neighbours[i].hears(p); err != nil {
			return nil, err
		}
	}
	lines, err := kernelView(w.r1)
	for _, line := range lines {
		words := strings.Fields(line) // kernel, family, prefix, metric, number, next hops
		p[spot{"kernel", kernelPrefix(words[1], words[2])}] = fate{strings.Join(words[3:5], " "), strings.Join(words[5:], " ")}
	}
	return p, err
}

// kernelPrefix is a destination as `ip` writes it.
func kernelPrefix(family, dst string) netip.Prefix {
	if dst == "default" {
		return netip.MustParsePrefix(map[string]string{"ipv4": "0.0.0.0/0", "ipv6": "::/0"}[family])
	}
	if !strings.Contains(dst, "/") {
		a := netip.MustParseAddr(dst)
		return netip.PrefixFrom(a, a.BitLen())
	}
	return netip.MustParsePrefix(dst)
}

var parenthesised = regexp.MustCompile(`\(([0-9, ]+)\)`)

// hears adds the routes that a neighbour has by r1.
func (n *policyNeighbour) hears(p picture) error {
	for _, family := range []string{"ipv4", "ipv6"} {
		var prefix netip.Prefix
		var path, communities, more []string
		pref, med := "100", "0"
		end := func() {
			if prefix.IsValid() {
				p[spot{n.name, prefix}] = fate{routeWords(path, pref, med, communities), strings.Join(more, ", ")}
			}
			prefix, path, communities, more, pref, med = netip.Prefix{}, nil, nil, nil, "100", "0"
		}
		for line := range strings.Lines(n.bird.CLI("show route protocol r1_" + family + " all")) {
			word, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
			switch {
			case line[0] >= '0' && line[0] <= '9' || line[0] >= 'a' && line[0] <= 'f' || line[0] == ':':
				end()
				var err error
				if prefix, err = netip.ParsePrefix(strings.Fields(line)[0]); err != nil {
					return fmt.Errorf("%s: %w", line, err)
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
			case strings.HasPrefix(word, "BGP."):
				more = append(more, strings.TrimSpace(line))
			}
		}
		end()
	}
	return nil
}
