package intent

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
)

// A session is a Peer someone asks for.
type session struct {
	at   netip.AddrPort
	peer Peer
	by   resources.Key // the BGPPeer, or the Node at the other end of a mesh session
	// refused says why the session is not started, empty when it is. One that is
	// refused keeps its place all the same: a session refused because it would
	// be unprotected must not come up by way of another resource which doesn't
	// ask for protection.
	refused string
}

// A roster is the sessions by the address and port of the other end. The first to
// ask for them has them.
type roster struct {
	sessions map[netip.AddrPort]session
	hopeless []session                 // refused, and keeping no place
	clashes  map[[2]resources.Key]bool // loser and winner, so that each pair is told about once
	problems *problems
}

func newRoster(p *problems) *roster {
	return &roster{
		sessions: map[netip.AddrPort]session{},
		clashes:  map[[2]resources.Key]bool{},
		problems: p,
	}
}

// add asks for a session. Asking again for what is there is harmless; asking
// for something else at the same place is a Problem of who comes later.
func (r *roster) add(s session) {
	first, taken := r.sessions[s.at]
	if !taken {
		r.sessions[s.at] = s
		return
	}
	pair := [2]resources.Key{s.by, first.by}
	if s.by == first.by || r.clashes[pair] {
		return
	}
	if mine, theirs := difference(first, s); mine != "" {
		r.clashes[pair] = true
		r.problems.about(s.by, "asks for a session with %s %s, %s for one %s; there is one session with an address and port, and %s comes first: change one of them",
			s.at.Addr(), mine, first.by, theirs, first.by)
	}
}

// difference says what kind of session s asks for that first does not, and
// what first asks for instead; nothing when the two agree.
func difference(first, s session) (mine, theirs string) {
	// A BGPPeer for a node of the mesh is how one changes the session with that
	// node: not a mistake.
	if s.by.Kind != resources.KindBGPPeer {
		return "", ""
	}
	if a, b := s.peer.ASN, first.peer.ASN; a != b {
		return fmt.Sprintf("in AS %d", a), fmt.Sprintf("in AS %d", b)
	}
	if s.refused != "" || first.refused != "" {
		return "", "" // there is a Problem already, and the rest may be unknown
	}
	if s.peer.Password != first.peer.Password {
		return protection(s), protection(first)
	}
	if a, b := s.peer.LocalAddress, first.peer.LocalAddress; a != b {
		return origin(a), origin(b)
	}
	if s.peer.Import != first.peer.Import || s.peer.Export != first.peer.Export {
		return filtering(s), filtering(first)
	}
	rest := s.peer
	rest.Name, rest.Type, rest.Passive, rest.Cluster = first.peer.Name, first.peer.Type, first.peer.Passive, first.peer.Cluster
	if rest != first.peer {
		return "with other settings", "with its own"
	}
	return "", ""
}

func protection(s session) string {
	if s.peer.Password.IsSet() {
		return "with a password of its own"
	}
	return "without password"
}

func origin(a netip.Addr) string {
	if a.IsValid() {
		return "from " + a.String()
	}
	return "from any address"
}

func filtering(s session) string {
	if s.peer.Import == (policy.Chain{}) && s.peer.Export == (policy.Chain{}) {
		return "without filters"
	}
	return "with filters of its own"
}

// has reports whether there is a session with one end, started or refused.
func (r *roster) has(at netip.AddrPort) bool {
	_, ok := r.sessions[at]
	return ok
}

// peers are the sessions to start.
func (r *roster) peers() map[netip.AddrPort]Peer {
	peers := make(map[netip.AddrPort]Peer, len(r.sessions))
	for _, s := range r.sessions {
		if s.refused == "" {
			peers[s.at] = s.peer
		}
	}
	return peers
}

// giveUp notes a session that can't be, and leaves its place to others.
func (r *roster) giveUp(s session) { r.hopeless = append(r.hopeless, s) }

// refused are the sessions not to start. Who has a place, started or
// refused, is all there is to say about it.
func (r *roster) refused() []Refused {
	var refused []Refused
	for _, s := range r.sessions {
		if s.refused != "" {
			refused = append(refused, s.refusal())
		}
	}
	for _, s := range r.hopeless {
		if !r.has(s.at) {
			refused = append(refused, s.refusal())
		}
	}
	slices.SortFunc(refused, func(a, b Refused) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Why, b.Why))
	})
	return slices.Compact(refused)
}

func (s session) refusal() Refused {
	r := Refused{At: s.at, Peer: s.peer, Why: s.refused}
	r.Password = resources.Password{} // nobody needs it
	return r
}
