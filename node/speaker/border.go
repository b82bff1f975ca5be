package speaker

import "net/netip"

// A Change is the new set of best paths for one prefix. The speaker never
// reports its own local routes.
type Change struct {
	Prefix   netip.Prefix
	NextHops []netip.Addr // sorted, several when paths are equally good; none: the route is gone. Shared: don't change it
}

// Events are what a speaker tells while it runs. The functions are called from
// the speaker's own goroutines, one call at a time, and must not block or call
// the speaker.
type Events struct {
	// Best gets batches of changed prefixes; a prefix occurs once in a batch.
	// The speaker does not touch the slice after the call.
	Best func([]Change)
	// Settled is called once: when every peer that was configured at the start
	// has sent its routes (End-of-RIB, RFC 4724), or can't be expected to any more.
	Settled func()
	// Peers is called when the state of a session has changed.
	Peers func()
}

// Options are what a speaker needs to know before it starts.
type Options struct {
	Events Events
	// Restarting says that the kernel still forwards by the routes of an
	// earlier run, so that peers may keep theirs (RFC 4724, section 4.1).
	Restarting bool
}
