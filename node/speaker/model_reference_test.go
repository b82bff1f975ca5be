package speaker

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/policy"
)

// The reference: what RFC 4271, RFC 4456 and Calico's BIRD say of a layout,
// written down once more without the engine, slow and obvious.

// An announcement is what one speaker says to another of a prefix.
type announcement struct {
	id          uint32 // of the path (RFC 7911), which the teller chooses
	nextHop     netip.Addr
	origin      int
	path        [][]uint32 // its hops; one of several ASes is an AS_SET
	med         int64      // -1: none, as for the others
	localPref   int64
	originator  netip.Addr
	clusters    []uint32
	communities []uint32
	extra       []extra // other attributes
}

// An extra is an attribute that the reference has no other word for: one that
// decides nothing, or nobody knows.
type extra struct {
	Flags uint8  `json:"flags"`
	Type  uint8  `json:"type"`
	Value []byte `json:"value,omitzero"`
}

func (a announcement) String() string {
	s := fmt.Sprintf("via %v origin %d path %v", a.nextHop, a.origin, a.path)
	if a.med >= 0 {
		s += fmt.Sprintf(" med %d", a.med)
	}
	if a.localPref >= 0 {
		s += fmt.Sprintf(" local pref %d", a.localPref)
	}
	if a.originator.IsValid() {
		s += fmt.Sprintf(" originator %v", a.originator)
	}
	if len(a.clusters) > 0 {
		s += fmt.Sprintf(" clusters %v", a.clusters)
	}
	if len(a.communities) > 0 {
		s += fmt.Sprintf(" communities %x", slices.Sorted(slices.Values(a.communities)))
	}
	for _, x := range slices.SortedFunc(slices.Values(a.extra), func(x, y extra) int { return cmp.Compare(x.Type, y.Type) }) {
		if x.Type == largeCommunities { // in no order
			x.Value = slices.Concat(slices.SortedFunc(slices.Chunk(x.Value, 12), bytes.Compare)...)
		}
		s += fmt.Sprintf(" attribute %d flags %02x %x", x.Type, x.Flags, x.Value)
	}
	return s
}

// paths are what one speaker says to another of a prefix, in no order.
type paths []announcement

// String leaves out the numbers of the paths.
func (p paths) String() string {
	var words []string
	for _, a := range p {
		words = append(words, a.String())
	}
	slices.Sort(words)
	return strings.Join(words, " and ")
}

// hearsay is what a site has been told, and by whom.
type hearsay map[tie]map[netip.Prefix]paths

// A choice is a way that a site has to a prefix.
type choice struct {
	local *intent.Local // of its own; nil: from a peer
	from  tie
	said  announcement
	heard string // what it was before the filters
	// overrides says that it is preferred to other ways of BGP.
	overrides bool
}

// key tells the choices of a site apart.
func (c choice) key() string { return fmt.Sprint(c.local != nil, c.from, c.said.id, c.said) }

// choices are all ways of a site to a prefix that it lets in.
func (l *layout) choices(id int, p netip.Prefix, h hearsay) []choice {
	n := l.sites[id]
	var list []choice
	if own, ok := n.local[p]; ok {
		list = append(list, choice{local: &own, said: announcement{med: -1, localPref: int64(2147483647 - own.Metric)}})
	}
	for _, t := range l.sessions(id) {
		mine := n.ties[t]
		for _, a := range h[t][p] {
			if times(l.speaksAs(id, t), a.path) > mine.allowed || a.originator == n.id || a.nextHop == address(id, t.v6) ||
				mine.cluster.IsValid() && slices.Contains(a.clusters, number(mine.cluster)) {
				continue
			}
			if b, decided, ok := filter(mine.in, p, a); ok || !decided {
				// Only what no rule decides on is looked at for its priority.
				overrides := !decided && b.localPref > 2147483647-1024
				list = append(list, choice{from: t, said: b, heard: a.String(), overrides: overrides})
			}
		}
	}
	return list
}

// times is how often an AS is in a path.
func times(as uint32, path [][]uint32) (n int) {
	for _, hop := range path {
		for _, x := range hop {
			if x == as {
				n++
			}
		}
	}
	return n
}

// filter is what rules make of an announcement: whether one of them decides,
// and then whether it may pass.
func filter(rules []rule, p netip.Prefix, a announcement) (_ announcement, decided, ok bool) {
	for _, r := range rules {
		if r.Prefix.IsValid() && (r.Prefix.Bits() > p.Bits() || !r.Prefix.Contains(p.Addr())) ||
			r.Community != 0 && !slices.Contains(a.communities, r.Community) {
			continue
		}
		if !r.Accept {
			return a, true, false
		}
		if r.Add != 0 && !slices.Contains(a.communities, r.Add) {
			a.communities = append(slices.Clone(a.communities), r.Add)
		}
		if r.Prepend != 0 {
			a.path = slices.Concat([][]uint32{{r.Prepend}}, a.path)
		}
		if r.Metric != 0 {
			a.localPref = int64(2147483647 - r.Metric)
		}
		return a, true, true
	}
	return a, false, false
}

// number is an identifier as a cluster list has it.
func number(id netip.Addr) uint32 {
	b := id.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// decide is the decision process: each rule leaves those that are best by it.
// It returns the best way, and the next hops of all that are as good.
func (l *layout) decide(id int, list []choice) (best *choice, hops []netip.Addr) {
	if len(list) == 0 {
		return nil, nil
	}
	n := l.sites[id]
	reach := func(c choice) Reach {
		if r, ok := n.reach[c.said.nextHop]; ok || c.local != nil {
			return r
		}
		return Reach{Resolvable: true, OnLink: true}
	}
	neighbour := func(c choice) uint32 {
		if len(c.said.path) > 0 && len(c.said.path[0]) == 1 {
			return c.said.path[0][0]
		}
		return l.speaksAs(c.from.peer, tie{id, c.from.v6})
	}
	internal := func(c choice) bool { return c.local == nil && l.internal(id, c.from) }
	least := func(list []choice, number func(choice) int64) []choice {
		low := number(slices.MinFunc(list, func(a, b choice) int { return cmp.Compare(number(a), number(b)) }))
		return slices.DeleteFunc(slices.Clone(list), func(c choice) bool { return number(c) > low })
	}
	count := func(b bool) int64 {
		if b {
			return 1
		}
		return 0
	}

	list = least(list, func(c choice) int64 { // BIRD's preferences
		switch {
		case c.overrides:
			return -200
		case c.local == nil:
			return -100
		case c.local.Source == intent.Kernel:
			return -10
		}
		return -240
	})
	if list[0].local != nil {
		return &list[0], nil
	}
	list = least(list, func(c choice) int64 { return count(!reach(c).Resolvable) })
	list = least(list, func(c choice) int64 { return count(slices.Contains(c.said.communities, llgrStale)) })
	list = least(list, func(c choice) int64 {
		if c.said.localPref < 0 {
			return -100
		}
		return -c.said.localPref
	})
	list = least(list, func(c choice) int64 { return int64(len(c.said.path)) })
	list = least(list, func(c choice) int64 { return int64(c.said.origin) })
	equal := list
	list = slices.DeleteFunc(slices.Clone(list), func(c choice) bool {
		return slices.ContainsFunc(equal, func(d choice) bool {
			return neighbour(d) == neighbour(c) && max(0, d.said.med) < max(0, c.said.med)
		})
	})
	list = least(list, func(c choice) int64 { return count(internal(c)) })
	list = least(list, func(c choice) int64 { return count(!reach(c).OnLink) })
	list = least(list, func(c choice) int64 {
		id := c.said.originator
		if !id.IsValid() {
			id = l.sites[c.from.peer].id
		}
		return int64(number(id))
	})
	list = least(list, func(c choice) int64 { return int64(len(c.said.clusters)) })
	slices.SortFunc(list, func(a, b choice) int {
		return cmp.Or(compareTies(a.from, b.from), cmp.Compare(a.said.id, b.said.id))
	})
	best = &list[0]

	if !reach(*best).Resolvable {
		return best, []netip.Addr{best.said.nextHop} // for the kernel's side to tell what is wrong
	}
	for _, c := range equal {
		if internal(c) == internal(*best) && reach(c) == reach(*best) &&
			(neighbour(c) != neighbour(*best) || max(0, c.said.med) == max(0, best.said.med)) {
			hops = append(hops, c.said.nextHop)
		}
	}
	slices.SortFunc(hops, netip.Addr.Compare)
	hops = slices.Compact(hops)
	return best, hops[:min(len(hops), 16)]
}

// tell is what a site says to a peer of a prefix that it has chosen a way to.
func (l *layout) tell(id int, to tie, p netip.Prefix, best *choice) (announcement, bool) {
	n, peer := l.sites[id], l.sites[to.peer]
	if best == nil || p.Addr().Is6() != to.v6 || best.local == nil && best.from == to {
		return announcement{}, false
	}
	mine, as := n.ties[to], l.speaksAs(id, to)
	external := !l.internal(id, to)
	self := address(id, to.v6)
	keeps := mine.nextHop == "Keep" || mine.nextHop == "" && !external
	a := best.said
	if best.local != nil {
		a.nextHop = self
		if gw := best.local.Gateway; keeps && gw.IsValid() && !gw.IsLinkLocalUnicast() && gw.Is6() == to.v6 {
			a.nextHop = gw
		}
	} else {
		has := func(c uint32) bool { return slices.Contains(a.communities, c) }
		if has(noAdvertise) || external && (has(noExport) || has(noExportSubconfed)) || peer.outside && has(llgrStale) {
			return announcement{}, false
		}
		if !keeps {
			a.nextHop = self
		}
		if !external && l.internal(id, best.from) && l.speaksAs(id, best.from) == as {
			var ok bool
			if a, ok = reflected(a, n.ties[best.from].cluster, mine.cluster); !ok {
				return announcement{}, false
			}
			if !a.originator.IsValid() {
				a.originator = l.sites[best.from.peer].id
			}
		}
	}
	if a.localPref < 0 {
		a.localPref = 100
	}
	if external {
		a.path = slices.Concat([][]uint32{{as}}, a.path)
		a.originator, a.clusters = netip.Addr{}, nil
		a.med = min(a.med, 0)
		a.extra = abroad(a.extra)
	}
	a, decided, ok := filter(mine.out, p, a)
	if !decided {
		a = advertised(n.export.Advertise, p, a)
	}
	if external {
		a.localPref = -1
	}
	if best.local != nil && a.nextHop == address(to.peer, to.v6) { // RFC 4271, 5.1.3: not by way of the peer itself
		return announcement{}, false
	}
	return a, ok || !decided && n.export.Permits(p, policy.DefaultPriority)
}

// The communities that mean something (RFC 1997, RFC 9494), and attributes.
const (
	noExport, noAdvertise, noExportSubconfed, llgrStale = 0xffffff01, 0xffffff02, 0xffffff03, 0xffff0006

	extCommunities, largeCommunities = 16, 32
)

// reflected is what becomes of a route that is passed on within an AS
// (RFC 4456): to clients, or from them. The clusters are zero for those who are
// no clients.
func reflected(a announcement, from, to netip.Addr) (announcement, bool) {
	if !from.IsValid() && !to.IsValid() || to.IsValid() && slices.Contains(a.clusters, number(to)) {
		return a, false
	}
	list := []netip.Addr{from, to}
	if from == to {
		list = list[1:]
	}
	var front []uint32
	for _, cluster := range list {
		if cluster.IsValid() {
			front = append(front, number(cluster))
		}
	}
	a.clusters = slices.Concat(front, a.clusters)
	return a, true
}

// abroad leaves out the extended communities that stay in their AS (RFC 4360, 2).
func abroad(all []extra) (list []extra) {
	for _, x := range all {
		if x.Type == extCommunities {
			var value []byte
			for c := range slices.Chunk(x.Value, 8) {
				if c[0]&0x40 == 0 {
					value = append(value, c...)
				}
			}
			if x.Value = value; value == nil {
				continue
			}
		}
		list = append(list, x)
	}
	return list
}

// advertised adds the communities of all prefixAdvertisements that a prefix
// lies in.
func advertised(all []policy.Advertisement, p netip.Prefix, a announcement) announcement {
	var large []byte
	for _, x := range all {
		if x.CIDR.Bits() > p.Bits() || !x.CIDR.Contains(p.Addr()) {
			continue
		}
		for _, text := range x.Communities {
			var n [3]uint32
			if parts, _ := fmt.Sscanf(text, "%d:%d:%d", &n[0], &n[1], &n[2]); parts == 3 {
				for _, v := range n {
					large = binary.BigEndian.AppendUint32(large, v)
				}
			} else if c := n[0]<<16 | n[1]; !slices.Contains(a.communities, c) {
				a.communities = append(slices.Clone(a.communities), c)
			}
		}
	}
	if large == nil {
		return a
	}
	a.extra = slices.Clone(a.extra)
	at := slices.IndexFunc(a.extra, func(x extra) bool { return x.Type == largeCommunities })
	if at < 0 {
		at = len(a.extra)
		a.extra = append(a.extra, extra{Flags: 0xc0, Type: largeCommunities})
	}
	have := slices.Collect(slices.Chunk(a.extra[at].Value, 12))
	for c := range slices.Chunk(large, 12) {
		if !slices.ContainsFunc(have, func(h []byte) bool { return bytes.Equal(h, c) }) {
			have = append(have, c)
		}
	}
	a.extra[at].Value = slices.Concat(have...)
	return a
}

// all says whether a site tells a peer all ways and not only the best.
func (l *layout) all(id int, to tie) bool { return !l.sites[id].plain && !l.sites[to.peer].plain }

// says is all that a site tells its peers, given what it has heard.
func (l *layout) says(id int, h hearsay) hearsay {
	told, sessions := hearsay{}, l.sessions(id)
	for _, t := range sessions {
		told[t] = map[netip.Prefix]paths{}
	}
	if n := l.sites[id]; n.outside {
		for _, t := range sessions {
			external := !l.internal(id, t)
			for p, s := range n.words[t] {
				if a, ok := s.received(external, n.old); ok && p.Addr().Is6() == t.v6 {
					told[t][p] = paths{a}
				}
			}
		}
		return told
	}
	for p := range l.known(id, h) {
		list := l.choices(id, p, h)
		best, _ := l.decide(id, list)
		for _, t := range sessions {
			if !l.all(id, t) {
				if a, ok := l.tell(id, t, p, best); ok {
					a.id = 0
					told[t][p] = paths{a}
				}
				continue
			}
			for i := range list {
				if a, ok := l.tell(id, t, p, &list[i]); ok {
					a.id = uint32(i + 1)
					told[t][p] = append(told[t][p], a)
				}
			}
		}
	}
	return told
}

// known are the prefixes that a site has or has heard of.
func (l *layout) known(id int, h hearsay) map[netip.Prefix]bool {
	known := map[netip.Prefix]bool{}
	for p := range l.sites[id].local {
		known[p] = true
	}
	for _, told := range h {
		for p := range told {
			known[p] = true
		}
	}
	return known
}

// settle has the sites tell each other, in some order, until nobody has
// anything new to say. It reports false when that doesn't come to be.
func (l *layout) settle(r *rand.Rand) (map[int]hearsay, bool) {
	all := map[int]hearsay{}
	for id := range l.sites {
		all[id] = hearsay{}
	}
	order := l.ids()
	news := map[int]bool{} // sites that have heard something since they spoke
	for _, id := range order {
		news[id] = true
	}
	for range 60 {
		if r != nil {
			r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		for _, id := range order {
			if !news[id] {
				continue
			}
			delete(news, id)
			for t, told := range l.says(id, all[id]) {
				back := tie{id, t.v6}
				if len(differences(told, all[t.peer][back])) > 0 {
					news[t.peer] = true
				}
				all[t.peer][back] = told
			}
		}
		if len(news) == 0 {
			return all, true
		}
	}
	return nil, false
}

// differing says in words how what is differs from what should be.
func differing[K comparable, V fmt.Stringer](want, got map[K]V) map[K]string {
	list := map[K]string{}
	for k, w := range want {
		if g, ok := got[k]; !ok {
			list[k] = fmt.Sprintf("%v: missing, should be %v", k, w)
		} else if g.String() != w.String() {
			list[k] = fmt.Sprintf("%v: is %v, should be %v", k, g, w)
		}
	}
	for k, g := range got {
		if _, ok := want[k]; !ok {
			list[k] = fmt.Sprintf("%v: is %v, should not be", k, g)
		}
	}
	return list
}

// differences are the words of differing, sorted.
func differences[K comparable, V fmt.Stringer](want, got map[K]V) []string {
	return slices.Sorted(maps.Values(differing(want, got)))
}
