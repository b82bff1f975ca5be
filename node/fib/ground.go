package fib

import (
	"maps"
	"net/netip"
	"path"
	"slices"
)

// A Ground is what is to be minded in the resolving of next hops, beside the
// kernel's routes.
type Ground struct {
	// Static are routes that count like the kernel's, and before one of them to the
	// same destination, whether they are installed or not: their gateways, which are
	// not looked up among them again, or the zero Addr for a blackhole.
	Static map[netip.Prefix]netip.Addr
	// Ignored are the names of interfaces whose networks lead to no next hop; *
	// stands for any characters. Routes by gateways on them do.
	Ignored []string
}

func (g *Ground) equal(o *Ground) bool {
	return maps.Equal(g.Static, o.Static) && slices.Equal(g.Ignored, o.Ignored)
}

// ignores reports whether the network on an interface doesn't count.
func (g *Ground) ignores(name string) bool {
	return slices.ContainsFunc(g.Ignored, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}

// SetGround says what next hops are resolved by from now on, beside the kernel's
// routes. Nobody changes g any more. It waits for nothing but a write that is under
// way.
func (s *Syncer) SetGround(g Ground) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.facts.config.equal(&g) {
		return
	}
	s.ground.Lock()
	s.facts.setGround(g)
	s.ground.Unlock()
	s.moved = true
	notify(s.wake)
}
