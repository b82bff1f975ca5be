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
		p.judged, p.loops = received, p.entrance().bars(received) != ""
		if p.importer.Interfaces() {
			p.way = p.c.policies.ways.by(received.NextHop())
		}
	}
	if p.loops || wire.Martian(prefix) { // RFC 4271, 6.3
		return nil, 0
	}
	d := p.importer.Judge(policy.Route{Prefix: prefix, Attrs: received, Remote: true, Interface: p.way})
	return d.Attrs, d.Preference
}

// An entrance is what BGP itself asks of the routes that a peer tells, before
// the peer's filters do.
type entrance struct {
	localAS uint32     // ours, towards the peer
	allowed int        // how often it may be in a path
	id      netip.Addr // our router id
	self    netip.Addr // our address of the session; the zero Addr while nobody knows
	// cluster is that in which we are the peer's reflector; the zero Addr for none.
	cluster netip.Addr
}

// bars says why a route can't be used: it has been here before, or leads back
// to us. Nothing bars a route for which it is empty.
func (e entrance) bars(a *wire.Attrs) string {
	switch {
	case a.ASPath().Count(e.localAS) > e.allowed:
		return "our AS is in its path (RFC 4271, 9.1.2)"
	case a.OriginatorID() == e.id:
		return "it is from this node (RFC 4456, 8)"
	case e.cluster.IsValid() && a.ClusterList().Has(clusterID(e.cluster)):
		return "it has been in our cluster (RFC 4456, 8)"
	case e.self.IsValid() && a.NextHop() == e.self:
		return "its next hop is this node (RFC 4271, 6.3)"
	}
	return ""
}

func (p *peering) entrance() entrance {
	return entrance{p.localAS(), p.rules.AllowedLocalAS, p.c.id, p.self, p.rules.Cluster}
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

// localOf is a local route in the table's terms.
func localOf(l intent.Local) rib.Local {
	return rib.Local{Gateway: l.Gateway, Metric: l.Metric, LocalPref: policy.LocalPref(l.Metric), Interface: l.Interface}
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
