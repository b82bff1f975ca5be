package adjout

import (
	"net/netip"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// A NextHop is a rule for the next hop of what is told.
type NextHop uint8

// The rules.
const (
	// NextHopUsual keeps the next hop towards internal peers, where a local
	// route has its gateway, and is Key.Self towards external ones
	// (RFC 4271 §5.1.3, as BIRD does on multihop sessions).
	NextHopUsual NextHop = iota
	NextHopSelf          // always Key.Self (Calico nextHopMode: Self)
	NextHopKeep          // unchanged, also towards external peers (Calico keepOriginalNextHop)
)

// String names the rule as the resources do.
func (n NextHop) String() string {
	switch n {
	case NextHopSelf:
		return "Self"
	case NextHopKeep:
		return "Keep"
	}
	return "Auto"
}

// A Key is everything that makes what one peer hears of a family differ from
// what another hears. Peers with equal keys are one group.
type Key struct {
	Family    wire.Family
	External  bool       // the peer is in another AS than LocalAS
	LocalAS   uint32     // ours, towards the peer
	Self      netip.Addr // our address of the session, or of the family, that the peer is to use as next hop
	NextHop   NextHop
	Client    bool         // the peer is our route reflector's client (RFC 4456)
	ClusterID uint32       // ours, towards the peer; counts with internal peers only
	Builder   wire.Builder // Agreed.Builder(): its AddPath says whether the peer gets all paths

	ExtendedNextHop bool // IPv4 routes may have IPv6 next hops (RFC 8950)
	LongLived       bool // the peer knows long-lived stale routes (RFC 9494); others don't hear of them

	// Policy names the export policy. Policies of one name are one function.
	Policy string
}

// addPath says whether all paths are told.
func (k *Key) addPath() bool { return k.Builder.AddPath.Has(k.Family) }

// normal returns the key without what makes no difference.
func (k Key) normal() Key {
	k.Builder.AddPath &= wire.SetOf(k.Family)
	if k.Builder.MaxLen == 0 {
		k.Builder.MaxLen = wire.MaxLen
	}
	if k.External {
		k.Client, k.ClusterID = false, 0
	}
	return k
}

// A Route is what an export policy judges.
type Route struct {
	Prefix netip.Prefix
	From   *rib.Peer   // where the path comes from
	Local  *rib.Local  // of a local path; nil for one that BGP brought
	Held   *wire.Attrs // as the table has it
	// Attrs are what BGP's own rules have made of Held for this group: our AS
	// is in front of the path towards external peers, the next hop is what it
	// will be. LOCAL_PREF is there in any case; external peers won't see it.
	Attrs *wire.Attrs
}

// A Policy returns what is to be told of a route: Route.Attrs, or others, or
// nil when it isn't to be told. It is a pure function, called by the owner of
// the table; what it makes needn't be interned.
type Policy func(Route) *wire.Attrs

// TellAll is the policy that changes nothing.
func TellAll(r Route) *wire.Attrs { return r.Attrs }
