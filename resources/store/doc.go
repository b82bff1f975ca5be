// Package store says what a datastore is and how resources get into one.
//
// A datastore keeps resources by key and hands out the whole of them: Watch
// gives complete snapshots, never single changes. Ordering, missed deletions
// and reconnecting are each backend's private matter; whoever watches only ever
// sees a state that makes sense, and reads it as a value.
//
// The Store interface is what a backend provides: the folder (store/dir), and
// whatever comes later. It knows nothing of defaults or of what refers to what.
// That is the same for all of them and lives here, once: Create, Apply and
// Replace fill in the defaults, validate, check against what is stored already,
// and only then write. The command line and the daemon go through these three.
//
// Two people may write the same resource. Every state of a resource has a
// version; a write that names one succeeds only if that is still the stored
// one. Apply and Replace use this for themselves: they read, check, and write
// with the version they have read, so that a check is never about another state
// than the one replaced. If the caller named no version they begin again with
// what the other writer left. If the caller named one, a difference is his to
// look at: a single try, then ErrConflict.
//
// What one command writes is a Batch. It reads what its checks need once, not
// for every resource, and where the backend can keep other writers out (Locker,
// which the folder is) it holds the lock from its first write to its last: of
// two pools that overlap, applied at the same moment by two commands, one is
// refused. Backends whose transactions end at one resource can't promise this,
// and nobody can promise it of edits by hand, or of a filter that is deleted
// while a peer names it. So the checks are there to catch mistakes as they are
// typed; what runs is derived from a snapshot, and has to cope.
//
// What has hurt others: calicoctl sleeps a whole second between its retries and
// does not say what it waits for; clients that patch a cache by events and
// drift from the truth when one is lost; and backends that all behave a little
// differently, because each had tests of its own. Ours pass one suite: storetest.
package store
