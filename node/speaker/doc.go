// Package speaker makes a BGP speaker match an intent and tells what it learns.
//
// Apply takes the whole of what should be; Diff works out what that changes;
// each step that succeeds is written into have, so that have stays true when a
// step fails and the next Apply does the rest. Peers that stay the same are
// never touched. What comes back is told by Events: batches of best paths,
// changes of sessions, and once, that the peers of a start have told their
// routes.
//
//	intent.BGP ─▶ check ─▶ Diff ─▶ steps ─▶ core ⇄ session ⇄ peers
//	Events ◀─ tell, book, settler ◀─ ears ◀─ core ◀─ fib.Reach
//
// core is the engine, behind the border engine. It joins three packages that
// don't know each other: node/session speaks with one peer each, node/rib has
// the paths and decides, node/adjout keeps what groups of peers are to hear.
//
// One goroutine owns table and groups (core.own), so there are no locks around
// them and one order of everything that happens. It does jobs from an inbox.
// Most are batches: a session's goroutine decodes UPDATEs while more are there,
// copies the prefixes into a batch, and sends that. When the inbox is full it
// waits, and TCP makes the peer wait. After up to 17 jobs the owner has the
// table commit: each prefix touched is decided on once, the deltas go to the
// groups, and those that change next hops to the kernel. Then the groups work:
// members are woken, and what new groups and changed policies have left to do
// is done some 20,000 prefixes at a time, in turn with the jobs. What a peer
// hears is encoded when its session asks (Member.Fill), by its own goroutine.
//
// What may come in and go out is node/policy's to say. A peer's filters are
// data in its intent; those with equal ones share one compiled policy, and what
// goes out is judged once for them all. Other filters are a change without
// Remove and Add: the owner has the table judge again what the peer has told,
// and moves the peer to its new update group, both in steps like the above.
//
// End-of-RIB is told to the settler after the commit of what came before it.
// Whoever calls the owner (call) goes on when what came of the call is told.
//
// Graceful restart (RFC 4724): peers keep our routes for two minutes when the
// process dies; when it ends in order they are told and drop them, as with
// BIRD. After a death, Options.Restarting says that the kernel forwards as
// before: OPENs say so, and all groups are held until the peers have told their
// routes, ten seconds at most (release). A peer that dies has its routes kept,
// stale, for the time it asked for; what it has not told again at its
// End-of-RIB, or six minutes after it came back, is swept.
//
// What has hurt others: events in a queue without an end, for a listener that
// is slow: here the owner calls it, and the peers wait. Waiting for one peer
// while holding what the others need: no ear blocks. Next hops told as
// differences, which whoever misses one never repairs: a Change has the whole
// set. Settings that come after the peer they are for: their place in Changes is
// their order. A policy whose change resets sessions: ours tells the
// differences. A peer removed while its last batch waits: learn looks whether
// the peering is still the one.
package speaker
