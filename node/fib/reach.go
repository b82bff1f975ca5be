package fib

import (
	"net/netip"
	"slices"
)

// Reach is how this host reaches a BGP next hop. The zero Reach is not at all.
type Reach struct {
	// Resolvable says that a path with the next hop may be used (RFC 4271
	// §9.1.2.1): the longest match among the routes that are not ours, and
	// the static ones, leads out of a link that is up and has a carrier. It is false for the host's own addresses, for the
	// unspecified one, loopback and multicast, for link-local ones without a
	// zone, and behind blackhole, unreachable and prohibit routes.
	Resolvable bool
	// OnLink says that the next hop itself is on a link, with no gateway in
	// between: BIRD's distance 0. All others are equally far.
	OnLink bool
	// Interface is the name of the link it is reached by; empty when it isn't
	// reached, or by several.
	Interface string
}

// Reach says how a next hop is reached now, before Run too. Any goroutine may
// ask; the answer takes about a microsecond and waits for nothing.
func (s *Syncer) Reach(nextHop netip.Addr) Reach {
	a := nextHop.Unmap()
	if !a.IsValid() {
		return Reach{}
	}
	s.ground.RLock()
	hops, _ := s.facts.reach(a, a.Is6())
	r := Reach{Resolvable: len(hops) > 0}
	if r.Resolvable && !slices.ContainsFunc(hops, func(h Hop) bool { return h.Link != hops[0].Link }) {
		r.Interface = s.facts.linkName(hops[0].Link)
	}
	s.ground.RUnlock()
	far := func(h Hop) bool { return h.Gateway != a.WithZone("") }
	r.OnLink = r.Resolvable && !slices.ContainsFunc(hops, far)
	return r
}

// ReachChanged gets a value after links, addresses or other's routes have
// changed, so that Reach may answer otherwise. It is for one reader, who asks
// anew about every next hop it cares for.
func (s *Syncer) ReachChanged() <-chan struct{} { return s.reach }
