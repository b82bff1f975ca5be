package store

import (
	"context"

	"github.com/calctl/calctl/resources"
)

// Create stores a new resource and returns it as stored. r is defaulted in
// place, validated and checked first. It fails with ErrExists when there is one
// already, with a resources.Invalid when r is wrong or carries a version.
func Create(ctx context.Context, s Store, r resources.Resource) (resources.Resource, error) {
	b := NewBatch(s)
	defer b.Close()
	return b.Create(ctx, r)
}

// Apply creates r, or replaces labels, annotations and spec where it exists, and
// returns it as stored. r is defaulted in place, validated and checked first. If
// r carries a version and the stored one differs, it fails with ErrConflict;
// without one, Apply begins again when another writer interferes. A version does
// not keep a resource from being created: that is how files exported from
// another cluster come in.
func Apply(ctx context.Context, s Store, r resources.Resource) (resources.Resource, error) {
	b := NewBatch(s)
	defer b.Close()
	return b.Apply(ctx, r)
}

// Replace is Apply for what exists: it fails with ErrNotFound if r does not.
func Replace(ctx context.Context, s Store, r resources.Resource) (resources.Resource, error) {
	b := NewBatch(s)
	defer b.Close()
	return b.Replace(ctx, r)
}
