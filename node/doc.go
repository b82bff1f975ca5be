// Package node is the daemon behind `calctl node run`: it wires the parts and
// keeps them going until its context ends.
//
// Data flows one way. The datastore hands out snapshots of all resources; the
// reconciler derives from the newest one, and from what this host has, what
// the node should do (package intent); the speaker makes BGP match that and
// tells which paths are best; the syncer makes the kernel's routes match
// those; the status socket tells what each part holds. Nobody is told what
// changed, only what should be: a lost event costs time, never correctness.
//
// The loop looks at the newest snapshot only. What happened in between does
// not matter, where we should be now does; a burst of a thousand changes costs
// one derivation.
//
// What goes wrong outside never ends the daemon. A datastore that can't be
// read leaves the last snapshot in force; a resource that asks for something
// impossible is a problem in `node status`; a peer that can't be set up is
// tried again. Only what the operator must mend at the start is an error of
// Run: no address, a socket somebody else owns, a port that is taken.
//
// On the way out the goroutines end before the speaker says goodbye to its
// peers, so that what it then withdraws reaches no kernel: routes stay and
// forwarding goes on. The next run takes them over, and deletes what nobody
// wants any more once the peers have spoken.
package node
