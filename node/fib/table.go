package fib

import (
	"net/netip"
	"slices"
)

// A table is what the Syncer knows of each destination: what is wanted and
// what the kernel has. A million destinations share few sets of next hops, so
// an entry holds numbers of sets: 44 bytes, and some 16 in the index. Entries
// live on pages that never move and hold no pointers the garbage collector
// would have to follow.
type table struct {
	index
	pages []*[pageSize]entry
	used  uint32   // ids below are handed out or free
	free  []uint32 // ids of forgotten entries
	vias  pool[nextHops]
	sets  pool[[]Hop]
	key   []byte // scratch
}

const pageSize = 1 << 12

// A dst is a destination without pointers: address, bits, family (4 or 6).
type dst [18]byte

func dstOf(p netip.Prefix) dst {
	var d dst
	a := p.Addr()
	if a.Is4() {
		b := a.As4()
		copy(d[:], b[:])
		d[17] = 4
	} else {
		b := a.As16()
		copy(d[:], b[:])
		d[17] = 6
	}
	d[16] = byte(p.Bits())
	return d
}

func (d *dst) v6() bool { return d[17] == 6 }

func (d *dst) prefix() netip.Prefix {
	if d.v6() {
		return netip.PrefixFrom(netip.AddrFrom16([16]byte(d[:16])), int(d[16]))
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte(d[:4])), int(d[16]))
}

// An entry is one destination.
type entry struct {
	dst     dst
	flags   flags
	refusal uint16 // why the kernel said no the last time, a number of Syncer.reasons
	want    uint32 // next hops as wanted, a number of table.vias; 0: not wanted
	have    uint32 // next hops in the kernel, a number of table.sets; 0: no route of ours
	metric  uint32 // of the route in the kernel
	// The entries with the same want form a ring-less list that starts at
	// nextHops.first, so that a next hop that moves finds its routes.
	next, prev uint32
}

type flags uint16

const (
	seen      flags = 1 << iota // by the scan that is running
	toWrite                     // waits in Syncer.writes
	toRemove                    // waits in Syncer.removes
	retrying                    // waits in Syncer.refused
	claimed                     // was wanted in this run, so it is no leftover of an earlier one
	direct                      // the kernel needs to be told that the gateway is on the link
	moving                      // is in the round
	forgotten                   // the entry is on the free list
	doubled                     // two routes of ours are there: one names an object, one doesn't
	strayed                     // has strays
	named                       // the route that the last scan found names an object
)

// nextHops are the next hops of some routes, as BGP has them and as resolved, and
// the routes' metric.
type nextHops struct {
	addrs  []netip.Addr // sorted, no duplicates
	v6     bool         // for IPv6 destinations
	metric uint32       // as the kernel will have it
	hops   uint32       // a number of table.sets: a dead end when none of them can be used
	why    string       // none can
	first  uint32       // entry
}

// odd is the number of the hop set that stands for "something of ours is
// there that isn't as we write routes"; it equals no set that is wanted.
const odd = 1

func newTable() table {
	t := table{
		index: newIndex(),
		vias:  newPool[nextHops](),
		sets:  newPool[[]Hop](),
		used:  1, // entry 0 is nobody, as everywhere here
	}
	t.sets.take([]byte("odd"))
	return t
}

func (t *table) at(id uint32) *entry { return &t.pages[id/pageSize][id%pageSize] }

// open gives the number of the entry for d, which it makes if need be.
func (t *table) open(d dst) uint32 {
	id := t.find(d)
	if id != 0 {
		return id
	}
	if n := len(t.free); n > 0 {
		id, t.free = t.free[n-1], t.free[:n-1]
	} else {
		id = t.used
		t.used++
		if int(id/pageSize) == len(t.pages) {
			t.pages = append(t.pages, new([pageSize]entry))
		}
	}
	*t.at(id) = entry{dst: d}
	t.put(&d, id)
	return id
}

// forget drops an entry nobody has a use for any more.
func (t *table) forget(id uint32) {
	e := t.at(id)
	if e.want != 0 || e.have != 0 || e.flags&(toWrite|toRemove|retrying|strayed|forgotten) != 0 {
		return
	}
	t.cut(&e.dst, id)
	*e = entry{flags: forgotten}
	t.free = append(t.free, id)
}

// each visits all entries in the order of their numbers.
func (t *table) each(visit func(id uint32, e *entry)) {
	for id := uint32(1); id < t.used; id++ {
		if e := t.at(id); e.flags&forgotten == 0 {
			visit(id, e)
		}
	}
}

// setWant moves the entry to the list of other next hops. The caller has
// taken the number via for it; 0 means that the route is not wanted.
func (t *table) setWant(id, via uint32) {
	e := t.at(id)
	if e.want != 0 {
		if e.prev != 0 {
			t.at(e.prev).next = e.next
		} else {
			t.vias.at(e.want).first = e.next
		}
		if e.next != 0 {
			t.at(e.next).prev = e.prev
		}
		hops := t.vias.at(e.want).hops
		if t.vias.drop(e.want) {
			t.sets.drop(hops)
		}
	}
	e.want, e.next, e.prev = via, 0, 0
	if via != 0 {
		n := t.vias.at(via)
		if e.next = n.first; e.next != 0 {
			t.at(e.next).prev = id
		}
		n.first = id
	}
}

// setHave records what the kernel has now.
func (t *table) setHave(e *entry, set uint32) {
	t.sets.hold(set)
	t.sets.drop(e.have)
	e.have = set
}

// setOf gives the number of a hop set and counts one use of it. Two sets are
// the same if gateways and links are: whether the kernel was told that a
// gateway is on the link makes no difference to forwarding.
func (t *table) setOf(hops []Hop) uint32 {
	if len(hops) == 0 {
		return 0
	}
	t.key = appendHops(t.key[:0], hops)
	id, fresh := t.sets.take(t.key)
	if fresh {
		*t.sets.at(id) = slices.Clone(hops)
		return id
	}
	for i, h := range *t.sets.at(id) {
		if hops[i].Onlink && !h.Onlink { // the one who knows better
			better := slices.Clone(*t.sets.at(id)) // a round may be reading the other
			better[i].Onlink = true
			*t.sets.at(id) = better
		}
	}
	return id
}

func appendHops(b []byte, hops []Hop) []byte {
	for _, h := range hops {
		if h.Dead != 0 {
			return append(b, 0xff, byte(h.Dead)) // no address begins so
		}
		b = appendAddr(b, h.Gateway)
		b = append(b, byte(h.Link), byte(h.Link>>8), byte(h.Link>>16), byte(h.Link>>24))
	}
	return b
}

func appendAddr(b []byte, a netip.Addr) []byte {
	switch {
	case a.Is4():
		v := a.As4()
		return append(append(b, 4), v[:]...)
	case a.Is6():
		v := a.As16()
		b = append(append(b, 6), v[:]...)
		return append(append(b, a.Zone()...), 0)
	}
	return append(b, 0)
}
