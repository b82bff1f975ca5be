package speaker

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/calctl/calctl/node/session"
	"github.com/calctl/calctl/node/wire"
)

// An outsider is somebody else's speaker, in the place of ours at a site. It
// says what the story has it say, whatever it hears: MEDs, AS_SETs, attributes
// nobody knows, paths of two-octet ASes. What it hears it reads by itself,
// octet by octet.
type outsider struct {
	w     *world
	id    int
	lines map[line]*call

	mu     sync.Mutex
	said   map[tie]map[netip.Prefix]speech // what it is to say
	heard  hearsay
	faults []string // in what it was told
}

// A line is a session that an outsider wants.
type line struct {
	tie
	as uint32
}

// A call is what keeps a line.
type call struct {
	over chan struct{} // closed when it is to end
	news chan struct{} // readable when there is something else to say
}

// A speech is what an outsider says of a prefix.
type speech struct {
	NextHop     netip.Addr `json:"nextHop"`
	Origin      int        `json:"origin,omitzero"` // 3: malformed
	Path        [][]uint32 `json:"path,omitzero"`   // a hop of several is an AS_SET
	MED         int64      `json:"med"`             // -1: none
	LocalPref   int64      `json:"localPref"`       // -1: none
	Originator  netip.Addr `json:"originator,omitzero"`
	Clusters    []uint32   `json:"clusters,omitzero"`
	Communities []uint32   `json:"communities,omitzero"`
	Extra       []extra    `json:"extra,omitzero"`
	// Unseen is how many hops a two-octet outsider has put in front without
	// telling of them in AS4_PATH (RFC 6793, 4.2.3).
	Unseen int `json:"unseen,omitzero"`
}

func newOutsider(w *world, id int) *outsider {
	return &outsider{w: w, id: id, lines: map[line]*call{}, heard: hearsay{}}
}

// want has the outsider do what the layout says.
func (o *outsider) want(n *site) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said = map[tie]map[netip.Prefix]speech{}
	for t, words := range n.words {
		o.said[t] = map[netip.Prefix]speech{}
		for p, s := range words {
			o.said[t][p] = s
		}
	}
	wanted := map[line]bool{}
	if n.up {
		for t := range n.ties {
			wanted[line{t, n.as}] = true
		}
	}
	for l, c := range o.lines {
		if !wanted[l] {
			close(c.over)
			delete(o.lines, l)
		}
	}
	for l := range wanted {
		if o.lines[l] == nil {
			c := &call{make(chan struct{}), make(chan struct{}, 1)}
			o.lines[l] = c
			o.w.fabric.pumps.Go(func() { o.keep(l, n.id, n.old, c) })
		}
		wake(o.lines[l].news)
	}
}

// keep dials until there is a connection, and again when there is none any more.
func (o *outsider) keep(l line, id netip.Addr, old bool, c *call) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.w.fabric.pumps.Go(func() { <-c.over; cancel() })
	to := netip.AddrPortFrom(address(l.peer, l.v6), 179)
	for ctx.Err() == nil {
		attempt, giveUp := context.WithTimeout(ctx, 30*time.Second)
		sock, err := port{o.w.fabric, o.id}.Dial(attempt, session.Config{Remote: to})
		giveUp()
		if err == nil {
			o.converse(ctx, l, id, old, c.news, sock)
		}
		select {
		case <-time.After(3*time.Second + rand.N(3*time.Second)):
		case <-ctx.Done():
		}
	}
}

// outsiderHold is an outsider's hold time. It speaks three times in it.
const outsiderHold = 180 * time.Second

// converse is one connection, to its end.
func (o *outsider) converse(ctx context.Context, l line, id netip.Addr, old bool, news <-chan struct{}, sock net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	up := make(chan struct{})
	var parts sync.WaitGroup
	parts.Go(func() {
		<-ctx.Done()
		_ = sock.Close()
	})
	parts.Go(func() {
		defer cancel()
		o.speak(ctx, l, id, old, news, sock, up)
	})
	o.listen(l, old, sock, up)
	cancel()
	parts.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.heard, l.tie)
}

// speak says OPEN, and what there is to say and to take back from then on.
func (o *outsider) speak(ctx context.Context, l line, id netip.Addr, old bool, news <-chan struct{}, sock net.Conn, up <-chan struct{}) {
	family := wire.IPv4
	if l.v6 {
		family = wire.IPv6
	}
	open := wire.AppendOpen(nil, wire.Open{AS: l.as, HoldTime: outsiderHold, ID: id, Capabilities: wire.Capabilities{
		Families: wire.SetOf(family), HasFourOctetAS: !old,
	}})
	if _, err := sock.Write(open); err != nil {
		return
	}
	select {
	case <-up:
	case <-ctx.Done():
		return
	}
	sent := map[netip.Prefix]speech{}
	b := wire.AppendKeepalive(nil)
	for {
		o.mu.Lock()
		said := o.said[l.tie]
		o.mu.Unlock()
		for p := range sent {
			if _, ok := said[p]; !ok {
				b = append(b, takenBack(p)...)
				delete(sent, p)
			}
		}
		for p, s := range said {
			if was, ok := sent[p]; !ok || was.announcement().String() != s.announcement().String() || was.Unseen != s.Unseen {
				b = append(b, s.message(p, old)...)
				sent[p] = s
			}
		}
		if _, err := sock.Write(b); err != nil {
			return
		}
		b = nil
		select {
		case <-news:
		case <-time.After(outsiderHold / 3):
			b = wire.AppendKeepalive(nil)
		case <-ctx.Done():
			return
		}
	}
}

// listen takes down what is said.
func (o *outsider) listen(l line, old bool, sock net.Conn, up chan<- struct{}) {
	r := wire.NewReader(sock)
	alive := false
	for {
		_ = sock.SetReadDeadline(time.Now().Add(outsiderHold))
		kind, body, err := r.Next()
		if err != nil {
			return
		}
		switch kind {
		case wire.TypeOpen:
			if !alive {
				alive = true
				close(up)
			}
		case wire.TypeUpdate:
			news, fault := readUpdate(body, old)
			o.mu.Lock()
			if fault != "" {
				o.faults = append(o.faults, fault)
			}
			if o.heard[l.tie] == nil {
				o.heard[l.tie] = map[netip.Prefix]paths{}
			}
			for _, n := range news {
				if n.gone {
					delete(o.heard[l.tie], n.prefix)
				} else {
					o.heard[l.tie][n.prefix] = paths{n.said}
				}
			}
			o.mu.Unlock()
		case wire.TypeNotification:
			return
		}
	}
}

// look takes a snapshot of what was heard.
func (o *outsider) look() (snapshot, []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := hearsay{}
	for t, told := range o.heard {
		h[t] = map[netip.Prefix]paths{}
		for p, said := range told {
			h[t][p] = slices.Clone(said)
		}
	}
	return snapshot{heard: h}, o.faults
}

// announcement is the speech without what becomes of it on the wire.
func (s speech) announcement() announcement {
	return announcement{
		nextHop: s.NextHop, origin: s.Origin, path: s.Path, med: s.MED, localPref: s.LocalPref,
		originator: s.Originator, clusters: s.Clusters, communities: s.Communities, extra: s.Extra,
	}
}

// received is what a peer of ours makes of the speech: RFC 4271, 5; RFC 6793,
// 4.2.3; RFC 7606, 7. It reports false if the route counts as withdrawn.
func (s speech) received(external, old bool) (announcement, bool) {
	a := s.announcement()
	if s.Origin > 2 || external && len(s.Path) == 0 {
		return a, false
	}
	if external {
		a.localPref, a.originator, a.clusters = -1, netip.Addr{}, nil
	}
	if old {
		a.path = nil
		for i, hop := range s.Path {
			if i < s.Unseen {
				hop = short(hop)
			}
			a.path = append(a.path, hop)
		}
	}
	a.extra = nil
	for _, x := range s.Extra {
		switch {
		case knownAttr(x.Type):
			a.extra = append(a.extra, x)
		case x.Flags&0x40 != 0:
			x.Flags |= 0x20 // passed on without being known
			a.extra = append(a.extra, x)
		}
	}
	return a, true
}

// knownAttr says which of the attributes in extra a speaker of ours knows.
func knownAttr(kind uint8) bool { return slices.Contains([]uint8{6, 7, 16, 32}, kind) }

// short is a hop as two-octet speakers see it.
func short(hop []uint32) []uint32 {
	var s []uint32
	for _, as := range hop {
		if as > 0xffff {
			as = 23456
		}
		s = append(s, as)
	}
	return s
}

// message writes the speech as an UPDATE.
func (s speech) message(p netip.Prefix, old bool) []byte {
	var list []byte
	attr := func(flags, kind uint8, value []byte) {
		list = append(append(list, flags, kind, byte(len(value))), value...)
	}
	number := func(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
	numbers := func(vs []uint32) (b []byte) {
		for _, v := range vs {
			b = append(b, number(v)...)
		}
		return b
	}
	attr(0x40, 1, []byte{byte(s.Origin)})
	if old {
		attr(0x40, 2, segments(s.Path, 2))
		if tail := s.Path[min(s.Unseen, len(s.Path)):]; len(tail) > 0 {
			attr(0xc0, 17, segments(tail, 4))
		}
	} else {
		attr(0x40, 2, segments(s.Path, 4))
	}
	if s.MED >= 0 {
		attr(0x80, 4, number(uint32(s.MED)))
	}
	if s.LocalPref >= 0 {
		attr(0x40, 5, number(uint32(s.LocalPref)))
	}
	if len(s.Communities) > 0 {
		attr(0xc0, 8, numbers(s.Communities))
	}
	if s.Originator.IsValid() {
		attr(0x80, 9, s.Originator.AsSlice())
	}
	if len(s.Clusters) > 0 {
		attr(0x80, 10, numbers(s.Clusters))
	}
	for _, x := range s.Extra {
		value := x.Value
		if x.Type == 7 && old {
			as := binary.BigEndian.Uint32(value)
			value = slices.Concat(binary.BigEndian.AppendUint16(nil, uint16(short([]uint32{as})[0])), value[4:])
			if as > 0xffff {
				attr(0xc0, 18, x.Value)
			}
		}
		attr(x.Flags, x.Type, value)
	}
	var nlri []byte
	if p.Addr().Is4() {
		attr(0x40, 3, s.NextHop.AsSlice())
		nlri = network(p)
	} else {
		attr(0x80, 14, slices.Concat([]byte{0, 2, 1, 16}, s.NextHop.AsSlice(), []byte{0}, network(p)))
	}
	return frameUpdate(nil, list, nlri)
}

// takenBack is an UPDATE that withdraws a prefix.
func takenBack(p netip.Prefix) []byte {
	if p.Addr().Is4() {
		return frameUpdate(network(p), nil, nil)
	}
	value := append([]byte{0, 2, 1}, network(p)...)
	return frameUpdate(nil, append([]byte{0x80, 15, byte(len(value))}, value...), nil)
}

func frameUpdate(withdrawn, attrs, nlri []byte) []byte {
	body := binary.BigEndian.AppendUint16(nil, uint16(len(withdrawn)))
	body = append(body, withdrawn...)
	body = binary.BigEndian.AppendUint16(body, uint16(len(attrs)))
	body = slices.Concat(body, attrs, nlri)
	head := slices.Repeat([]byte{0xff}, 16)
	head = binary.BigEndian.AppendUint16(head, uint16(19+len(body)))
	return slices.Concat(head, []byte{2}, body)
}

func network(p netip.Prefix) []byte {
	return append([]byte{byte(p.Bits())}, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
}

// segments write a path: runs of single hops are sequences.
func segments(path [][]uint32, octets int) (b []byte) {
	put := func(kind byte, list []uint32) {
		if len(list) == 0 {
			return
		}
		b = append(b, kind, byte(len(list)))
		for _, as := range list {
			if octets == 2 {
				b = binary.BigEndian.AppendUint16(b, uint16(short([]uint32{as})[0]))
			} else {
				b = binary.BigEndian.AppendUint32(b, as)
			}
		}
	}
	var run []uint32
	for _, hop := range path {
		if len(hop) == 1 {
			run = append(run, hop[0])
			continue
		}
		put(2, run)
		run = nil
		put(1, hop)
	}
	put(2, run)
	return b
}
