package store

import "github.com/calctl/calctl/resources"

// Keep gives next what an update may not change of the stored resource: uid,
// creation time, and the status where the kind has one. Backends call it on
// their own copy of what they are about to write; both are of the same kind.
func Keep(stored, next resources.Resource) {
	from, to := stored.Meta(), next.Meta()
	to.UID, to.CreationTimestamp = from.UID, from.CreationTimestamp
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
