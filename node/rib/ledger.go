package rib

import (
	"slices"

	"github.com/calctl/calctl/node/wire"
)

// A ledger is what the table keeps of a peer.
type ledger struct {
	peer      *Peer
	importing Policy // nil: accept all
	run       uint32 // counts the policies it has had
	due       bool   // in Table.due
	leaving   bool   // removed; the index is free after the next Commit
	half      [2]half
}

// half is a ledger's part for one family.
type half struct {
	first, last uint32                 // its bundles, by age, and so by run as well
	byAttrs     map[*wire.Attrs]uint32 // the first of those with these received attributes
	byLocal     map[Local]uint32       // and of the local ones
	counts      Counts
}

var families = [2]wire.Family{wire.IPv4, wire.IPv6}

// half returns the place of a family, or -1.
func halfOf(f wire.Family) int { return slices.Index(families[:], f) }

func newLedger(p *Peer, importing Policy) *ledger {
	l := &ledger{peer: p, importing: importing}
	for f := range l.half {
		l.half[f].byAttrs = map[*wire.Attrs]uint32{}
	}
	return l
}

// ledger returns that of a peer, nil when the table doesn't know it (any more).
func (t *Table) ledger(p *Peer) *ledger {
	if p == nil || p.Index < 0 || p.Index >= len(t.ledgers) {
		return nil
	}
	if l := t.ledgers[p.Index]; l != nil && l.peer == p && !l.leaving {
		return l
	}
	return nil
}

// Local returns the peer that stands for a local source: Direct, Static or
// Kernel, with Index 0, 1 and 2. For BGP there is none.
func (t *Table) Local(s Source) *Peer {
	for _, l := range t.ledgers[:localSources] {
		if l.peer.Source == s {
			return l.peer
		}
	}
	return nil
}

const localSources = 3

// AddPeer makes a peer of its description, whose Index and Source are set
// here. Nil import accepts all.
func (t *Table) AddPeer(p Peer, importing Policy) *Peer {
	p.Index, p.Source = len(t.ledgers), BGP
	if free := slices.Index(t.ledgers, nil); free >= 0 {
		p.Index = free
	} else {
		t.ledgers = append(t.ledgers, nil)
	}
	t.ledgers[p.Index] = newLedger(&p, importing)
	return &p
}

// ReplacePeer gives a peer another description, such as another router id
// after a restart. Its paths become those of the peer returned, which has the
// same Index; nothing is known of the old one any more. When the description
// says the same, the old one stays.
func (t *Table) ReplacePeer(old *Peer, p Peer) *Peer {
	l := t.ledger(old)
	if p.Index, p.Source = old.Index, old.Source; l == nil || p == *old {
		return old
	}
	l.peer = &p
	for f := range l.half {
		r := &t.routes[f]
		for i := l.half[f].first; i != 0; i = t.bundles[i].after {
			b := t.bundles[i]
			if b.attrs != nil {
				for j := b.first; j != 0; j = r.paths.at(j).after {
					t.touch(r, r.paths.at(j).prefix)
				}
			}
			// The old bundle stays what it was, for those who hold a Path.
			c := *b
			c.peer, c.rank = &p, rankOf(&p, b.attrs, b.rank.preference)
			t.bundles[i] = &c
		}
	}
	return &p
}

// RemovePeer takes a peer and its paths away. After the next Commit its Index
// may become another peer's.
func (t *Table) RemovePeer(p *Peer) {
	l := t.ledger(p)
	if l == nil || p.Source != BGP {
		return
	}
	t.Down(p, wire.Both)
	l.leaving = true
	t.leaving = append(t.leaving, p.Index)
}

// Counts returns the numbers of a peer's routes.
func (t *Table) Counts(p *Peer, family wire.Family) Counts {
	l, f := t.ledger(p), halfOf(family)
	if l == nil || f < 0 {
		return Counts{}
	}
	return l.half[f].counts
}
