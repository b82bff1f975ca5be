package rib

import (
	"net/netip"

	"github.com/calctl/calctl/node/wire"
)

// judge runs a peer's import policy. What it returns is interned.
func (t *Table) judge(l *ledger, family wire.Family, p netip.Prefix, received *wire.Attrs) (*wire.Attrs, uint8) {
	if l.importing == nil {
		return received, BGP.Preference()
	}
	a, preference := l.importing(l.peer, family, p, received)
	if preference == 0 || a == nil {
		preference = BGP.Preference()
	}
	switch {
	case a == nil, a == received, a == t.judged[1]:
	case a.Equal(received):
		a = received
	case a == t.judged[0] || a.Equal(t.judged[1]):
		a = t.judged[1] // most prefixes of a message are judged alike
	default:
		t.judged[0] = a
		a = t.attrs.Intern(a)
		t.judged[1] = a
	}
	return a, preference
}

// SetImport gives a peer another import policy. What comes from now on goes by
// it; the paths that are there do when [Table.Reimport] gets to them. Nil
// accepts all.
func (t *Table) SetImport(from *Peer, importing Policy) {
	l := t.ledger(from)
	if l == nil || from.Source != BGP {
		return
	}
	l.importing = importing
	l.run++ // no bundle of an earlier run gets another path
	if !l.due {
		l.due = true
		t.due = append(t.due, l)
	}
}

// Reimport runs changed import policies over about limit paths, as they were
// received, and says whether there are more. Paths with the same outcome as
// before don't change.
func (t *Table) Reimport(limit int) (more bool) {
	for len(t.due) > 0 {
		l := t.due[0]
		for f := range l.half {
			for i := l.half[f].first; i != 0 && t.bundles[i].run != l.run; i = l.half[f].first {
				if limit <= 0 {
					return true
				}
				limit = t.rejudge(l, f, t.bundles[i], limit)
			}
		}
		l.due = false
		t.due = t.due[1:]
	}
	t.due = nil
	return false
}

// rejudge moves the paths of a bundle to bundles of the present run, the first
// of a peer's list until there is none of an earlier run. It returns what is
// left of the limit.
func (t *Table) rejudge(l *ledger, f int, from *bundle, limit int) int {
	r := &t.routes[f]
	k := kind{received: from.received, stale: from.stale}
	var b *bundle
	for i := from.first; i != 0 && limit > 0; limit-- {
		p := r.paths.at(i)
		after := p.after
		accepted, preference := t.judge(l, families[f], r.prefix(p.prefix), from.received)
		if b == nil || accepted != k.accepted || preference != k.preference {
			k.accepted, k.preference = accepted, preference
			b = t.bundle(l, uint8(f), k)
		}
		t.move(r, i, b)
		i = after
	}
	return limit
}
