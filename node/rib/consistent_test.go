package rib

import (
	"fmt"

	"github.com/calctl/calctl/node/wire"
)

// consistent looks for a contradiction inside the table.
func consistent(t *Table) string {
	for f := range t.routes {
		r := &t.routes[f]
		entries, paths, live := 0, 0, 0
		for i := r.entries.next(0); i != 0; i = r.entries.next(i + 1) {
			entries++
			e := r.entries.at(i)
			if e.touched {
				return fmt.Sprintf("%v is touched after a commit", r.prefix(i))
			}
			if e.head == 0 && e.pins == 0 {
				return fmt.Sprintf("%v has no reason to be", r.prefix(i))
			}
			if e.head != 0 {
				live++
			}
			if k, _ := r.keyOf(r.prefix(i)); r.find(k) != i {
				return fmt.Sprintf("%v is not found", r.prefix(i))
			}
			for j := e.head; j != 0; j = r.paths.at(j).next {
				paths++
				if p := r.paths.at(j); p.prefix != i || t.bundles[p.bundle] == nil || int(t.bundles[p.bundle].family) != f {
					return fmt.Sprintf("%v: path %+v", r.prefix(i), *p)
				}
			}
		}
		if entries != r.count || live != r.live {
			return fmt.Sprintf("%d prefixes, counted %d; %d with paths, counted %d", entries, r.count, live, r.live)
		}
		listed := 0
		for _, l := range t.ledgers {
			if l == nil {
				continue
			}
			received, accepted, before := 0, 0, uint32(0)
			for i := l.half[f].first; i != 0; i = t.bundles[i].after {
				b := t.bundles[i]
				if b.number != i || b.peer != l.peer || b.before != before || b.count == 0 || b.run > l.run {
					return fmt.Sprintf("bundle %+v", *b)
				}
				n, last := uint32(0), uint32(0)
				for j := b.first; j != 0; j = r.paths.at(j).after {
					if r.paths.at(j).before != last || r.paths.at(j).bundle != i {
						return fmt.Sprintf("path %+v", *r.paths.at(j))
					}
					n, last = n+1, j
				}
				if n != b.count || last != b.last {
					return fmt.Sprintf("bundle of %d, counted %d", n, b.count)
				}
				received += int(n)
				if b.attrs != nil {
					accepted += int(n)
				}
				before = i
			}
			if c := l.half[f].counts; c.Received != received || c.Accepted != accepted || l.half[f].last != before {
				return fmt.Sprintf("%s has %d paths, counts are %+v", l.peer.Name, received, c)
			}
			listed += received
		}
		if listed != paths {
			return fmt.Sprintf("%d paths of prefixes, %d of peers", paths, listed)
		}
	}
	for a, h := range t.hops {
		if h.first == 0 {
			return fmt.Sprintf("next hop %v is not in use", a)
		}
	}
	use := map[*Hops]int{}
	for f := range t.routes {
		r := &t.routes[f]
		for i := r.entries.next(0); i != 0; i = r.entries.next(i + 1) {
			use[t.sets[r.entries.at(i).hops]]++
		}
	}
	for _, s := range t.sets {
		if s != nil && s.use != use[s] {
			return fmt.Sprintf("%v has %d prefixes, counted %d", s.addrs, use[s], s.use)
		}
	}
	return ""
}

// empty looks for anything that is left of an empty table.
func empty(t *Table) string {
	if err := consistent(t); err != "" {
		return err
	}
	for f := range t.routes {
		r := &t.routes[f]
		if r.count != 0 || r.live != 0 || t.Len(families[f]) != 0 || r.paths.next(0) != 0 || r.touched.n != 0 {
			return "prefixes or paths are left"
		}
	}
	for _, b := range t.bundles {
		if b != nil {
			return fmt.Sprintf("a bundle is left: %+v", *b)
		}
	}
	for _, s := range t.sets {
		if s != nil {
			return fmt.Sprintf("a set of next hops is left: %v", s.addrs)
		}
	}
	for _, l := range t.ledgers {
		if l != nil && len(l.half[0].byAttrs)+len(l.half[1].byAttrs)+len(l.half[0].byLocal)+len(l.half[1].byLocal) > 0 {
			return "a ledger has something left"
		}
	}
	if len(t.hops)+len(t.several) > 0 || len(t.NextHops()) > 0 {
		return "next hops are left"
	}
	if n := t.Counts(t.Local(Direct), wire.IPv4); n != (Counts{}) {
		return fmt.Sprintf("counts %+v", n)
	}
	return ""
}
