package intent

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/selector"
	"github.com/calctl/calctl/status"
)

// A request is a BGPPeer with its selectors read.
type request struct {
	key     resources.Key
	spec    *resources.BGPPeerSpec
	most    uint32   // prefixes that a router may tell; 0: any number
	refused []string // what is in the way of its sessions
	// near selects the nodes that are to have the session, far those they are
	// to have it with. Nil when the BGPPeer says it without a selector.
	near, far *selector.Selector
}

// requests reads every BGPPeer, sorted by name. One whose selector can't be
// read selects nothing.
func (d *derivation) requests() []request {
	requests := make([]request, 0, len(d.snap.Peers))
	for _, name := range slices.Sorted(maps.Keys(d.snap.Peers)) {
		q := request{
			key:  resources.Key{Kind: resources.KindBGPPeer, Name: name},
			spec: &d.snap.Peers[name].Spec,
		}
		var err error
		if q.most, err = d.snap.Peers[name].MaximumPrefixes(); err != nil {
			q.refused = append(q.refused, d.about(q.key, "metadata.annotations.%s: %v; the session is not started without it", resources.MaximumPrefixes, err))
		}
		if q.near, err = parse("spec.nodeSelector", q.spec.NodeSelector); err == nil {
			q.far, err = parse("spec.peerSelector", q.spec.PeerSelector)
		}
		if err != nil {
			d.about(q.key, "%v; it selects no node", err)
			continue
		}
		requests = append(requests, q)
	}
	return requests
}

func parse(field, text string) (*selector.Selector, error) {
	if text == "" {
		return nil, nil
	}
	s, err := selector.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s '%s': %w", field, text, err)
	}
	return s, nil
}

// global reports whether the BGPPeer is for all nodes.
func (q *request) global() bool { return q.near == nil && q.spec.Node == "" }

// selects reports whether a node is to have the sessions. A nodeSelector wins
// over a node.
func (q *request) selects(m *member) bool {
	if q.near != nil {
		return q.near.Matches(m.labels)
	}
	return q.spec.Node == "" || q.spec.Node == m.name
}

func (d *derivation) globalPeers(requests []request) {
	for i := range requests {
		if q := &requests[i]; q.global() {
			d.peer(q, status.Global)
		}
	}
}

func (d *derivation) nodePeers(requests []request) {
	for i := range requests {
		if q := &requests[i]; !q.global() && q.selects(d.self) {
			d.peer(q, status.NodePeer)
		}
	}
}

// peer adds the sessions a BGPPeer asks of this node.
func (d *derivation) peer(q *request, kind status.PeerType) {
	if q.spec.LocalWorkloadSelector != "" {
		d.about(q.key, "spec.localWorkloadSelector is not acted upon, so no session is started: calctl does not know the workloads of a node")
		return
	}
	ends := d.farEnds(q, kind)
	if len(ends) == 0 {
		return
	}
	d.sessions(q, kind, ends)
	for _, e := range ends {
		if e.explicit {
			d.pin(q, e.at.Addr())
		}
	}
}

// sessions asks for the sessions of a BGPPeer with some routers.
func (d *derivation) sessions(q *request, kind status.PeerType, ends []farEnd) {
	d.missingFilters(q)
	refused := slices.Clip(q.refused)
	password, err := d.password(q.spec.Password)
	if err != nil {
		refused = append(refused, d.about(q.key, "spec.password: %v; the session is not started without it", err))
	}
	for _, e := range ends {
		p := Peer{Name: q.key.Name, Type: kind, ASN: e.asn, Password: password}
		filters := d.filters(q, e.at.Addr().Is4())
		p.Import, p.Export = filters.in, filters.out
		if q.spec.SourceAddress != sourceNone {
			p.LocalAddress = d.self.like(e.at.Addr())
		}
		d.settings(&p, q.spec, e)
		p.MaximumPrefixes = q.most
		// Reflectors of one cluster don't reflect to each other.
		if !p.External(d.localASN()) && e.clusterID != d.self.clusterID {
			p.Cluster = d.self.clusterID
		}
		// Only a global peer by address may find itself at both ends of one
		// session, and only then Calico makes one of the ends wait.
		p.Passive = kind == status.Global && e.explicit && d.byAddr[e.at.Addr()] != nil &&
			waitsFor(d.self.like(e.at.Addr()), e.at.Addr())
		d.roster.add(session{at: e.at, peer: p, by: q.key, refused: strings.Join(refused, "; ")})
	}
}

// sourceNone as a BGPPeer's sourceAddress leaves the choice to the kernel.
const sourceNone = "None"

// A farEnd is a router a BGPPeer asks to peer with.
type farEnd struct {
	at       netip.AddrPort
	asn      uint32
	explicit bool // by peerIP
	// clusterID is that of a node which is a route reflector as well. Of a
	// router named by its address nobody knows, even if it is a node.
	clusterID netip.Addr
}

// end is a node at one of its addresses.
func (d *derivation) end(m *member, a netip.Addr) farEnd {
	return farEnd{at: netip.AddrPortFrom(a, m.port), asn: d.nodeASN(m), clusterID: m.clusterID}
}

// farEnds are the routers a BGPPeer asks this node to peer with, without
// itself and without those in a family this node does not speak.
func (d *derivation) farEnds(q *request, kind status.PeerType) []farEnd {
	if q.far == nil {
		return d.router(q, kind)
	}
	var ends []farEnd
	for i := range d.members {
		m := &d.members[i]
		if m == d.self || !q.far.Matches(m.labels) {
			continue
		}
		for _, a := range m.addrs() {
			if own := d.self.like(a); !own.IsValid() || a == own {
				continue
			}
			if d.nodeASN(m) == 0 {
				why := m.key().String() + ": " + d.about(m.key(), "%s", reservedASN)
				d.giveUp(q, kind, netip.AddrPortFrom(a, m.port), 0, why)
				continue
			}
			ends = append(ends, d.end(m, a))
		}
	}
	return ends
}

// giveUp notes a session q asks for that can't be, because of why.
func (d *derivation) giveUp(q *request, kind status.PeerType, at netip.AddrPort, asn uint32, why string) {
	d.roster.giveUp(session{at: at, peer: Peer{Name: q.key.Name, Type: kind, ASN: asn}, by: q.key, refused: why})
}

// router is the far end a peerIP names: none when it can't be peered with.
func (d *derivation) router(q *request, kind status.PeerType) []farEnd {
	addr, port, err := splitPeerIP(q.spec.PeerIP)
	if err != nil {
		d.about(q.key, "spec.peerIP '%s': %v; no session is started", q.spec.PeerIP, err)
		return nil
	}
	own := d.self.like(addr)
	at := netip.AddrPortFrom(addr, cmp.Or(port, DefaultPort))
	switch {
	// On another port of this machine somebody else may listen.
	case addr == own, d.here[addr] && at.Port() == d.self.port:
		if q.near == nil && q.spec.Node == d.self.name {
			d.about(q.key, "spec.peerIP '%s' is an address of %s itself, the node of this BGPPeer, so no session is started; set the address of the router", q.spec.PeerIP, d.self.key())
		}
		return nil
	case !own.IsValid():
		field, family := "ipv6Address", "IPv6"
		if addr.Is4() {
			field, family = "ipv4Address", "IPv4"
		}
		why := d.about(q.key, "spec.peerIP '%s': %s does not speak %s, so no session is started; set its spec.bgp.%s", q.spec.PeerIP, d.self.key(), family, field)
		d.giveUp(q, kind, at, uint32(q.spec.ASNumber), why)
		return nil
	case q.spec.ASNumber == 0:
		why := d.about(q.key, "spec.asNumber is missing, so no session with %s is started; set the AS number of the router", addr)
		d.giveUp(q, kind, at, 0, why)
		return nil
	}
	// The router may be one of ours, listening where we know it does.
	if m := d.byAddr[addr]; port == 0 && m != nil && d.nodeASN(m) == uint32(q.spec.ASNumber) {
		at = netip.AddrPortFrom(addr, m.port)
	}
	return []farEnd{{at: at, asn: uint32(q.spec.ASNumber), explicit: true}}
}

var (
	errNoPeerIP   = errors.New("missing; set it or spec.peerSelector")
	errPeerIP     = errors.New("write an address, 192.0.2.1:1790 or [2001:db8::1]:1790")
	errLinkLocal  = errors.New("link-local addresses are not supported, use a global one")
	errNotUnicast = errors.New("not the address of a router")
	errPortZero   = errors.New("port 0 is not a port")
)

// splitPeerIP reads a peerIP; the port is 0 when there is none.
func splitPeerIP(text string) (netip.Addr, uint16, error) {
	if text == "" {
		return netip.Addr{}, 0, errNoPeerIP
	}
	addr, err := netip.ParseAddr(text)
	var port uint16
	if err != nil {
		at, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, 0, errPeerIP
		}
		if addr, port = at.Addr(), at.Port(); port == 0 {
			return netip.Addr{}, 0, errPortZero
		}
	}
	addr = addr.Unmap()
	switch {
	case addr.Is6() && addr.IsLinkLocalUnicast():
		return netip.Addr{}, 0, errLinkLocal
	case !canPeer(addr):
		return netip.Addr{}, 0, errNotUnicast
	}
	return addr, port, nil
}
