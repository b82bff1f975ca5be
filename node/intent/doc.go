// Package intent works out what one node should do from the resources of the
// whole cluster.
//
// Derive is the heart of it, and all of it: a pure function from a snapshot of
// the resources, the node's name and what only this machine knows (its
// addresses, its kernel routes) to the sessions, the local routes and the
// export policy the node should have. It reads no clock, no file and no
// network, keeps nothing between calls, and gives the same answer for the same
// input in any order. Whoever wants to know why a node does what it does can
// replay it.
//
// What the resources mean is Calico's: confd's expansion of BGPPeers and the
// node-to-node mesh, with two differences that need a decision. Where confd
// walks a Go map, so that chance decides between two BGPPeers for the same
// router, we go by name. And where confd gives BIRD two protocols for one
// address and port (the mesh and a BGPPeer), leaving the choice to a lock inside
// BIRD, the first of global BGPPeers, node BGPPeers and mesh has them.
//
// What can't be done as asked is a Problem: an answer like any other, never an
// error that stops the rest. A Problem names the resource, the field and the
// way out. A session that is not started because of one is Refused: a report
// lists it among those that are down. A node is quiet about BGPPeers which are
// none of its business.
//
// What has hurt others here, and what we do about it:
//
//   - A secret that is missing makes confd start the session without any
//     password. Here a session is started as it was asked for or not at all; and
//     one that is refused keeps its place, or else the mesh would bring up the
//     very session that was refused.
//   - BIRD refuses its whole configuration when a node has only an IPv6 address,
//     because there is nothing to make a router id of. We take a hash of the
//     node's name then, the same as CALICO_ROUTER_ID=hash gives.
//   - Two nodes with the same address each take the other for themselves and
//     skip it without a word. It is a Problem here, on every node.
//   - Who waits and who dials is decided by comparing addresses as text, so
//     "10.0.0.10" is less than "10.0.0.2". That looks wrong, but both ends must
//     agree, and one of them may be Calico.
package intent
