// Package storetest says in code what a datastore promises. Every backend runs
// it against itself; what passes here can be put under calctl without anything
// else noticing:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store { … }, nil)
//	}
//
// The suite has no opinion on how fast a change must be seen, only that it is
// (within Patience), and none on how many snapshots there are on the way. It
// never sleeps: it waits for a state, and fails when that does not come.
//
// Writers in here are many on purpose. Most datastores are right when one
// program writes; they lose an update, or show half of one, when eight do.
package storetest
