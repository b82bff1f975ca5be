package speaker

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/calctl/calctl/node/adjout"
	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/session"
	"github.com/calctl/calctl/node/wire"
)

// What the owner does with a peering. All of this runs on its goroutine.

// learn takes in what a peer has said.
func (c *core) learn(p *peering, b *batch) {
	defer b.free()
	if c.peers[p.at] != p || p.member == nil {
		return // it was removed meanwhile, or has told too much
	}
	dests := b.dests
	for _, o := range b.ops {
		run := dests[:o.n]
		dests = dests[o.n:]
		switch {
		case o.endOfRIB:
			if p.stale {
				p.sweep()
			}
			c.after = append(c.after, func() { c.ears.endOfRIB(p.at) })
		case o.attrs == nil:
			c.table.Withdraw(p.peer, o.family, run)
		default:
			ok := c.table.Announce(p.peer, o.family, o.attrs, run)
			if !ok && p.stale { // what is left of an earlier session doesn't count
				p.sweep()
				ok = c.table.Announce(p.peer, o.family, o.attrs, run)
			}
			switch {
			case p.exceeds():
				p.overflow(p.tooMany())
				return
			case !ok:
				c.log.Warn("a peer has told too many paths to one prefix", "peer", p.at, "limit", rib.MaxPaths)
				p.overflow(wire.Notification{Code: wire.Cease, Subcode: wire.OutOfResources})
				return
			}
		}
	}
}

// exceeds reports whether the peer has told more than it may. What is left of
// an earlier session doesn't count.
func (p *peering) exceeds() bool {
	most := int64(p.rules.MaximumPrefixes)
	over := func() bool { return most > 0 && int64(p.c.table.Counts(p.peer, p.family).Received) > most }
	if over() && p.stale {
		p.sweep()
	}
	return over()
}

// tooMany says that the peer has told more than it may.
func (p *peering) tooMany() wire.Notification {
	return wire.TooManyPrefixes(p.family, p.rules.MaximumPrefixes).Notification()
}

// overflow ends the session of a peer that has told too much, before anything
// of it is decided on. The session comes back after a while.
func (p *peering) overflow(why wire.Notification) {
	p.quit()
	p.c.ears.down(p.at)
	p.sweep()
	p.c.table.Down(p.peer, wire.Both)
	p.session.Reset(why)
}

// enter gives the peer a place in the table.
func (p *peering) enter() {
	p.peer = p.c.table.AddPeer(p.describe(netip.Addr{}), p.importing)
	p.importer = p.c.policies.importer(p.importJudges())
}

// leave takes the peer and what it told out of the table.
func (p *peering) leave() {
	p.keepStale(0)
	p.quit()
	p.c.table.RemovePeer(p.peer)
}

// describe is the peer in the table's terms; id is from its OPEN.
func (p *peering) describe(id netip.Addr) rib.Peer {
	want := p.want
	want.Rules = p.rules
	d := describe(want, p.c.asn)
	d.Address, d.RouterID = p.at.Addr(), id
	return d
}

// describe is what an intent says of a peer, in the table's terms; asn is the
// node's.
func describe(p intent.Peer, asn uint32) rib.Peer {
	return rib.Peer{
		Name: p.Name, AS: p.ASN, LocalAS: cmp.Or(p.LocalASN, asn),
		Source: rib.BGP, Client: p.Cluster.IsValid(), ClusterID: clusterID(p.Cluster),
	}
}

// up joins the peer to those who are told.
func (p *peering) up(t session.Terms) {
	p.self, p.restart, p.enhanced = t.Local.Addr(), t.PeerRestart.Time, t.EnhancedRefresh
	p.judged = nil
	if p.peer.RouterID != t.Theirs.ID {
		p.peer = p.c.table.ReplacePeer(p.peer, p.describe(t.Theirs.ID))
	}
	switch {
	case !p.stale:
	case t.PeerRestart.Forwarding.Has(p.family):
		p.keepStale(staleLimit) // its End-of-RIB should come before that
	default:
		// It says that it has lost what it told before, or nothing at all of
		// a restart (RFC 4724, 4.2).
		p.sweep()
	}
	k, x := p.ruled(adjout.Key{
		Family: p.family, External: p.peer.External(), LocalAS: p.localAS(), Self: p.self,
		Builder: t.Builder(), ExtendedNextHop: t.ExtendedNextHop, LongLived: t.LongLived,
	})
	p.member = p.c.groups.Join(k, x.decide, p.peer, p.session.Wake)
	p.c.forwarding.Store(true)
	p.c.ears.up(p.at, t.GracefulRestart)
}

// down ends what up began.
func (p *peering) down(r session.Reason) {
	if p.member == nil {
		return // it has left already
	}
	p.quit()
	p.c.ears.down(p.at)
	// What was stale already when the session fell again isn't kept twice.
	p.sweep()
	if !r.Keep.Has(p.family) || p.restart == 0 {
		p.c.table.Down(p.peer, wire.Both)
		return
	}
	p.c.table.MarkStale(p.peer, r.Keep)
	p.stale = true
	p.keepStale(p.restart)
}

// quit ends the telling.
func (p *peering) quit() {
	if p.member != nil {
		p.member.Leave()
		p.member = nil
	}
}

// refresh tells the peer everything again, or minds where the peer begins and
// ends to do so by itself (RFC 7313, 4).
func (p *peering) refresh(r wire.Refresh) {
	if p.member == nil || r.Family != p.family {
		return
	}
	switch r.Subtype {
	case wire.RefreshRequest:
		p.member.Refresh(p.enhanced)
	case wire.RefreshBegin:
		p.c.table.MarkStale(p.peer, wire.SetOf(r.Family))
		p.stale = true
		p.keepStale(staleLimit)
	case wire.RefreshEnd:
		p.sweep()
	}
}

func (p *peering) counts() counts {
	n := counts{in: uint64(p.c.table.Counts(p.peer, p.family).Received)}
	if p.member != nil {
		n.out = uint64(p.member.Standing().Routes)
	}
	return n
}

// staleLimit is how long a peer that is back has to tell its routes anew,
// before what it told earlier is forgotten.
const staleLimit = 6 * time.Minute

// sweep forgets what is still stale.
func (p *peering) sweep() {
	p.keepStale(0)
	p.stale = false
	p.c.table.Sweep(p.peer, wire.Both)
}

// keepStale has stale routes forgotten after a while; 0 stops that.
func (p *peering) keepStale(limit time.Duration) {
	if p.expiry != nil {
		p.expiry.Stop()
		p.expiry = nil
	}
	if limit == 0 {
		return
	}
	var t *time.Timer
	ready := make(chan struct{})
	t = time.AfterFunc(limit, func() {
		<-ready
		p.c.send(job{do: func() {
			if p.expiry == t { // not stopped meanwhile
				p.sweep()
			}
		}})
	})
	p.expiry = t
	close(ready)
}
