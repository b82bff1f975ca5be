package speaker

import "net/netip"

// ways are the interfaces by which next hops are reached, as far as a policy
// has asked.
type ways struct {
	reach func(netip.Addr) Reach // nil: nobody knows
	known map[netip.Addr]string
	lost  bool // some that were known are not any more
}

// maxWays is how many next hops are remembered.
const maxWays = 1 << 16

// by returns the interface, empty when there is none or more than one.
func (w *ways) by(nextHop netip.Addr) string {
	if w.reach == nil {
		return ""
	}
	name, ok := w.known[nextHop]
	if !ok {
		if len(w.known) >= maxWays {
			clear(w.known)
			w.lost = true
		}
		name = w.reach(nextHop).Interface
		w.known[nextHop] = name
	}
	return name
}

// changed asks again, and reports whether any answer is another.
func (w *ways) changed() bool {
	changed := w.lost
	w.lost = false
	for nextHop, was := range w.known {
		if now := w.reach(nextHop).Interface; now != was {
			w.known[nextHop] = now
			changed = true
		}
	}
	return changed
}
