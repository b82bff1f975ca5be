package store

import (
	"sync"
	"time"
)

// Health is what a store says about itself.
type Health struct {
	Location string    // for people: a folder, a list of endpoints
	Err      error     // why the datastore can't be followed now, nil when it can
	Since    time.Time // since when there has been an Err
}

// Troubles are what keeps the Watches of one Store from following it. Every
// backend keeps its own in one, so that all tell of them alike. The zero value
// is ready to use.
type Troubles struct {
	mu    sync.Mutex
	watch map[any]trouble
}

type trouble struct {
	err   error
	since time.Time
}

// Note says how a watch fares: err is why it can't follow, nil that it can. One
// that has been in trouble before has been so since then, whatever for.
func (t *Troubles) Note(watch any, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		delete(t.watch, watch)
		return
	}
	since := time.Now()
	if before, ok := t.watch[watch]; ok {
		since = before.since
	}
	if t.watch == nil {
		t.watch = map[any]trouble{}
	}
	t.watch[watch] = trouble{err, since}
}

// Health is that of a store at a location. Watches of one datastore suffer from
// the same; the one that has done so for longest speaks for all.
func (t *Troubles) Health(location string) Health {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := Health{Location: location}
	for _, one := range t.watch {
		earlier := one.since.Before(h.Since) || one.since.Equal(h.Since) && h.Err != nil && one.err.Error() < h.Err.Error()
		if h.Err == nil || earlier {
			h.Err, h.Since = one.err, one.since
		}
	}
	return h
}
