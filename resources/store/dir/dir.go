package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// A Store keeps resources in a folder. Many Stores, in many processes, may use
// the same folder at once.
type Store struct {
	path   string
	patrol time.Duration
	notify func() (*notifier, error)
	// turn is held by the goroutine that waits for, or has, the lock on the
	// folder: the others of this process queue up here and need not poll.
	turn chan struct{}

	troubles store.Troubles
}

var _ store.Locker = (*Store)(nil)

// An Option changes how a Store works.
type Option func(*Store)

// Patrol sets how often a watch compares all files with what it knows, whether
// it was told of changes or not; the default is ten seconds. On a folder that
// other machines write to over the network, where nobody tells, it is the time
// a change takes.
func Patrol(every time.Duration) Option { return func(s *Store) { s.patrol = every } }

// Open returns the store in the folder path. A folder that is not there is an
// empty store, and made by the first write. Open fails if path is something
// else than a folder or may not be read.
func Open(path string, opts ...Option) (*Store, error) {
	if path == "" {
		return nil, errors.New("datastore has no path: name a folder")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("datastore: %w", err)
	}
	s := &Store{
		path:   path,
		patrol: 10 * time.Second,
		notify: newNotifier,
		turn:   make(chan struct{}, 1),
	}
	for _, o := range opts {
		o(s)
	}
	switch f, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("datastore: %w", err)
	case !f.IsDir():
		return nil, fmt.Errorf("datastore %s is not a folder: name the folder that holds, or shall hold, the resources", path)
	}
	if _, err := os.ReadDir(path); err != nil {
		return nil, fmt.Errorf("datastore: %w", err)
	}
	return s, nil
}

// Get returns the resource with this key as its file has it, without defaults.
func (s *Store) Get(ctx context.Context, key resources.Key) (resources.Resource, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if checkName(key.Name) != nil {
		return nil, store.Fail(store.ErrNotFound, key)
	}
	r, err := read(s.file(key), key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, store.Fail(store.ErrNotFound, key)
	}
	if err != nil {
		return nil, &store.BrokenError{Entries: []resources.Broken{{Key: key, Source: s.file(key), Err: err}}}
	}
	return r, nil
}

// List returns every resource of a kind, sorted by name.
func (s *Store) List(ctx context.Context, kind resources.Kind) ([]resources.Resource, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	folder := s.folder(kind)
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("datastore: %w", err)
	}
	var found []resources.Resource
	var broken []resources.Broken
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		key, ok := keyOf(kind, e.Name())
		if !ok {
			continue
		}
		file := filepath.Join(folder, e.Name())
		r, err := read(file, key)
		switch {
		case err == nil:
			found = append(found, r)
		case !errors.Is(err, fs.ErrNotExist): // deleted since the folder was read
			broken = append(broken, resources.Broken{Key: key, Source: file, Err: err})
		}
	}
	slices.SortFunc(found, func(a, b resources.Resource) int {
		return strings.Compare(a.Meta().Name, b.Meta().Name)
	})
	if broken != nil {
		return found, &store.BrokenError{Entries: broken}
	}
	return found, nil
}

// Health says where the folder is, and what keeps a running Watch from
// following it as it should.
func (s *Store) Health() store.Health { return s.troubles.Health("dir " + s.path) }

// Close has nothing to do: a Store holds files open only during a call.
func (s *Store) Close() error { return nil }

func (s *Store) folder(kind resources.Kind) string {
	return filepath.Join(s.path, resources.TypeOf(kind).Plural)
}

func (s *Store) file(key resources.Key) string {
	return filepath.Join(s.folder(key.Kind), key.Name+extension)
}
