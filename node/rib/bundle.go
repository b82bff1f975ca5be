package rib

import (
	"math"
	"net/netip"

	"github.com/calctl/calctl/node/wire"
)

// A bundle is what the paths of a peer have in common that came with the same
// attributes and were judged alike. A path itself is then 24 octets. The first
// block never changes and is read by whoever holds a [Path]; the second is the
// table's.
type bundle struct {
	peer     *Peer
	attrs    *wire.Attrs // nil: rejected
	received *wire.Attrs
	local    *Local
	rank     rank

	hop         *hop // where it leads to; nil when rejected or local
	number      uint32
	first, last uint32 // its paths
	count       uint32
	family      uint8
	stale       bool
	run         uint32 // of the import policy that judged it
	// Bundles in lists: of the peer and family in the order they came, of the
	// same received attributes, of the same next hop.
	before, after       uint32
	twin                uint32
	hopBefore, hopAfter uint32
}

// A rank is what the decision compares, worked out once.
type rank struct {
	localPref, med uint32
	neighbour      uint32
	routerID       uint32
	pathLen        uint16
	clusters       uint16
	preference     uint8
	source         Source
	origin         wire.Origin
	internal       bool
	longStale      bool
}

// defaultLocalPref is that of a path without LOCAL_PREF, as BIRD has it.
const defaultLocalPref = 100

func rankOf(peer *Peer, a *wire.Attrs, preference uint8) rank {
	r := rank{preference: preference, source: peer.Source}
	if peer.Source != BGP || a == nil {
		return r
	}
	r.localPref = defaultLocalPref
	if v, ok := a.LocalPref(); ok {
		r.localPref = v
	}
	r.med, _ = a.MED()
	if r.neighbour = a.FirstAS(); r.neighbour == 0 {
		r.neighbour = peer.AS
	}
	id := a.OriginatorID()
	if !id.IsValid() {
		id = peer.RouterID
	}
	r.routerID = number(id)
	r.pathLen = uint16(min(a.PathLen(), math.MaxUint16))
	r.clusters = uint16(min(a.ClusterList().Len(), math.MaxUint16))
	r.origin = a.Origin()
	r.internal = !peer.External()
	r.longStale = a.Communities().Has(wire.LLGRStale)
	return r
}

// number reads an identifier as the number that RFC 4271 compares.
func number(id netip.Addr) uint32 {
	if !id.Is4() {
		return 0
	}
	b := id.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// same says whether paths in two bundles are worth and told the same.
func (b *bundle) same(c *bundle) bool {
	return b.peer == c.peer && b.attrs == c.attrs && b.rank.preference == c.rank.preference && sameLocal(b.local, c.local)
}

func sameLocal(a, b *Local) bool { return a == b || a != nil && b != nil && *a == *b }

// A kind is what makes two bundles of a peer and family one.
type kind struct {
	received, accepted *wire.Attrs
	local              *Local
	preference         uint8
	stale              bool
}

// bundle finds or makes a bundle of a peer.
func (t *Table) bundle(l *ledger, f uint8, k kind) *bundle {
	h := &l.half[f]
	var head uint32
	if k.local != nil {
		head = h.byLocal[*k.local]
	} else {
		head = h.byAttrs[k.received]
	}
	for i := head; i != 0; i = t.bundles[i].twin {
		b := t.bundles[i]
		if b.attrs == k.accepted && b.stale == k.stale && b.run == l.run && b.rank.preference == k.preference {
			return b
		}
	}
	b := &bundle{
		peer: l.peer, attrs: k.accepted, received: k.received, local: k.local,
		rank: rankOf(l.peer, k.accepted, k.preference), family: f, stale: k.stale, run: l.run,
		twin: head, before: h.last,
	}
	if n := len(t.freeBundles); n > 0 {
		b.number, t.freeBundles = t.freeBundles[n-1], t.freeBundles[:n-1]
		t.bundles[b.number] = b
	} else {
		b.number = uint32(len(t.bundles))
		t.bundles = append(t.bundles, b)
	}
	if k.local != nil {
		if h.byLocal == nil {
			h.byLocal = map[Local]uint32{}
		}
		h.byLocal[*k.local] = b.number
	} else {
		h.byAttrs[k.received] = b.number
	}
	if h.last != 0 {
		t.bundles[h.last].after = b.number
	} else {
		h.first = b.number
	}
	h.last = b.number
	if l.peer.Source == BGP && b.attrs != nil {
		t.lead(b)
	}
	return b
}

// dissolve forgets a bundle without paths.
func (t *Table) dissolve(b *bundle) {
	h := &t.ledgers[b.peer.Index].half[b.family]
	if b.before != 0 {
		t.bundles[b.before].after = b.after
	} else {
		h.first = b.after
	}
	if b.after != 0 {
		t.bundles[b.after].before = b.before
	} else {
		h.last = b.before
	}
	if b.local != nil {
		without(t, h.byLocal, *b.local, b)
	} else {
		without(t, h.byAttrs, b.received, b)
	}
	if b.hop != nil {
		t.leave(b)
	}
	t.bundles[b.number] = nil
	t.freeBundles = append(t.freeBundles, b.number)
}

// without takes a bundle out of its list of twins.
func without[K comparable](t *Table, heads map[K]uint32, k K, b *bundle) {
	if heads[k] == b.number {
		if b.twin == 0 {
			delete(heads, k)
		} else {
			heads[k] = b.twin
		}
		return
	}
	for i := heads[k]; i != 0; i = t.bundles[i].twin {
		if t.bundles[i].twin == b.number {
			t.bundles[i].twin = b.twin
			return
		}
	}
}
