package fib

import (
	"errors"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

var (
	errNoObject   = errors.New("no next-hop object can have these hops")
	errSpelledOut = errors.New("routes with these hops spell them out")
)

// identify finds or makes the object for each operation. Where one can't be
// had, as on a link without carrier, the route has to spell its hops out.
func (n *Netlink) identify(ops []Op) []uint32 {
	n.ids = slices.Grow(n.ids[:0], len(ops))[:len(ops)]
	clear(n.ids)
	if n.objects == nil {
		return n.ids
	}
	failed := map[string]struct{}{}
	for i := range ops {
		hops := ops[i].Hops
		if len(hops) == 0 || dead(hops) {
			continue
		}
		if i > 0 && len(ops[i-1].Hops) == len(hops) && &ops[i-1].Hops[0] == &hops[0] {
			n.ids[i] = n.ids[i-1] // they come in runs
			continue
		}
		o := n.objects
		id := o.way(hops)
		if id == 0 {
			k := string(o.keyOf(hops))
			if _, known := failed[k]; known {
				continue
			}
			var err error
			if id, err = n.makeWay(hops); err != nil {
				failed[k], o.plain[k] = struct{}{}, struct{}{}
				continue
			}
		}
		o.used[id] = struct{}{}
		n.ids[i] = id
	}
	return n.ids
}

// lost are the operations that failed because the kernel knows their objects no
// more: those went with their links. They are forgotten.
func (n *Netlink) lost(ids []uint32, errs []error) (ops []int) {
	asked := map[uint32]bool{}
	for i, err := range errs {
		id := ids[i]
		if id == 0 || err == nil || errors.Is(err, unix.EEXIST) || errors.Is(err, ErrNoAnswer) {
			continue
		}
		isGone, known := asked[id]
		if !known {
			isGone = gone(n.command(appendObjectID(n.out[:0], unix.RTM_GETNEXTHOP, 0, id)))
			if asked[id] = isGone; isGone {
				n.objects.forget(id)
			}
		}
		if isGone {
			ops = append(ops, i)
		}
	}
	return ops
}

// makeWay makes the object that routes with these hops name.
func (n *Netlink) makeWay(hops []Hop) (uint32, error) {
	var parts []uint32
	if len(hops) > 1 {
		var err error
		if parts, err = n.partsFor(hops); err != nil {
			return 0, err
		}
	}
	id, err := n.makeObject(hops, parts)
	if err != nil && n.forgetParts(parts) { // went with their link, perhaps
		if parts, err = n.partsFor(hops); err == nil {
			id, err = n.makeObject(hops, parts)
		}
	}
	if err != nil {
		return 0, err
	}
	n.objects.addWay(id, hops, parts)
	return id, nil
}

// partsFor finds or makes the parts of a group.
func (n *Netlink) partsFor(hops []Hop) ([]uint32, error) {
	ids := make([]uint32, 0, len(hops))
	for _, h := range hops {
		id, known := n.objects.parts[string(n.objects.keyOf([]Hop{h}))]
		if !known {
			var err error
			if id, err = n.makeObject([]Hop{h}, nil); err != nil {
				return nil, err
			}
			n.objects.addPart(id, h)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (n *Netlink) forgetParts(ids []uint32) bool {
	for _, id := range ids {
		n.objects.forget(id)
	}
	return len(ids) > 0
}

func (n *Netlink) makeObject(hops []Hop, parts []uint32) (uint32, error) {
	for {
		id := n.objects.free()
		if id == 0 || parts == nil && !hops[0].Gateway.IsValid() {
			return 0, errNoObject
		}
		err := n.command(appendObject(n.out[:0], unix.NLM_F_CREATE|unix.NLM_F_EXCL, id, hops[0], parts))
		if errors.Is(err, unix.EEXIST) {
			continue // someone else's
		}
		return id, err
	}
}

// command sends one message and gives what becomes of it.
func (n *Netlink) command(b []byte) error {
	n.write.seq++
	native.PutUint32(b[8:], n.write.seq)
	native.PutUint16(b[6:], native.Uint16(b[6:])|unix.NLM_F_ACK)
	n.out = b
	var err [1]error
	n.exchange(n.write.seq, err[:])
	return err[0]
}

// Turn gives the objects with the hops from the hops to.
func (n *Netlink) Turn(from, to []Hop) error {
	o := n.objects
	if o == nil || o.isPlain(o.keyOf(from)) {
		return errSpelledOut
	}
	ids := slices.Clone(o.ways[string(o.keyOf(from))])
	if len(ids) == 0 {
		return errNoObject
	}
	var parts []uint32
	for _, id := range ids {
		group := o.known[id].group
		switch {
		case !group && len(to) > 1: // the kernel makes no group of a single hop
			return errNoObject
		case group && parts == nil:
			var err error
			if parts, err = n.partsFor(to); err != nil {
				return err
			}
		}
	}
	for _, id := range ids {
		mine := parts
		if !o.known[id].group {
			mine = nil
		}
		if err := n.command(appendObject(n.out[:0], unix.NLM_F_REPLACE, id, to[0], mine)); err != nil {
			n.forgetParts(mine)
			if gone(err) {
				o.forget(id)
			}
			return err
		}
		o.turned(id, to, mine)
	}
	return nil
}

// Tidy deletes objects of ours that no route names.
func (n *Netlink) Tidy() {
	if n.objects == nil {
		return
	}
	for _, id := range n.objects.idle() {
		if err := n.command(appendObjectID(n.out[:0], unix.RTM_DELNEXTHOP, 0, id)); err != nil && !gone(err) {
			n.log.Debug("a next-hop object that nobody needs could not be deleted", "id", id, "error", err)
			continue
		}
		n.objects.forget(id)
	}
}

// scanObjects reads all objects. A kernel that has none says so, and routes
// spell out their hops from then on.
func (n *Netlink) scanObjects() error {
	if n.objects == nil {
		return nil
	}
	found := map[uint32]*object{}
	err := n.look.dump(unix.RTM_GETNEXTHOP, unix.AF_UNSPEC, func(m message) {
		if id, x := parseObject(m.body); id != 0 {
			found[id] = x
		}
	})
	switch {
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT):
		n.log.Info("the kernel has no next-hop objects, routes spell out their hops", "error", err)
		n.objects = nil
		return nil
	case err != nil && !errors.Is(err, ErrInterrupted):
		return err
	}
	n.objects.adopt(found)
	return err
}

// unlessComplete keeps what was known of plain routes if a scan doesn't get to
// the end of them.
func (n *Netlink) unlessComplete(err *error) func() {
	if n.objects == nil {
		return func() {}
	}
	before := n.objects.plain
	return func() {
		if *err != nil && n.objects != nil {
			maps.Copy(n.objects.plain, before)
		}
	}
}

// hearObject notes what others do to objects, and reports whether routes hang on it.
func (n *Netlink) hearObject(m message) bool {
	id, x := parseObject(m.body)
	if n.objects == nil || id == 0 {
		return false
	}
	matters := n.objects.matters(id)
	n.objects.forget(id)
	if m.kind == unix.RTM_NEWNEXTHOP {
		// Routes may name it before the next scan; until then it is none we use.
		for _, part := range x.ids {
			if p := n.objects.known[part]; p != nil {
				x.hops = append(x.hops, p.hops...)
			}
		}
		x.hops, x.ours = canonical(x.hops), false
		n.objects.known[id] = x
	}
	return matters
}

// parse reads a message into scratch, objects included.
func (n *Netlink) parse(m message) (ok bool) {
	if m.kind == unix.RTM_NEWNEXTHOP || m.kind == unix.RTM_DELNEXTHOP {
		n.scratch.Kind = ObjectEvent
		return n.hearObject(m)
	}
	ok = parseEvent(m, &n.scratch)
	if ok && n.scratch.Kind == RouteEvent && n.objects != nil {
		n.objects.route(&n.scratch.Route, n.scratch.Gone)
	}
	return ok
}
