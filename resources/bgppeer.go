package resources

import (
	"errors"
	"net/netip"
	"reflect"
	"strconv"
)

// A BGPPeer asks some nodes to peer with some routers: those of the selected
// nodes (Node, NodeSelector, or all) with the router at PeerIP or with the
// nodes PeerSelector selects.
type BGPPeer struct {
	TypeMeta
	Metadata `json:"metadata"`
	Spec     BGPPeerSpec `json:"spec"`
}

// BGPPeerSpec is the spec of a BGPPeer.
type BGPPeerSpec struct {
	Node                     string       `json:"node,omitempty" format:"node"`
	NodeSelector             string       `json:"nodeSelector,omitempty" format:"selector"`
	PeerIP                   string       `json:"peerIP,omitempty" format:"peer"`
	ASNumber                 ASN          `json:"asNumber,omitempty"`
	LocalASNumber            *ASN         `json:"localASNumber,omitempty" format:"as"`
	PeerSelector             string       `json:"peerSelector,omitempty" format:"selector"`
	KeepOriginalNextHop      bool         `json:"keepOriginalNextHop,omitempty"`
	NextHopMode              *string      `json:"nextHopMode,omitempty" oneOf:"Auto Self Keep"`
	Password                 *BGPPassword `json:"password,omitempty"`
	SourceAddress            string       `json:"sourceAddress,omitempty" oneOf:"UseNodeIP None"`
	MaxRestartTime           *Duration    `json:"maxRestartTime,omitempty" range:"0s..4095s"`
	KeepaliveTime            *Duration    `json:"keepaliveTime,omitempty" range:"0s..65535s"`
	NumAllowedLocalASNumbers *int32       `json:"numAllowedLocalASNumbers,omitempty" range:"0..2147483647"`
	TTLSecurity              *uint8       `json:"ttlSecurity,omitempty"`
	ReachableBy              string       `json:"reachableBy,omitempty" format:"gateway"`
	Filters                  []string     `json:"filters,omitempty" format:"name"`
	LocalWorkloadSelector    string       `json:"localWorkloadSelector,omitempty" format:"selector"`
	ReversePeering           *string      `json:"reversePeering,omitempty" oneOf:"Auto Manual"`
}

// Kind is KindBGPPeer.
func (*BGPPeer) Kind() Kind { return KindBGPPeer }

// Default fills in what Calico's clients fill in, which is nothing.
func (r *BGPPeer) Default() { setHead(r) }

// PeerAddr returns the address of peerIP; its port is 0 when the field has
// none. ok is false when there is no peerIP.
func (r *BGPPeer) PeerAddr() (at netip.AddrPort, ok bool) {
	at, err := parsePeer(r.Spec.PeerIP)
	return at, err == nil
}

// Gateway returns the address of reachableBy; ok is false when there is none.
func (r *BGPPeer) Gateway() (via netip.Addr, ok bool) {
	via, err := netip.ParseAddr(r.Spec.ReachableBy)
	return via.Unmap(), err == nil
}

// MaximumPrefixes is the annotation of a BGPPeer that says how many prefixes
// the router may tell in a session (RFC 4271, 6.7). Calico has no field for it.
const MaximumPrefixes = "calctl.io/maximum-prefixes"

// MaximumPrefixes returns the number in the annotation [MaximumPrefixes], 0 when
// there is none.
func (r *BGPPeer) MaximumPrefixes() (uint32, error) {
	text, ok := r.Annotations[MaximumPrefixes]
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 {
		return 0, errors.New("write how many prefixes the router may tell: a whole number from 1 to 4294967295, in quotes")
	}
	return uint32(n), nil
}

// parsePeer reads an address, v4:port or [v6]:port.
func parsePeer(text string) (netip.AddrPort, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		if addr.Zone() != "" {
			return netip.AddrPort{}, errors.New("peerIP has no room for a zone")
		}
		return netip.AddrPortFrom(addr.Unmap(), 0), nil
	}
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if at.Addr().Zone() != "" || at.Port() == 0 {
		return netip.AddrPort{}, errors.New("no zone and no port 0")
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}

// Validate returns an Invalid that names every bad field, or nil.
func (r *BGPPeer) Validate() error {
	var bad Invalid
	bad.metadata(r)
	if _, err := r.MaximumPrefixes(); err != nil {
		bad.Add(joinPath("metadata.annotations", MaximumPrefixes), r.Annotations[MaximumPrefixes], err.Error())
	}
	s := &r.Spec
	bad.limits("spec", reflect.ValueOf(s).Elem())
	if s.Node != "" && s.NodeSelector != "" {
		bad.Add("spec", "", "node and nodeSelector cannot both be set")
	}
	s.validateWhom(&bad)
	if s.KeepOriginalNextHop && s.NextHopMode != nil {
		bad.Add("spec", "", "keepOriginalNextHop and nextHopMode cannot both be set; keepOriginalNextHop is deprecated, use nextHopMode instead")
	}
	return bad.Err()
}

// validateWhom checks with whom they peer.
func (s *BGPPeerSpec) validateWhom(bad *Invalid) {
	if s.PeerIP != "" && s.PeerSelector != "" {
		bad.Add("spec", "", "peerIP and peerSelector cannot both be set")
	}
	if s.PeerSelector != "" && s.ASNumber != 0 {
		bad.Add("spec", "", "asNumber must be empty when peerSelector is set")
	}
	if s.LocalWorkloadSelector != "" {
		s.validateLocalWorkload(bad)
	} else if s.PeerIP == "" && s.PeerSelector == "" {
		bad.Add("spec", "", "there is nobody to peer with; set peerIP and asNumber, or peerSelector")
	}
	s.validateReachableBy(bad)
	if s.PeerIP != "" && s.ASNumber == 0 && s.PeerSelector == "" {
		bad.Add("spec.asNumber", "", "asNumber is required when peerIP is set; write the AS number of the router")
	}
}

func (s *BGPPeerSpec) validateLocalWorkload(bad *Invalid) {
	if s.ASNumber == 0 {
		bad.Add("spec", "", "asNumber is required when localWorkloadSelector is set")
	}
	if s.PeerIP != "" {
		bad.Add("spec", "", "peerIP must be empty when localWorkloadSelector is set")
	}
	if s.PeerSelector != "" {
		bad.Add("spec", "", "peerSelector must be empty when localWorkloadSelector is set")
	}
}

func (s *BGPPeerSpec) validateReachableBy(bad *Invalid) {
	if s.ReachableBy == "" {
		return
	}
	if s.PeerIP == "" {
		bad.Add("spec", "", "peerIP is required when reachableBy is set")
	}
	via, err := netip.ParseAddr(s.ReachableBy)
	at, unread := parsePeer(s.PeerIP)
	if err == nil && unread == nil && at.Addr().BitLen() != via.Unmap().BitLen() {
		bad.Add("spec.reachableBy", s.ReachableBy, "ReachableBy and PeerIP address family mismatched")
	}
}
