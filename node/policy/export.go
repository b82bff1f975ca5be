package policy

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"github.com/calctl/calctl/node/wire"
)

// An Export says what is told of the routes that no filter decides on: what
// lies inside an IPPool with disableBGPExport is kept, what lies inside
// another is told, with communities where such are advertised, everything else
// is kept.
type Export struct {
	Reject, Accept []netip.Prefix // sorted
	// Advertise are the communities that go with what is told so. All whose
	// prefix a route lies in count.
	Advertise []Advertisement
}

// An Advertisement is the communities of the routes inside a prefix.
type Advertisement struct {
	CIDR        netip.Prefix
	Communities []string // aa:nn, or aa:nn:mm for a large one; sorted
}

func (a Advertisement) equal(b Advertisement) bool {
	return a.CIDR == b.CIDR && slices.Equal(a.Communities, b.Communities)
}

func (a Advertisement) steps() []func(*wire.Fields) {
	var steps []func(*wire.Fields)
	for _, text := range a.Communities {
		if c, err := readCommunity(text); err == nil { // others would be none
			steps = append(steps, c.add)
		}
	}
	return steps
}

// Equal reports whether two say the same.
func (e Export) Equal(o Export) bool {
	return slices.Equal(e.Reject, o.Reject) && slices.Equal(e.Accept, o.Accept) &&
		slices.EqualFunc(e.Advertise, o.Advertise, Advertisement.equal)
}

// Permits reports whether peers may hear of p.
func (e Export) Permits(p netip.Prefix) bool {
	return !within(p, e.Reject) && within(p, e.Accept)
}

func within(p netip.Prefix, in []netip.Prefix) bool {
	for _, q := range in {
		if q.Bits() <= p.Bits() && q.Contains(p.Addr()) {
			return true
		}
	}
	return false
}

// An Exporter judges what is to go out to peers of one type. It is for one
// goroutine at a time.
type Exporter struct {
	filters
	reject, accept bart.Lite
	advertise      bart.Table[*change] // what communities are added inside of a prefix
}

// NewExporter makes an Exporter; external says whether the peers are in another
// AS than we are towards them.
func NewExporter(c Chain, e Export, external bool) *Exporter {
	x := &Exporter{filters: newFilters(c, external)}
	for _, p := range e.Reject {
		x.reject.Insert(p)
	}
	for _, p := range e.Accept {
		x.accept.Insert(p)
	}
	for _, a := range e.Advertise {
		add, ok := x.advertise.Get(a.CIDR)
		if !ok {
			add = &change{}
			x.advertise.Insert(a.CIDR, add)
		}
		add.steps = append(add.steps, a.steps()...)
	}
	return x
}

// Judge decides on a route.
func (x *Exporter) Judge(t Route) Decision {
	if d, decided := x.judge(&t); decided {
		return d
	}
	switch {
	case x.reject.LookupPrefix(t.Prefix):
		return Decision{By: ByShutPool}
	case x.accept.LookupPrefix(t.Prefix):
		return x.told(&t)
	}
	return Decision{}
}

// told is a route in a pool, with the communities of all prefixes it lies in.
func (x *Exporter) told(t *Route) Decision {
	d := Decision{Attrs: t.Attrs, By: ByPool}
	if x.advertise.Size() == 0 {
		return d
	}
	for _, add := range x.advertise.Supernets(t.Prefix) {
		if d.Attrs = x.changed.apply(add, d.Attrs); d.Attrs == nil {
			d.By = ByItsLength
			break
		}
	}
	return d
}
