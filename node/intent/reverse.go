package intent

import "net/netip"

// Calico makes the other half of a peering by itself: a BGPPeer that tells node
// a to peer with node b gives b a session with a. That is still to come here.
// Until then a node says so when somebody dials it that it knows nothing of.
// This whole file is about that, and goes when it is done.

// reverseManual as a BGPPeer's reversePeering means that both halves are written down.
const reverseManual = "Manual"

// unanswered finds the BGPPeers by which another node dials this one in vain.
func (d *derivation) unanswered(requests []request) {
	for i := range requests {
		q := &requests[i]
		manual := q.spec.ReversePeering != nil && *q.spec.ReversePeering == reverseManual
		if manual || q.spec.LocalWorkloadSelector != "" {
			continue
		}
		if m := d.dialsInVain(q); m != nil {
			d.about(q.key, "spec.reversePeering is not acted upon yet: by this BGPPeer %s dials %s, which has no session for it; add a BGPPeer for the other direction",
				m.key(), d.self.key())
		}
	}
}

// dialsInVain returns the first node that q tells to peer with this one and
// that no session of ours is for.
func (d *derivation) dialsInVain(q *request) *member {
	for _, own := range d.self.addrs() {
		if !d.isFarEnd(q, own) {
			continue
		}
		for i := range d.members {
			m := &d.members[i]
			a := m.like(own)
			speaks := m != d.self && a.IsValid() && a != own && d.nodeASN(m) != 0
			if speaks && q.selects(m) && !d.roster.has(a) {
				return m
			}
		}
	}
	return nil
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
