package resources

import (
	"errors"
	"net/netip"
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
	Node                     string       `json:"node,omitempty"`
	NodeSelector             string       `json:"nodeSelector,omitempty"`
	PeerIP                   string       `json:"peerIP,omitempty"`
	ASNumber                 ASN          `json:"asNumber,omitempty"`
	LocalASNumber            *ASN         `json:"localASNumber,omitempty"`
	PeerSelector             string       `json:"peerSelector,omitempty"`
	KeepOriginalNextHop      bool         `json:"keepOriginalNextHop,omitempty"`
	NextHopMode              *string      `json:"nextHopMode,omitempty"`
	Password                 *BGPPassword `json:"password,omitempty"`
	SourceAddress            string       `json:"sourceAddress,omitempty"`
	MaxRestartTime           *Duration    `json:"maxRestartTime,omitempty"`
	KeepaliveTime            *Duration    `json:"keepaliveTime,omitempty"`
	NumAllowedLocalASNumbers *int32       `json:"numAllowedLocalASNumbers,omitempty"`
	TTLSecurity              *uint8       `json:"ttlSecurity,omitempty"`
	ReachableBy              string       `json:"reachableBy,omitempty"`
	Filters                  []string     `json:"filters,omitempty"`
	LocalWorkloadSelector    string       `json:"localWorkloadSelector,omitempty"`
	ReversePeering           *string      `json:"reversePeering,omitempty"`
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
	s.validateWho(&bad)
	s.validateWhom(&bad)
	bad.realAS("spec.localASNumber", s.LocalASNumber)
	if s.KeepOriginalNextHop && s.NextHopMode != nil {
		bad.Add("spec", "", "keepOriginalNextHop and nextHopMode cannot both be set; keepOriginalNextHop is deprecated, use nextHopMode instead")
	}
	if v := s.NextHopMode; v != nil {
		bad.oneOf("spec.nextHopMode", *v, "Auto", "Self", "Keep")
	}
	bad.password("spec.password", s.Password)
	if v := s.SourceAddress; v != "" {
		bad.oneOf("spec.sourceAddress", v, "UseNodeIP", "None")
	}
	bad.span("spec.maxRestartTime", s.MaxRestartTime, maxRestart)
	bad.span("spec.keepaliveTime", s.KeepaliveTime, maxKeepalive)
	if v := s.NumAllowedLocalASNumbers; v != nil && *v < 0 {
		bad.Add("spec.numAllowedLocalASNumbers", strconv.Itoa(int(*v)), "write how often the own AS number may be in a path: 0 or more")
	}
	for i, name := range s.Filters {
		bad.name(indexPath("spec.filters", i), name)
	}
	if v := s.ReversePeering; v != nil {
		bad.oneOf("spec.reversePeering", *v, "Auto", "Manual")
	}
	return bad.Err()
}

// validateWho checks which nodes peer.
func (s *BGPPeerSpec) validateWho(bad *Invalid) {
	if s.Node != "" && s.NodeSelector != "" {
		bad.Add("spec", "", "node and nodeSelector cannot both be set")
	}
	if fault := nameFault(s.Node); s.Node != "" && fault != "" {
		bad.Add("spec.node", s.Node, tagged("Node", "name", fault))
	}
	bad.selector("spec.nodeSelector", "NodeSelector", s.NodeSelector)
}

// validateWhom checks with whom they peer.
func (s *BGPPeerSpec) validateWhom(bad *Invalid) {
	bad.selector("spec.peerSelector", "PeerSelector", s.PeerSelector)
	bad.selector("spec.localWorkloadSelector", "LocalWorkloadSelector", s.LocalWorkloadSelector)
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
	if s.PeerIP == "" {
		return
	}
	switch at, err := parsePeer(s.PeerIP); {
	case err != nil:
		bad.Add("spec.peerIP", s.PeerIP, tagged("PeerIP", "IP:port", "write an address, 192.0.2.1:1790 or [fd00::1]:1790"))
	case !isHost(at.Addr()):
		bad.Add("spec.peerIP", s.PeerIP, "no router can have this address")
	}
	if s.ASNumber == 0 && s.PeerSelector == "" {
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
	if err != nil || via.Zone() != "" || !isHost(via) {
		bad.Add("spec.reachableBy", s.ReachableBy, "write the address of the gateway that leads to peerIP, without a length")
		return
	}
	if at, err := parsePeer(s.PeerIP); err == nil && at.Addr().BitLen() != via.Unmap().BitLen() {
		bad.Add("spec.reachableBy", s.ReachableBy, "ReachableBy and PeerIP address family mismatched")
	}
}
