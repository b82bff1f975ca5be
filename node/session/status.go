package session

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// A State is one of RFC 4271 §8.2.2. Of two connections to a peer, the one
// that has come further counts.
type State uint8

// The states.
const (
	Idle        State = iota // stopped, or waiting after a failure
	Connect                  // dialling
	Active                   // waiting for the peer, or for the next dial
	OpenSent                 // TCP is up
	OpenConfirm              // the peer's OPEN was good
	Established              // routes can go
)

var stateNames = [...]string{"Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"}

// String names the state as the RFC does.
func (s State) String() string { return stateNames[s] }

// Terms are what the two ends of a session have in common.
type Terms struct {
	wire.Agreed
	Mine, Theirs  wire.Open
	Local, Remote netip.AddrPort // of the connection
}

// A Status is a session seen at one moment.
type Status struct {
	State  State
	Since  time.Time // when it came to be in State
	Reason Reason    // why it last failed; also while it is up again
	Terms  *Terms    // nil unless Established
	Counters
}

// Counters count from New on, over all connections.
type Counters struct {
	MessagesIn, MessagesOut uint64
	UpdatesIn, UpdatesOut   uint64 // among the messages
	Established             uint64 // how often the session came up
}

type counters struct{ in, out, updatesIn, updatesOut, established atomic.Uint64 }

func (c *counters) read() Counters {
	return Counters{c.in.Load(), c.out.Load(), c.updatesIn.Load(), c.updatesOut.Load(), c.established.Load()}
}

// Status tells where the session stands. It costs next to nothing and never
// waits.
func (s *Session) Status() Status {
	st := *s.shown.Load()
	st.Counters = s.count.read()
	return st
}
