package rib

import (
	"net/netip"

	"github.com/calctl/calctl/node/wire"
)

// A Table holds all paths to all prefixes of both families. One goroutine owns
// it; nothing in it is locked. What it hands out (Peer, Path, Hops) never
// changes and can go anywhere.
//
// Changes come by its methods and are decided on by Commit: once for each
// prefix, however often it was touched since the last time. What is read by
// Walk, Lookup, Row and Paths is true after a Commit. Peers that the table
// doesn't know, or not any more, change nothing.
type Table struct {
	attrs    *wire.Table
	resolver Resolver
	allPaths bool

	routes      [2]routes
	bundles     []*bundle // by number; 0 is none
	freeBundles []uint32
	ledgers     []*ledger // by Index; local sources first
	leaving     []int     // indexes of removed peers, until the next Commit
	due         []*ledger // those with paths that an older policy judged

	hops     map[netip.Addr]*hop
	hopCount uint32 // numbers given to hops so far
	idleHops []*hop // perhaps out of use
	sets     []*Hops
	freeSets []uint32
	several  map[[MaxHops]uint32]*Hops
	idleSets []*Hops

	scratch []Candidate
	out     []Delta
	judged  [2]*wire.Attrs // what a policy returned last, and the same interned
}

// Options are what a table needs.
type Options struct {
	// Attrs interns what import policies make. It is the decoders' table.
	Attrs *wire.Table
	// Resolve is the first Resolver; without one, no next hop is resolvable.
	Resolve Resolver
	// AllPaths makes Commit report every prefix that was touched, also where
	// what changed isn't best. Peers with add-path need that. See SetAllPaths.
	AllPaths bool
}

// New makes an empty table.
func New(o Options) *Table {
	t := &Table{
		attrs: o.Attrs, resolver: o.Resolve, allPaths: o.AllPaths,
		bundles: []*bundle{nil}, sets: []*Hops{nil},
		hops: map[netip.Addr]*hop{}, several: map[[MaxHops]uint32]*Hops{},
	}
	if t.attrs == nil {
		t.attrs = new(wire.Table)
	}
	if t.resolver == nil {
		t.resolver = unresolvable
	}
	for f := range t.routes {
		t.routes[f].index = newIndex(families[f] == wire.IPv6)
	}
	for i, s := range [localSources]Source{Direct, Static, Kernel} {
		t.ledgers = append(t.ledgers, newLedger(&Peer{Index: i, Source: s, Name: s.String()}, nil))
	}
	return t
}

// SetAllPaths switches [Options.AllPaths].
func (t *Table) SetAllPaths(on bool) { t.allPaths = on }

// Len returns how many prefixes of a family have a path.
func (t *Table) Len(family wire.Family) int {
	if f := halfOf(family); f >= 0 {
		return t.routes[f].live
	}
	return 0
}
