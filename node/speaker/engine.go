package speaker

import (
	"net/netip"

	"github.com/calctl/calctl/node/intent"
)

// An engine speaks BGP with one AS number and router id on one port. It is
// given checked values only.
type engine interface {
	// addPeer begins a session. restarting says that the kernel still forwards
	// by what an earlier run learned (RFC 4724, 4.1).
	addPeer(at netip.AddrPort, p intent.Peer, restarting bool) error
	// removePeer ends a session and forgets what it brought.
	removePeer(at netip.AddrPort, p intent.Peer) error
	// setPolicy replaces the export policy, which at first lets nothing out, without ending a session: what may
	// go out now is announced, what may not any more is withdrawn.
	setPolicy(intent.Export) error
	announce(netip.Prefix, intent.Source) error
	withdraw(netip.Prefix) error
	// counts are the routes by peer; those told only if out is asked for.
	counts(out bool) map[netip.Addr]counts
	// farewell tells all peers that this speaker ends, and why.
	farewell(why string)
	// stop ends it. The ears hear nothing from then on.
	stop()
}

// counts are the routes a peer has told us and was told.
type counts struct{ in, out uint64 }

// ears are whom an engine tells. They are called one at a time and in the
// order things happened.
type ears struct {
	best     func([]advert)
	endOfRIB func(peer netip.Addr)
	// state gets the reason when a session ended, and when one is up whether
	// the peer sends End-of-RIB.
	state func(peer netip.Addr, to bgpState, reason string, marker bool)
}
