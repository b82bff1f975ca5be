package dir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// Create writes a new file for r. It returns when the file is on the disk.
func (s *Store) Create(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	return s.create(ctx, r, s.locked)
}

func (s *Store) create(ctx context.Context, r resources.Resource, alone guard) (resources.Resource, error) {
	key := resources.KeyOf(r)
	own, err := s.admit(ctx, r)
	if err != nil {
		return nil, err
	}
	own.Meta().UID, own.Meta().CreationTimestamp = "", nil
	err = alone(ctx, func() error {
		if _, err := os.Lstat(s.file(key)); err == nil {
			return store.Fail(store.ErrExists, key)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("datastore: %w", err)
		}
		return s.put(own)
	})
	if err != nil {
		return nil, err
	}
	return own, nil
}

// Update replaces the file of r if its version is still the one r carries. A
// file written by hand gets its uid and creation time now.
func (s *Store) Update(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	return s.update(ctx, r, s.locked)
}

func (s *Store) update(ctx context.Context, r resources.Resource, alone guard) (resources.Resource, error) {
	key := resources.KeyOf(r)
	own, err := s.admit(ctx, r)
	if err != nil {
		return nil, err
	}
	err = alone(ctx, func() error {
		old, err := s.expect(ctx, key, r.Meta().ResourceVersion)
		if err != nil {
			return err
		}
		store.Keep(old, own)
		was, err := render(old)
		if err != nil {
			return err
		}
		is, err := render(own)
		if err != nil {
			return err
		}
		if bytes.Equal(was, is) {
			own.Meta().ResourceVersion = old.Meta().ResourceVersion
			return s.close(key)
		}
		return s.put(own)
	})
	if err != nil {
		return nil, err
	}
	return own, nil
}

// Delete removes the file of a resource, if version is empty or its own.
func (s *Store) Delete(ctx context.Context, key resources.Key, version string) (resources.Resource, error) {
	return s.delete(ctx, key, version, s.locked)
}

func (s *Store) delete(ctx context.Context, key resources.Key, version string, alone guard) (resources.Resource, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if checkName(key.Name) != nil {
		return nil, store.Fail(store.ErrNotFound, key)
	}
	if _, err := os.Stat(s.path); errors.Is(err, fs.ErrNotExist) {
		return nil, store.Fail(store.ErrNotFound, key) // and don't make the folder for it
	}
	var old resources.Resource
	err := alone(ctx, func() (err error) {
		if old, err = s.expect(ctx, key, version); err != nil {
			return err
		}
		if err := os.Remove(s.file(key)); err != nil {
			return fmt.Errorf("datastore: %w", err)
		}
		return syncFolder(s.folder(key.Kind))
	})
	if err != nil {
		return nil, err
	}
	return old, nil
}

// admit returns a copy of r that can be stored, or why there can't be one.
func (s *Store) admit(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkName(r.Meta().Name); err != nil {
		return nil, fmt.Errorf("%s: %w", resources.KeyOf(r), err)
	}
	return resources.Clone(r), nil
}

// expect returns the stored resource, if version is empty or its own.
func (s *Store) expect(ctx context.Context, key resources.Key, version string) (resources.Resource, error) {
	old, err := s.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	if version != "" && version != old.Meta().ResourceVersion {
		return nil, store.Fail(store.ErrConflict, key)
	}
	return old, nil
}

// put makes r the content of its file, whole or not at all, and gives r the
// version this stands for. It needs the lock.
func (s *Store) put(r resources.Resource) error {
	meta, key := r.Meta(), resources.KeyOf(r)
	store.Born(r)
	data, err := render(r)
	if err != nil {
		return err
	}
	if _, err := parse(data, s.file(key), key); err != nil {
		return fmt.Errorf("%s can't be stored, its file could not be read again: %w", key, err)
	}
	folder, mode := s.folder(key.Kind), fs.FileMode(0o644)
	if err := makeFolder(folder, 0o755); err != nil {
		return fmt.Errorf("datastore: %w", err)
	}
	if key.Kind == resources.KindSecret {
		mode = 0o600
		if err := os.Chmod(folder, 0o700); err != nil {
			return fmt.Errorf("datastore: %w", err)
		}
	}
	if err := replace(filepath.Join(folder, temporary), s.file(key), data, mode); err != nil {
		return fmt.Errorf("datastore: %w", err)
	}
	meta.ResourceVersion = versionOf(data)
	return nil
}

// close takes other users' access to a secret that is not rewritten, which they
// may have got by git or by hand.
func (s *Store) close(key resources.Key) error {
	if key.Kind != resources.KindSecret {
		return nil
	}
	if err := os.Chmod(s.file(key), 0o600); err != nil {
		return fmt.Errorf("datastore: %w", err)
	}
	return nil
}

// sweep removes what killed writers left. It needs the lock: whatever temporary
// file is there is then nobody's.
func (s *Store) sweep() {
	for _, t := range resources.Types() {
		// If it can't be removed, the write to that folder says why.
		_ = os.Remove(filepath.Join(s.path, t.Plural, temporary))
	}
}

// replace writes data to temp and moves it over file; when it returns nil, both
// the content and the name are on the disk.
func replace(temp, file string, data []byte, mode fs.FileMode) (err error) {
	// O_EXCL: never through a link somebody has put there.
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp)
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err := os.Rename(temp, file); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

// makeFolder makes a folder and what leads to it. A new folder is on the disk
// before anything in it is acknowledged.
func makeFolder(path string, mode fs.FileMode) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(path, mode); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return f.Sync()
}
