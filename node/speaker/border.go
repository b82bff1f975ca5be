package speaker

import (
	"net/netip"

	"github.com/calctl/calctl/node/session"
)

// A Change is the new set of best paths for one prefix. Of its own local routes
// the speaker reports static ones by a gateway.
type Change struct {
	Prefix netip.Prefix
	// NextHops are sorted, several when paths are equally good; none: the route is
	// gone. The zero Addr, alone, drops packets. Shared: don't change it.
	NextHops []netip.Addr
	Metric   uint32 // for the kernel; 0 is its own default
}

// Events are what a speaker tells while it runs. The functions are called from
// the speaker's own goroutines, one call at a time, and must not block or call
// the speaker.
type Events struct {
	// Best gets changed prefixes. What changed together, as when a peer is lost,
	// comes in several pieces; more says that another one follows at once. A
	// prefix occurs in one of them. The slice is valid during the call.
	Best func(piece []Change, more bool)
	// Settled is called once: when every peer that was configured at the start
	// has sent its routes (End-of-RIB, RFC 4724), or can't be expected to any more.
	Settled func()
	// Peers is called when the state of a session has changed.
	Peers func()
}

// Reach says how the kernel gets to a next hop.
type Reach struct {
	Resolvable bool
	OnLink     bool // without another router in between
	// Interface is the one it is reached by; empty when there is none, or more
	// than one. Policies ask for it.
	Interface string
}

// Options are what a speaker needs to know before it starts.
type Options struct {
	Events Events
	// Restarting says that the kernel still forwards by the routes of an
	// earlier run, so that peers may keep theirs (RFC 4724, section 4.1).
	Restarting bool
	// Reach is asked about every next hop: a path whose next hop can't be
	// reached is not chosen (RFC 4271, 9.1.2.1), and one on a link goes before
	// one behind other routers. ReachChanged has it asked again. It may be
	// called from any goroutine and must not block. nil: all are on links.
	Reach func(nextHop netip.Addr) Reach
	// Network carries the sessions; nil: the host's TCP.
	Network session.Network
}
