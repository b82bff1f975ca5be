package wire

import (
	"errors"
	"math"
	"net/netip"
)

// Fields is a set of attributes taken apart, so that a policy can change
// several of them and pay for one new [Attrs]: f := a.Fields(); f.MED = 5;
// b, err := f.Build(). It is a value; copies don't share anything that changes.
type Fields struct {
	Origin           Origin
	ASPath           ASPath
	NextHop          netip.Addr // may be invalid while a route has none yet
	LinkLocal        netip.Addr // only beside an IPv6 NextHop
	MED              uint32
	HasMED           bool
	LocalPref        uint32
	HasLocalPref     bool
	AtomicAggregate  bool
	Aggregator       Aggregator // AS 0: none
	Communities      Communities
	OriginatorID     netip.Addr // invalid: none
	ClusterList      ClusterList
	ExtCommunities   ExtCommunities
	LargeCommunities LargeCommunities
	Unknown          []RawAttr

	partial uint8 // of the optional transitive ones that somebody before us did not know
}

// The bits of Fields.partial. A Partial bit, once set, stays (RFC 4271 §5).
const (
	partialAggregator uint8 = 1 << iota
	partialCommunities
	partialExt
	partialLarge
)

// Fields takes the set apart.
func (a *Attrs) Fields() Fields {
	f := Fields{
		Origin: a.origin, ASPath: a.ASPath(),
		NextHop: a.nextHop, LinkLocal: a.LinkLocal(),
		MED: a.med, HasMED: a.has&hasMED != 0,
		LocalPref: a.localPref, HasLocalPref: a.has&hasLocalPref != 0,
		AtomicAggregate: a.AtomicAggregate(), Aggregator: a.Aggregator(),
		Communities: a.Communities(), LargeCommunities: a.LargeCommunities(), ExtCommunities: a.ExtCommunities(),
		OriginatorID: a.OriginatorID(), ClusterList: a.ClusterList(),
	}
	for u := range a.Unknown() {
		f.Unknown = append(f.Unknown, u)
	}
	for t := range attributes(a.enc[a.body:]) {
		if t.Flags&flagPartial == 0 {
			continue
		}
		switch t.Type {
		case attrAggregator:
			f.partial |= partialAggregator
		case attrCommunities:
			f.partial |= partialCommunities
		case attrExtCommunities:
			f.partial |= partialExt
		case attrLargeCommunities:
			f.partial |= partialLarge
		}
	}
	return f
}

// errTooLong is what no message could carry anyway.
var errTooLong = errors.New("attributes of a route: longer than 65535 octets; no message can carry them")

// Build makes the attribute set, not interned. It fails only when the set is
// longer than any message.
func (f *Fields) Build() (*Attrs, error) {
	b := f.append(make([]byte, 0, 128))
	if len(b) > math.MaxUint16 {
		return nil, errTooLong
	}
	return newAttrs(string(b)), nil
}

// append writes the canonical encoding that [Attrs] keeps.
func (f *Fields) append(b []byte) []byte {
	s := set[string]{
		nextHop: f.NextHop, linkLocal: f.LinkLocal, partial: f.partial,
		origin: f.Origin, path: string(f.ASPath),
		med: f.MED, hasMED: f.HasMED, localPref: f.LocalPref, hasLocalPref: f.HasLocalPref,
		atomic: f.AtomicAggregate, aggregatorAS: f.Aggregator.AS, aggregatorID: num4(f.Aggregator.ID),
		communities: string(f.Communities), clusters: string(f.ClusterList),
		ext: string(f.ExtCommunities), large: string(f.LargeCommunities),
		originator: num4(f.OriginatorID), hasOriginator: f.OriginatorID.Is4(),
	}
	for _, u := range f.Unknown {
		s.unknown = append(s.unknown, rawAttr[string]{u.Flags, u.Type, u.Value})
	}
	return s.append(b)
}

// with is the core of the With methods: those change a field by a bounded
// amount, and what doesn't fit any message any more stays as it was.
func (a *Attrs) with(change func(*Fields)) *Attrs {
	f := a.Fields()
	change(&f)
	b, err := f.Build()
	if err != nil {
		return a
	}
	return b
}

// WithLocalPref returns the set with another LOCAL_PREF.
func (a *Attrs) WithLocalPref(v uint32) *Attrs {
	return a.with(func(f *Fields) { f.LocalPref, f.HasLocalPref = v, true })
}

// WithoutLocalPref returns the set without LOCAL_PREF, as an external peer gets it.
func (a *Attrs) WithoutLocalPref() *Attrs {
	return a.with(func(f *Fields) { f.LocalPref, f.HasLocalPref = 0, false })
}

// WithMED returns the set with another MULTI_EXIT_DISC.
func (a *Attrs) WithMED(v uint32) *Attrs {
	return a.with(func(f *Fields) { f.MED, f.HasMED = v, true })
}

// WithoutMED returns the set without MULTI_EXIT_DISC.
func (a *Attrs) WithoutMED() *Attrs {
	return a.with(func(f *Fields) { f.MED, f.HasMED = 0, false })
}

// WithNextHop returns the set with another next hop and no link-local one.
func (a *Attrs) WithNextHop(to netip.Addr) *Attrs {
	return a.with(func(f *Fields) { f.NextHop, f.LinkLocal = to, netip.Addr{} })
}

// WithCommunity returns the set with communities added.
func (a *Attrs) WithCommunity(add ...uint32) *Attrs {
	return a.with(func(f *Fields) { f.Communities = f.Communities.With(add...) })
}

// WithLargeCommunity returns the set with large communities added.
func (a *Attrs) WithLargeCommunity(add ...LargeCommunity) *Attrs {
	return a.with(func(f *Fields) { f.LargeCommunities = f.LargeCommunities.With(add...) })
}

// Prepend returns the set with AS numbers in front of the path, in their order.
func (a *Attrs) Prepend(sequence ...uint32) *Attrs {
	return a.with(func(f *Fields) { f.ASPath = f.ASPath.Prepend(sequence...) })
}

// Reflected returns the set as a reflector passes it on: its cluster in front
// of the list, and the originator noted unless somebody has already (RFC 4456 §8).
func (a *Attrs) Reflected(cluster uint32, originator netip.Addr) *Attrs {
	return a.with(func(f *Fields) {
		f.ClusterList = f.ClusterList.Prepend(cluster)
		if !f.OriginatorID.IsValid() {
			f.OriginatorID = originator
		}
	})
}
