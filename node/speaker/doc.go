// Package speaker makes a BGP speaker match an intent and tells what it learns.
//
// Apply takes the whole of what should be; Diff works out what that changes;
// each step that succeeds is written into have, so that have stays true when a
// step fails and the next Apply does the rest. Peers that stay the same are
// never touched. What comes back is told by Events: batches of best paths,
// changes of sessions, and once, that the peers of a start have told their
// routes.
//
//	intent.BGP ─▶ check ─▶ Diff ─▶ steps ─▶ engine (GoBGP) ─▶ peers
//	Events ◀─ tell ◀─ best, book, settler ◀─ ears ◀─ engine
//
// The engine is GoBGP's server, for now. It is known to gobgp.go,
// gobgp_events.go, policy.go, log.go and kick.go alone; one of our own takes
// their place, and the rest stays. GoBGP is driven within what it does well:
//
//   - It panics on addresses it can't parse: check comes before every call.
//   - A changed peer is removed and added. UpdatePeer takes some changes, not
//     others, resets the session for a new description, and says nothing.
//   - Its policies are global. Ours is one, replaced as one; a soft reset then
//     announces and withdraws, and no session ends.
//   - Best path events are deltas since v4.7; best keeps the sets.
//   - Some things it tells only in its log (a password the kernel refused, the
//     NOTIFICATION it sent): log.go listens.
//   - Multipath selection is a variable of the whole process: one speaker that
//     works at a time, or several that are configured alike.
//   - It first dials after two seconds; kick.go is faster. After a session it
//     stays Idle for five seconds and closes what comes in: nothing helps that.
//
// Graceful restart (RFC 4724): peers keep our routes for two minutes when the
// process dies; when it ends in order they are told and drop them, as with
// BIRD. After a death, Options.Restarting says that the kernel forwards as
// before; the first peers added then learn that from the OPEN.
package speaker
