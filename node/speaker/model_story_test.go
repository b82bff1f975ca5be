package speaker

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A story is a network that comes to be, and what happens to it.
type story []step

// String writes a step on a line, as the flag -story reads it.
func (s story) String() string {
	var b strings.Builder
	for _, x := range s {
		line, err := json.Marshal(x)
		if err != nil {
			panic(err)
		}
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String()
}

// rests says whether the network comes to rest after each step, if there is
// time: there are networks that never do (RFC 3345, RFC 4264).
// At its end nobody may tell more than its peer takes: that has no end either.
func (s story) rests() bool {
	l := newLayout()
	for _, x := range s {
		if l.take(x) && !l.rests() {
			return false
		}
	}
	return len(l.exceeded()) == 0
}

// An author writes stories.
type author struct {
	*rand.Rand
	layout   *layout
	story    story
	prefixes []netip.Prefix
	nextHops []netip.Addr
	systems  []uint32
}

// write makes up the story of a seed.
func write(seed uint64) story {
	a := &author{Rand: rand.New(rand.NewPCG(seed, 7)), layout: newLayout()}
	for a.found(); len(a.story) == 0 || !a.layout.rests(); a.found() {
	}
	for range 3 + a.IntN(40) {
		before, n := a.layout.clone(), len(a.story)
		a.event()
		if len(a.story) > n && !a.layout.rests() {
			a.layout, a.story = before, a.story[:n]
		}
	}
	for _, x := range a.layout.exceeded() {
		a.add(x)
	}
	return a.story
}

// add writes a step, if it makes sense.
func (a *author) add(s step) {
	if a.layout.take(s) {
		a.story = append(a.story, s)
	}
}

func (a *author) one(in int) bool { return a.IntN(in) == 0 }

func pick[T any](a *author, list ...T) T { return list[a.IntN(len(list))] }

// found makes sites, with what they have by themselves, and sessions.
func (a *author) found() {
	a.layout, a.story, a.prefixes, a.nextHops = newLayout(), nil, nil, nil
	for range 3 + a.IntN(4) {
		a.prefixes = append(a.prefixes, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(a.IntN(4)), byte(a.IntN(8)), 0}), 24))
	}
	for range 1 + a.IntN(4) {
		a.prefixes = append(a.prefixes, netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 1: byte(a.IntN(4)), 5: byte(1 + a.IntN(8))}), 64))
	}
	sites := 2 + a.IntN(11)
	for range 4 {
		at := 1 + a.IntN(sites)
		a.nextHops = append(a.nextHops, address(at, false), address(at, true))
	}
	a.nextHops = append(a.nextHops, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"))
	a.systems = []uint32{64512, 64513, 64514, 65001, 4_200_000_000, 4_200_000_001, 23456 + 1, 1}[:1+a.IntN(min(8, sites))]
	if a.one(3) {
		a.systems = a.systems[:1]
	}
	ids := a.Perm(sites)
	for i := range sites {
		s := step{Do: "site", Node: i + 1, How: pick(a, "", "plain"), AS: pick(a, a.systems...), Addr: netip.AddrFrom4([4]byte{192, 168, 0, byte(ids[i] + 1)})}
		if i > 0 && a.one(5) {
			if s.How = "outside"; s.AS <= 0xffff {
				s.How = pick(a, "outside", "outside old")
			}
		}
		a.add(s)
		if s.How[:min(7, len(s.How))] == "outside" {
			continue
		}
		a.pools(i+1, 0)
		for range a.IntN(3) {
			a.route(i+1, 0)
		}
	}
	for range a.IntN(6) {
		a.reach(0)
	}
	for i := range sites {
		if !a.one(15) {
			a.add(step{Do: "start", Node: i + 1})
		}
	}
	a.connect()
}

// connect makes sessions: within an AS nearly all, between ASes some, so that
// everything hangs together.
func (a *author) connect() {
	sites := len(a.layout.sites)
	whole := !a.one(5)
	reflected := a.one(2)
	for i := 2; i <= sites; i++ {
		a.pair(i, 1+a.IntN(i-1), 0)
		for j := 1; j < i; j++ {
			same := a.layout.sites[i].as == a.layout.sites[j].as
			switch {
			case same && reflected && i > 4: // a client of some of the first
				if j <= 4 && a.one(2) {
					a.pair(i, j, 0)
					a.client(j, i, 0)
				}
			case same && (whole || !a.one(3)), !same && a.one(6):
				a.pair(i, j, 0)
			}
		}
	}
	for range a.IntN(6) {
		a.filter(a.site(), 0)
	}
	for range a.IntN(6) {
		a.setting(a.site(), 0)
	}
	for range 2 * sites {
		a.say(a.site(), 0)
	}
}

// client makes a site the reflector of another one, or ends that.
func (a *author) client(reflector, client int, after time.Duration) {
	how := ""
	if after > 0 {
		how = pick(a, "", "not")
	}
	for _, v6 := range []bool{false, true} {
		if a.layout.sites[reflector].as == a.layout.sites[client].as {
			// Two reflectors may be one cluster.
			cluster := pick(a, netip.Addr{}, netip.Addr{}, netip.AddrFrom4([4]byte{192, 168, 1, 1}))
			a.add(step{After: after, Do: "client", Node: reflector, Peer: client, V6: v6, How: how, Addr: cluster})
		}
	}
}

// filter gives a peer of a site other filters.
func (a *author) filter(i int, after time.Duration) {
	peers := a.peers(i)
	if len(peers) == 0 {
		return
	}
	t := pick(a, peers...)
	s := step{After: after, Do: pick(a, "in", "out"), Node: i, Peer: t.peer, V6: t.v6}
	communities := []uint32{1<<16 + 1, 2<<16 + 2, 0xffffff01, 0xffffff02}
	for range a.IntN(4) {
		r := rule{Accept: !a.one(3)}
		if !a.one(4) {
			r.Prefix = pick(a, a.prefixes...)
			r.Prefix = netip.PrefixFrom(r.Prefix.Addr(), r.Prefix.Bits()-pick(a, 0, 0, 8)).Masked()
		}
		if a.one(4) {
			r.Community = pick(a, communities...)
		}
		if r.Accept && a.one(2) {
			r.Add = pick(a, communities...)
		}
		if r.Accept && a.one(3) {
			r.Prepend = a.layout.sites[i].as
		}
		if r.Accept && a.one(4) {
			r.Metric = 100 + a.IntN(3)
		}
		s.Rules = append(s.Rules, r)
	}
	a.add(s)
}

// pair makes two sites peers of each other.
func (a *author) pair(i, j int, after time.Duration) {
	for _, v6 := range pick(a, []bool{false}, []bool{false}, []bool{true}, []bool{false, true}) {
		how := pick(a, "", "", "named", "passive")
		a.add(step{After: after, Do: "peer", Node: i, Peer: j, V6: v6, How: how})
		if how = pick(a, "", "", "named"); a.one(40) {
			how = pick(a, "stray", "passive")
		}
		a.add(step{Do: "peer", Node: j, Peer: i, V6: v6, How: how})
	}
}

// pools gives a site what it may tell.
func (a *author) pools(i int, after time.Duration) {
	s := step{After: after, Do: "pools", Node: i}
	s.Accept = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	switch a.IntN(8) {
	case 0:
		s.Accept = s.Accept[:a.IntN(2)]
	case 1:
		s.Reject = []netip.Prefix{pick(a, a.prefixes...)}
	case 2:
		s.Accept = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/15"), pick(a, a.prefixes...)}
	}
	slices.SortFunc(s.Accept, netip.Prefix.Compare)
	for range a.IntN(5) / 2 {
		p := pick(a, a.prefixes...)
		s.Tags = append(s.Tags, tag{
			netip.PrefixFrom(p.Addr(), p.Bits()-pick(a, 0, 8, 16)).Masked(),
			pick(a, []string{"65535:65281"}, []string{"1:1", "1:2:3"}, []string{"64512:7", "64512:8"}, []string{"4200000000:1:1"}),
		})
	}
	a.add(s)
}

// route gives a site a route of its own.
func (a *author) route(i int, after time.Duration) {
	s := step{After: after, Do: "route", Node: i, Prefix: pick(a, a.prefixes...), How: pick(a, "direct", "kernel")}
	if s.How == "kernel" && !a.one(3) {
		s.Metric = uint32(600 * a.IntN(3)) // elevated, better and worse than normal
		s.Addr = pick(a, a.nextHops...)
		if s.Addr.Is6() != s.Prefix.Addr().Is6() {
			s.Addr = netip.Addr{}
		}
	}
	if a.one(25) {
		s.Count = 1 + a.IntN(150)
		s.Prefix = netip.PrefixFrom(s.Prefix.Addr(), s.Prefix.Bits()+8)
	}
	a.add(s)
}

// unroute takes one away.
func (a *author) unroute(i int, after time.Duration) {
	own := a.layout.sites[i].local
	if len(own) == 0 {
		return
	}
	var list []netip.Prefix
	for p := range own {
		list = append(list, p)
	}
	slices.SortFunc(list, netip.Prefix.Compare)
	a.add(step{After: after, Do: "unroute", Node: i, Prefix: pick(a, list...), Count: pick(a, 1, 1, 40)})
}

// reach changes how a site reaches next hops: its peers' addresses, and others.
func (a *author) reach(after time.Duration) {
	i := a.site()
	at := a.nextHops
	for _, t := range a.peers(i) {
		at = append(slices.Clip(at), address(t.peer, t.v6))
	}
	for range 1 + a.IntN(3) {
		a.add(step{After: after, Do: "reach", Node: i, Addr: pick(a, at...), How: pick(a, "link", "far", "none")})
		after = 0
	}
}

func (a *author) site() int { return 1 + a.IntN(len(a.layout.sites)) }

// pause is the time between two events: often none, or less than it takes to
// hear of the first.
func (a *author) pause() time.Duration {
	switch a.IntN(6) {
	case 0, 1:
		return 0
	case 2:
		return time.Duration(a.IntN(5)) * time.Millisecond
	case 3:
		return time.Duration(a.IntN(3000)) * time.Millisecond
	case 4:
		return time.Duration(a.IntN(30)) * time.Second
	}
	return time.Duration(a.IntN(200)) * time.Second
}

// event makes something happen.
func (a *author) event() {
	after, i := a.pause(), a.site()
	peers := a.peers(i)
	j := a.site()
	if len(peers) > 0 {
		j = pick(a, peers...).peer
	}
	if i == j {
		return
	}
	switch a.IntN(40) {
	case 0, 1, 2, 3:
		a.route(i, after)
	case 4, 5, 6:
		a.unroute(i, after)
	case 7, 8:
		a.pools(i, after)
	case 9, 10, 11:
		a.reach(after)
	case 12:
		a.add(step{After: after, Do: "cut", Node: i, Peer: j})
	case 13:
		a.add(step{After: after, Do: "silence", Node: i, Peer: j})
	case 14, 15:
		a.mend(after)
	case 16:
		a.add(step{After: after, Do: "reset", Node: i, Peer: j, V6: a.one(2), How: pick(a, "", "hard")})
	case 17:
		a.add(step{After: after, Do: "unpeer", Node: i, Peer: j, V6: a.one(2)})
	case 18:
		a.pair(i, j, after)
	case 19, 20:
		a.add(step{After: after, Do: pick(a, "stop", "kill", "kill"), Node: i})
	case 21:
		for _, id := range a.layout.ids() {
			a.add(step{After: after, Do: "start", Node: id, How: pick(a, "", "restarting", "restarting")})
		}
	case 22:
		a.add(step{After: after, Do: pick(a, "slow", "slow", "usual"), Node: i, Peer: j})
	case 24, 25, 26, 27:
		a.filter(i, after)
	case 28, 29:
		a.client(i, j, after+1)
	case 30, 31, 32:
		a.setting(i, after)
	case 33, 34, 35, 36, 37, 38, 39:
		for range 3 { // not every site is an outsider
			a.say(a.site(), after)
		}
	case 23:
		a.add(step{After: after, Do: "renumber", Node: i, AS: a.layout.sites[j].as})
	}
}

// peers are a site's peers, in order.
func (a *author) peers(i int) []tie {
	var list []tie
	for t := range a.layout.sites[i].ties {
		list = append(list, t)
	}
	slices.SortFunc(list, compareTies)
	return list
}

// mend repairs a cable, or all.
func (a *author) mend(after time.Duration) {
	var broken [][2]int
	for c := range a.layout.bad {
		broken = append(broken, c)
	}
	slices.SortFunc(broken, func(x, y [2]int) int { return slices.Compare(x[:], y[:]) })
	all := a.one(2)
	for _, c := range broken {
		if all || a.one(2) {
			a.add(step{After: after, Do: "mend", Node: c[0], Peer: c[1]})
			after = 0
		}
	}
}
