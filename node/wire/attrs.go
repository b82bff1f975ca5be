package wire

import (
	"iter"
	"net/netip"
)

// An Origin says how a route came into BGP (RFC 4271 §5.1.1); less is better.
type Origin uint8

// The origins.
const (
	OriginIGP Origin = iota
	OriginEGP
	OriginIncomplete
)

// String writes the origin as BIRD does.
func (o Origin) String() string {
	switch o {
	case OriginIGP:
		return "IGP"
	case OriginEGP:
		return "EGP"
	}
	return "Incomplete"
}

// Attrs is what is said of a route, apart from its prefix. It never changes.
// Attrs from a [Decoder] are interned: within one [Table] equal sets are one
// pointer, so that == compares them and many routes share one. Those made by
// Build and the With methods are not, until [Table.Intern] has seen them.
//
// Inside, the attributes stay encoded (canonically: ascending, four-octet AS
// numbers, short lengths where they fit); what a decision compares for every
// route is unpacked beside them. About 100 octets and the encoding.
type Attrs struct {
	enc     string // length of the next hop(s), next hop(s), attributes 1, 2, 4, 5, ...
	nextHop netip.Addr

	med, localPref, firstAS, originator uint32

	body                         uint16 // where the attributes begin in enc
	pathAt, pathEnd              uint16
	aggregator                   uint16
	communitiesAt, communitiesTo uint16
	clustersAt, clustersTo       uint16
	extAt, extTo                 uint16
	largeAt, largeTo             uint16
	pathLen                      uint16
	origin                       Origin
	has                          has
}

// has says which of the optional things are there.
type has uint8

const (
	hasMED has = 1 << iota
	hasLocalPref
	hasAtomic
	hasAggregator
	hasOriginator
	hasUnknown
)

// Origin returns ORIGIN.
func (a *Attrs) Origin() Origin { return a.origin }

// ASPath returns AS_PATH, merged with AS4_PATH where that came with it.
func (a *Attrs) ASPath() ASPath { return ASPath(a.enc[a.pathAt:a.pathEnd]) }

// PathLen returns the AS path's length as the decision process counts it,
// worked out once. See [ASPath.Len].
func (a *Attrs) PathLen() int { return int(a.pathLen) }

// FirstAS returns the AS the route was heard from. See [ASPath.First].
func (a *Attrs) FirstAS() uint32 { return a.firstAS }

// NextHop returns the (global) next hop, from NEXT_HOP or MP_REACH_NLRI.
func (a *Attrs) NextHop() netip.Addr { return a.nextHop }

// LinkLocal returns the link-local next hop that came beside a global one
// (RFC 2545 §3), without a zone; invalid when there was none.
func (a *Attrs) LinkLocal() netip.Addr {
	if a.enc[0] != 32 {
		return netip.Addr{}
	}
	return netip.AddrFrom16([16]byte([]byte(a.enc[17:33])))
}

// MED returns MULTI_EXIT_DISC and whether it is there.
func (a *Attrs) MED() (uint32, bool) { return a.med, a.has&hasMED != 0 }

// LocalPref returns LOCAL_PREF and whether it is there.
func (a *Attrs) LocalPref() (uint32, bool) { return a.localPref, a.has&hasLocalPref != 0 }

// AtomicAggregate says whether ATOMIC_AGGREGATE is there.
func (a *Attrs) AtomicAggregate() bool { return a.has&hasAtomic != 0 }

// An Aggregator says who made an aggregate (RFC 4271 §5.1.7).
type Aggregator struct {
	AS uint32 // 0: no AGGREGATOR; a message can't carry AS 0 (RFC 7607)
	ID netip.Addr
}

// Aggregator returns AGGREGATOR, zero when it isn't there.
func (a *Attrs) Aggregator() Aggregator {
	if a.has&hasAggregator == 0 {
		return Aggregator{}
	}
	v := a.enc[a.aggregator:]
	return Aggregator{be32(v), addr4(be32(v[4:]))}
}

// Communities returns COMMUNITIES.
func (a *Attrs) Communities() Communities {
	return Communities(a.enc[a.communitiesAt:a.communitiesTo])
}

// LargeCommunities returns LARGE_COMMUNITY.
func (a *Attrs) LargeCommunities() LargeCommunities {
	return LargeCommunities(a.enc[a.largeAt:a.largeTo])
}

// ExtCommunities returns EXTENDED COMMUNITIES.
func (a *Attrs) ExtCommunities() ExtCommunities { return ExtCommunities(a.enc[a.extAt:a.extTo]) }

// OriginatorID returns ORIGINATOR_ID, invalid when it isn't there.
func (a *Attrs) OriginatorID() netip.Addr {
	if a.has&hasOriginator == 0 {
		return netip.Addr{}
	}
	return addr4(a.originator)
}

// ClusterList returns CLUSTER_LIST.
func (a *Attrs) ClusterList() ClusterList { return ClusterList(a.enc[a.clustersAt:a.clustersTo]) }

// Unknown returns the optional transitive attributes that we keep and pass on
// without understanding them, by type.
func (a *Attrs) Unknown() iter.Seq[RawAttr] {
	return func(yield func(RawAttr) bool) {
		if a.has&hasUnknown == 0 {
			return
		}
		for t := range attributes(a.enc[a.body:]) {
			if !known(t.Type) && !yield(t) {
				return
			}
		}
	}
}

// Equal says whether two sets say the same.
func (a *Attrs) Equal(b *Attrs) bool {
	return a == b || a != nil && b != nil && a.enc == b.enc
}

// Size returns the memory that the set takes, in octets, without the table's share.
func (a *Attrs) Size() int { return attrsSize + len(a.enc) }

// A RawAttr is an attribute that we carry without understanding it.
type RawAttr struct {
	Flags uint8 // as sent on, Partial set
	Type  uint8
	Value string
}
