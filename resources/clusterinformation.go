package resources

import (
	"maps"
	"time"
)

// A ClusterInformation is what a datastore says about itself. There is one, by the
// name of ClusterName. calctl reads, and changes, only whether the datastore is
// locked; the rest is Calico's.
type ClusterInformation struct {
	TypeMeta
	Metadata `json:"metadata"`
	Spec     ClusterInformationSpec `json:"spec"`
}

// ClusterInformationSpec is the spec of a ClusterInformation.
type ClusterInformationSpec struct {
	ClusterGUID    string `json:"clusterGUID,omitempty"`
	ClusterType    string `json:"clusterType,omitempty"`
	CalicoVersion  string `json:"calicoVersion,omitempty"`
	DatastoreReady *bool  `json:"datastoreReady,omitempty"` // false: locked
	Variant        string `json:"variant,omitempty"`
}

// ClusterName is the name of the one ClusterInformation that counts.
const ClusterName = "default"

// Where a ClusterInformation keeps what Calico has no field for.
const (
	lockedSince = "calctl.io/locked-since" // RFC 3339
	importing   = "calctl.io/importing"    // "true" until an import has ended
)

// A Lock says whether a datastore is locked for a migration: nobody but the
// migration itself writes to it, and running nodes don't follow it.
type Lock struct {
	Locked bool
	// Since is zero when nobody has noted it, as calicoctl doesn't.
	Since time.Time
	// Importing says that an import has begun and not ended: what the datastore
	// holds is not complete.
	Importing bool
}

// Kind is KindClusterInformation.
func (*ClusterInformation) Kind() Kind { return KindClusterInformation }

// Default fills in what Calico's clients fill in, which is nothing.
func (r *ClusterInformation) Default() { setHead(r) }

// Validate returns an Invalid that names every bad field, or nil.
func (r *ClusterInformation) Validate() error {
	var bad Invalid
	bad.metadata(r)
	return bad.Err()
}

// Lock says whether the datastore is locked. One that says nothing is not.
func (r *ClusterInformation) Lock() Lock {
	if ready := r.Spec.DatastoreReady; ready == nil || *ready {
		return Lock{}
	}
	since, _ := time.Parse(time.RFC3339, r.Annotations[lockedSince]) // zero if it is something else
	return Lock{Locked: true, Since: since, Importing: r.Annotations[importing] == "true"}
}

// SetLock locks or unlocks the datastore.
func (r *ClusterInformation) SetLock(l Lock) {
	ready := !l.Locked
	r.Spec.DatastoreReady = &ready
	notes := maps.Clone(r.Annotations)
	if notes == nil {
		notes = map[string]string{}
	}
	delete(notes, lockedSince)
	delete(notes, importing)
	if l.Locked && !l.Since.IsZero() {
		notes[lockedSince] = l.Since.UTC().Format(time.RFC3339)
	}
	if l.Locked && l.Importing {
		notes[importing] = "true"
	}
	r.Annotations = notes
}
