package status

import (
	"net/netip"
	"time"
)

// DefaultSocket is where a node listens for status requests unless told otherwise.
const DefaultSocket = "/run/calctl/calctl.sock"

// A Report is what a node says about itself. Its JSON names are an interface
// for scripts: they are documented in docs/reference/status.md and stay.
type Report struct {
	Node      string    `json:"node"`
	Version   string    `json:"version"`
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
	ASNumber  uint32    `json:"asNumber"`
	RouterID  string    `json:"routerID"`
	Datastore Datastore `json:"datastore"`
	Peers     []Peer    `json:"peers"` // sorted by address
	Routes    Routes    `json:"routes"`
	Problems  []Problem `json:"problems"`
}

// Datastore says where the node's resources come from.
type Datastore struct {
	Location string    `json:"location"`
	Updated  time.Time `json:"updated"`         // when the last snapshot arrived
	Error    string    `json:"error,omitempty"` // why it is not followed now
	Since    time.Time `json:"since,omitzero"`  // since when there has been an Error
}

// PeerType says why there is a session, in calicoctl's words.
type PeerType string

// The peer types of calicoctl's table.
const (
	NodeMesh PeerType = "node-to-node mesh"
	NodePeer PeerType = "node specific"
	Global   PeerType = "global"
)

// The states of calicoctl's STATE column, which are BIRD's protocol states.
const (
	StateUp    = "up"    // the session is established
	StateStart = "start" // it is not, and the node is trying
	StateDown  = "down"  // it is not, and the node isn't trying: see Info
)

// A Peer is one BGP session, wanted or running.
type Peer struct {
	Name         string     `json:"name"` // the BGPPeer, or the node at the other end of a mesh session
	Type         PeerType   `json:"type"`
	Address      netip.Addr `json:"address"`
	Port         uint16     `json:"port"`
	ASNumber     uint32     `json:"asNumber"`
	LocalAddress string     `json:"localAddress,omitempty"`
	State        string     `json:"state"`                  // up, start, down
	BGPState     string     `json:"bgpState"`               // Idle, Connect, Active, OpenSent, OpenConfirm, Established (RFC 4271, 8.2.2)
	Since        time.Time  `json:"since"`                  // when State last changed
	LastError    string     `json:"lastError,omitempty"`    // why the last session ended or was refused, or, when there was none, why it can't be had
	AttemptError string     `json:"attemptError,omitempty"` // what has become of the attempts since LastError, if they fail for another reason
	RoutesIn     uint64     `json:"routesIn"`               // routes the peer has told us
	RoutesOut    uint64     `json:"routesOut"`              // routes we have told the peer
}

// Routes counts what the node wants in the kernel and what is there.
type Routes struct {
	Wanted       int            `json:"wanted"`
	Installed    int            `json:"installed"`
	Stale        int            `json:"stale"`            // left from an earlier run, swept once the peers have spoken
	Failed       []RouteFailure `json:"failed,omitempty"` // the first hundred
	NotInstalled int            `json:"notInstalled"`
}

// A RouteFailure is a wanted route that is not in the kernel.
type RouteFailure struct {
	Prefix netip.Prefix `json:"prefix"`
	Reason string       `json:"reason"`
}

// A Problem is something the node can't do as asked, said so that whoever
// asked can mend it.
type Problem struct {
	Subject string `json:"subject"` // BGPPeer(rack1), a file, an address
	Text    string `json:"text"`
}
