package speaker

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/calctl/calctl/node/intent"
)

// Changes are what must be done for what a speaker does to become what it
// should do. The fields stand in the order they are acted on: routes and
// policy come before the peers that will hear them, so that a new peer's first
// UPDATEs are complete and its End-of-RIB is true (RFC 4724, section 2).
// Every list is sorted.
type Changes struct {
	// Restart: the AS number or the router id differ, which are in every OPEN, or
	// where to listen. Every session ends; all other fields start from nothing.
	Restart bool
	// Remove are the peers to part from. A changed peer is in Remove and Add.
	Remove []netip.AddrPort
	// Policy: the export policy, the priorities of normal routes and the rules for the
	// kernel are replaced as one.
	Policy bool
	// Rules are the peers that keep their session and have other rules.
	Rules              []netip.AddrPort
	Withdraw, Announce []netip.Prefix
	Add                []netip.AddrPort
}

// Empty reports whether there is nothing to do.
func (c Changes) Empty() bool {
	return !c.Restart && !c.Policy && len(c.Remove)+len(c.Rules)+len(c.Withdraw)+len(c.Announce)+len(c.Add) == 0
}

// Diff says what must change for have to become want. The zero BGP means that
// there is no speaker. A peer whose session stays the same is in no list: it
// keeps its uptime.
func Diff(have, want intent.BGP) Changes {
	if !want.Enabled() {
		return Changes{Restart: have.Enabled()}
	}
	var c Changes
	if have.ASN != want.ASN || have.RouterID != want.RouterID || have.Port != want.Port || !slices.Equal(have.Listen, want.Listen) {
		c.Restart = true
		have = intent.BGP{}
	}
	for at, p := range have.Peers {
		switch q, ok := want.Peers[at]; {
		case !ok || !sameSession(p, q):
			c.Remove = append(c.Remove, at)
		case p.Rules != q.Rules:
			c.Rules = append(c.Rules, at)
		}
	}
	for at, p := range want.Peers {
		if q, ok := have.Peers[at]; !ok || !sameSession(p, q) {
			c.Add = append(c.Add, at)
		}
	}
	for p := range have.Local {
		if _, ok := want.Local[p]; !ok {
			c.Withdraw = append(c.Withdraw, p)
		}
	}
	for p, l := range want.Local {
		if h, ok := have.Local[p]; !ok || h != l {
			c.Announce = append(c.Announce, p)
		}
	}
	c.Policy = c.Restart || !have.Export.Equal(want.Export) || !have.Kernel.Equal(want.Kernel) || have.Priorities != want.Priorities

	slices.SortFunc(c.Remove, netip.AddrPort.Compare)
	slices.SortFunc(c.Rules, netip.AddrPort.Compare)
	slices.SortFunc(c.Add, netip.AddrPort.Compare)
	slices.SortFunc(c.Withdraw, netip.Prefix.Compare)
	slices.SortFunc(c.Announce, netip.Prefix.Compare)
	return c
}

// sameSession reports whether a session with p serves for q. Names are not on
// the wire: renaming a BGPPeer must not cost a session. Neither are rules.
func sameSession(p, q intent.Peer) bool {
	p.Name, p.Type, p.Rules = q.Name, q.Type, q.Rules
	return p == q
}

// clone copies what Apply changes step by step.
func clone(b intent.BGP) intent.BGP {
	b.Peers, b.Local = maps.Clone(b.Peers), maps.Clone(b.Local)
	if b.Peers == nil {
		b.Peers = map[netip.AddrPort]intent.Peer{}
	}
	if b.Local == nil {
		b.Local = map[netip.Prefix]intent.Local{}
	}
	return b
}
