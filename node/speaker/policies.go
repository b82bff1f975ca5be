package speaker

import (
	"fmt"
	"net/netip"

	"github.com/calctl/calctl/node/adjout"
	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// policies are the filters in force, each made once for all the peers that
// have it. They are the owner's.
type policies struct {
	rest policy.Export // what is told of routes that no filter decides on
	in   map[judges]*policy.Importer
	out  map[judges]*exporter
	ways ways
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
		p.in[j] = policy.NewImporter(j.chain, j.external)
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
	t := policy.Route{Prefix: r.Prefix, Attrs: r.Attrs, Remote: r.From.Source == rib.BGP}
	switch {
	case !x.judge.Interfaces():
	case r.Local != nil:
		t.Interface = r.Local.Interface
	default:
		t.Interface = x.ways.by(r.Held.NextHop())
	}
	return x.judge.Judge(t).Attrs
}

// filtering is a peer's filters, made. The owner's.
type filtering struct {
	imports, exports policy.Chain
	importer         *policy.Importer
}

func (p *peering) importJudges() judges { return judges{p.imports, p.peer.External()} }

func (p *peering) exporter() *exporter {
	return p.c.policies.exporter(judges{p.exports, p.peer.External()})
}

// setPolicy puts another export policy in force, and other filters of some
// peers, as one.
func (c *core) setPolicy(want intent.BGP, peers []netip.AddrPort) error {
	c.call(func() {
		pools := !c.policies.rest.Equal(want.Export)
		if pools {
			c.policies.rest = want.Export
			clear(c.policies.out)
		}
		for _, at := range peers {
			if p := c.peers[at]; p != nil {
				p.exports = want.Peers[at].Export
				if imports := want.Peers[at].Import; imports != p.imports {
					p.imports = imports
					p.judgeAnew()
				}
			}
		}
		c.regroup(peers)
		if pools {
			c.reexport(func(*exporter) bool { return true })
		}
		c.tidy()
	})
	return nil
}

// judgeAnew has the table run the filters over all that the peer has told.
func (p *peering) judgeAnew() {
	p.importer = p.c.policies.importer(p.importJudges())
	p.judged = nil
	p.c.table.SetImport(p.peer, p.importing)
}

// regroup gives peers a place among those of the same export policy. Only
// differences are told.
func (c *core) regroup(peers []netip.AddrPort) {
	var keys []adjout.Key
	moved := map[adjout.Key][]*adjout.Member{}
	policies := map[adjout.Key]*exporter{}
	for _, at := range peers {
		p := c.peers[at]
		if p == nil || p.member == nil {
			continue
		}
		x := p.exporter()
		if k := p.member.Key(); k.Policy != x.name {
			if k.Policy = x.name; policies[k] == nil {
				keys, policies[k] = append(keys, k), x
			}
			moved[k] = append(moved[k], p.member)
		}
	}
	for _, k := range keys {
		c.groups.Move(k, policies[k].decide, moved[k]...)
	}
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
	if !c.policies.ways.changed() {
		return
	}
	for _, p := range c.peers {
		if p.importer.Interfaces() {
			p.judgeAnew()
		}
	}
	c.reexport(func(x *exporter) bool { return x.judge.Interfaces() })
}

// tidy forgets the policies that no peer has any more.
func (c *core) tidy() {
	in, out := map[judges]*policy.Importer{}, map[judges]*exporter{}
	for _, p := range c.peers {
		j := p.importJudges()
		in[j] = c.policies.in[j]
		j.chain = p.exports
		out[j] = c.policies.out[j]
	}
	c.policies.in, c.policies.out = in, out
}
