package intent

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/calctl/calctl/resources"
)

// A member is a node as the others see it: what BGP needs of its resources.
type member struct {
	name      string
	labels    map[string]string
	asn       *resources.ASN // nil: the one the cluster has
	v4, v6    netip.Addr     // the zero Addr: the node does not speak this family
	port      uint16
	reflector bool       // the node is a route reflector
	clusterID netip.Addr // of the cluster it reflects for; the zero Addr if that can't be read
}

// key names the node's resource.
func (m *member) key() resources.Key {
	return resources.Key{Kind: resources.KindNode, Name: m.name}
}

// addrs returns the addresses the node has, IPv4 first.
func (m *member) addrs() []netip.Addr {
	addrs := make([]netip.Addr, 0, 2)
	for _, a := range [...]netip.Addr{m.v4, m.v6} {
		if a.IsValid() {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// like returns the node's address in the family of a.
func (m *member) like(a netip.Addr) netip.Addr {
	if a.Is4() {
		return m.v4
	}
	return m.v6
}

// A cluster is all nodes, by name and by address.
type cluster struct {
	members []member // sorted by name
	byAddr  map[netip.Addr]*member
}

// newCluster reads the Nodes. Where two have the same address, the first by
// name is the one the address belongs to.
func newCluster(snap *resources.Snapshot, global resources.BGPConfigurationSpec, p *problems) cluster {
	c := cluster{
		members: make([]member, 0, len(snap.Nodes)),
		byAddr:  make(map[netip.Addr]*member, len(snap.Nodes)),
	}
	for _, name := range slices.Sorted(maps.Keys(snap.Nodes)) {
		c.members = append(c.members, newMember(snap, snap.Nodes[name], name, global, p))
	}
	for i := range c.members {
		m := &c.members[i]
		for _, a := range m.addrs() {
			if owner, taken := c.byAddr[a]; taken {
				p.about(m.key(), "spec.bgp: %s is the address of %s too; give one of them its own, or they will not see each other", a, owner.key())
				continue
			}
			c.byAddr[a] = m
		}
	}
	return c
}

func newMember(snap *resources.Snapshot, n *resources.Node, name string, global resources.BGPConfigurationSpec, p *problems) member {
	m := member{name: name, labels: n.Labels, port: listenPort(snap, name, global)}
	if n.Spec.BGP == nil {
		return m
	}
	m.asn = n.Spec.BGP.ASNumber
	m.reflector = n.Spec.BGP.RouteReflectorClusterID != ""
	var ok bool
	if m.clusterID, ok = n.ClusterID(); m.reflector && (!ok || !m.clusterID.Is4()) {
		m.clusterID = netip.Addr{}
		p.about(m.key(), "spec.bgp.routeReflectorClusterID '%s': not written like an IPv4 address; the node stays out of the mesh and reflects no routes", n.Spec.BGP.RouteReflectorClusterID)
	}
	var err error
	if m.v4, err = nodeAddr(n.Spec.BGP.IPv4Address, netip.Addr.Is4); err != nil {
		p.about(m.key(), "spec.bgp.ipv4Address '%s': %v; IPv4 stays off for this node", n.Spec.BGP.IPv4Address, err)
	}
	if m.v6, err = nodeAddr(n.Spec.BGP.IPv6Address, netip.Addr.Is6); err != nil {
		p.about(m.key(), "spec.bgp.ipv6Address '%s': %v; IPv6 stays off for this node", n.Spec.BGP.IPv6Address, err)
	}
	return m
}

// member returns a node by its name, or nil.
func (c *cluster) member(name string) *member {
	i, ok := slices.BinarySearchFunc(c.members, name, func(m member, name string) int {
		return strings.Compare(m.name, name)
	})
	if !ok {
		return nil
	}
	return &c.members[i]
}

var (
	errFamily    = errors.New("not an address of this family")
	errNotRouter = errors.New("not the address of a router: multicast, link-local or unspecified")
	errSyntax    = errors.New("not an address, nor address/length")
)

// nodeAddr reads an address or address/length; nothing gives the zero Addr.
func nodeAddr(text string, family func(netip.Addr) bool) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	var a netip.Addr
	if p, err := netip.ParsePrefix(text); err == nil {
		a = p.Addr()
	} else if a, err = netip.ParseAddr(text); err != nil {
		return netip.Addr{}, errSyntax
	}
	a = a.Unmap()
	if !family(a) {
		return netip.Addr{}, errFamily
	}
	if !canPeer(a) {
		return netip.Addr{}, errNotRouter
	}
	return a, nil
}

// canPeer reports whether a session can have this address at one of its ends.
// Link-local IPv6 addresses mean nothing without an interface, and all of
// Calico's sessions are multihop ones.
func canPeer(a netip.Addr) bool {
	linkLocal := a.Is6() && a.IsLinkLocalUnicast()
	return !a.IsUnspecified() && !a.IsMulticast() && !linkLocal && a.Zone() == ""
}

// listenPort is where a node listens: its own BGPConfiguration's listenPort,
// else the cluster's, else BGP's.
func listenPort(snap *resources.Snapshot, node string, global resources.BGPConfigurationSpec) uint16 {
	if own := snap.Configs[perNode+node]; own != nil && own.Spec.ListenPort != 0 {
		return own.Spec.ListenPort
	}
	if global.ListenPort != 0 {
		return global.ListenPort
	}
	return DefaultPort
}
