// Package migration moves what one datastore holds into another.
//
// Read takes everything out of a datastore that a file can hold: no Secrets, which
// must not lie about in files and pipes; no BlockAffinities and nothing else of
// Calico's IPAM, which calctl doesn't have; and not the ClusterInformation, which is
// the datastore's own. It says what it leaves out and what can't be read.
//
// An Import is made twice. First into a rehearsal: a Store in memory that begins as
// a copy of the target, so that every check there is (store.Batch) is made before
// anything is written, and a dry run is the same run. Only if all goes well there is
// it made for real, in a datastore that is locked and marked as half of an import
// until the last resource is written. Who was killed in between runs it again: what
// is there already is unchanged. A datastore in whose resources somebody else has a say
// is asked in the rehearsal what it would make of each (store.Foreseer): Kubernetes
// has Nodes of its own, which nobody creates, and which are nothing of Calico's before
// they have its annotations.
//
// What has hurt others: calicoctl imports into empty datastores only, so that an
// import that failed halfway can't be repeated without deleting things by hand.
package migration
