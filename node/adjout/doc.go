// Package adjout keeps, for each group of peers that hear the same, what they
// still have to hear: decided, packed and encoded once.
//
// A reflector with 50 clients says everything 50 times, and nearly all of its
// work can be done once. So peers for whom every octet would be equal are one
// update group (a [Key] says what makes a difference). The owner of the RIB
// decides for the group: BGP's own rules (rules.go), then the export policy,
// then what is left of the rules. What was decided for a prefix is a node of 24
// octets, and the nodes are the Adj-RIB-Out. With ADD-PATH there is a node for
// each path (paths.go), of the same number in all groups: a path's identifier is
// no reason to stay apart.
//
// Nodes stand in a journal, in the order of their last change; a change moves a
// node to the end. What a member has still to hear is what stands behind its
// place in the journal. That one idea does nearly everything. A new member
// starts at the beginning and gets the whole table. A slow one is just further
// back, and when a prefix changes ten times meanwhile it hears of it once: its
// backlog is never longer than the table, and costs nothing. A refresh puts the
// place back. A split group copies the journal, and its members keep their
// places. Routes to be withdrawn have a journal of their own, so that a new
// member doesn't hear of them, and a node leaves it when everyone who knew the
// route has read on.
//
// Octets are made when a member asks (Fill, from its session's goroutine): a
// chunk of some thousand nodes, sorted by attributes, packed into full
// messages. The chunk is kept for the others that come by the same place, up to
// a limit and not a moment longer than all have read. It holds as long as none
// of its nodes has moved on, so nobody hears old news; whoever has taken it
// counts as knowing what it says. A route of our own by way of a router is told
// to everyone but that router, as if it were from there.
//
// A peer must not hear its own routes, and it is a member like the others. In a
// chunk, each source's routes stand together, and the source leaves them out.
// If it had heard another path before, the node is "owed": on passing it, the
// source gets a withdrawal of its own.
//
// Owner and members meet at a lock per group, held for memory work only: a
// chunk takes less than a millisecond. Taking the void places out of a journal
// of a million takes about 15 ms, once in a million changes. Who is behind may
// hear a withdrawal of something it never knew; BGP has no need to avoid that.
// A member that is not behind never does.
//
// What has hurt others: an Adj-RIB-Out copied per peer (gigabytes with a
// thousand peers), queues of encoded messages that a peer which stopped reading
// fills without end, and End-of-RIB sent before a table that is still walked.
package adjout
