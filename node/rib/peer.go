package rib

import (
	"net/netip"

	"github.com/calctl/calctl/node/wire"
)

// A Source says where a path comes from.
type Source uint8

// The sources, in the order in which they win when preferences are equal.
const (
	Direct Source = iota // a network on one of this node's links
	Static               // configured here, such as a Service range
	BGP                  // heard from a peer
	Kernel               // someone else put it into the kernel's table
)

// String names the source as BIRD does.
func (s Source) String() string {
	switch s {
	case Direct:
		return "direct"
	case Static:
		return "static"
	case BGP:
		return "bgp"
	}
	return "kernel"
}

// Preference is what the paths of a source begin with. It is compared before
// anything else, and more is better. The numbers are BIRD's.
func (s Source) Preference() uint8 {
	switch s {
	case Direct:
		return 240
	case Static:
		return 200
	case BGP:
		return 100
	}
	return 10
}

// A Peer is where paths come from. It never changes: [Table.AddPeer] makes one,
// [Table.ReplacePeer] another one in its place. Local sources are peers as
// well, without an address; see [Table.Local].
type Peer struct {
	Index     int // small, dense, the table's own; another peer's after RemovePeer
	Source    Source
	Name      string // for people
	Address   netip.Addr
	RouterID  netip.Addr // IPv4, from the peer's OPEN
	AS        uint32
	LocalAS   uint32 // the one we use towards this peer
	Client    bool   // of ours, and we its route reflector (RFC 4456)
	ClusterID uint32 // ours, towards this peer
}

// External says whether the peer is in another AS, as BIRD and Calico decide
// it: by the AS that we use towards this peer.
func (p *Peer) External() bool { return p.Source == BGP && p.AS != p.LocalAS }

// A Policy decides on a path that a peer announces. It returns the attributes
// that the path is to have from now on, which may be those it was given, and
// its preference, of which 0 stands for the usual (100). Nil attributes reject
// the path; it is kept and can be accepted by another policy later.
//
// A Policy is a pure function of its arguments; when what it means changes, it
// is another one, and [Table.SetImport] has to hear of it. Loops (RFC 4271 §9.1.2, RFC
// 4456 §8) are for it to find; the table doesn't look for them.
type Policy func(from *Peer, family wire.Family, prefix netip.Prefix, received *wire.Attrs) (accepted *wire.Attrs, preference uint8)

// AcceptAll is the policy that changes nothing.
func AcceptAll(_ *Peer, _ wire.Family, _ netip.Prefix, received *wire.Attrs) (*wire.Attrs, uint8) {
	return received, 0
}

// Counts are the numbers of a peer's routes in one family.
type Counts struct {
	Received int // paths it announced and did not withdraw: what a maximum of prefixes limits
	Accepted int // those that the import policy let in
	Best     int // prefixes whose best path is this peer's, as of the last Commit
}

// A Local is what is known of a route that this node has without BGP.
type Local struct {
	Gateway   netip.Addr // of a Kernel or Static route that has one
	Metric    uint32     // less is better
	LocalPref uint32     // that it is told with to internal peers
	Interface string
}
