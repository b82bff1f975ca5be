package intent

import (
	"net/netip"
	"slices"

	"github.com/calctl/calctl/resources"
)

// A pinned route leads to one router by a gateway (reachableBy).
type pinned struct {
	gateway netip.Addr
	by      resources.Key
}

// pin has a router be reached by the gateway that a BGPPeer names. Where two
// name different ones, the first has it.
func (d *derivation) pin(q *request, router netip.Addr) {
	text := q.spec.ReachableBy
	if text == "" {
		return
	}
	gateway, err := netip.ParseAddr(text)
	gateway = gateway.Unmap()
	const instead = "the router is reached by the routes the kernel has"
	switch {
	case err != nil || !canPeer(gateway):
		d.about(q.key, "spec.reachableBy '%s' is not the address of a gateway; %s", text, instead)
		return
	case gateway.Is4() != router.Is4():
		d.about(q.key, "spec.reachableBy '%s' is of another IP version than spec.peerIP; %s", text, instead)
		return
	case gateway == router:
		d.about(q.key, "spec.reachableBy '%s' is the router itself; %s", text, instead)
		return
	case gateway == d.self.like(gateway) || d.here[gateway]:
		d.about(q.key, "spec.reachableBy '%s' is an address of this node; %s", text, instead)
		return
	}
	dst := netip.PrefixFrom(router, router.BitLen())
	if first, ok := d.pins[dst]; ok && first.gateway != gateway {
		d.about(q.key, "spec.reachableBy asks for %s to be reached by %s, %s by %s, and comes first: change one of them", router, gateway, first.by, first.gateway)
		return
	} else if ok {
		return
	}
	d.pins[dst] = pinned{gateway, q.key}
}

// static are the routes that are there because a resource says so. A block of one
// address has none: whoever has the address has its route.
func (d *derivation) static(blocks, services []netip.Prefix) map[netip.Prefix]Local {
	static := map[netip.Prefix]Local{}
	for _, p := range slices.Concat(networks(blocks), services) {
		if canRoute(p) {
			static[p] = Local{Source: Static}
		}
	}
	for p, to := range d.pins {
		static[p] = Local{Source: Static, Gateway: to.gateway}
	}
	return static
}
