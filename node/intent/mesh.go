package intent

import (
	"net/netip"

	"github.com/calctl/calctl/status"
)

// mesh adds a session with every other node, unless the cluster turns it off
// or this node is a route reflector. Nodes of another AS take part, reflectors
// do not.
func (d *derivation) mesh() {
	if on := d.global.NodeToNodeMeshEnabled; on != nil && !*on || d.self.reflector {
		return
	}
	password, err := d.password(d.global.NodeMeshPassword)
	refused := ""
	if err != nil {
		refused = globalKey.String() + ": " + d.about(globalKey, "spec.nodeMeshPassword: %v; no session of the node-to-node mesh is started without it", err)
	}
	for i := range d.members {
		m := &d.members[i]
		if m == d.self || m.reflector {
			continue
		}
		for _, a := range m.addrs() {
			own := d.self.like(a)
			// Of two nodes with one address only the first is spoken to.
			if !own.IsValid() || a == own || d.byAddr[a] != m {
				continue
			}
			s := session{
				at: netip.AddrPortFrom(a, m.port),
				by: m.key(),
				peer: Peer{
					Name:         m.name,
					Type:         status.NodeMesh,
					ASN:          d.meshASN(m),
					LocalAddress: own,
					Password:     password,
					Passive:      waitsFor(own, a),
					RestartTime:  restartTime(d.global.NodeMeshMaxRestartTime),
				},
				refused: refused,
			}
			if s.peer.ASN == 0 {
				s.refused = d.about(m.key(), "%s", reservedASN)
				d.roster.giveUp(s)
				continue
			}
			d.roster.add(s)
		}
	}
}

const reservedASN = "AS number 0 is reserved (RFC 7607), so no session is started; set spec.bgp.asNumber"

// waitsFor reports whether the node with the address own leaves it to the
// other one to dial: the lesser address waits. They are compared as text, as
// Calico does: the two ends must come to opposite answers.
func waitsFor(own, other netip.Addr) bool { return other.String() > own.String() }
