package resources

import "time"

// APIVersion is the version of every Calico resource calctl knows.
const APIVersion = "projectcalico.org/v3"

// A Kind names a type of resource, spelt as in a file's `kind:` field.
type Kind string

// The kinds of resource: Calico's six, the Secret their passwords come from, and
// what a datastore says of itself.
const (
	KindBGPConfiguration Kind = "BGPConfiguration"
	KindBGPPeer          Kind = "BGPPeer"
	KindBGPFilter        Kind = "BGPFilter"
	KindIPPool           Kind = "IPPool"
	KindNode             Kind = "Node"
	KindSecret           Kind = "Secret"
	KindBlockAffinity    Kind = "BlockAffinity"

	KindClusterInformation Kind = "ClusterInformation"
)

// A Key identifies one resource in a datastore.
type Key struct {
	Kind Kind
	Name string
}

// String writes a key the way calicoctl's errors do: BGPPeer(rack1).
func (k Key) String() string { return string(k.Kind) + "(" + k.Name + ")" }

// A Resource is one object a user can apply, get and delete.
type Resource interface {
	// Kind is the type of the resource, whatever its file says.
	Kind() Kind
	// Meta is the resource's own metadata, to be read and changed in place.
	Meta() *Metadata
	// Default fills in what the user left out, as Calico's clients do before they store an object.
	Default()
	// Validate returns an Invalid that names every bad field, or nil. It looks
	// at this resource alone: whether it fits the others is package store's and
	// intent.Derive's business.
	Validate() error
}

// KeyOf returns the key r is stored under.
func KeyOf(r Resource) Key { return Key{Kind: r.Kind(), Name: r.Meta().Name} }

// TypeMeta is the head of every resource. The order of the fields is that of
// Calico's own JSON.
type TypeMeta struct {
	TypeKind   Kind   `json:"kind"`
	APIVersion string `json:"apiVersion"`
}

// head gives setHead access to the TypeMeta inside any kind.
func (t *TypeMeta) head() *TypeMeta { return t }

// setHead writes kind and apiVersion as the table of Types has them.
func setHead(r Resource) {
	if h, ok := r.(interface{ head() *TypeMeta }); ok {
		t := TypeOf(r.Kind())
		*h.head() = TypeMeta{TypeKind: t.Kind, APIVersion: t.APIVersion}
	}
}

// Metadata is the part of a resource that is the same for all kinds.
type Metadata struct {
	Name string `json:"name"`
	// Namespace must be empty: none of the kinds is namespaced. The field is
	// here so that a file which sets it gets a sentence about it.
	Namespace string `json:"namespace,omitempty"`
	// UID is given by the datastore when the resource is created.
	UID string `json:"uid,omitempty"`
	// ResourceVersion identifies this state of the resource to the datastore.
	// A write that carries one fails if the stored one differs.
	ResourceVersion   string            `json:"resourceVersion,omitempty"`
	CreationTimestamp *time.Time        `json:"creationTimestamp,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
}

// Meta returns m itself: a struct that embeds Metadata has the method Resource asks for.
func (m *Metadata) Meta() *Metadata { return m }
