package rib

import (
	"net/netip"

	"github.com/calctl/calctl/node/wire"
)

// A Table holds all paths to all prefixes of both families. One goroutine owns
// it; nothing in it is locked.
//
// Changes come by the methods below and are decided on by Commit: once for
// each prefix, however often it was touched since the last time. What is read
// (Walk, Lookup, Paths) is true after a Commit.
type Table struct{ state }

// Options are what a table needs.
type Options struct {
	// Attrs interns what import policies make. It is the decoders' table.
	Attrs *wire.Table
	// Resolve is the first Resolver; without one, no next hop is resolvable.
	Resolve Resolver
	// AllPaths makes Commit report every prefix with a changed path, also one
	// that isn't best. Peers with add-path need that. See SetAllPaths.
	AllPaths bool
}

// A Resolver says how a next hop is reached. It is asked when a path with a
// new next hop comes, and about all of them in [Table.Resolve].
type Resolver func(nextHop netip.Addr) Reach

// New makes an empty table.
func New(o Options) *Table { return newTable(o) }

// Local returns the peer that stands for a local source: Direct, Static or
// Kernel, with Index 0, 1 and 2.
func (t *Table) Local(s Source) *Peer { return t.local(s) }

// AddPeer makes a peer of its description, whose Index and Source are set
// here. Nil import accepts all.
func (t *Table) AddPeer(p Peer, importing Policy) *Peer { return t.addPeer(p, importing) }

// ReplacePeer gives a peer another description, such as another router id
// after a restart. Its paths become those of the peer returned, which has the
// same Index.
func (t *Table) ReplacePeer(old *Peer, p Peer) *Peer { return t.replacePeer(old, p) }

// RemovePeer takes a peer and its paths away. After the next Commit its Index
// may become another peer's.
func (t *Table) RemovePeer(p *Peer) { t.removePeer(p) }

// Announce takes paths of one family in, which share the attributes as they
// were received. The same path again replaces the earlier one, and isn't stale
// any more. The attributes have to be interned. Invalid prefixes and those of
// another family are passed over.
func (t *Table) Announce(from *Peer, family wire.Family, received *wire.Attrs, paths []wire.Dest) {
	t.announce(from, family, received, paths)
}

// Withdraw takes paths of one family away. Unknown ones are passed over, and
// leave nothing behind.
func (t *Table) Withdraw(from *Peer, family wire.Family, paths []wire.Dest) {
	t.withdraw(from, family, paths)
}

// Down withdraws everything that a peer has announced in some families. The
// cost is that of the peer's own paths.
func (t *Table) Down(from *Peer, families wire.Families) { t.down(from, families) }

// MarkStale marks a peer's paths in some families, because it restarts
// gracefully (RFC 4724 §4.2) or begins to send them all anew (RFC 7313 §4).
// They stay as good as they were. The cost is that of the attribute sets.
func (t *Table) MarkStale(from *Peer, families wire.Families) { t.markStale(from, families) }

// Sweep withdraws those paths of a peer that are still stale: at its
// End-of-RIB, or when the time is over.
func (t *Table) Sweep(from *Peer, families wire.Families) { t.sweep(from, families) }

// SetImport gives a peer another import policy. What comes from now on goes by
// it; the paths that are there do when Reimport gets to them. Nil accepts all.
func (t *Table) SetImport(from *Peer, importing Policy) { t.setImport(from, importing) }

// Reimport runs changed import policies over about limit paths and says
// whether there are more. Paths with the same outcome as before don't change.
func (t *Table) Reimport(limit int) (more bool) { return t.reimport(limit) }

// Resolve asks anew how every next hop in use is reached, and from now on this
// resolver. Only prefixes with a path whose next hop changed are touched.
func (t *Table) Resolve(how Resolver) { t.resolve(how) }

// NextHops returns the next hops in use and how they are reached, sorted.
func (t *Table) NextHops() []NextHop { return t.nextHops() }

// A NextHop is an address that paths lead to.
type NextHop struct {
	Addr netip.Addr
	Reach
}

// SetLocal takes in local routes that are alike. A source may have several to
// one prefix, of different path ids; of Kernel routes the one with the lowest
// metric is best.
func (t *Table) SetLocal(s Source, l Local, routes []wire.Dest) { t.setLocal(s, l, routes) }

// UnsetLocal takes local routes away.
func (t *Table) UnsetLocal(s Source, routes []wire.Dest) { t.unsetLocal(s, routes) }

// Commit decides on every prefix that was touched since the last time and
// reports those for which the best path or the next hops have changed, each
// once; with AllPaths those for which any path has. The order is that of the
// first touch. Report may be called several times and never with nothing; the
// slice is valid during the call, in which the table may be read.
func (t *Table) Commit(report func([]Delta)) { t.commit(report) }

// SetAllPaths switches Options.AllPaths from the next touch on.
func (t *Table) SetAllPaths(on bool) { t.allPaths = on }

// Counts returns the numbers of a peer's routes.
func (t *Table) Counts(p *Peer, family wire.Family) Counts { return t.counts(p, family) }

// Len returns how many prefixes of a family have a path.
func (t *Table) Len(family wire.Family) int { return t.length(family) }

// Walk visits about limit prefixes of a family from a position on, 0 at first,
// and returns the next position and whether there are more. Prefixes
// that have a path all the while are visited exactly once, whatever else
// changes between two steps. One that comes meanwhile may be missed; the Delta
// that brings it is the place to learn of it: with a Ref below the position it
// was passed, otherwise the walk will come to it. The order is roughly that in
// which prefixes came. Prefixes without a best path are visited as well.
func (t *Table) Walk(family wire.Family, from Ref, limit int, visit func(Row)) (next Ref, more bool) {
	return t.walk(family, from, limit, visit)
}

// Lookup returns what was decided for one prefix exactly.
func (t *Table) Lookup(p netip.Prefix) (Row, bool) { return t.lookup(p) }

// Row returns what was decided for a prefix by its number, which must be one
// that is in use. It costs no search.
func (t *Table) Row(family wire.Family, ref Ref) Row { return t.row(family, ref) }

// Paths appends the accepted paths to a prefix, the best first, then by peer
// and number.
func (t *Table) Paths(to []Path, family wire.Family, ref Ref) []Path { return t.paths(to, family, ref) }

// Pin keeps a prefix's number its own even when it loses its last path, so
// that what must be withdrawn later can be remembered as a number. Every Pin
// needs its Unpin.
func (t *Table) Pin(family wire.Family, ref Ref) { t.pin(family, ref) }

// Unpin ends a Pin.
func (t *Table) Unpin(family wire.Family, ref Ref) { t.unpin(family, ref) }

// Explain returns all paths to a prefix and the step by which each was chosen
// or lost, the best first, then by step, peer and number. It decides anew, also
// before a Commit.
func (t *Table) Explain(p netip.Prefix) []Candidate { return t.explain(p) }
