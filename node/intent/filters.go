package intent

import (
	"slices"
	"strings"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
)

// chains are BGPFilters in a BGPPeer's order, for sessions of one family: those
// by which routes come in, and those by which they go out.
type chains struct{ in, out policy.Chain }

// chainsOf is what chains are made of. Many BGPPeers have the same.
type chainsOf struct {
	filters string
	v4      bool
}

// filters are those of a BGPPeer.
func (d *derivation) filters(q *request, v4 bool) chains {
	if len(q.spec.Filters) == 0 {
		return chains{}
	}
	key := chainsOf{strings.Join(q.spec.Filters, "\n"), v4}
	c, ok := d.made[key]
	if !ok {
		var ins, outs []policy.Filter
		for _, name := range q.spec.Filters {
			if in, out, ok := d.filter(name, v4); ok {
				ins, outs = append(ins, in), append(outs, out)
			}
		}
		c = chains{policy.NewChain(ins...), policy.NewChain(outs...)}
		if d.made == nil {
			d.made = map[chainsOf]chains{}
		}
		d.made[key] = c
	}
	return c
}

// filter is one by its name. One that isn't there is passed over, as Calico
// does; one that is there and can't be read lets nothing pass, because more
// routes would come in or go out than it permits.
func (d *derivation) filter(name string, v4 bool) (in, out policy.Filter, ok bool) {
	f := d.snap.Filters[name]
	if f == nil {
		in, out = policy.Closed(name, v4)
		return in, out, d.isBroken(name)
	}
	in, out, err := policy.Of(f, v4)
	if err != nil {
		d.about(filterKey(name), "%v; until it is mended, no route passes it", err)
		in, out = policy.Closed(name, v4)
	}
	return in, out, true
}

// missingFilters tells about those a BGPPeer names that can't be had.
func (d *derivation) missingFilters(q *request) {
	for _, name := range q.spec.Filters {
		switch {
		case d.snap.Filters[name] != nil:
		case d.isBroken(name):
			d.about(q.key, "spec.filters: %s can't be read; until it can, no route passes it", filterKey(name))
		default:
			d.about(q.key, "spec.filters: %s does not exist and is passed over; create it, or take it off the list", filterKey(name))
		}
	}
}

// isBroken reports whether a BGPFilter is in the datastore and can't be read.
func (d *derivation) isBroken(name string) bool {
	return slices.ContainsFunc(d.snap.Broken, func(b resources.Broken) bool { return b.Key == filterKey(name) })
}

func filterKey(name string) resources.Key {
	return resources.Key{Kind: resources.KindBGPFilter, Name: name}
}
