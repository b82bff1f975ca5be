package store

import (
	"context"
	"errors"

	"github.com/calctl/calctl/resources"
)

// Snapshot is the whole state of a datastore now. It fails when ctx is done
// before the state is known, and when the datastore does not answer: a Watch
// would wait until it does.
func Snapshot(ctx context.Context, s Store) (*resources.Snapshot, error) {
	if _, err := s.List(ctx, resources.KindBGPConfiguration); err != nil && !errors.As(err, new(*BrokenError)) {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var snap *resources.Snapshot
	err := s.Watch(ctx, func(now *resources.Snapshot) {
		if snap == nil {
			snap = now
		}
		cancel()
	})
	if err == nil && snap == nil {
		err = context.Cause(ctx)
	}
	return snap, err
}
