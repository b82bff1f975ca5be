package policy

import (
	"net/netip"

	"github.com/calctl/calctl/node/wire"
)

// A Route is what a policy judges.
type Route struct {
	Prefix netip.Prefix
	// Attrs are, for a route that comes in, as the peer sent them. For one that
	// is to go out BGP's own rules have been at work: towards external peers
	// our AS is in front of the path, and LOCAL_PREF is what it has here: of a
	// route that is not BGP's, what its priority makes of it (LocalPref).
	Attrs *wire.Attrs
	// Remote says that the route was learned by BGP (source: RemotePeers).
	Remote bool
	// Interface is the one that leads to the destination, or to the next hop;
	// empty when there is none, or more than one. Exporters look at it, and
	// Importers for which Interfaces is true.
	Interface string
}

// A Decision is what becomes of a route.
type Decision struct {
	Attrs *wire.Attrs // as the policy leaves them; nil: the route is rejected
	By    Step
	Rule  *Place // which rule decided, when By is ByRule
	// Preference is that of a route which comes in, before everything else that
	// is compared: 0 for the usual one, or Overriding.
	Preference uint8
}

// A Step is what of a policy decided.
type Step uint8

// The steps.
const (
	ByDefault   Step = iota // nothing did: what comes in is let in, what would go out is kept
	ByRule                  // a rule of a BGPFilter
	ByPool                  // an IPPool that the route is inside of
	ByShutPool              // one with disableBGPExport
	ByBlock                 // a block of this node's that the route is, or is inside of
	ByService               // a range of service addresses that the route is inside of
	ByInterface             // the interface, which is a workload's
	ByKeptPool              // an IPPool whose routes aren't to be in the kernel (programClusterRoutes)
	ByItsLength             // no message could carry what a rule makes of the attributes
)

// String says the step for people.
func (s Step) String() string {
	switch s {
	case ByRule:
		return "rule of a BGPFilter"
	case ByPool:
		return "IPPool"
	case ByShutPool:
		return "IPPool with disableBGPExport"
	case ByBlock:
		return "block of this node"
	case ByService:
		return "service range"
	case ByInterface:
		return "interface of workloads"
	case ByKeptPool:
		return "IPPool that programClusterRoutes leaves out"
	case ByItsLength:
		return "attributes too long"
	}
	return "default"
}

// filters are a chain, compiled for one type of peers.
type filters struct {
	rules      []rule
	interfaces bool
	changed    changed
}

func newFilters(c Chain, ext bool) (f filters) {
	for _, filter := range c.Filters() {
		for i := range filter.Rules {
			r, err := compile(&filter.Rules[i])
			if err != nil {
				r = rule{} // can't be: NewChain has looked. It rejects all.
			}
			if !r.peer.allows(ext) || r.prefix.kind == none {
				continue
			}
			r.Place = Place{filter.Name, filter.List, i}
			f.interfaces = f.interfaces || r.interfaces != ""
			f.rules = append(f.rules, r)
		}
	}
	return f
}

// Interfaces reports whether a filter asks for Route.Interface.
func (f *filters) Interfaces() bool { return f.interfaces }

// Forget lets go of the attributes that are remembered, so that sets which no
// route has any more can be freed. It is for when there is nothing to judge.
func (f *filters) Forget() { f.changed = nil }

// judge returns the decision of the first rule that holds, if there is one.
func (f *filters) judge(t *Route) (d Decision, decided bool) {
	for i := range f.rules {
		r := &f.rules[i]
		if !r.holds(t) {
			continue
		}
		d = Decision{By: ByRule, Rule: &r.Place}
		if r.accept {
			d.Attrs = t.Attrs
			if r.change != nil {
				if d.Attrs = f.changed.apply(r.change, t.Attrs); d.Attrs == nil {
					d.By = ByItsLength
				}
			}
		}
		return d, true
	}
	return d, false
}

// An Importer judges what comes in from peers of one type. It is for one
// goroutine at a time.
type Importer struct {
	filters
	normal Priorities
}

// NewImporter makes an Importer; external says whether the peers are in another
// AS than we are towards them.
func NewImporter(c Chain, normal Priorities, external bool) *Importer {
	return &Importer{newFilters(c, external), normal}
}

// Judge decides on a route. One that a rule accepts has the usual preference,
// whatever its priority: as in Calico, a rule ends all that is asked.
func (p *Importer) Judge(t Route) Decision {
	if d, decided := p.judge(&t); decided {
		return d
	}
	return Decision{Attrs: t.Attrs, Preference: p.normal.preference(t.Prefix, t.Attrs)}
}
