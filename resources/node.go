package resources

import (
	"net/netip"
	"reflect"
)

// A Node is a machine that takes part in the cluster's routing.
type Node struct {
	TypeMeta
	Metadata `json:"metadata"`
	Spec     NodeSpec   `json:"spec"`
	Status   NodeStatus `json:"status,omitempty"`
}

// NodeSpec is the spec of a Node.
type NodeSpec struct {
	BGP                  *NodeBGPSpec       `json:"bgp,omitempty"`
	IPv4VXLANTunnelAddr  string             `json:"ipv4VXLANTunnelAddr,omitempty" format:"ipv4"`
	VXLANTunnelMACAddr   string             `json:"vxlanTunnelMACAddr,omitempty" format:"mac"`
	IPv6VXLANTunnelAddr  string             `json:"ipv6VXLANTunnelAddr,omitempty" format:"ipv6"`
	VXLANTunnelMACAddrV6 string             `json:"vxlanTunnelMACAddrV6,omitempty" format:"mac"`
	OrchRefs             []OrchRef          `json:"orchRefs,omitempty"`
	Wireguard            *NodeWireguardSpec `json:"wireguard,omitempty"`
	Addresses            []NodeAddress      `json:"addresses,omitempty"`
	Interfaces           []NodeInterface    `json:"interfaces,omitempty"`
}

// NodeBGPSpec says how a node speaks BGP.
type NodeBGPSpec struct {
	ASNumber                *ASN   `json:"asNumber,omitempty" format:"as"`
	IPv4Address             string `json:"ipv4Address,omitempty" format:"host4"`
	IPv6Address             string `json:"ipv6Address,omitempty" format:"host6"`
	IPv4IPIPTunnelAddr      string `json:"ipv4IPIPTunnelAddr,omitempty" format:"ipv4"`
	RouteReflectorClusterID string `json:"routeReflectorClusterID,omitempty" format:"clusterID"`
}

// An OrchRef names the node in an orchestrator.
type OrchRef struct {
	NodeName     string `json:"nodeName,omitempty"`
	Orchestrator string `json:"orchestrator" need:"write its name, such as k8s"`
}

// NodeWireguardSpec holds the addresses of a node's WireGuard interfaces.
type NodeWireguardSpec struct {
	InterfaceIPv4Address string `json:"interfaceIPv4Address,omitempty" format:"ipv4"`
	InterfaceIPv6Address string `json:"interfaceIPv6Address,omitempty" format:"ipv6"`
}

// A NodeAddress is an address of a node and what it is for.
type NodeAddress struct {
	Address string `json:"address" format:"host" need:"write it"`
	Type    string `json:"type,omitempty" oneOf:"CalicoNodeIP InternalIP ExternalIP"`
}

// A NodeInterface is a network interface of a node.
type NodeInterface struct {
	Name      string   `json:"name,omitempty"`
	Addresses []string `json:"addresses,omitempty" format:"host"`
}

// NodeStatus is what the node says about itself.
type NodeStatus struct {
	WireguardPublicKey   string   `json:"wireguardPublicKey,omitempty"`
	WireguardPublicKeyV6 string   `json:"wireguardPublicKeyV6,omitempty"`
	PodCIDRs             []string `json:"podCIDRs,omitempty" format:"prefix"`
}

// Kind is KindNode.
func (*Node) Kind() Kind { return KindNode }

// Default fills in what Calico's clients fill in, which is nothing.
func (r *Node) Default() { setHead(r) }

// IPv4 returns the node's IPv4 address and the length of its subnet, 32 when
// the file has no length. ok is false when the node has no IPv4 address.
func (r *Node) IPv4() (at netip.Prefix, ok bool) {
	if r.Spec.BGP == nil {
		return netip.Prefix{}, false
	}
	at, err := parseHost(r.Spec.BGP.IPv4Address)
	return at, err == nil
}

// IPv6 is IPv4 for the other family; the length is 128 when the file has none.
func (r *Node) IPv6() (at netip.Prefix, ok bool) {
	if r.Spec.BGP == nil {
		return netip.Prefix{}, false
	}
	at, err := parseHost(r.Spec.BGP.IPv6Address)
	return at, err == nil
}

// HasAddress tells whether the node has an address of either family: one without is
// nobody's peer.
func (r *Node) HasAddress() bool {
	_, v4 := r.IPv4()
	_, v6 := r.IPv6()
	return v4 || v6
}

// ASNumber returns the node's own AS number; ok is false when it goes by the
// cluster's.
func (r *Node) ASNumber() (n ASN, ok bool) {
	if r.Spec.BGP == nil || r.Spec.BGP.ASNumber == nil {
		return 0, false
	}
	return *r.Spec.BGP.ASNumber, true
}

// ClusterID returns the cluster id of a route reflector (RFC 4456); ok is
// false when the node is none.
func (r *Node) ClusterID() (id netip.Addr, ok bool) {
	if r.Spec.BGP == nil {
		return netip.Addr{}, false
	}
	id, err := netip.ParseAddr(r.Spec.BGP.RouteReflectorClusterID)
	return id, err == nil
}

// Validate returns an Invalid that names every bad field, or nil.
func (r *Node) Validate() error {
	var bad Invalid
	bad.metadata(r)
	if b := r.Spec.BGP; b != nil && *b == (NodeBGPSpec{}) {
		bad.Add("spec.bgp", "", "Spec.BGP should not be empty; set ipv4Address or ipv6Address, or remove bgp")
	}
	bad.limits("spec", reflect.ValueOf(&r.Spec).Elem())
	bad.limits("status", reflect.ValueOf(&r.Status).Elem())
	return bad.Err()
}
