// Package session speaks BGP with one peer (RFC 4271): state machine, timers,
// capabilities, sockets, reading and writing. It knows messages, not routes:
// what is said, and what becomes of what is heard, is the owner's (Handler,
// Source).
//
// The state machine (machine.go, transitions.go) is a pure function: an event
// goes in, actions come out, the time is part of the event. It has all of a
// peer's connections in view, so a collision (§6.8) is a case and not a race.
// Everything else carries out what it says:
//
//	Listener.Run ──accepted──▶ Session.Run ◀──dialled── a goroutine per attempt
//	                            │ machine ▲
//	                    actions ▼         │ events
//	                    conn.read   conn.write ◀──buffer── conn.gather
//	                        │                                 │
//	        Handler.Established, Update, Refresh, Down   Source.Fill
//
// Run's goroutine alone has the machine, and never waits for anything but
// events. A connection's reading goroutine follows the machine from OPEN to
// Established and then calls the Handler itself: an UPDATE passes no channel.
// While the Handler is busy nothing is read, TCP makes the peer wait, and the
// hold timer stands still, because it is a read deadline set when we begin to
// wait for a message. So no session dies of our own slowness; and what the peer
// may not do is be silent while we listen.
//
// What writes, writes whole messages and nothing else. Something else asks the
// Source for a buffer whenever the last is written, so that a Source that takes
// its time delays no KEEPALIVE, a slow peer has one buffer waiting here and
// nobody waiting for it, and what it has not been told yet can still change.
// Both are chores, with a goroutine only while there is something to do: an idle
// session is two goroutines, and with a thousand peers their stacks weigh more
// than all else. A peer that takes nothing for the send hold time is given up
// (RFC 9687). What it all goes over is a Network: the host's TCP, or another
// one. No lock is held across I/O; the few there are guard deadlines,
// the Fill that may be running when a session ends, and who is let in.
//
// What has hurt others, and is tried here: MD5 keys that failed to be set, or
// stayed on the listener (a peer without a password gets in, or never again);
// Multipath TCP, which knows neither MD5 nor TTL; incoming connections refused
// while waiting after a failure, so that both sides miss each other for minutes;
// both sides of a collision closing different connections; closing a socket
// with unread input, whose reset overtakes the NOTIFICATION; hold timers that
// run while the own RIB is busy.
package session
