package intent

import (
	"net/netip"
	"slices"

	"github.com/calctl/calctl/resources"
)

// Derive works out what a node should do. Same input, same answer, whatever
// the order of maps and slices; it reads nothing else and changes nothing.
//
// The BGP is not Enabled when the node is not registered yet or has no address
// to speak from; a Problem says which. Problems are sorted by resource and text.
func Derive(snap *resources.Snapshot, node string, host Host) (BGP, []Problem) {
	d := derivation{
		snap: snap, global: globalConfig(snap), env: host.Environment, here: addresses(host),
		pins: map[netip.Prefix]pinned{},
	}
	d.broken(snap.Broken)
	d.cluster = newCluster(snap, d.global, &d.problems)
	d.self = d.findSelf(node)
	if d.self == nil {
		return BGP{}, d.sorted()
	}

	// The order decides who has a place that several ask for.
	d.roster = newRoster(&d.problems)
	requests := d.requests()
	d.globalPeers(requests)
	d.nodePeers(requests)
	d.reversePeers(requests)
	d.mesh()

	d.unheard()
	d.pools = d.readPools()
	blocks, services := d.blocks(), d.services()
	ignored := slices.Concat(neverLocal, d.global.IgnoredInterfaces)
	return BGP{
		ASN:      d.localASN(),
		RouterID: d.env.RouterID.of(d.self),
		Port:     d.self.port,
		Listen:   d.listenOn(),
		Peers:    d.roster.peers(),
		Refused:  d.roster.refused(),
		Local:    localRoutes(host, d.static(blocks, services.told), ignored, priorities(&d.global)),
		Export:   d.export(blocks, services),
		Kernel:   d.kernel(services.kept),

		Priorities:        priorities(&d.global),
		IgnoredInterfaces: ignored,
	}, d.sorted()
}

// A derivation is one run of Derive: what it was given, and what it has found so far.
type derivation struct {
	snap   *resources.Snapshot
	global resources.BGPConfigurationSpec
	env    Environment
	cluster
	self   *member
	here   map[netip.Addr]bool // every address this machine has
	roster *roster
	made   map[chainsOf]chains
	pins   map[netip.Prefix]pinned
	pools  []pool
	problems
}

func addresses(host Host) map[netip.Addr]bool {
	here := map[netip.Addr]bool{}
	for _, i := range host.Interfaces {
		for _, a := range i.Addrs {
			here[a.Addr().Unmap()] = true
		}
		for _, e := range i.Ends {
			here[e.Own.Unmap()] = true
		}
	}
	return here
}

// globalConfig returns the settings of the whole cluster; all of them have a
// meaning when they are absent.
func globalConfig(snap *resources.Snapshot) resources.BGPConfigurationSpec {
	if c := snap.Configs[globalName]; c != nil {
		return c.Spec
	}
	return resources.BGPConfigurationSpec{}
}

// globalName is the name of the BGPConfiguration for the whole cluster, and
// perNode the beginning of the names of those for one node.
const (
	globalName = "default"
	perNode    = "node."
)

// globalKey names the BGPConfiguration of the whole cluster.
var globalKey = resources.Key{Kind: resources.KindBGPConfiguration, Name: globalName}

// findSelf returns the node we are, or nil and a Problem when it can't speak BGP.
func (d *derivation) findSelf(name string) *member {
	key := resources.Key{Kind: resources.KindNode, Name: name}
	n := d.snap.Nodes[name]
	switch {
	case n == nil:
		d.about(key, "is not in the datastore, so this node does not speak BGP; calctl node run registers it, or apply one")
		return nil
	case n.Spec.BGP == nil:
		d.about(key, "has no spec.bgp, so this node does not speak BGP; set spec.bgp.ipv4Address or spec.bgp.ipv6Address")
		return nil
	}
	self := d.member(name)
	if !self.v4.IsValid() && !self.v6.IsValid() {
		d.about(key, "has no address, so this node does not speak BGP; set spec.bgp.ipv4Address or spec.bgp.ipv6Address")
		return nil
	}
	if d.nodeASN(self) == 0 {
		d.about(key, "AS number 0 is reserved (RFC 7607), so this node does not speak BGP; set spec.bgp.asNumber")
		return nil
	}
	return self
}
