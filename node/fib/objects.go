package fib

import (
	"slices"
)

// Object ids of our own: far from those that count up from 1 by hand or in
// FRR, and recognisable. An id that is taken all the same is skipped.
const (
	objectsFirst = 0x0CA10000
	objectsLast  = 0x0CA1FFFF
)

// objects are the kernel's next-hop objects: hops that many routes name by one
// number. What routes of ours name is a way: one hop, or a group of parts. No
// object is both way and part, so that a way can be turned to other hops with
// nobody else noticing.
type objects struct {
	known map[uint32]*object  // everybody's
	ways  map[string][]uint32 // ours, by hops; after turns several may have the same
	parts map[string]uint32   // ours, by their one hop
	used  map[uint32]struct{} // ways some route was seen to name since the last scan began
	plain map[string]struct{} // hops that some route of ours may spell out
	next  uint32
	key   []byte // scratch
}

// An object is one of them.
type object struct {
	ours  bool
	group bool
	part  bool // of a group
	hops  []Hop
	ids   []uint32 // of the parts of a group
}

func newObjects() *objects {
	return &objects{
		known: map[uint32]*object{},
		ways:  map[string][]uint32{},
		parts: map[string]uint32{},
		used:  map[uint32]struct{}{},
		plain: map[string]struct{}{},
		next:  objectsFirst,
	}
}

// keyOf is what hops are found by. As in setOf it makes no difference whether
// the kernel was told that a gateway is on the link.
func (o *objects) keyOf(hops []Hop) []byte {
	o.key = appendHops(o.key[:0], hops)
	return o.key
}

// free gives an id nobody is known to have, 0 when there is none left.
func (o *objects) free() uint32 {
	for range objectsLast - objectsFirst + 1 {
		id := o.next
		if o.next++; o.next > objectsLast {
			o.next = objectsFirst
		}
		if o.known[id] == nil {
			return id
		}
	}
	return 0
}

// way gives a way of ours with these hops, 0 if there is none.
func (o *objects) way(hops []Hop) uint32 {
	if ids := o.ways[string(o.keyOf(hops))]; len(ids) > 0 {
		return ids[0]
	}
	return 0
}

func (o *objects) addWay(id uint32, hops []Hop, parts []uint32) {
	o.known[id] = &object{ours: true, group: parts != nil, hops: slices.Clone(hops), ids: parts}
	k := string(o.keyOf(hops))
	o.ways[k] = append(o.ways[k], id)
}

func (o *objects) addPart(id uint32, h Hop) {
	o.known[id] = &object{ours: true, part: true, hops: []Hop{h}}
	o.parts[string(o.keyOf([]Hop{h}))] = id
}

// forget notes that an object is gone, or is not what we thought.
func (o *objects) forget(id uint32) {
	x := o.known[id]
	if x == nil {
		return
	}
	delete(o.known, id)
	delete(o.used, id)
	k := string(o.keyOf(x.hops))
	if o.parts[k] == id {
		delete(o.parts, k)
	}
	ids := slices.DeleteFunc(o.ways[k], func(w uint32) bool { return w == id })
	if o.ways[k] = ids; len(ids) == 0 {
		delete(o.ways, k)
	}
}

// turned notes that a way has other hops now.
func (o *objects) turned(id uint32, hops []Hop, parts []uint32) {
	_, used := o.used[id]
	o.forget(id)
	o.addWay(id, hops, parts)
	if used {
		o.used[id] = struct{}{}
	}
}

// adopt takes what a dump has found. Groups may come before their parts.
func (o *objects) adopt(dumped map[uint32]*object) {
	o.known, o.ways, o.parts = dumped, map[string][]uint32{}, map[string]uint32{}
	clear(o.used)
	o.plain = map[string]struct{}{}
	ids := make([]uint32, 0, len(dumped))
	for id, x := range dumped {
		ids = append(ids, id)
		for _, part := range x.ids {
			if p := dumped[part]; p != nil {
				p.part = true
				x.hops = append(x.hops, p.hops...)
			}
		}
		x.hops = canonical(x.hops)
	}
	slices.Sort(ids)
	for _, id := range ids {
		switch x := dumped[id]; {
		case !x.ours || len(x.hops) == 0:
		case x.part:
			o.parts[string(o.keyOf(x.hops))] = id
		default:
			k := string(o.keyOf(x.hops))
			o.ways[k] = append(o.ways[k], id)
		}
	}
}

// route completes a route that names an object, and notes which it is. With
// the sysctl nexthop_compat_mode=0 the kernel tells nothing but the number.
func (o *objects) route(r *KernelRoute, gone bool) {
	x := o.known[r.Object]
	if r.Object != 0 {
		if x != nil && r.Type == Unicast && len(r.Hops) == 0 {
			r.Hops = append(r.Hops, x.hops...)
		}
		r.Odd = r.Odd || len(r.Hops) == 0
	}
	if gone {
		return
	}
	if r.Object != 0 {
		o.used[r.Object] = struct{}{}
	}
	if r.own() && (x == nil || !x.ours) {
		if k := o.keyOf(r.Hops); !o.isPlain(k) {
			o.plain[string(k)] = struct{}{}
		}
	}
}

func (o *objects) isPlain(key []byte) bool {
	_, is := o.plain[string(key)]
	return is
}

// idle are the objects of ours that nobody needs, in the order to delete them:
// groups before their parts.
func (o *objects) idle() []uint32 {
	var ways, parts []uint32
	needed := map[uint32]bool{}
	for id, x := range o.known {
		_, used := o.used[id]
		if x.ours && !x.part && !used {
			ways = append(ways, id)
			continue
		}
		for _, part := range x.ids {
			needed[part] = true
		}
	}
	for id, x := range o.known {
		if x.ours && x.part && !needed[id] {
			parts = append(parts, id)
		}
	}
	slices.Sort(ways)
	slices.Sort(parts)
	return append(ways, parts...)
}

// matters reports whether routes hang on an object that someone else changed.
func (o *objects) matters(id uint32) bool {
	_, used := o.used[id]
	x := o.known[id]
	return used || x != nil && (x.ours || x.part)
}
