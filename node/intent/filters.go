package intent

import (
	"slices"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
)

// filters are the filters of a BGPPeer for sessions of one family, by which
// routes come in and go out.
func (d *derivation) filters(q *request, v4 bool) (in, out policy.Chain) {
	var ins, outs []policy.Filter
	for _, name := range q.spec.Filters {
		if in, out, ok := d.filter(q, name, v4); ok {
			ins, outs = append(ins, in), append(outs, out)
		}
	}
	return policy.NewChain(ins...), policy.NewChain(outs...)
}

// filter is one that q names. One that isn't there is passed over, as Calico
// does; one that is there and can't be read lets nothing pass, because more
// routes would come in or go out than it permits.
func (d *derivation) filter(q *request, name string, v4 bool) (in, out policy.Filter, ok bool) {
	key := resources.Key{Kind: resources.KindBGPFilter, Name: name}
	f := d.snap.Filters[name]
	if f == nil {
		if !slices.ContainsFunc(d.snap.Broken, func(b resources.Broken) bool { return b.Key == key }) {
			d.about(q.key, "spec.filters: %s does not exist and is passed over; create it, or take it off the list", key)
			return in, out, false
		}
		d.about(q.key, "spec.filters: %s can't be read; until it can, no route passes it", key)
		in, out = policy.Closed(name, v4)
		return in, out, true
	}
	in, out, err := policy.Of(f, v4)
	if err != nil {
		d.about(key, "%v; until it is mended, no route passes it", err)
		in, out = policy.Closed(name, v4)
	}
	return in, out, true
}
