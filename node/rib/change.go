package rib

import (
	"github.com/calctl/calctl/node/wire"
)

// Announce takes paths of one family in, which share the attributes as they
// were received. The same path again replaces the earlier one, and isn't stale
// any more. The attributes have to be interned. Invalid prefixes and those of
// another family are passed over. It stops, and reports false, at a path with
// which the peer would have more than [MaxPaths] to one prefix.
func (t *Table) Announce(from *Peer, family wire.Family, received *wire.Attrs, paths []wire.Dest) bool {
	l, f := t.ledger(from), halfOf(family)
	if l == nil || f < 0 || from.Source != BGP {
		return true
	}
	if received == nil {
		t.Withdraw(from, family, paths)
		return true
	}
	k := kind{received: received}
	var b *bundle
	for i, d := range paths {
		t.routes[f].warm(paths, i)
		accepted, preference := t.judge(l, family, d.Prefix, received)
		if b == nil || accepted != k.accepted || preference != k.preference {
			k.accepted, k.preference, b = accepted, preference, nil
		}
		var ok bool
		if b, ok = t.enter(l, f, d, k, b); !ok {
			return false
		}
	}
	return true
}

// enter announces one path. The bundle is that of k, or nil to find it, which
// is done only if a path is to join it: none is ever empty. It is returned for
// the next path. It is false when the peer has too many paths to the prefix.
func (t *Table) enter(l *ledger, f int, d wire.Dest, k kind, b *bundle) (*bundle, bool) {
	r := &t.routes[f]
	prefix, ok := r.keyOf(d.Prefix)
	if !ok {
		return b, true
	}
	ref := r.keep(prefix)
	i, others := t.path(r, ref, l.peer, d.PathID)
	if i == 0 && others >= MaxPaths && t.pathsOf(r, ref, l.peer) >= MaxPaths {
		return b, false
	}
	if b == nil {
		b = t.bundle(l, uint8(f), k)
	}
	switch {
	case i == 0:
		t.add(r, ref, b, d.PathID)
	case r.paths.at(i).bundle != b.number:
		t.move(r, i, b)
	}
	return b, true
}

// Withdraw takes paths of one family away. Unknown ones are passed over, and
// leave nothing behind.
func (t *Table) Withdraw(from *Peer, family wire.Family, paths []wire.Dest) {
	l, f := t.ledger(from), halfOf(family)
	if l == nil || f < 0 || from.Source != BGP {
		return
	}
	for i, d := range paths {
		t.routes[f].warm(paths, i)
		t.take(l, f, d)
	}
}

// take withdraws one path.
func (t *Table) take(l *ledger, f int, d wire.Dest) {
	r := &t.routes[f]
	if k, ok := r.keyOf(d.Prefix); ok {
		if ref := r.find(k); ref != 0 {
			if i, _ := t.path(r, ref, l.peer, d.PathID); i != 0 {
				t.remove(r, i)
			}
		}
	}
}

// Down withdraws everything that a peer has announced in some families. The
// cost is that of the peer's own paths.
func (t *Table) Down(from *Peer, families wire.Families) {
	t.drop(from, families, func(*bundle) bool { return true })
}

// Sweep withdraws those paths of a peer that are still stale: at its
// End-of-RIB, or when the time is over.
func (t *Table) Sweep(from *Peer, families wire.Families) {
	t.drop(from, families, func(b *bundle) bool { return b.stale })
}

func (t *Table) drop(from *Peer, which wire.Families, condemned func(*bundle) bool) {
	t.eachBundle(from, which, func(r *routes, b *bundle) {
		if condemned(b) {
			// The last one takes the bundle with it.
			for i := b.first; i != 0; {
				after := r.paths.at(i).after
				t.remove(r, i)
				i = after
			}
		}
	})
}

// MarkStale marks a peer's paths in some families, because it restarts
// gracefully (RFC 4724 §4.2) or begins to send them all anew (RFC 7313 §4).
// They stay as good as they were. The cost is that of the attribute sets.
func (t *Table) MarkStale(from *Peer, families wire.Families) {
	t.eachBundle(from, families, func(_ *routes, b *bundle) { b.stale = true })
}

// eachBundle visits a peer's bundles, the oldest first. The visitor may take
// the bundle away.
func (t *Table) eachBundle(from *Peer, which wire.Families, visit func(*routes, *bundle)) {
	l := t.ledger(from)
	if l == nil {
		return
	}
	for f := range families {
		if which.Has(families[f]) {
			for i := l.half[f].first; i != 0; {
				b := t.bundles[i]
				i = b.after
				visit(&t.routes[f], b)
			}
		}
	}
}

// SetLocal takes in local routes that are alike, of either family. A source
// may have several to one prefix, of different path ids; of Kernel routes the
// one with the lowest metric is best, and of otherwise equal ones that with
// the lowest id.
func (t *Table) SetLocal(s Source, l Local, routes []wire.Dest) {
	g := t.ledger(t.Local(s))
	if g == nil {
		return
	}
	for f := range families {
		k := kind{local: &l, preference: s.Preference()}
		if i := g.half[f].byLocal[l]; i != 0 {
			k.received = t.bundles[i].received
		} else {
			k.received = t.localAttrs(&l)
		}
		k.accepted = k.received
		var b *bundle
		for _, d := range routes {
			b, _ = t.enter(g, f, d, k, b)
		}
	}
}

// localAttrs are those that a local route has, as BIRD gives them to it.
func (t *Table) localAttrs(l *Local) *wire.Attrs {
	a, err := (&wire.Fields{Origin: wire.OriginIGP, NextHop: l.Gateway.WithZone(""), LocalPref: l.LocalPref, HasLocalPref: true}).Build()
	if err != nil {
		return nil // a set with nothing in it is never too long
	}
	return t.attrs.Intern(a)
}

// UnsetLocal takes local routes away, of either family.
func (t *Table) UnsetLocal(s Source, routes []wire.Dest) {
	if l := t.ledger(t.Local(s)); l != nil {
		for _, d := range routes {
			t.take(l, halfOf(wire.FamilyOf(d.Prefix)), d)
		}
	}
}
