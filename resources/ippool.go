package resources

import (
	"cmp"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

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
	CIDR              string   `json:"cidr" format:"poolPrefix"`
	VXLANMode         string   `json:"vxlanMode,omitempty" oneOf:"Never Always CrossSubnet"`
	IPIPMode          string   `json:"ipipMode,omitempty" oneOf:"Never Always CrossSubnet"`
	NATOutgoing       bool     `json:"natOutgoing,omitempty"`
	Disabled          bool     `json:"disabled,omitempty"`
	DisableBGPExport  bool     `json:"disableBGPExport,omitempty"`
	BlockSize         int      `json:"blockSize,omitempty"`
	NodeSelector      string   `json:"nodeSelector,omitempty" format:"selector"`
	NamespaceSelector string   `json:"namespaceSelector,omitempty" format:"selector"`
	AllowedUses       []string `json:"allowedUses,omitempty" oneOf:"Workload Tunnel LoadBalancer"`
	AssignmentMode    *string  `json:"assignmentMode,omitempty" oneOf:"Automatic Manual"`
}

// IPPoolStatus is what Calico's controllers say about a pool; calctl keeps it as it is.
type IPPoolStatus struct {
	Conditions []map[string]any `json:"conditions,omitempty"`
}

// Kind is KindIPPool.
func (*IPPool) Kind() Kind { return KindIPPool }

// Default fills in what Calico's clients fill in: all of it, so that a stored
// pool says what it does.
func (r *IPPool) Default() {
	setHead(r)
	s := &r.Spec
	s.VXLANMode = cmp.Or(s.VXLANMode, "Never")
	s.IPIPMode = cmp.Or(s.IPIPMode, "Never")
	s.NodeSelector = cmp.Or(s.NodeSelector, "all()")
	if len(s.AllowedUses) == 0 {
		s.AllowedUses = []string{"Workload", "Tunnel"}
	}
	if s.AssignmentMode == nil {
		automatic := "Automatic"
		s.AssignmentMode = &automatic
	}
	if p := r.Prefix(); s.BlockSize == 0 && p.IsValid() {
		s.BlockSize = 26
		if p.Addr().Is6() {
			s.BlockSize = 122
		}
	}
}

// Prefix returns the pool's range, the zero Prefix when it can't be read.
func (r *IPPool) Prefix() netip.Prefix {
	p, err := netip.ParsePrefix(r.Spec.CIDR)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// Hosts talk to their neighbours by these, so no pool may hand them out.
var linkLocal = []netip.Prefix{netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10")}

// Validate returns an Invalid that names every bad field, or nil.
func (r *IPPool) Validate() error {
	var bad Invalid
	bad.metadata(r)
	s := &r.Spec
	bad.limits("spec", reflect.ValueOf(s).Elem())
	if on(s.IPIPMode) && on(s.VXLANMode) {
		bad.Add("spec", "", "ipipMode and vxlanMode cannot both be enabled")
	}
	s.validateRange(&bad)
	if strings.Contains(s.NodeSelector, "global(") {
		bad.Add("spec.nodeSelector", s.NodeSelector, "global() selects no node; use all()")
	}
	s.validateUses(&bad)
	return bad.Err()
}

func on(encapsulation string) bool {
	return encapsulation == "Always" || encapsulation == "CrossSubnet"
}

// validateRange checks the CIDR and how it is cut into blocks.
func (s *IPPoolSpec) validateRange(bad *Invalid) {
	if s.CIDR == "" {
		bad.Add("spec.cidr", "", "IPPool CIDR must be specified")
		return
	}
	p, err := netip.ParsePrefix(s.CIDR)
	if err != nil {
		_, mend := parsePrefix(s.CIDR)
		bad.Add("spec.cidr", s.CIDR, "IPPool CIDR must be a valid subnet; "+mend)
		return
	}
	if p != p.Masked() {
		bad.Add("spec.cidr", s.CIDR, "IPPool CIDR is not strictly masked; write "+p.Masked().String())
	}
	for _, local := range linkLocal {
		if local.Overlaps(p) {
			bad.Add("spec.cidr", s.CIDR, "IPPool CIDR overlaps with the link local range "+local.String())
		}
	}
	if p.Addr().Is6() && on(s.IPIPMode) {
		bad.Add("spec", "", "IPIP is not supported on IPv6 pools")
	}
	if s.BlockSize == 0 {
		return
	}
	low, high := 20, 32
	if p.Addr().Is6() {
		low, high = 116, 128
	}
	switch {
	case s.BlockSize < low || s.BlockSize > high:
		bad.Add("spec", "", "blockSize must be between 20 and 32 for IPv4 pools, and between 116 and 128 for IPv6 pools; it is "+strconv.Itoa(s.BlockSize))
	case s.BlockSize < p.Bits() && !s.Disabled:
		bad.Add("spec", "", fmt.Sprintf("IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size. "+
			"Set blockSize: %d, or disabled: true for a pool that is only routed", p.Bits()))
	}
}

// validateUses checks what goes with each of the allowedUses.
func (s *IPPoolSpec) validateUses(bad *Invalid) {
	if s.NamespaceSelector != "" && slices.Contains(s.AllowedUses, "Tunnel") {
		bad.Add("spec", "", "namespaceSelector cannot be used with allowedUses Tunnel; write allowedUses: [Workload]")
	}
	if !slices.Contains(s.AllowedUses, "LoadBalancer") {
		return
	}
	for _, f := range []struct {
		wrong  bool
		reason string
	}{
		{len(s.AllowedUses) > 1, "allowedUses LoadBalancer cannot be combined with another use"},
		{on(s.IPIPMode) || on(s.VXLANMode), "ipipMode and vxlanMode must be Never when allowedUses is LoadBalancer"},
		{s.NodeSelector != "" && s.NodeSelector != "all()", "nodeSelector must be all() when allowedUses is LoadBalancer"},
		{s.DisableBGPExport, "disableBGPExport must be false when allowedUses is LoadBalancer"},
	} {
		if f.wrong {
			bad.Add("spec", "", f.reason)
		}
	}
}

// validateUpdate holds the fields addresses have been handed out by.
func (r *IPPool) validateUpdate(old *IPPool, bad *Invalid) {
	if r.Spec.CIDR != old.Spec.CIDR {
		bad.Add("spec.cidr", r.Spec.CIDR, "IPPool CIDR cannot be modified; it is "+old.Spec.CIDR+", create another pool instead")
	}
	if r.Spec.BlockSize != old.Spec.BlockSize {
		bad.Add("spec.blockSize", strconv.Itoa(r.Spec.BlockSize), "IPPool BlockSize cannot be modified; it is "+strconv.Itoa(old.Spec.BlockSize))
	}
}
