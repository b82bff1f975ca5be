package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/calctl/calctl/resources"
)

// lockMemory is how long a Batch relies on the datastore not being locked.
const lockMemory = time.Second

var clusterKey = resources.Key{Kind: resources.KindClusterInformation, Name: resources.ClusterName}

// LockOf says whether the datastore is locked, by calctl or by Calico.
func LockOf(ctx context.Context, s Store) (resources.Lock, error) {
	r, err := s.Get(ctx, clusterKey)
	if errors.Is(err, ErrNotFound) {
		return resources.Lock{}, nil
	}
	if err != nil {
		return resources.Lock{}, err
	}
	return r.(*resources.ClusterInformation).Lock(), nil
}

// SetLock locks or unlocks the datastore. On a Locker it waits until nobody
// writes; on others a write that began before may still end after it.
func SetLock(ctx context.Context, s Store, lock resources.Lock) error {
	for try := 1; ; try++ {
		err := setLock(ctx, s, lock)
		again := errors.Is(err, ErrConflict) || errors.Is(err, ErrExists) || errors.Is(err, ErrNotFound)
		if !again || try == tries || ctx.Err() != nil {
			return err
		}
	}
}

func setLock(ctx context.Context, s Store, lock resources.Lock) error {
	r, err := s.Get(ctx, clusterKey)
	switch {
	case errors.Is(err, ErrNotFound) && !lock.Locked:
		return nil
	case errors.Is(err, ErrNotFound):
		info := &resources.ClusterInformation{Metadata: resources.Metadata{Name: clusterKey.Name}}
		info.Default()
		info.SetLock(lock)
		_, err = s.Create(ctx, info)
	case err == nil:
		info := resources.Clone(r).(*resources.ClusterInformation)
		info.SetLock(lock)
		_, err = s.Update(ctx, info)
	}
	return err
}

// locked is ErrLocked with what is known of the lock.
func locked(l resources.Lock) error {
	since := ""
	if !l.Since.IsZero() {
		since = " since " + l.Since.Format(time.RFC3339)
	}
	if l.Importing {
		since += " and an import has not ended"
	}
	return fmt.Errorf("%w%s: 'calctl datastore migrate unlock' ends that", ErrLocked, since)
}

// mayWrite is ErrLocked when the datastore is locked.
func (b *Batch) mayWrite(ctx context.Context) error {
	if b.migration || !b.unlocked.IsZero() && time.Since(b.unlocked) < lockMemory {
		return nil
	}
	asked := time.Now()
	lock, err := LockOf(ctx, b.store)
	if err != nil {
		return err
	}
	if lock.Locked {
		return locked(lock)
	}
	b.unlocked = asked
	return nil
}

// ofDatastore is an error for what is not the user's to write or to delete.
func ofDatastore(operation string, kind resources.Kind) error {
	if kind != resources.KindClusterInformation {
		return nil
	}
	return fmt.Errorf("operation %s is not supported on %s: it is the datastore's own; 'calctl datastore migrate lock' and 'unlock' change what there is to change", operation, kind)
}
