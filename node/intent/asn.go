package intent

// An AS number comes from one of three places: the Node, the BGPConfiguration
// "default", and DefaultASN. A BGPConfiguration "node.<name>" has no say.

// globalASN is the AS number of nodes that have none of their own.
func (d *derivation) globalASN() uint32 {
	if n := d.global.ASNumber; n != nil {
		return uint32(*n)
	}
	return DefaultASN
}

// nodeASN is the AS number a BGPPeer finds at a node: the node's own, else the
// cluster's.
func (d *derivation) nodeASN(m *member) uint32 {
	if m.asn != nil {
		return uint32(*m.asn)
	}
	return d.globalASN()
}

// localASN is the AS number of this node.
func (d *derivation) localASN() uint32 { return d.nodeASN(d.self) }

// meshASN is the AS number the mesh finds at a node. It differs from nodeASN
// for nodes without one of their own: those are taken to be in our AS, even
// when ours is not the cluster's. So does Calico.
func (d *derivation) meshASN(m *member) uint32 {
	if m.asn != nil {
		return uint32(*m.asn)
	}
	return d.localASN()
}
