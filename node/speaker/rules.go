package speaker

import (
	"net/netip"

	"github.com/calctl/calctl/node/adjout"
	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// importing decides on a path that a peer tells: in goes what doesn't lead in a
// circle, leads somewhere, and passes the peer's filters. It runs on the
// owner's goroutine.
func (p *peering) importing(_ *rib.Peer, _ wire.Family, prefix netip.Prefix, received *wire.Attrs) (*wire.Attrs, uint8) {
	// A full table comes with the same attributes for many prefixes in a row.
	if received != p.judged {
		p.judged, p.loops = received, p.circular(received)
		if p.importer.Interfaces() {
			p.way = p.c.policies.ways.by(received.NextHop())
		}
	}
	if p.loops || wire.Martian(prefix) { // RFC 4271, 6.3
		return nil, 0
	}
	d := p.importer.Judge(policy.Route{Prefix: prefix, Attrs: received, Remote: true, Interface: p.way})
	return d.Attrs, 0
}

// circular reports whether a route has been here before, or leads back to us.
func (p *peering) circular(a *wire.Attrs) bool {
	return a.ASPath().Count(p.localAS()) > p.rules.AllowedLocalAS || // RFC 4271, 9.1.2
		a.OriginatorID() == p.c.id || // RFC 4456, 8
		p.peer.Client && a.ClusterList().Has(p.peer.ClusterID) || // the same
		a.NextHop() == p.self // RFC 4271, 6.3
}

// nextHop is a rule for next hops in the terms of those who tell.
func nextHop(mode intent.NextHopMode) adjout.NextHop {
	switch mode {
	case intent.NextHopSelf:
		return adjout.NextHopSelf
	case intent.NextHopKeep:
		return adjout.NextHopKeep
	}
	return adjout.NextHopUsual
}

// sourceOf is a local route's source in the table's terms.
func sourceOf(s intent.Source) rib.Source {
	switch s {
	case intent.Kernel:
		return rib.Kernel
	case intent.Static:
		return rib.Static
	}
	return rib.Direct
}

// resolver puts what the kernel says of next hops into the decision's terms:
// BIRD's distances, which are 0 on a link and unknown behind a router.
func resolver(reach func(netip.Addr) Reach) rib.Resolver {
	return func(nextHop netip.Addr) rib.Reach {
		r := Reach{Resolvable: true, OnLink: true}
		if reach != nil {
			r = reach(nextHop)
		}
		switch {
		case !r.Resolvable:
			return rib.Reach{}
		case r.OnLink:
			return rib.Reach{Resolvable: true}
		}
		return rib.Reach{Resolvable: true, Metric: rib.Far}
	}
}
