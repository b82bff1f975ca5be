package dir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// longestPause is how long a writer may not notice that the lock is free.
const longestPause = 16 * time.Millisecond

// A guard runs do while no other writer, of this process or another, is at
// work in the folder.
type guard func(ctx context.Context, do func() error) error

// locked is the guard of a single write.
func (s *Store) locked(ctx context.Context, do func() error) error {
	release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	return do()
}

// held is the guard of writes by who has the lock already.
func held(_ context.Context, do func() error) error { return do() }

// Lock keeps all other writers out of the folder until release is called. What
// alone writes needs no lock of its own. Who holds it and writes by the Store
// itself waits for himself, until ctx is done.
func (s *Store) Lock(ctx context.Context) (alone store.Store, release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if release, err = s.acquire(ctx); err != nil {
		return nil, nil, err
	}
	return holder{s, s}, sync.OnceFunc(release), nil
}

// A holder is a Store as it is for who has its lock.
type holder struct {
	store.Store
	folder *Store
}

func (h holder) Create(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	return h.folder.create(ctx, r, held)
}

func (h holder) Update(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	return h.folder.update(ctx, r, held)
}

func (h holder) Delete(ctx context.Context, key resources.Key, version string) (resources.Resource, error) {
	return h.folder.delete(ctx, key, version, held)
}

// acquire returns when it is our turn. It makes the folder if need be, and
// gives up when ctx is done.
func (s *Store) acquire(ctx context.Context) (release func(), err error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, s.waited(ctx)
	}
	defer func() {
		if err != nil {
			<-s.turn
		}
	}()
	if err := makeFolder(s.path, 0o755); err != nil {
		return nil, fmt.Errorf("datastore: %w", err)
	}
	lock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	s.sweep()
	return func() {
		_ = lock.Close() // and with it the flock
		<-s.turn
	}, nil
}

// lock takes the flock. It asks again and again instead of waiting in the
// kernel, where nothing but a signal would get us out when ctx is done.
func (s *Store) lock(ctx context.Context) (*os.File, error) {
	path := filepath.Join(s.path, lockFile)
	for pause := time.Millisecond; ; {
		// Who may not write here must not be able to open the file either: a
		// lock can be held through any descriptor.
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o660)
		if err != nil {
			return nil, fmt.Errorf("datastore: %w", err)
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil && sameFile(f, path) {
			return f, nil
		}
		_ = f.Close()
		if err == nil {
			continue // the folder was replaced meanwhile: this lock guards nothing
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, fmt.Errorf("datastore: flock %s: %w: the file system must support locks", path, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, s.waited(ctx)
		}
		pause = min(2*pause, longestPause)
	}
}

func (s *Store) waited(ctx context.Context) error {
	return fmt.Errorf("datastore %s: another writer holds the lock: %w", s.path, ctx.Err())
}

func sameFile(f *os.File, path string) bool {
	held, err1 := f.Stat()
	there, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(held, there)
}
