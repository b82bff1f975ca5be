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

// A Batch writes many resources to one store, one after another. It is Create,
// Apply and Replace for a whole file of them: what it asks the store for its
// checks it asks once, and keeps up with its own writes.
//
// On a Locker it has the datastore to itself from its first write until Close,
// so that no check is about another state than the one written to. Before that,
// what the first resources are refused for is found out without the lock: who
// is refused waits for nobody, and nothing is made for him.
//
// To a datastore that is locked for a migration it does not write: ErrLocked.
//
// A Batch is for one goroutine.
type Batch struct {
	store     Store
	known     known
	release   func()    // not nil while the datastore is ours alone
	unlocked  time.Time // when the datastore was not locked
	migration bool      // it may be
}

// NewBatch returns a Batch that writes to s. Whoever makes one closes it.
func NewBatch(s Store) *Batch { return &Batch{store: s} }

// NewMigration is NewBatch for those who may write to a locked datastore: a
// migration, which is what the lock is for.
func NewMigration(s Store) *Batch { return &Batch{store: s, migration: true} }

// Close lets other writers go on. The Batch is not to be used any more.
func (b *Batch) Close() {
	if b.release != nil {
		b.release()
		b.release = nil
	}
}

// Create is the function Create, as a part of the Batch.
func (b *Batch) Create(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	if err := complete(r); err != nil {
		return nil, err
	}
	if v := r.Meta().ResourceVersion; v != "" {
		var wrong resources.Invalid
		wrong.Add("metadata.resourceVersion", v, "field must not be set for a Create request")
		return nil, wrong.Err()
	}
	return b.once(ctx, r, mustCreate)
}

// Apply is the function Apply, as a part of the Batch.
func (b *Batch) Apply(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	return b.write(ctx, r, mayCreate)
}

// Replace is the function Replace, as a part of the Batch.
func (b *Batch) Replace(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	return b.write(ctx, r, mustExist)
}

// A way is what a write makes of a resource that is there, or is not.
type way uint8

const (
	mayCreate way = iota
	mustCreate
	mustExist
)

// Delete removes a resource, if version is empty or the stored one, and returns
// what it was.
func (b *Batch) Delete(ctx context.Context, key resources.Key, version string) (resources.Resource, error) {
	if err := ofDatastore("delete", key.Kind); err != nil {
		return nil, err
	}
	if err := b.mayWrite(ctx); err != nil {
		return nil, err
	}
	b.known = known{}
	return b.store.Delete(ctx, key, version)
}

func (b *Batch) write(ctx context.Context, r resources.Resource, w way) (resources.Resource, error) {
	if err := complete(r); err != nil {
		return nil, err
	}
	if r.Meta().ResourceVersion != "" {
		return b.once(ctx, r, w)
	}
	pause := firstPause
	for try := 1; ; try++ {
		stored, err := b.once(ctx, r, w)
		if !overtaken(err, w) {
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
func overtaken(err error, w way) bool {
	return errors.Is(err, ErrConflict) ||
		w == mayCreate && (errors.Is(err, ErrExists) || errors.Is(err, ErrNotFound))
}

// once writes against the state it reads. The version of r is changed for the
// time of the write and put back.
func (b *Batch) once(ctx context.Context, r resources.Resource, w way) (resources.Resource, error) {
	if err := b.mayWrite(ctx); err != nil {
		return nil, err
	}
	if err := b.begin(ctx, r, w); err != nil {
		return nil, err
	}
	old, err := b.look(ctx, r, w)
	if err != nil {
		return nil, err
	}
	meta := r.Meta()
	defer func(asked string) { meta.ResourceVersion = asked }(meta.ResourceVersion)
	var stored resources.Resource
	if old == nil {
		meta.ResourceVersion = ""
		stored, err = b.store.Create(ctx, r)
	} else {
		meta.ResourceVersion = old.Meta().ResourceVersion
		stored, err = b.store.Update(ctx, r)
	}
	if err != nil {
		b.known = known{} // somebody else is at work: ask again
		return nil, err
	}
	b.known.note(stored)
	return stored, nil
}

// begin takes the datastore for us alone, where that is possible and r has a
// chance to be written.
func (b *Batch) begin(ctx context.Context, r resources.Resource, w way) error {
	l, ok := b.store.(Locker)
	if !ok || b.release != nil {
		return nil
	}
	if _, err := b.look(ctx, r, w); err != nil {
		return err
	}
	alone, release, err := l.Lock(ctx)
	if err != nil {
		return err
	}
	b.store, b.release, b.known, b.unlocked = alone, release, known{}, time.Time{}
	return b.mayWrite(ctx) // who locks the datastore may have been quicker
}

// look returns what r is going to replace, nil for a new resource, or why r
// can't be written.
func (b *Batch) look(ctx context.Context, r resources.Resource, w way) (resources.Resource, error) {
	if w == mustCreate {
		return nil, b.known.check(ctx, b.store, nil, r)
	}
	key, asked := resources.KeyOf(r), r.Meta().ResourceVersion
	old, err := b.store.Get(ctx, key)
	switch {
	case w == mayCreate && errors.Is(err, ErrNotFound):
		return nil, b.known.check(ctx, b.store, nil, r)
	case err != nil:
		return nil, err
	case asked != "" && asked != old.Meta().ResourceVersion:
		return nil, Fail(ErrConflict, key)
	}
	old.Default() // it may have been written by hand
	return old, b.known.check(ctx, b.store, old, r)
}

func complete(r resources.Resource) error {
	if err := ofDatastore("create or apply", r.Kind()); err != nil {
		return err
	}
	r.Default()
	return r.Validate()
}
