package speaker

import (
	"encoding/binary"
	"net/netip"

	"github.com/calctl/calctl/node/adjout"
	"github.com/calctl/calctl/node/intent"
)

// setRules puts another export policy in force, other rules for the kernel, and
// other rules of some peers, as one.
func (c *core) setRules(want intent.BGP, peers []netip.AddrPort) error {
	c.call(func() {
		pools := !c.policies.rest.Equal(want.Export)
		if pools {
			c.policies.rest = want.Export
			clear(c.policies.out)
		}
		if c.policies.normal != want.Priorities {
			c.policies.normal = want.Priorities
			clear(c.policies.in)
			for _, p := range c.peers {
				p.judgeAnew()
			}
		}
		c.setKernel(want.Kernel)
		for _, at := range peers {
			if p := c.peers[at]; p != nil {
				p.reform(want.Peers[at].Rules)
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

// reform gives the peer other rules for what comes from it. What it is told
// is regroup's.
func (p *peering) reform(to intent.Rules) {
	was := p.rules
	p.rules = to
	// What others are told of its routes depends on who it is.
	p.peer = p.c.table.ReplacePeer(p.peer, p.describe(p.peer.RouterID))
	if to.Import != was.Import || to.Cluster != was.Cluster || to.AllowedLocalAS != was.AllowedLocalAS {
		p.judgeAnew()
	}
	switch {
	case p.member != nil && p.exceeds():
		p.overflow(p.tooMany())
	case to.MaximumPrefixes != was.MaximumPrefixes:
		p.session.Relent()
	}
}

// judgeAnew has the table run the rules over all that the peer has told.
func (p *peering) judgeAnew() {
	p.importer = p.c.policies.importer(p.importJudges())
	p.judged = nil
	p.c.table.SetImport(p.peer, p.importing)
}

// ruled returns the key of those who are told by the same rules as the peer,
// and their policy. k is what the session made of the key.
func (p *peering) ruled(k adjout.Key) (adjout.Key, *exporter) {
	x := p.exporter()
	k.Policy = x.name
	setRules(&k, p.rules)
	return k, x
}

// setRules puts what a peer's rules say into the key of those who are told by
// the same.
func setRules(k *adjout.Key, r intent.Rules) {
	k.NextHop = nextHop(r.NextHop)
	k.Client, k.ClusterID = r.Cluster.IsValid(), clusterID(r.Cluster)
}

// clusterID is a cluster in the wire's terms (RFC 4456, 7), 0 for none.
func clusterID(id netip.Addr) uint32 {
	if !id.IsValid() {
		return 0
	}
	octets := id.As4()
	return binary.BigEndian.Uint32(octets[:])
}

// regroup gives peers a place among those who are told by the same rules. Only
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
		was := p.member.Key()
		k, x := p.ruled(was)
		if k == was {
			continue
		}
		if policies[k] == nil {
			keys, policies[k] = append(keys, k), x
		}
		moved[k] = append(moved[k], p.member)
	}
	for _, k := range keys {
		c.groups.Move(k, policies[k].decide, moved[k]...)
	}
}
