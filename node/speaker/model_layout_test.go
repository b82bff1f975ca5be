package speaker

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
)

// A layout is a network of speakers as it should be at one moment: the sum of
// the steps of a story so far. The speakers are given it piece by piece, and
// the reference computes from it what must come of that.
type layout struct {
	sites map[int]*site
	bad   map[[2]int]string // cables that don't work, lower end first, and how: cut or silent
}

// A site is one speaker and what its operator wants.
type site struct {
	as    uint32
	id    netip.Addr
	plain bool // it doesn't offer ADD-PATH
	// outside says that an outsider is here, and no speaker of ours; old, that
	// it knows AS numbers of two octets only.
	outside, old bool
	words        map[tie]map[netip.Prefix]speech // of an outsider
	up           bool
	ties         map[tie]setting
	local        map[netip.Prefix]intent.Local
	export       policy.Export
	reach        map[netip.Addr]Reach // of next hops; of those that are missing: on a link
}

// A tie is a site's session with another site, in one family.
type tie struct {
	peer int
	v6   bool
}

// A setting is what an operator has said of one session.
type setting struct {
	passive bool
	stray   bool // expects another AS than the peer has
	named   bool // says which address the session starts from
	// cluster is the one in which this site is a reflector and the peer its
	// client, if it is.
	cluster netip.Addr
	localAS uint32 // this site's towards the peer, unless 0
	allowed int    // how often that may be in a path
	nextHop string // Self, Keep, or the usual
	maximum int    // how many prefixes the peer may tell, unless 0
	in, out []rule // filters
}

// A rule is one of a BGPFilter.
type rule struct {
	Prefix    netip.Prefix `json:"prefix,omitzero"`    // inside of which it is; the zero Prefix: any
	Community uint32       `json:"community,omitzero"` // that it has; 0: any
	Accept    bool         `json:"accept,omitzero"`
	// What is done to those that are accepted, unless 0.
	Add     uint32 `json:"add,omitzero"` // a community
	Prepend uint32 `json:"prepend,omitzero"`
	Metric  int    `json:"metric,omitzero"` // a priority
}

// A tag is one of BGPConfiguration's prefixAdvertisements.
type tag struct {
	Prefix      netip.Prefix `json:"prefix"`
	Communities []string     `json:"communities"`
}

// A step is one thing that happens in a story. Of the fields that aren't named
// for it, it uses none.
type step struct {
	After  time.Duration  `json:"after,omitzero"` // the step before
	Do     string         `json:"do"`
	Node   int            `json:"node,omitzero"`
	Peer   int            `json:"peer,omitzero"`
	V6     bool           `json:"v6,omitzero"`
	AS     uint32         `json:"as,omitzero"`
	Prefix netip.Prefix   `json:"prefix,omitzero"`
	Count  int            `json:"count,omitzero"` // networks of the same length that follow each other
	Addr   netip.Addr     `json:"addr,omitzero"`
	Metric uint32         `json:"metric,omitzero"`
	How    string         `json:"how,omitzero"`
	Accept []netip.Prefix `json:"accept,omitzero"`
	Reject []netip.Prefix `json:"reject,omitzero"`
	Rules  []rule         `json:"rules,omitzero"`
	Tags   []tag          `json:"tags,omitzero"`
	Said   speech         `json:"said,omitzero"`
}

func newLayout() *layout {
	return &layout{sites: map[int]*site{}, bad: map[[2]int]string{}}
}

// address is where a site's sessions of a family begin and end.
func address(id int, v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte{0xfd, 15: byte(id)})
	}
	return netip.AddrFrom4([4]byte{172, 16, 0, byte(id)})
}

// whose is the site that has an address.
func whose(a netip.Addr) tie {
	b := a.As16()
	return tie{int(b[15]), a.Is6()}
}

func cable(a, b int) [2]int { return [2]int{min(a, b), max(a, b)} }

// take makes a step happen and says whether it makes sense here: a story that
// has lost some of its steps is still one.
func (l *layout) take(s step) bool {
	if s.Do == "site" {
		if l.sites[s.Node] != nil {
			return false
		}
		l.sites[s.Node] = &site{
			as: s.AS, id: s.Addr, plain: s.How != "", ties: map[tie]setting{},
			outside: strings.HasPrefix(s.How, "outside"), old: s.How == "outside old", words: map[tie]map[netip.Prefix]speech{},
			local: map[netip.Prefix]intent.Local{}, reach: map[netip.Addr]Reach{},
		}
		return true
	}
	n := l.sites[s.Node]
	if n == nil || s.Peer != 0 && l.sites[s.Peer] == nil {
		return false
	}
	t := tie{s.Peer, s.V6}
	switch s.Do {
	case "start":
		ok := !n.up
		n.up = true
		return ok
	case "stop", "kill":
		ok := n.up
		n.up = false
		return ok
	case "renumber":
		if n.old && s.AS > 0xffff {
			return false
		}
		n.as = s.AS
	case "peer":
		n.ties[t] = setting{passive: s.How == "passive", stray: s.How == "stray", named: s.How == "named"}
	case "client", "in", "out", "local-as", "allow", "next-hop", "maximum":
		x, ok := n.ties[t]
		if !ok {
			return false
		}
		switch s.Do {
		case "client":
			x.cluster = n.id
			if s.Addr.IsValid() {
				x.cluster = s.Addr
			}
			if s.How != "" {
				x.cluster = netip.Addr{}
			}
		case "local-as":
			x.localAS = s.AS
		case "allow":
			x.allowed = s.Count
		case "next-hop":
			x.nextHop = s.How
		case "maximum":
			x.maximum = s.Count
		case "in":
			x.in = s.Rules
		case "out":
			x.out = s.Rules
		}
		n.ties[t] = x
	case "unpeer":
		_, ok := n.ties[t]
		delete(n.ties, t)
		return ok
	case "route":
		for _, p := range s.prefixes() {
			n.local[p] = intent.Local{Source: intent.Direct, Metric: 1024}
			if s.How == "kernel" {
				n.local[p] = intent.Local{Source: intent.Kernel, Gateway: s.Addr, Metric: s.Metric}
			}
		}
	case "unroute":
		for _, p := range s.prefixes() {
			delete(n.local, p)
		}
	case "say", "unsay":
		if _, ok := n.ties[t]; !ok || !n.outside {
			return false
		}
		words := maps.Clone(n.words[t])
		if words == nil {
			words = map[netip.Prefix]speech{}
		}
		for _, p := range s.prefixes() {
			if delete(words, p); s.Do == "say" {
				words[p] = s.Said
			}
		}
		n.words[t] = words
	case "pools":
		n.export = policy.Export{Accept: s.Accept, Reject: s.Reject}
		for _, t := range s.Tags {
			n.export.Advertise = append(n.export.Advertise, policy.Advertisement{CIDR: t.Prefix, Communities: t.Communities})
		}
	case "reach":
		n.reach[s.Addr] = Reach{Resolvable: s.How != "none", OnLink: s.How == "link"}
	case "cut", "silence":
		l.bad[cable(s.Node, s.Peer)] = s.Do
	case "mend":
		_, ok := l.bad[cable(s.Node, s.Peer)]
		delete(l.bad, cable(s.Node, s.Peer))
		return ok
	case "reset":
		return n.up && !n.outside
	case "slow", "usual":
	default:
		panic("what is " + s.Do + "?")
	}
	return true
}

// prefixes are the networks of a step.
func (s step) prefixes() []netip.Prefix {
	list := []netip.Prefix{s.Prefix}
	for p := s.Prefix; len(list) < s.Count; list = append(list, p) {
		b := p.Addr().AsSlice()
		for i, carry := (p.Bits()-1)/8, 1<<(7-(p.Bits()-1)%8); carry > 0 && i >= 0; i-- {
			carry += int(b[i])
			b[i], carry = byte(carry), carry>>8
		}
		a, _ := netip.AddrFromSlice(b)
		p = netip.PrefixFrom(a, p.Bits())
	}
	return list
}

// intent is what a site's speaker is told to do.
func (l *layout) intent(id int) intent.BGP {
	n := l.sites[id]
	want := intent.BGP{
		ASN: n.as, RouterID: n.id, Port: intent.DefaultPort, Export: n.export,
		Local: maps.Clone(n.local), Peers: map[netip.AddrPort]intent.Peer{},
	}
	for t, s := range n.ties {
		p := intent.Peer{Name: "peer", ASN: l.speaksAs(t.peer, tie{id, t.v6}), Passive: s.passive, LocalASN: s.localAS}
		if s.stray {
			p.ASN++
		}
		if s.named {
			p.LocalAddress = address(id, t.v6)
		}
		p.Cluster, p.AllowedLocalAS, p.MaximumPrefixes = s.cluster, s.allowed, uint32(s.maximum)
		switch s.nextHop {
		case "Self":
			p.NextHop = intent.NextHopSelf
		case "Keep":
			p.NextHop = intent.NextHopKeep
		}
		p.Import, p.Export = filtersOf(s.in), filtersOf(s.out)
		want.Peers[netip.AddrPortFrom(address(t.peer, t.v6), intent.DefaultPort)] = p
	}
	return want
}

// filtersOf writes rules as the resources do.
func filtersOf(rules []rule) policy.Chain {
	f := policy.Filter{Name: "filter", List: "rules"}
	for _, r := range rules {
		x := resources.BGPFilterRule{Action: "Reject"}
		if r.Prefix.IsValid() {
			x.CIDR, x.MatchOperator = r.Prefix.String(), "In"
		}
		if r.Community != 0 {
			x.Communities = &resources.BGPFilterCommunities{Values: []string{community(r.Community)}}
		}
		if r.Accept {
			x.Action = "Accept"
		}
		if r.Add != 0 {
			x.Operations = append(x.Operations, resources.BGPFilterOperation{AddCommunity: &resources.BGPFilterAddCommunity{Value: community(r.Add)}})
		}
		if r.Prepend != 0 {
			x.Operations = append(x.Operations, resources.BGPFilterOperation{PrependASPath: &resources.BGPFilterPrependASPath{Prefix: []resources.ASN{resources.ASN(r.Prepend)}}})
		}
		if r.Metric != 0 {
			x.Operations = append(x.Operations, resources.BGPFilterOperation{SetPriority: &resources.BGPFilterSetPriority{Value: &r.Metric}})
		}
		f.Rules = append(f.Rules, x)
	}
	return policy.NewChain(f)
}

func community(c uint32) string { return fmt.Sprintf("%d:%d", c>>16, c&0xffff) }

// joined says whether a site's session must be up when all is quiet.
func (l *layout) joined(id int, t tie) bool {
	here, there := l.sites[id], l.sites[t.peer]
	mine, ok := here.ties[t]
	theirs, too := there.ties[tie{id, t.v6}]
	// An outsider dials, is never dialled, and takes any AS.
	dials := func(from *site, s setting, to *site) bool { return (from.outside || !s.passive) && !to.outside }
	stray := mine.stray && !here.outside || theirs.stray && !there.outside
	if stray || !dials(here, mine, there) && !dials(there, theirs, here) {
		return false
	}
	return here.up && there.up && ok && too && l.bad[cable(id, t.peer)] == ""
}

// ids are the sites in order.
func (l *layout) ids() []int { return slices.Sorted(maps.Keys(l.sites)) }

// sessions are a site's sessions that must be up, in order.
func (l *layout) sessions(id int) []tie {
	var up []tie
	for t := range l.sites[id].ties {
		if l.joined(id, t) {
			up = append(up, t)
		}
	}
	slices.SortFunc(up, compareTies)
	return up
}

func compareTies(a, b tie) int { return address(a.peer, a.v6).Compare(address(b.peer, b.v6)) }

// clone copies a layout.
func (l *layout) clone() *layout {
	c := &layout{sites: map[int]*site{}, bad: maps.Clone(l.bad)}
	for id, n := range l.sites {
		m := *n
		m.ties, m.local, m.reach, m.words = maps.Clone(n.ties), maps.Clone(n.local), maps.Clone(n.reach), maps.Clone(n.words)
		c.sites[id] = &m
	}
	return c
}

// speaksAs is the AS number that a site has towards a peer.
func (l *layout) speaksAs(id int, t tie) uint32 {
	if s := l.sites[id].ties[t]; s.localAS != 0 {
		return s.localAS
	}
	return l.sites[id].as
}

// internal says whether a site's peer is in the AS that it has towards it.
func (l *layout) internal(id int, t tie) bool {
	return l.speaksAs(id, t) == l.speaksAs(t.peer, tie{id, t.v6})
}

// rests says whether the sites will have told each other everything some day,
// whatever comes first.
func (l *layout) rests() bool {
	for i := range 2 {
		if _, ok := l.settle(rand.New(rand.NewPCG(uint64(i), 1))); !ok {
			return false
		}
	}
	return true
}
