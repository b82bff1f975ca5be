package speaker

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// setting changes one of a site's settings of a session.
func (a *author) setting(i int, after time.Duration) {
	peers := a.peers(i)
	if len(peers) == 0 || a.layout.sites[i].outside {
		return
	}
	t := pick(a, peers...)
	s := step{After: after, Node: i, Peer: t.peer, V6: t.v6}
	switch s.Do = pick(a, "local-as", "allow", "next-hop", "maximum"); s.Do {
	case "local-as":
		s.AS = pick(a, append([]uint32{0, 64999}, a.systems...)...)
	case "allow":
		s.Count = a.IntN(3)
	case "next-hop":
		s.How = pick(a, "", "Self", "Keep")
	case "maximum":
		s.Count = pick(a, 0, 1, 2, 3, 5, 100)
	}
	a.add(s)
}

// say has an outsider say something to a peer, or take it back.
func (a *author) say(i int, after time.Duration) {
	n := a.layout.sites[i]
	peers := a.peers(i)
	if len(peers) == 0 || !n.outside {
		return
	}
	t := pick(a, peers...)
	s := step{After: after, Do: "say", Node: i, Peer: t.peer, V6: t.v6, Prefix: pick(a, a.prefixes...)}
	if s.Prefix.Addr().Is6() != t.v6 {
		return
	}
	if a.one(5) {
		s.Do = "unsay"
	} else {
		s.Said = a.speech(i, t)
	}
	a.add(s)
}

// speech makes up what an outsider says.
func (a *author) speech(i int, t tie) speech {
	n := a.layout.sites[i]
	s := speech{Origin: a.IntN(3), MED: pick(a, int64(-1), -1, 0, 10, 20), LocalPref: pick(a, int64(-1), -1, 50, 100, 200)}
	s.NextHop = address(i, t.v6)
	if at := pick(a, a.nextHops...); a.one(3) && at.Is6() == t.v6 {
		s.NextHop = at
	}
	if a.one(20) {
		s.Origin = 3
	}
	hop := func() uint32 { return pick(a, append([]uint32{64999, 23456, 70_000, 3}, a.systems...)...) }
	if !a.layout.internal(i, t) && !a.one(8) {
		s.Path = append(s.Path, []uint32{n.as})
	}
	for range a.IntN(4) {
		s.Path = append(s.Path, []uint32{hop()})
		if a.one(5) {
			s.Path[len(s.Path)-1] = []uint32{hop(), hop()}
		}
	}
	if n.old {
		s.Unseen = pick(a, 0, 0, 1, 9)
	}
	if a.one(4) {
		s.Originator = a.layout.sites[a.site()].id
		for range a.IntN(3) {
			s.Clusters = append(s.Clusters, pick(a, uint32(0xc0a80101), number(a.layout.sites[a.site()].id), 7))
		}
	}
	for _, c := range []uint32{1<<16 + 1, noExport, noAdvertise, noExportSubconfed, llgrStale, 0xffff0000, 64512<<16 + 7} {
		if a.one(9) {
			s.Communities = append(s.Communities, c)
		}
	}
	aggregator := binary.BigEndian.AppendUint32(nil, pick(a, uint32(64999), 70_000))
	for _, x := range []extra{
		{0x40, 6, nil},
		{0xc0, 7, append(aggregator, 192, 0, 2, 7)},
		{0xc0, extCommunities, pick(a, []byte("\x00\x02\x00\x07\x00\x00\x00\x07"), []byte("\x40\x04\x00\x01\x00\x00\x00\x02\x00\x02\x00\x07\x00\x00\x00\x07"), []byte("\x43\x00\x00\x00\x00\x00\x00\x01"))},
		{0xc0, largeCommunities, []byte("\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03")},
		{pick(a, uint8(0xc0), 0xe0), 99, []byte("known to nobody")},
		{0x80, 101, []byte("for the neighbour only")},
	} {
		if a.one(7) {
			s.Extra = append(s.Extra, x)
		}
	}
	return s
}

// exceeded are steps that raise the maxima of prefixes which the peers exceed
// in any of the states that some orders of events lead to, or come near: a peer tells
// more, for a while, when a session is new and what we tell it has yet to go round.
// Where that is too much, it is each time. Sessions that have to wait begin anew by
// that.
func (l *layout) exceeded() (raise []step) {
	most := map[int]map[tie]int{}
	for i := range orders / 2 {
		all, ok := l.settle(rand.New(rand.NewPCG(uint64(i), 2)))
		if !ok {
			continue
		}
		for id, h := range all {
			if most[id] == nil {
				most[id] = map[tie]int{}
			}
			for t, told := range h {
				most[id][t] = max(most[id][t], len(byNumber(told)))
			}
		}
	}
	for _, id := range l.ids() {
		n := l.sites[id]
		for _, t := range slices.SortedFunc(maps.Keys(n.ties), compareTies) {
			room := 2*most[id][t] + 10
			if m := n.ties[t].maximum; m > 0 && !n.outside && room > m {
				raise = append(raise, step{Do: "maximum", Node: id, Peer: t.peer, V6: t.v6, Count: room})
			}
		}
	}
	return raise
}
