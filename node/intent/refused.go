package intent

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/calctl/calctl/status"
)

// A Refused is a session the node should have, and had better not.
type Refused struct {
	At   netip.AddrPort
	Peer        // as far as it is known; never with a password
	Why  string // what is wrong and how to mend it, on one line
}

// WithRefused adds refused sessions to those a speaker has, sorted by address
// and port as a status.Report wants them: whoever watches for sessions that are
// down must not miss one because it was never started. since is when they were
// found to be refused. peers stays as it is; a session in it is not added again.
func WithRefused(peers []status.Peer, refused []Refused, since time.Time) []status.Peer {
	there := make(map[netip.AddrPort]bool, len(peers))
	for _, p := range peers {
		there[netip.AddrPortFrom(p.Address, p.Port)] = true
	}
	all := slices.Clone(peers)
	for _, r := range refused {
		if !there[r.At] {
			all = append(all, r.status(since))
		}
	}
	slices.SortStableFunc(all, func(a, b status.Peer) int {
		return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Port, b.Port))
	})
	return all
}

func (r Refused) status(since time.Time) status.Peer {
	p := status.Peer{
		Name: r.Name, Type: r.Type,
		Address: r.At.Addr(), Port: r.At.Port(), ASNumber: r.ASN,
		State: status.StateDown, BGPState: "Idle", Since: since, LastError: r.Why,
	}
	if r.LocalAddress.IsValid() {
		p.LocalAddress = r.LocalAddress.String()
	}
	return p
}
