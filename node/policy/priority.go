package policy

import (
	"cmp"
	"math"
	"net/netip"

	"github.com/calctl/calctl/node/wire"
)

// DefaultPriority is the priority of normal routes when a BGPConfiguration
// doesn't name one.
const DefaultPriority = 1024

// Priorities are those of normal routes (BGPConfiguration
// ipv4NormalRoutePriority and ipv6NormalRoutePriority); 0 stands for
// DefaultPriority. A route's priority is its metric in the kernels of the
// cluster: less is better.
type Priorities struct {
	IPv4 uint32 `json:"ipv4,omitempty"`
	IPv6 uint32 `json:"ipv6,omitempty"`
}

// Of returns the normal priority of routes like p.
func (n Priorities) Of(p netip.Prefix) uint32 {
	if p.Addr().Is4() {
		return cmp.Or(n.IPv4, DefaultPriority)
	}
	return cmp.Or(n.IPv6, DefaultPriority)
}

// LocalPref is the LOCAL_PREF that carries a priority, as Calico has it from
// v3.32 on: 2147483647 - priority. So nodes agree on what is better, and the
// receiver's kernel gets the sender's metric. Greater priorities than that wrap
// around, as they do in BIRD's filters.
func LocalPref(priority uint32) uint32 { return math.MaxInt32 - priority }

// Priority is the one that a LOCAL_PREF carries.
func Priority(localPref uint32) uint32 { return math.MaxInt32 - localPref }

// PriorityOf is the priority that a route's attributes carry: its metric in the
// kernel. Without LOCAL_PREF, as an external peer tells it, that is 2147483547.
func PriorityOf(a *wire.Attrs) uint32 { return Priority(localPref(a)) }

// Overriding is the preference of a route that comes in with a better
// priority than the normal one: that of a static route, where others from
// peers have 100. It wins over them whatever else they have.
const Overriding = 200

// preference is that of a route which comes in, 0 for the usual one.
func (n Priorities) preference(p netip.Prefix, a *wire.Attrs) uint8 {
	if localPref(a) > LocalPref(n.Of(p)) {
		return Overriding
	}
	return 0
}
