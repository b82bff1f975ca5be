package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/calctl/calctl/resources"
)

// What can go wrong, whatever the backend. Backends wrap those about one resource
// with its key by Fail: callers test with errors.Is and never look at text.
var (
	// ErrNotFound: there is no resource with this key.
	ErrNotFound = errors.New("resource does not exist")
	// ErrExists: there is a resource with this key already.
	ErrExists = errors.New("resource already exists")
	// ErrConflict: the resource is no longer what the caller last saw.
	ErrConflict = errors.New("update conflict")
	// ErrReadOnly: nobody but Calico writes resources of this kind here.
	ErrReadOnly = errors.New("only Calico writes these here, calctl reads them")
	// ErrNoAnswer: the datastore did not answer in its time, whatever it was asked.
	ErrNoAnswer = errors.New("no answer in time")
	// ErrLocked: the datastore is locked for a migration and is not to be written to.
	ErrLocked = errors.New("datastore is locked for migration")
)

// Fail is how a backend says that why, one of the errors above, has happened to
// key. The words are calicoctl's: resource does not exist: BGPPeer(rack1).
func Fail(why error, key resources.Key) error {
	return fmt.Errorf("%w: %s", why, key)
}

// A BrokenError lists entries of a datastore that could not be read. A List
// that fails with it has returned all the others.
type BrokenError struct {
	Entries []resources.Broken // at least one, sorted by Source
}

// Error writes one line per entry: where it is and what is wrong with it.
func (e *BrokenError) Error() string {
	lines := make([]string, len(e.Entries))
	for i, b := range e.Entries {
		lines[i] = b.Source + ": " + b.Err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the reasons, so that errors.Is finds fs.ErrPermission and its like.
func (e *BrokenError) Unwrap() []error {
	errs := make([]error, len(e.Entries))
	for i, b := range e.Entries {
		errs[i] = b.Err
	}
	return errs
}
