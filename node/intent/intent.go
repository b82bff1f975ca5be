package intent

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/status"
)

// DefaultASN is the AS number of a node for which neither its Node resource
// nor the BGPConfiguration names one.
const DefaultASN = 64512

// DefaultPort is BGP's TCP port (RFC 4271, 8.2.1).
const DefaultPort = 179

// BGP is what the speaker of one node should be doing. It is a value: whoever
// holds one does not change it.
type BGP struct {
	ASN      uint32
	RouterID netip.Addr // IPv4 always (RFC 4271, 4.2): the node's, or a hash of its name
	Port     uint16     // where to listen
	// Listen are the addresses to listen on, sorted; none stands for all.
	Listen []netip.Addr
	// Peers by address and port. Two at one address are two routers, or two
	// daemons of one machine.
	Peers map[netip.AddrPort]Peer
	// Refused are the sessions that are asked for and not started, sorted by
	// address and name. They are for people: no speaker has anything to do for
	// them.
	Refused []Refused
	// Local are the routes this node has itself and may tell others about.
	Local map[netip.Prefix]Local
	// Priorities are those of normal routes.
	Priorities policy.Priorities
	// Export decides which routes, of whatever origin, peers hear; what a
	// peer's filters say goes before it.
	Export policy.Export
	// Kernel decides which of the Static routes in Local, and of the routes learned
	// by BGP, are installed.
	Kernel policy.Kernel
	// IgnoredInterfaces are patterns of interfaces, * standing for any characters,
	// whose networks are not told to others and lead to no next hop.
	IgnoredInterfaces []string
}

// Enabled reports whether there is enough to speak BGP at all: a node without
// an address, or one that is not registered yet, has no router id.
func (b BGP) Enabled() bool { return b.RouterID.IsValid() }

// A Peer is one session the node should have.
type Peer struct {
	Name string // the BGPPeer, or the Node at the other end of a mesh session
	Type status.PeerType
	ASN  uint32
	// LocalAddress is where the session starts from; the zero Addr leaves the
	// choice to the kernel (BGPPeer sourceAddress: None).
	LocalAddress netip.Addr
	Password     resources.Password
	// Passive peers dial us, we do not dial them.
	Passive bool
	// LocalASN is the AS number this node has towards the peer, in the OPEN and
	// in AS paths; 0 stands for the node's own.
	LocalASN uint32
	// TTLSecurity is how many hops the peer may be away at most (GTSM, RFC
	// 5082); 0 leaves it off.
	TTLSecurity uint8
	// Keepalive is how often the peer hears of us at least; 0 stands for a third
	// of the hold time.
	Keepalive time.Duration
	// RestartTime is how long the peer is to keep our routes when the session
	// breaks (RFC 4724), in whole seconds; 0 stands for DefaultRestartTime,
	// NoRestart for no time at all.
	RestartTime time.Duration
	Rules
}

// DefaultRestartTime is how long peers keep our routes when nothing else is said.
const DefaultRestartTime = 120 * time.Second

// NoRestart as a RestartTime has a peer drop our routes at once.
const NoRestart = time.Duration(-1)

// External reports whether the peer is in another AS than the one this node,
// whose own AS number is asn, has towards it. That makes it an eBGP peer.
func (p Peer) External(asn uint32) bool { return p.ASN != cmp.Or(p.LocalASN, asn) }

// A NextHopMode is a rule for the next hops a peer is told.
type NextHopMode uint8

// The rules, in the words of BGPPeer's nextHopMode.
const (
	NextHopAuto NextHopMode = iota // kept towards iBGP peers, this node towards eBGP peers
	NextHopSelf                    // this node, always
	NextHopKeep                    // kept, always
)

// Rules say what comes in of a peer's routes, and how it is told routes. They
// can change without another session.
type Rules struct {
	// Import and Export are the filters for the routes that come in, and for
	// those that are to go out, before BGP.Export is asked.
	Import, Export policy.Chain
	// Cluster is the id of the cluster in which this node is a route reflector
	// and the peer its client (RFC 4456); the zero Addr when it is no client.
	Cluster netip.Addr
	NextHop NextHopMode
	// AllowedLocalAS is how often the AS number this node has towards the peer
	// may be in the path of a route from it.
	AllowedLocalAS int
	// MaximumPrefixes is how many prefixes the peer may tell; with more, the
	// session ends (RFC 4271, 6.7). 0 stands for any number.
	MaximumPrefixes uint32
}

// Source says where a local route comes from.
type Source uint8

// The sources of local routes: routes to a network on one of the node's
// interfaces, routes someone else put into the kernel's table, and routes that
// resources ask for.
const (
	Direct Source = iota
	Kernel
	Static
)

// A Local is a route the node has without BGP.
type Local struct {
	Source Source
	// Gateway is that of a Kernel or Static route that has one. A Static route
	// without drops what comes by it: more specific routes lead on, or whoever
	// catches the packets before they are routed.
	Gateway netip.Addr
	// Metric is that in the kernel, or of other sources than Kernel the normal
	// route priority. It is what peers hear of how good the route is.
	Metric uint32
	// Interface leads to the destination; empty for a blackhole and the like.
	Interface string
}

// Host is what only this machine can know.
type Host struct {
	Interfaces  []Interface
	Routes      []Route
	Environment Environment
}

// An Interface is a network interface that is up, with the addresses it has.
type Interface struct {
	Name  string
	Addrs []netip.Prefix // address and length, not masked; no link-local ones
	Ends  []End          // of point-to-point links; none of them is in Addrs
}

// An End is an address of this machine at one end of a point-to-point link.
type End struct {
	Own netip.Addr
	Far netip.Prefix // the network at the other end: it is what the link leads to
}

// A Route is a route of the main table that someone else put there.
type Route struct {
	Dst       netip.Prefix
	Gateway   netip.Addr // the zero Addr when the destination is on the link, or behind several
	Interface string     // empty when there are several, or none
	Metric    uint32
}

// A Problem is a resource that asks for something impossible.
type Problem struct {
	Resource resources.Key
	// Source is where a broken entry of the datastore lives, such as a file
	// name; empty for everything else.
	Source string
	Text   string // what is wrong and how to mend it, on one line
}
