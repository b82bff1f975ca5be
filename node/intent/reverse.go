package intent

import (
	"net/netip"

	"github.com/calctl/calctl/status"
)

// reverseManual as a BGPPeer's reversePeering means that both halves are written down.
const reverseManual = "Manual"

// reversePeers adds the other halves of peerings: a BGPPeer that tells node a to
// peer with node b gives b a session with a, unless there is one already.
func (d *derivation) reversePeers(requests []request) {
	for i := range requests {
		q := &requests[i]
		if q.spec.LocalWorkloadSelector != "" || q.spec.ReversePeering != nil && *q.spec.ReversePeering == reverseManual {
			continue
		}
		if ends := d.nearEnds(q); len(ends) > 0 {
			d.sessions(q, status.NodePeer, ends)
		}
	}
}

// nearEnds are the nodes that q tells to peer with this one, as far as they
// have no session yet. What is wrong with them is told where they are the far
// ends of something.
func (d *derivation) nearEnds(q *request) []farEnd {
	var ends []farEnd
	for _, own := range d.self.addrs() {
		if !d.isFarEnd(q, own) {
			continue
		}
		for i := range d.members {
			m := &d.members[i]
			a := m.like(own)
			speaks := m != d.self && a.IsValid() && a != own && d.nodeASN(m) != 0
			if speaks && q.selects(m) && !d.roster.has(netip.AddrPortFrom(a, m.port)) {
				ends = append(ends, d.end(m, a))
			}
		}
	}
	return ends
}

// isFarEnd reports whether q asks for sessions with one of our addresses.
func (d *derivation) isFarEnd(q *request, own netip.Addr) bool {
	if q.far != nil {
		return q.far.Matches(d.self.labels)
	}
	addr, port, err := splitPeerIP(q.spec.PeerIP)
	return err == nil && addr == own &&
		(port == 0 || port == d.self.port) &&
		(q.spec.ASNumber == 0 || uint32(q.spec.ASNumber) == d.localASN())
}
