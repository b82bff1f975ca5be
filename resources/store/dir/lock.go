package dir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// longestPause is how long a writer may not notice that the lock is free.
const longestPause = 16 * time.Millisecond

// locked runs do while no other writer, of this process or another, is at work
// in the folder. It makes the folder if need be, and gives up when ctx is done.
func (s *Store) locked(ctx context.Context, do func() error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return s.waited(ctx)
	}
	if err := makeFolder(s.path, 0o755); err != nil {
		return fmt.Errorf("datastore: %w", err)
	}
	lock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // and with it the flock
	s.sweep()
	return do()
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
