package policy

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// An Export says what is told of the routes that no filter decides on: what
// lies inside an IPPool with disableBGPExport is kept, what lies inside
// another is told, everything else is kept.
type Export struct {
	Reject, Accept []netip.Prefix // sorted
}

// Equal reports whether two say the same.
func (e Export) Equal(o Export) bool {
	return slices.Equal(e.Reject, o.Reject) && slices.Equal(e.Accept, o.Accept)
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
		return Decision{Attrs: t.Attrs, By: ByPool}
	}
	return Decision{}
}
