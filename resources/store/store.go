package store

import (
	"context"
	"errors"

	"github.com/calctl/calctl/resources"
)

// What can go wrong with one resource, whatever the backend. Backends wrap
// these with the key: callers test with errors.Is and never look at text.
var (
	// ErrNotFound: there is no resource with this key.
	ErrNotFound = errors.New("resource does not exist")
	// ErrExists: there is a resource with this key already.
	ErrExists = errors.New("resource already exists")
	// ErrConflict: the resource is no longer what the caller last saw.
	ErrConflict = errors.New("update conflict")
)

// A Store keeps resources. What each method promises is tested by storetest,
// which every backend passes. All methods may be called from many goroutines.
type Store interface {
	// Get returns the resource with its uid, creation time and version. It
	// fails with ErrNotFound when there is none.
	Get(ctx context.Context, key resources.Key) (resources.Resource, error)

	// List returns every resource of a kind, sorted by name.
	List(ctx context.Context, kind resources.Kind) ([]resources.Resource, error)

	// Create stores r and returns it as stored: with uid, creation time and
	// version. It fails with ErrExists when the key is taken.
	Create(ctx context.Context, r resources.Resource) (resources.Resource, error)

	// Update replaces labels, annotations and spec of the stored resource; uid
	// and creation time stay. When r carries a version that is not the stored
	// one it fails with ErrConflict, when there is nothing to replace with ErrNotFound.
	Update(ctx context.Context, r resources.Resource) (resources.Resource, error)

	// Delete removes the resource and returns what it was. A version that is
	// not empty must be the stored one, else it fails with ErrConflict.
	Delete(ctx context.Context, key resources.Key, version string) (resources.Resource, error)

	// Watch calls fn with the whole state once it is known, and again after
	// every change. A burst of changes may arrive as one call. fn must return
	// quickly. Watch returns nil when ctx is done; a datastore that is not
	// reachable for a while is retried inside, and reported through Health.
	Watch(ctx context.Context, fn func(*resources.Snapshot)) error

	// Health says where the datastore is and whether Watch can follow it.
	Health() Health

	// Close frees what the store holds. Resources written before are safe.
	Close() error
}

// Health is what a store says about itself.
type Health struct {
	Location string // for people: a folder, a list of endpoints
	Err      error  // why the datastore can't be followed now, nil when it can
}
