package adjout

import (
	"net/netip"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// A Reason is why a group isn't told a route.
type Reason uint8

// The reasons.
const (
	Told           Reason = iota // it is
	ByPolicy                     // the export policy doesn't let it out
	NotReflected                 // between two internal peers, neither a client of ours (RFC 4456 §6)
	ClusterLoop                  // it has been in the client's cluster (RFC 4456 §8)
	NoAdvertise                  // its community says: to no peer (RFC 1997)
	NoExport                     // its community says: to no external peer (RFC 1997)
	LongLivedStale               // it is stale, and the peer doesn't know what that means (RFC 9494 §4.3)
	NoNextHop                    // there is no next hop of a family that can be said
)

var reasons = [...]string{
	Told: "told", ByPolicy: "export policy", NotReflected: "learned from an internal peer",
	ClusterLoop: "cluster loop", NoAdvertise: "community NO_ADVERTISE", NoExport: "community NO_EXPORT",
	LongLivedStale: "long-lived stale", NoNextHop: "no next hop that can be said",
}

// String says the reason for people.
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return "unknown"
}

// defaultLocalPref is what a route is told with to internal peers when nobody
// has said anything else (RFC 4271 §5.1.5 leaves it to us; BIRD's number).
const defaultLocalPref = 100

// Export says what a group is told of one route: the function that decides for
// peers, for those who explain or try out. The route is as the table has it;
// its Attrs are ignored. Without attributes to tell, why says what is in the way.
//
// That a peer doesn't hear its own routes is not among the reasons: it is no
// matter of the group.
func (k Key) Export(policy Policy, r Route) (told *wire.Attrs, why Reason) {
	a, why := k.prepare(r.From, r.Local, r.Held)
	if why != Told {
		return nil, why
	}
	r.Attrs = a
	if policy != nil {
		if a = policy(r); a == nil {
			return nil, ByPolicy
		}
	}
	return k.finish(a)
}

// prepare is what BGP itself wants before a policy is asked, in BIRD's order:
// Calico's filters see our AS in front of the path.
func (k *Key) prepare(from *rib.Peer, local *rib.Local, a *wire.Attrs) (*wire.Attrs, Reason) {
	if from.Source != rib.BGP {
		return k.originate(local, a), Told
	}
	if why := k.bars(from, a); why != Told {
		return nil, why
	}
	if k.External {
		return k.outward(a), Told
	}
	return k.inward(from, a), Told
}

// bars says what forbids to tell a route, whatever the policy.
func (k *Key) bars(from *rib.Peer, a *wire.Attrs) Reason {
	if c := a.Communities(); c != "" {
		switch {
		case c.Has(wire.NoAdvertise):
			return NoAdvertise
		case k.External && (c.Has(wire.NoExport) || c.Has(wire.NoExportSubconfed)):
			return NoExport // we are no confederation, so both mean the same
		case !k.LongLived && c.Has(wire.LLGRStale):
			return LongLivedStale
		}
	}
	if k.reflects(from) {
		if !k.Client && !from.Client {
			return NotReflected
		}
		if k.Client && a.ClusterList().Has(k.ClusterID) {
			return ClusterLoop
		}
	}
	return Told
}

// reflects says whether telling a peer's route means to pass it on inside one
// AS. Two peers that are internal by different local ASes of ours are not in one.
func (k *Key) reflects(from *rib.Peer) bool {
	return !k.External && from.Source == rib.BGP && !from.External() && from.LocalAS == k.LocalAS
}

// originate makes a local route one of BGP.
func (k *Key) originate(local *rib.Local, a *wire.Attrs) *wire.Attrs {
	f := a.Fields()
	var gateway netip.Addr
	if local != nil {
		gateway = local.Gateway
	}
	f.NextHop, f.LinkLocal = k.Self, netip.Addr{}
	keep := k.NextHop == NextHopKeep || k.NextHop == NextHopUsual && !k.External
	if keep && k.usable(gateway) && !gateway.IsLinkLocalUnicast() {
		f.NextHop = gateway
	}
	if !f.HasLocalPref {
		f.LocalPref, f.HasLocalPref = defaultLocalPref, true
	}
	if k.External {
		f.ASPath = f.ASPath.Prepend(k.LocalAS)
	}
	return build(&f, a)
}

// outward makes of a route of BGP what an external peer is told.
func (k *Key) outward(a *wire.Attrs) *wire.Attrs {
	f := a.Fields()
	f.ASPath = f.ASPath.Prepend(k.LocalAS) // RFC 4271 §5.1.2 b
	if f.HasMED {
		f.MED = 0 // not to be passed to a third AS (§5.1.4); BIRD says 0
	}
	if !f.HasLocalPref {
		f.LocalPref, f.HasLocalPref = defaultLocalPref, true // for the policy; finish drops it
	}
	f.OriginatorID, f.ClusterList = netip.Addr{}, "" // RFC 4456 §8: non-transitive
	f.ExtCommunities = f.ExtCommunities.Transitive() // RFC 4360 §2
	if k.NextHop != NextHopKeep || !k.usable(f.NextHop) {
		f.NextHop = k.Self
	}
	f.LinkLocal = netip.Addr{}
	return build(&f, a)
}

// inward makes of a route of BGP what an internal peer is told.
func (k *Key) inward(from *rib.Peer, a *wire.Attrs) *wire.Attrs {
	f := a.Fields()
	if !f.HasLocalPref {
		f.LocalPref, f.HasLocalPref = defaultLocalPref, true
	}
	if k.NextHop == NextHopSelf || !f.NextHop.IsValid() || f.NextHop.IsUnspecified() {
		f.NextHop = k.Self
	}
	f.LinkLocal = netip.Addr{} // means nothing on the peer's link (RFC 2545 §3)
	if k.reflects(from) {
		if !f.OriginatorID.IsValid() {
			f.OriginatorID = from.RouterID
		}
		// The cluster that the route leaves, or enters. BIRD names it towards
		// everyone, so that two reflectors of one cluster notice loops.
		switch {
		case !k.Client:
			f.ClusterList = f.ClusterList.Prepend(from.ClusterID)
		case from.Client && from.ClusterID != k.ClusterID:
			f.ClusterList = f.ClusterList.Prepend(k.ClusterID).Prepend(from.ClusterID)
		default:
			f.ClusterList = f.ClusterList.Prepend(k.ClusterID)
		}
	}
	return build(&f, a)
}

// finish is what BGP wants after the policy.
func (k *Key) finish(a *wire.Attrs) (*wire.Attrs, Reason) {
	if !k.usable(a.NextHop()) {
		return nil, NoNextHop
	}
	_, has := a.LocalPref()
	switch {
	case k.External && has:
		a = a.WithoutLocalPref() // RFC 4271 §5.1.5
	case !k.External && !has:
		a = a.WithLocalPref(defaultLocalPref)
	}
	return a, Told
}

// usable says whether a next hop can be said in the family.
func (k *Key) usable(hop netip.Addr) bool {
	if !hop.IsValid() || hop.IsUnspecified() {
		return false
	}
	if k.Family == wire.IPv4 {
		return hop.Is4() || k.ExtendedNextHop
	}
	return hop.Is6()
}

// build falls back to what there was: a set too long for any message is found
// to be so when it is packed, and withdrawn.
func build(f *wire.Fields, was *wire.Attrs) *wire.Attrs {
	a, err := f.Build()
	if err != nil {
		return was
	}
	return a
}
