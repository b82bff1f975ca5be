package dir_test

import (
	"path/filepath"
	"testing"

	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/dir"
	"github.com/calctl/calctl/resources/store/storetest"
)

func TestStore(t *testing.T) {
	where := map[store.Store]string{}
	open := func(t *testing.T, path string) store.Store {
		s, err := dir.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		where[s] = path
		return s
	}
	storetest.Run(t,
		func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "calctl")) },
		func(t *testing.T, s store.Store) store.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, where[s])
		})
}
