package resources

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
)

// A BlockAffinity gives a block of an IPPool's addresses to a node. Calico's IPAM
// writes them, in its datastores: there calctl reads them and no more. In a folder
// they are resources like any other. The node tells its peers of its blocks as a
// whole, and of what is inside of them only what is better than usual.
//
// An address block of Calico has 64 addresses: a cluster has some thousand of these.
type BlockAffinity struct {
	TypeMeta
	Metadata `json:"metadata"`
	Spec     BlockAffinitySpec `json:"spec"`
}

// BlockAffinitySpec is the spec of a BlockAffinity.
type BlockAffinitySpec struct {
	// State is confirmed, pending while the node does not have the block for sure,
	// or pendingDeletion while it is giving it back.
	State string `json:"state,omitempty" oneOf:"confirmed pending pendingDeletion"`
	Node  string `json:"node" need:"write the name of the Node that has the block"`
	// Type is host, or virtual for what is no node's, such as the addresses of load
	// balancers.
	Type string `json:"type,omitempty" oneOf:"host virtual"`
	CIDR string `json:"cidr" format:"prefix" need:"write the block, such as 10.0.0.0/26"`
	// Deleted says that the BlockAffinity is about to be deleted.
	Deleted Flag `json:"deleted,omitempty"`
}

// A Flag is true or false. It is read from a string too, as Calico's
// crd.projectcalico.org/v1 has it.
type Flag bool

// UnmarshalJSON reads true, false, "true" and "false".
func (f *Flag) UnmarshalJSON(b []byte) error {
	switch text := string(b); text {
	case "true", `"true"`:
		*f = true
	case "false", `"false"`, `""`, "null":
		*f = false
	default:
		return fmt.Errorf("%s is neither true nor false", text)
	}
	return nil
}

var _ json.Unmarshaler = (*Flag)(nil)

// Kind is KindBlockAffinity.
func (*BlockAffinity) Kind() Kind { return KindBlockAffinity }

// Default fills in what older Calicos leave out: a block is a host's, and confirmed.
func (r *BlockAffinity) Default() {
	setHead(r)
	r.Spec.State = cmp.Or(r.Spec.State, "confirmed")
	r.Spec.Type = cmp.Or(r.Spec.Type, "host")
}

// Validate returns an Invalid that names every bad field, or nil.
func (r *BlockAffinity) Validate() error {
	var bad Invalid
	bad.metadata(r)
	bad.limits("spec", reflect.ValueOf(&r.Spec).Elem())
	return bad.Err()
}

// Block returns the addresses that node has by r; ok is false when it has none.
func (r *BlockAffinity) Block(node string) (block netip.Prefix, ok bool) {
	s := &r.Spec
	if s.Node != node || s.State == "pending" || s.Type == "virtual" || bool(s.Deleted) {
		return block, false
	}
	block, err := netip.ParsePrefix(s.CIDR)
	return block.Masked(), err == nil
}
