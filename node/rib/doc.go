// Package rib holds all paths to all prefixes and decides which are best, and
// why the others lost.
//
// A path is what one peer says of one prefix. [Table] takes paths in and out,
// touches the prefixes they belong to, and at every Commit decides on each
// touched prefix once, however often it was touched. What comes out are
// [Delta]s: the best path before and now, for those who tell other peers, and
// the set of next hops, for the kernel. [Decide] is the decision process: one
// pure function over the paths of a prefix. It means what BIRD means with
// Calico's configuration, because mixed clusters have to agree, except where
// BIRD's result depends on which path came first; ours never does. It names
// the [Step] by which each path lost, so that nobody has to guess.
//
// Routes that a node has without BGP are paths of three peers of their own,
// and take part like all others: direct before static before BGP before what
// someone else put into the kernel.
//
// What was received is kept beside what the import policy made of it, also
// when it was rejected. So a changed policy needs no route refresh: SetImport
// and Reimport run it over what is there, some thousand paths at a time, and
// only differences go on. A gracefully restarting peer's paths are marked
// stale without a look at them and stay as good as they were (RFC 4724 §4.2);
// what is announced again isn't stale any more, the rest is swept.
//
// # Memory
//
// A route costs 59 octets (IPv6 71): 24 for the path, 12 for the prefix, 5 or
// 17 for its key, the rest for the index. What paths have in common, that is
// the peer and the attributes, is in a bundle, which they point to by number.
// Millions of paths have no pointer for the garbage collector to follow.
// Bundles also are how everything gets from a peer or a next hop to its
// prefixes: a lost peer with ten routes costs ten steps in a table of a million.
// Prefixes have numbers, [Ref], that are small and don't move; a walk through
// the table can therefore stop anywhere and go on later, and others can keep
// sets of prefixes as bits.
//
// # Concurrency
//
// One goroutine owns a table. There are no locks, because a million routes
// take a third of a second; decoding, which costs more, is done by the peers'
// own goroutines before. What is handed out never changes and may go anywhere.
//
// # What has hurt others
//
// Reporting only the differences of a multipath set, which those who miss one
// never repair: a Delta has the whole set. Policies that change the attributes
// in place, and run again on the result: attributes are immutable here. Next
// hops that are never looked at again after the first time: see
// [Table.Resolve]. Preferring the older of two paths, so that two nodes with
// the same routes disagree, and one with itself after a restart.
package rib
