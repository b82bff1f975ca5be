package intent

import (
	"net/netip"

	"github.com/calctl/calctl/resources"
)

// A session is a Peer someone asks for.
type session struct {
	at   netip.AddrPort
	peer Peer
	by   resources.Key // the BGPPeer, or the Node at the other end of a mesh session
	// refused sessions are not started. They keep their address all the same:
	// a session refused because it would be unprotected must not come up by
	// way of another resource which doesn't ask for protection.
	refused bool
}

// A roster is the sessions by the address of the other end. The first to ask
// for an address has it.
type roster struct {
	sessions map[netip.Addr]session
	clashes  map[[2]resources.Key]bool // loser and winner, so that each pair is told about once
	problems *problems
}

func newRoster(p *problems) *roster {
	return &roster{
		sessions: map[netip.Addr]session{},
		clashes:  map[[2]resources.Key]bool{},
		problems: p,
	}
}

// add asks for a session. Asking again for what is there is harmless; asking
// for something else at the same address is a Problem of who comes later.
func (r *roster) add(s session) {
	first, taken := r.sessions[s.at.Addr()]
	if !taken {
		r.sessions[s.at.Addr()] = s
		return
	}
	pair := [2]resources.Key{s.by, first.by}
	what := difference(first, s)
	if what == "" || r.clashes[pair] {
		return
	}
	r.clashes[pair] = true
	r.problems.about(s.by, "%s, but %s asks for another session with %s and comes first; there is one session with an address, so change one of them",
		what, first.by, s.at.Addr())
}

// difference says what of s is not to be had because of first, or nothing.
func difference(first, s session) string {
	if s.at.Port() != first.at.Port() {
		return "asks for a session with " + s.at.String()
	}
	// A BGPPeer for a node of the mesh is how one changes the session with that
	// node: not a mistake.
	if s.by.Kind != resources.KindBGPPeer {
		return ""
	}
	switch {
	case s.peer.ASN != first.peer.ASN:
		return "asks for another AS number with " + s.at.Addr().String()
	case s.refused || first.refused:
		return "" // there is a Problem already, and nothing else to compare
	case s.peer.Password != first.peer.Password:
		return "asks for another password with " + s.at.Addr().String()
	case s.peer.LocalAddress != first.peer.LocalAddress:
		return "asks for another source address with " + s.at.Addr().String()
	}
	return ""
}

// has reports whether there is a session with an address, started or refused.
func (r *roster) has(a netip.Addr) bool {
	_, ok := r.sessions[a]
	return ok
}

// peers are the sessions to start.
func (r *roster) peers() map[netip.AddrPort]Peer {
	peers := make(map[netip.AddrPort]Peer, len(r.sessions))
	for _, s := range r.sessions {
		if !s.refused {
			peers[s.at] = s.peer
		}
	}
	return peers
}
