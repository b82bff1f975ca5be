package rib

import "net/netip"

// A Ref is the number of a prefix within its family: small, dense, and fixed
// as long as the prefix has a path or is pinned ([Table.Pin]). A position in a
// walk is one too.
type Ref uint32

// A Choice is what was decided for a prefix.
type Choice struct {
	// Best is what peers may hear. It may have a next hop that can't be
	// resolved, when no path has a better one: as with BIRD.
	Best Path
	// Hops are for the kernel; nil when it is to have no route of ours: no
	// path, a local one, or next hops that can't be resolved.
	Hops *Hops
}

// A Delta is a prefix for which something was decided anew.
type Delta struct {
	Prefix   netip.Prefix
	Ref      Ref
	Old, New Choice
}

// BestChanged says whether there is another best path, or it has other
// attributes, or it is gone.
func (d *Delta) BestChanged() bool { return !d.Old.Best.Same(d.New.Best) }

// HopsChanged says whether the kernel's route has to change.
func (d *Delta) HopsChanged() bool { return d.Old.Hops != d.New.Hops }

// A Row is a prefix and what was decided for it.
type Row struct {
	Prefix netip.Prefix
	Ref    Ref
	Choice
}
