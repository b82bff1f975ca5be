package plan

import (
	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/status"
)

// A Plan is what a node should be doing, and what of its resources it can't do.
type Plan struct {
	Node string
	intent.BGP
	Problems []intent.Problem

	snap *resources.Snapshot
}

// Make makes the plan of a node. host is what its machine knows; without it, the
// plan is what follows from resources alone.
func Make(snap *resources.Snapshot, node string, host intent.Host) Plan {
	p := Plan{Node: node, snap: snap}
	p.BGP, p.Problems = intent.Derive(snap, node, host)
	return p
}

// filters are the names of the BGPFilters that a peer's BGPPeer lists.
func (p Plan) filters(q intent.Peer) []string {
	if b := p.bgpPeer(q); b != nil {
		return b.Spec.Filters
	}
	return nil
}

// secret says where a peer's password comes from; nil for none.
func (p Plan) secret(q intent.Peer) *resources.SecretKeySelector {
	ref := p.config().NodeMeshPassword
	if b := p.bgpPeer(q); b != nil {
		ref = b.Spec.Password
	}
	if !q.Password.IsSet() || ref == nil {
		return nil
	}
	return ref.SecretKeyRef
}

// config is the cluster's BGPConfiguration.
func (p Plan) config() resources.BGPConfigurationSpec {
	if c := p.snap.Configs["default"]; c != nil {
		return c.Spec
	}
	return resources.BGPConfigurationSpec{}
}

// bgpPeer is the BGPPeer that asks for a session; nil for those of the mesh.
func (p Plan) bgpPeer(q intent.Peer) *resources.BGPPeer {
	if q.Type == status.NodeMesh {
		return nil
	}
	return p.snap.Peers[q.Name]
}
