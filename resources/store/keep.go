package store

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/calctl/calctl/resources"
)

// Born gives a resource that is about to be stored for the first time what it
// does not have yet of a uid and a creation time (to the second, in UTC).
func Born(r resources.Resource) {
	meta := r.Meta()
	if meta.UID == "" {
		meta.UID = newUID()
	}
	if meta.CreationTimestamp == nil {
		now := time.Now().UTC().Truncate(time.Second)
		meta.CreationTimestamp = &now
	}
}

// newUID returns a random UUID (RFC 9562, version 4).
func newUID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// Keep gives next what an update may not change of the stored resource: uid,
// creation time, the status where the kind has one, and fields calctl does not
// know, unless next brings its own. Backends call it on their own copy of what they
// are about to write; both are of the same kind.
func Keep(stored, next resources.Resource) {
	from, to := stored.Meta(), next.Meta()
	to.UID, to.CreationTimestamp = from.UID, from.CreationTimestamp
	if unknown, ok := from.Annotations[resources.UnknownFields]; ok && to.Annotations[resources.UnknownFields] == "" {
		if to.Annotations == nil {
			to.Annotations = map[string]string{}
		}
		to.Annotations[resources.UnknownFields] = unknown
	}
	switch next := next.(type) {
	case *resources.IPPool:
		if stored, ok := stored.(*resources.IPPool); ok {
			next.Status = stored.Status
		}
	case *resources.Node:
		if stored, ok := stored.(*resources.Node); ok {
			next.Status = stored.Status
		}
	}
}
