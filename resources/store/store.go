package store

import (
	"context"

	"github.com/calctl/calctl/resources"
)

// A Store keeps resources. What each method promises is tested by storetest,
// which every backend passes. All methods may be called from many goroutines.
type Store interface {
	// Get returns the resource with its uid, creation time and version. It
	// fails with ErrNotFound when there is none, with a BrokenError when there is
	// one that can't be read. The caller may change what he gets.
	Get(ctx context.Context, key resources.Key) (resources.Resource, error)

	// List returns every resource of a kind, sorted by name. When some can't be
	// read it returns the others and a BrokenError.
	List(ctx context.Context, kind resources.Kind) ([]resources.Resource, error)

	// Create stores r and returns it as stored: with uid, creation time and
	// version. It fails with ErrExists when the key is taken. Neither Create nor
	// Update changes r, and both ignore the uid and creation time it carries. r
	// must have been defaulted, which Create and Apply of this package do.
	Create(ctx context.Context, r resources.Resource) (resources.Resource, error)

	// Update replaces labels, annotations and spec of the stored resource; uid,
	// creation time and status stay (see Keep). When r carries a version that is
	// not the stored one it fails with ErrConflict, when there is nothing to
	// replace with ErrNotFound. Where nothing changes, the version stays too.
	Update(ctx context.Context, r resources.Resource) (resources.Resource, error)

	// Delete removes the resource and returns what it was. A version that is
	// not empty must be the stored one, else it fails with ErrConflict.
	Delete(ctx context.Context, key resources.Key, version string) (resources.Resource, error)

	// Watch calls fn with the whole state once it is known, and again after
	// every change, never twice at a time. A burst of changes may arrive as one
	// call. The resources in it are defaulted and valid. fn must return quickly.
	// Watch returns nil when ctx is done; a datastore that is not reachable for
	// a while is retried inside, and reported through Health.
	Watch(ctx context.Context, fn func(*resources.Snapshot)) error

	// Health says where the datastore is and whether Watch can follow it.
	Health() Health

	// Close frees what the store holds. Resources written before are safe.
	Close() error
}

// A Locker is a Store that can keep all other writers out, in this process and
// in others. Not every datastore can: a Batch finds out by a type assertion, and
// does without where it must.
type Locker interface {
	Store

	// Lock waits until nobody else writes. Until release is called all writes
	// but those by alone, which is the same datastore, wait. Reading is free for
	// everybody. Lock fails when ctx is done before it is the caller's turn.
	Lock(ctx context.Context) (alone Store, release func(), err error)
}

// A Foreseer is a Store that may refuse a resource, or keep a part of it only,
// because somebody else has a say in it: Kubernetes in its Nodes.
type Foreseer interface {
	// Foresee says what there would be if next were written in the place of old, or
	// created when old is nil: old itself when nothing would change, an error when it
	// would be refused. It writes nothing.
	Foresee(ctx context.Context, old, next resources.Resource) (resources.Resource, error)
}
