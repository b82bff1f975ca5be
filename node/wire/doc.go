// Package wire turns bytes into BGP messages and messages into bytes, and says
// by RFC 7606 what is to be done about those that are malformed. It knows no
// sessions, timers or tables of routes; it does no I/O but reading from the
// io.Reader it is given.
//
// In: a [Reader] cuts the stream into messages and checks their framing. OPEN
// becomes an [Open], two of them an [Agreed] ([Negotiate]); what was agreed
// makes the [Rules] of a [Decoder], which reads UPDATEs. An [Update] doesn't
// hold prefixes but the octets they are in ([NLRI]), checked, to be ranged over
// or appended to a list. Attributes become an [*Attrs], which never changes
// and is interned in a [Table]: a million routes share a few thousand of them,
// and the same set is the same pointer. Out: a [Builder] packs prefixes with
// one set into as few messages as possible, for every peer of the same kind at
// once.
//
// Three outcomes of reading: a value; a value with a [Verdict] and [Note]s (an
// attribute left out, the routes to be withdrawn, a foreign family passed
// over), which keeps the session; or an [*Error], the NOTIFICATION that ends it.
// The session ends only where RFC 7606 leaves no other way: when it is not
// certain which routes a message speaks of. verdict_test.go is the list.
//
// Why it is quick. Routes that come together share their attributes, and the
// same octets come again in message after message. So the decoder first only
// walks over the attributes' lengths, takes out those that hold prefixes, and
// asks a small cache of the session for the rest as raw octets (verified, not
// just hashed). What it doesn't find it parses, writes in a canonical form, and
// asks the table. A million prefixes cost 25 ms of a core and no garbage.
//
// Why a set stays encoded. [Attrs] is one string, the canonical encoding, with
// offsets into it and the few numbers that every decision compares. The string
// is the table's key, what Equal compares, and what the Builder copies out; AS
// paths and communities are substrings, immutable for free. A set costs about
// 100 octets, its encoding, and 50 in the table, which holds it weakly: no
// reference counts that a forgotten branch could get wrong.
//
// What has hurt others. Parsing an attribute of a family that was never agreed
// (dozens of GoBGP's panics: here such octets are not looked at); dispatching
// on attribute order (AS4_PATH before AS_PATH killed it); reading a section
// past its end; logging a NOTIFICATION's text as it came; a treat-as-withdraw
// where the error hid the routes (RFC 7606 §5.2: reset); an eBGP peer's
// LOCAL_PREF believed. And every parser has a fault left: callers go through
// [Safely], so that it costs one session and not the daemon.
//
// Everything is written here rather than taken from GoBGP's packet library:
// that refuses RFC 9072 and reads OPENs laxly, allocates for every prefix, and
// its errors are not the RFCs'. It is the second opinion of the tests.
package wire
