package migration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// An Import brings resources into a datastore.
type Import struct {
	store     store.Store
	resources []resources.Resource
	lock      resources.Lock
}

// NewImport prepares the import of resources that are defaulted and valid, in an
// order in which they can be written. What another datastore has given them is
// taken away from them.
func NewImport(s store.Store, rs []resources.Resource) *Import {
	for _, r := range rs {
		forget(r)
	}
	return &Import{store: s, resources: rs}
}

// Rehearse says what Run would do, with each resource, and writes nothing. It fails
// when the datastore can't be read.
func (i *Import) Rehearse(ctx context.Context) (Report, error) {
	var err error
	if i.lock, err = store.LockOf(ctx, i.store); err != nil {
		return Report{}, err
	}
	target, err := rehearse(ctx, i.store)
	if err != nil {
		return Report{}, err
	}
	before := target.versions()
	blanks, err := target.blanks(ctx)
	if err != nil {
		return Report{}, err
	}
	report := Report{Strangers: strangers(target, i.resources)}
	if err := i.each(ctx, target, before, report.note); err != nil {
		return Report{}, err
	}
	if !i.lock.Importing { // else it may be what this import has written
		report.Strangers = append(report.Strangers, report.keys(Updated)...)
	}
	report.Strangers = slices.DeleteFunc(report.Strangers, func(key resources.Key) bool { return blanks[key] })
	report.Missing, err = missing(ctx, target, i.resources)
	return report, err
}

// Open says that an import into this datastore has begun and not ended. It is known
// after Rehearse.
func (i *Import) Open() bool { return i.lock.Importing }

// Run brings the resources into the datastore, after a Rehearse that was good. The
// datastore is locked before and stays so; when all is there it stops being half of
// an import. It ends at the first resource that can't be written: the report has
// those before and that one.
func (i *Import) Run(ctx context.Context) (Report, error) {
	lock := i.lock
	if !lock.Locked {
		lock.Locked, lock.Since = true, time.Now()
	}
	lock.Importing = true
	if err := store.SetLock(ctx, i.store, lock); err != nil {
		return Report{}, fmt.Errorf("lock the datastore: %w", err)
	}
	now, err := rehearse(ctx, i.store)
	if err != nil {
		return Report{}, err
	}
	var report Report
	failed := errors.New("failed")
	err = i.each(ctx, i.store, now.versions(), func(o Outcome) error {
		_ = report.note(o)
		if o.Did == Failed {
			return failed
		}
		return nil
	})
	if err != nil {
		if errors.Is(err, failed) {
			err = nil
		}
		return report, err
	}
	lock.Importing = false
	if err := store.SetLock(ctx, i.store, lock); err != nil {
		return report, fmt.Errorf("all resources are there, but the datastore could not be told so: %w", err)
	}
	return report, nil
}

// each writes all resources to a store that holds these versions, and says of each
// what came of it, until told to stop by an error.
func (i *Import) each(ctx context.Context, to store.Store, versions map[resources.Key]string, tell func(Outcome) error) error {
	batch := store.NewMigration(to)
	defer batch.Close()
	for _, r := range i.resources {
		o := write(ctx, batch, r, versions)
		if o.Err != nil && ctx.Err() != nil {
			return fmt.Errorf("interrupted at %s: %w", o.Key, o.Err)
		}
		if err := tell(o); err != nil {
			return err
		}
	}
	return nil
}

func write(ctx context.Context, batch *store.Batch, r resources.Resource, versions map[resources.Key]string) Outcome {
	o := Outcome{Key: resources.KeyOf(r)}
	stored, err := batch.Apply(ctx, r)
	before, there := versions[o.Key]
	switch {
	case err != nil:
		o.Err = err
		return o
	case !there:
		o.Did = Created
	case before == stored.Meta().ResourceVersion:
		o.Did = Unchanged
	default:
		o.Did = Updated
	}
	versions[o.Key] = stored.Meta().ResourceVersion // a file may have it twice
	return o
}
