package resources

import (
	"net"
	"net/netip"
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
	IPv4VXLANTunnelAddr  string             `json:"ipv4VXLANTunnelAddr,omitempty"`
	VXLANTunnelMACAddr   string             `json:"vxlanTunnelMACAddr,omitempty"`
	IPv6VXLANTunnelAddr  string             `json:"ipv6VXLANTunnelAddr,omitempty"`
	VXLANTunnelMACAddrV6 string             `json:"vxlanTunnelMACAddrV6,omitempty"`
	OrchRefs             []OrchRef          `json:"orchRefs,omitempty"`
	Wireguard            *NodeWireguardSpec `json:"wireguard,omitempty"`
	Addresses            []NodeAddress      `json:"addresses,omitempty"`
	Interfaces           []NodeInterface    `json:"interfaces,omitempty"`
}

// NodeBGPSpec says how a node speaks BGP.
type NodeBGPSpec struct {
	ASNumber                *ASN   `json:"asNumber,omitempty"`
	IPv4Address             string `json:"ipv4Address,omitempty"` // address or address/length
	IPv6Address             string `json:"ipv6Address,omitempty"`
	IPv4IPIPTunnelAddr      string `json:"ipv4IPIPTunnelAddr,omitempty"`
	RouteReflectorClusterID string `json:"routeReflectorClusterID,omitempty"` // written like an IPv4 address
}

// An OrchRef names the node in an orchestrator.
type OrchRef struct {
	NodeName     string `json:"nodeName,omitempty"`
	Orchestrator string `json:"orchestrator"`
}

// NodeWireguardSpec holds the addresses of a node's WireGuard interfaces.
type NodeWireguardSpec struct {
	InterfaceIPv4Address string `json:"interfaceIPv4Address,omitempty"`
	InterfaceIPv6Address string `json:"interfaceIPv6Address,omitempty"`
}

// A NodeAddress is an address of a node and what it is for.
type NodeAddress struct {
	Address string `json:"address"`
	Type    string `json:"type,omitempty"` // CalicoNodeIP, InternalIP, ExternalIP
}

// A NodeInterface is a network interface of a node.
type NodeInterface struct {
	Name      string   `json:"name,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
}

// NodeStatus is what the node says about itself.
type NodeStatus struct {
	WireguardPublicKey   string   `json:"wireguardPublicKey,omitempty"`
	WireguardPublicKeyV6 string   `json:"wireguardPublicKeyV6,omitempty"`
	PodCIDRs             []string `json:"podCIDRs,omitempty"`
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
	s := &r.Spec
	s.BGP.validate(&bad)
	bad.address("spec.ipv4VXLANTunnelAddr", s.IPv4VXLANTunnelAddr, 32)
	bad.address("spec.ipv6VXLANTunnelAddr", s.IPv6VXLANTunnelAddr, 128)
	bad.mac("spec.vxlanTunnelMACAddr", s.VXLANTunnelMACAddr)
	bad.mac("spec.vxlanTunnelMACAddrV6", s.VXLANTunnelMACAddrV6)
	for i, ref := range s.OrchRefs {
		if ref.Orchestrator == "" {
			bad.Add(indexPath("spec.orchRefs", i)+".orchestrator", "", "orchestrator is required, such as k8s")
		}
	}
	if w := s.Wireguard; w != nil {
		bad.address("spec.wireguard.interfaceIPv4Address", w.InterfaceIPv4Address, 32)
		bad.address("spec.wireguard.interfaceIPv6Address", w.InterfaceIPv6Address, 128)
	}
	for i, a := range s.Addresses {
		at := indexPath("spec.addresses", i)
		if a.Address == "" {
			bad.Add(at+".address", "", "address is required")
		}
		bad.hostAddress(at+".address", a.Address, 0)
		if a.Type != "" {
			bad.oneOf(at+".type", a.Type, "CalicoNodeIP", "InternalIP", "ExternalIP")
		}
	}
	for i, ifi := range s.Interfaces {
		at := indexPath("spec.interfaces", i)
		for j, a := range ifi.Addresses {
			bad.hostAddress(indexPath(at+".addresses", j), a, 0)
		}
	}
	for i, cidr := range r.Status.PodCIDRs {
		bad.prefix(indexPath("status.podCIDRs", i), cidr)
	}
	return bad.Err()
}

func (b *NodeBGPSpec) validate(bad *Invalid) {
	if b == nil {
		return
	}
	if *b == (NodeBGPSpec{}) {
		bad.Add("spec.bgp", "", "Spec.BGP should not be empty; set ipv4Address or ipv6Address, or remove bgp")
		return
	}
	bad.realAS("spec.bgp.asNumber", b.ASNumber)
	bad.hostAddress("spec.bgp.ipv4Address", b.IPv4Address, 32)
	bad.hostAddress("spec.bgp.ipv6Address", b.IPv6Address, 128)
	bad.address("spec.bgp.ipv4IPIPTunnelAddr", b.IPv4IPIPTunnelAddr, 32)
	if id := b.RouteReflectorClusterID; id != "" {
		if addr, err := netip.ParseAddr(id); err != nil || !addr.Is4() {
			bad.Add("spec.bgp.routeReflectorClusterID", id, tagged("RouteReflectorClusterID", "ipv4", "write it like an IPv4 address, such as 244.0.0.1"))
		}
	}
}

// mac checks the hardware address of an Ethernet interface.
func (e *Invalid) mac(path, text string) {
	if hw, err := net.ParseMAC(text); text != "" && (err != nil || len(hw) != 6) {
		e.Add(path, text, "write six bytes, such as 66:2d:bf:4a:6c:01")
	}
}
