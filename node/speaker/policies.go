package speaker

import (
	"fmt"
	"net/netip"

	"github.com/calctl/calctl/node/adjout"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// policies are the filters in force, each made once for all the peers that
// have it. They are the owner's.
type policies struct {
	rest   policy.Export // what is told of routes that no filter decides on
	normal policy.Priorities
	in     map[judges]*policy.Importer
	out    map[judges]*exporter
	ways   ways
}

// judges are the filters of one direction, and the type of peers they are for.
type judges struct {
	chain    policy.Chain
	external bool
}

func newPolicies(reach func(netip.Addr) Reach) policies {
	return policies{
		in: map[judges]*policy.Importer{}, out: map[judges]*exporter{},
		ways: ways{reach: reach, known: map[netip.Addr]string{}},
	}
}

func (p *policies) importer(j judges) *policy.Importer {
	if p.in[j] == nil {
		p.in[j] = policy.NewImporter(j.chain, p.normal, j.external)
	}
	return p.in[j]
}

func (p *policies) exporter(j judges) *exporter {
	if p.out[j] == nil {
		// Peers of one update group have policies of one name.
		name := fmt.Sprint(j.external, j.chain)
		p.out[j] = &exporter{name: name, judge: policy.NewExporter(j.chain, p.rest, j.external), ways: &p.ways}
	}
	return p.out[j]
}

// An exporter is the policy of an update group.
type exporter struct {
	name  string
	judge *policy.Exporter
	ways  *ways
}

// decide is an adjout.Policy.
func (x *exporter) decide(r adjout.Route) *wire.Attrs {
	var way string
	if r.Local != nil {
		way = r.Local.Interface
	} else {
		way = x.ways.by(r.Held.NextHop())
	}
	return x.judge.Judge(judged(r, way)).Attrs
}

// judged is a route in the terms of policies, and way the interface it goes by.
func judged(r adjout.Route, way string) policy.Route {
	return policy.Route{Prefix: r.Prefix, Attrs: r.Attrs, Remote: r.From.Source == rib.BGP, Interface: way}
}

func (p *peering) importJudges() judges { return judges{p.rules.Import, p.peer.External()} }

func (p *peering) exporter() *exporter {
	return p.c.policies.exporter(judges{p.rules.Export, p.peer.External()})
}

// reexport has the groups of some policies look at every route again.
func (c *core) reexport(which func(*exporter) bool) {
	done := map[*exporter]bool{}
	for _, p := range c.peers {
		if x := p.exporter(); !done[x] && which(x) {
			done[x] = true
			c.groups.SetPolicy(x.name, x.decide)
		}
	}
}

// rewayed looks at every route again where it makes a difference by which
// interface a next hop is reached, after that has changed for one.
func (c *core) rewayed() {
	changed, workloads := c.policies.ways.changed()
	if !changed {
		return
	}
	for _, p := range c.peers {
		if p.importer.Interfaces() {
			p.judgeAnew()
		}
	}
	c.reexport(func(x *exporter) bool { return workloads || x.judge.Interfaces() })
}

// forget lets go of what the policies remember.
func (p *policies) forget() {
	for _, x := range p.in {
		x.Forget()
	}
	for _, x := range p.out {
		x.judge.Forget()
	}
}

// tidy forgets the policies that no peer has any more.
func (c *core) tidy() {
	in, out := map[judges]*policy.Importer{}, map[judges]*exporter{}
	for _, p := range c.peers {
		j := p.importJudges()
		if x := c.policies.in[j]; x != nil {
			in[j] = x
		}
		j.chain = p.rules.Export
		if x := c.policies.out[j]; x != nil { // there is none before a session
			out[j] = x
		}
	}
	c.policies.in, c.policies.out = in, out
}
