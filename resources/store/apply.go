package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/calctl/calctl/resources"
)

// A write without a version begins again when somebody else was quicker.
const (
	tries      = 8
	firstPause = 5 * time.Millisecond // doubled after each try, with some chance in it
)

// Create stores a new resource and returns it as stored. r is defaulted in
// place, validated and checked first. It fails with ErrExists when there is one
// already, with a resources.Invalid when r is wrong or carries a version.
func Create(ctx context.Context, s Store, r resources.Resource) (resources.Resource, error) {
	if err := complete(r); err != nil {
		return nil, err
	}
	if v := r.Meta().ResourceVersion; v != "" {
		var wrong resources.Invalid
		wrong.Add("metadata.resourceVersion", v, "field must not be set for a Create request")
		return nil, wrong.Err()
	}
	if err := Check(ctx, s, nil, r); err != nil {
		return nil, err
	}
	return s.Create(ctx, r)
}

// Apply creates r, or replaces labels, annotations and spec where it exists, and
// returns it as stored. r is defaulted in place, validated and checked first. If
// r carries a version and the stored one differs, it fails with ErrConflict;
// without one, Apply begins again when another writer interferes. A version does
// not keep a resource from being created: that is how files exported from
// another cluster come in.
func Apply(ctx context.Context, s Store, r resources.Resource) (resources.Resource, error) {
	return write(ctx, s, r, true)
}

// Replace is Apply for what exists: it fails with ErrNotFound if r does not.
func Replace(ctx context.Context, s Store, r resources.Resource) (resources.Resource, error) {
	return write(ctx, s, r, false)
}

func write(ctx context.Context, s Store, r resources.Resource, mayCreate bool) (resources.Resource, error) {
	if err := complete(r); err != nil {
		return nil, err
	}
	if r.Meta().ResourceVersion != "" {
		return writeOnce(ctx, s, r, mayCreate)
	}
	pause := firstPause
	for try := 1; ; try++ {
		stored, err := writeOnce(ctx, s, r, mayCreate)
		if !overtaken(err, mayCreate) {
			return stored, err
		}
		if try == tries {
			return nil, fmt.Errorf("failed to update the resource: %w", err)
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return nil, fmt.Errorf("failed to update the resource: %w (%w)", err, ctx.Err())
		}
		pause *= 2
	}
}

// overtaken tells whether err comes from a change since we looked.
func overtaken(err error, mayCreate bool) bool {
	return errors.Is(err, ErrConflict) ||
		mayCreate && (errors.Is(err, ErrExists) || errors.Is(err, ErrNotFound))
}

// writeOnce writes against the state it reads. The version of r is changed for
// the time of the write and put back.
func writeOnce(ctx context.Context, s Store, r resources.Resource, mayCreate bool) (resources.Resource, error) {
	key, meta := resources.KeyOf(r), r.Meta()
	asked := meta.ResourceVersion
	defer func() { meta.ResourceVersion = asked }()

	old, err := s.Get(ctx, key)
	switch {
	case mayCreate && errors.Is(err, ErrNotFound):
		if err := Check(ctx, s, nil, r); err != nil {
			return nil, err
		}
		meta.ResourceVersion = ""
		return s.Create(ctx, r)
	case err != nil:
		return nil, err
	case asked != "" && asked != old.Meta().ResourceVersion:
		return nil, Fail(ErrConflict, key)
	}
	old.Default() // it may have been written by hand
	if err := Check(ctx, s, old, r); err != nil {
		return nil, err
	}
	meta.ResourceVersion = old.Meta().ResourceVersion
	return s.Update(ctx, r)
}

func complete(r resources.Resource) error {
	r.Default()
	return r.Validate()
}
