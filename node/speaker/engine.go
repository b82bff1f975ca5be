package speaker

import (
	"net/netip"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/session"
)

// An engine speaks BGP with one AS number and router id on one port. It is
// given checked values only. There is one, core; the border is here so that
// what Apply does can be tested without BGP.
type engine interface {
	// addPeers begins sessions with some of the peers, and returns for each
	// what is in its way. It does so for all at once, because peers that come
	// before they are known are turned away.
	addPeers(which []netip.AddrPort, peers map[netip.AddrPort]intent.Peer) []error
	// removePeers ends sessions and forgets what they brought, and returns for
	// each what is in the way. Those in again, which is sorted, are added again at
	// once, with other settings.
	removePeers(which, again []netip.AddrPort) []error
	// setRules replaces the export policy, which at first lets nothing out, the
	// rules for the kernel, and the rules of some peers, without ending a session: what may go out
	// now is announced, what may not any more is withdrawn, and so with what
	// may come in.
	setRules(want intent.BGP, peers []netip.AddrPort) error
	announce(netip.Prefix, intent.Local) error
	withdraw(netip.Prefix) error
	// counts are the routes by peer.
	counts() map[netip.AddrPort]counts
	// reachChanged has all next hops resolved anew.
	reachChanged()
	// release ends the time after a restart in which peers are told nothing.
	release()
	// hush makes the ears hear nothing from now on.
	hush()
	// stop tells all peers that this speaker ends, and why, and ends it. The
	// ears hear that the routes are gone, and nothing after that.
	stop(why string)
}

// counts are the routes a peer has told us and was told.
type counts struct{ in, out uint64 }

// ears are whom an engine tells. None of them may block.
type ears struct {
	// best is called by one goroutine, in the order of what happened, for each
	// piece of what was decided at once; endOfRIB by the same, after the routes
	// that came before the marker.
	best     func(piece []Change, more bool)
	endOfRIB func(peer netip.AddrPort)
	// up says that a session is established, and whether the peer will send
	// End-of-RIB; down that it is over.
	up   func(peer netip.AddrPort, marker bool)
	down func(peer netip.AddrPort)
	// changed says that a session stands otherwise than before. How is asked
	// for late, so that of two calls at once none is overtaken.
	changed func(peer netip.AddrPort, now func() session.Status)
	// failed says that there is no session, and why: nothing more will come of it.
	failed func(peer netip.AddrPort, why error)
}
