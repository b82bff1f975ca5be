package intent

import "net/netip"

// blocks are the blocks of addresses that are this node's, sorted. Peers are told of
// each as a whole, whatever of it is in use.
func (d *derivation) blocks() []netip.Prefix {
	var list []netip.Prefix
	for _, r := range d.snap.Blocks {
		if block, ok := r.Block(d.self.name); ok {
			list = append(list, block)
		}
	}
	return sortedSet(list, netip.Prefix.Compare)
}
