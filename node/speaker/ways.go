package speaker

import (
	"net/netip"

	"github.com/calctl/calctl/node/policy"
)

// ways are the interfaces by which next hops are reached, as far as a policy
// has asked.
type ways struct {
	reach func(netip.Addr) Reach // nil: nobody knows
	known map[netip.Addr]string
	lost  bool // some that were known are not any more

	last   netip.Addr // what by was asked last, as it is for many routes in a row
	lastBy string
}

// maxWays is how many next hops are remembered.
const maxWays = 1 << 16

// by returns the interface, empty when there is none or more than one.
func (w *ways) by(nextHop netip.Addr) string {
	if w.reach == nil {
		return ""
	}
	if nextHop == w.last {
		return w.lastBy
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
	w.last, w.lastBy = nextHop, name
	return name
}

// changed asks again, and reports whether any answer is another, and whether one
// of those is, or was, an interface of workloads.
func (w *ways) changed() (changed, workloads bool) {
	changed, workloads = w.lost, w.lost
	w.lost, w.last, w.lastBy = false, netip.Addr{}, ""
	for nextHop, was := range w.known {
		if now := w.reach(nextHop).Interface; now != was {
			w.known[nextHop] = now
			changed = true
			workloads = workloads || policy.OfWorkloads(now) || policy.OfWorkloads(was)
		}
	}
	return changed, workloads
}
