package intent

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
)

// An Environment is what an operator tells one node when it is started, and not
// by resources. The zero Environment says nothing.
type Environment struct {
	RouterID RouterID
	// ClusterIPs are the ranges of service addresses to tell instead of
	// BGPConfiguration's serviceClusterIPs; nil leaves it to those.
	ClusterIPs []netip.Prefix
}

// A RouterID is a rule for the router id. The zero RouterID takes the node's IPv4
// address, or a hash of its name when it has none.
type RouterID struct {
	Hash  bool       // take the hash in any case
	Fixed netip.Addr // take this one
}

// ParseRouterID reads what calico-node takes as CALICO_ROUTER_ID: nothing, "hash",
// or the id, written like an IPv4 address.
func ParseRouterID(text string) (RouterID, error) {
	switch text {
	case "":
		return RouterID{}, nil
	case "hash":
		return RouterID{Hash: true}, nil
	}
	id, err := netip.ParseAddr(text)
	if err != nil || !id.Is4() || id.IsUnspecified() {
		return RouterID{}, fmt.Errorf("invalid router id: %s (write hash, or an id like an IPv4 address other than 0.0.0.0)", text)
	}
	return RouterID{Fixed: id}, nil
}

// of is the router id of a node.
func (r RouterID) of(self *member) netip.Addr {
	switch {
	case r.Fixed.IsValid():
		return r.Fixed
	case r.Hash || !self.v4.IsValid():
		return hashed(self.name)
	}
	return self.v4
}

// hashed is the first four bytes of the SHA-256 of a node's name, moved out of the
// multicast and reserved range: what Calico does for CALICO_ROUTER_ID=hash, so that
// a node keeps its id when it changes over.
func hashed(name string) netip.Addr {
	sum := sha256.Sum256([]byte(name))
	id := [4]byte(sum[:4])
	if id[0] > 223 {
		id[0] -= 32
	}
	return netip.AddrFrom4(id)
}

// ParseClusterIPs reads what calico-node takes as CALICO_ADVERTISE_CLUSTER_IPS:
// prefixes, separated by commas. Nothing gives nil.
func ParseClusterIPs(text string) ([]netip.Prefix, error) {
	if text == "" {
		return nil, nil
	}
	var list []netip.Prefix
	for word := range strings.SplitSeq(text, ",") {
		p, err := netip.ParsePrefix(strings.TrimSpace(word))
		if err != nil {
			return nil, fmt.Errorf("invalid range of cluster IPs: %s (write address/length, several separated by commas)", word)
		}
		list = append(list, p.Masked())
	}
	return list, nil
}
