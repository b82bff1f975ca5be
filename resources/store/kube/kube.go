package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// A Store keeps resources in the API of Kubernetes.
type Store struct {
	config   Config
	location string
	client   *rest.RESTClient
	plain    *http.Transport
	troubles store.Troubles
	found    atomic.Pointer[string] // the group that the cluster has, nil before that is known
	seen     store.Recent[[]byte]
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Foreseer = (*Store)(nil)
)

// Open returns the store in a cluster. It fails if the configuration makes no sense
// or its files can't be read. Whether anybody answers is seen by the first request.
func Open(c Config) (*Store, error) {
	r, err := c.rest()
	if err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Namespace == "" {
		c.Namespace = DefaultNamespace
	}
	s := &Store{config: c, location: location(r)}
	if s.client, s.plain, err = connect(r); err != nil {
		return nil, s.where(err)
	}
	if c.Group != "" {
		s.found.Store(&c.Group)
	}
	return s, nil
}

// Close ends connections that nobody uses. Watches end with their context.
func (s *Store) Close() error {
	s.plain.CloseIdleConnections()
	return nil
}

// Health says where the API server is, and what keeps a running Watch from following it.
func (s *Store) Health() store.Health { return s.troubles.Health(s.location) }

// home is where a kind lives in this cluster.
func (s *Store) home(ctx context.Context, kind resources.Kind) (home, error) {
	group := ""
	if isCalicos(kind) {
		var err error
		if group, err = s.group(ctx); err != nil {
			return home{}, err
		}
	}
	return homeOf(kind, group, s.config.Namespace), nil
}

// Get returns the resource with this key as it is stored, without defaults.
func (s *Store) Get(ctx context.Context, key resources.Key) (resources.Resource, error) {
	h, err := s.home(ctx, key.Kind)
	if err != nil {
		return nil, err
	}
	r, raw, err := s.read(ctx, h, key)
	if err == nil {
		s.seen.Note(key, raw)
	}
	return r, err
}

// read is Get that also returns the object as it is.
func (s *Store) read(ctx context.Context, h home, key resources.Key) (resources.Resource, []byte, error) {
	if !storable(key) {
		return nil, nil, store.Fail(store.ErrNotFound, key)
	}
	raw, err := s.send(ctx, request{verb: "GET", path: h.path + "/" + key.Name})
	if noSuchKind(err) {
		return nil, nil, store.Fail(store.ErrNotFound, key)
	}
	if err != nil {
		return nil, nil, refused(err, h, key)
	}
	r, err := h.decode(raw, key)
	return r, raw, err
}

// List returns every resource of a kind, sorted by name.
func (s *Store) List(ctx context.Context, kind resources.Kind) ([]resources.Resource, error) {
	h, err := s.home(ctx, kind)
	if err != nil {
		return nil, err
	}
	items, _, err := s.list(ctx, s.config.Timeout, request{path: h.path})
	if err != nil {
		return nil, err
	}
	found := make([]resources.Resource, 0, len(items))
	var bad []resources.Broken
	for _, raw := range items {
		r, err := h.decode(raw, h.entry(raw).Key)
		var broken *store.BrokenError
		if errors.As(err, &broken) {
			bad = append(bad, broken.Entries...)
			continue
		}
		found = append(found, r)
	}
	slices.SortFunc(found, func(a, b resources.Resource) int { return strings.Compare(a.Meta().Name, b.Meta().Name) })
	if bad != nil {
		return found, &store.BrokenError{Entries: bad}
	}
	return found, nil
}

// list returns the objects at a path and the revision at which there were these. A
// kind that the cluster doesn't have, as with an older Calico, has none, and no revision.
func (s *Store) list(ctx context.Context, limit time.Duration, q request) (items []json.RawMessage, revision string, err error) {
	q.verb = "GET"
	raw, err := s.sendWithin(ctx, limit, q)
	if noSuchKind(err) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	var list struct {
		Metadata metadata          `json:"metadata"`
		Items    []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, "", s.where(fmt.Errorf("what is at %s is no list: %w", q.path, err))
	}
	return list.Items, list.Metadata.ResourceVersion, nil
}

// Create stores a new resource.
func (s *Store) Create(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	key := resources.KeyOf(r)
	if err := mayWrite("Create", key); err != nil {
		return nil, err
	}
	h, err := s.home(ctx, key.Kind)
	if err != nil {
		return nil, err
	}
	own := resources.Clone(r)
	own.Meta().UID, own.Meta().CreationTimestamp = "", nil
	store.Born(own)
	text, err := resources.EncodeStored(own, nil)
	if err != nil {
		return nil, err
	}
	body, err := writeCustom(h.group, h.kind, text, own.Meta(), nil)
	if err != nil {
		return nil, err
	}
	raw, err := s.send(ctx, request{verb: "POST", path: h.path, body: body})
	if err != nil {
		return nil, refused(err, h, key)
	}
	return h.decode(raw, key)
}

// Update replaces a resource if its version is still the one r carries.
func (s *Store) Update(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	key := resources.KeyOf(r)
	if err := mayWrite("Update", key); err != nil {
		return nil, err
	}
	h, err := s.home(ctx, key.Kind)
	if err != nil {
		return nil, err
	}
	for {
		old, raw, err := s.expect(ctx, h, key, r.Meta().ResourceVersion)
		if err != nil {
			return nil, err
		}
		own := resources.Clone(r)
		store.Keep(old, own)
		q, err := s.change(h, old, raw, own)
		if err != nil {
			return nil, err
		}
		if q.body == nil {
			return old, nil
		}
		raw, err = s.send(ctx, q)
		err = refused(err, h, key)
		switch {
		case err == nil:
			return h.decode(raw, key)
		case errors.Is(err, store.ErrConflict) && r.Meta().ResourceVersion == "":
			continue
		default:
			return nil, err
		}
	}
}

// change is the request that makes old, which is stored as raw, what own is. It has
// no body when nothing is to change.
func (s *Store) change(h home, old resources.Resource, raw []byte, own resources.Resource) (request, error) {
	path := h.path + "/" + own.Meta().Name
	if node, ok := own.(*resources.Node); ok {
		var k coreNode
		if err := json.Unmarshal(raw, &k); err != nil {
			return request{}, err
		}
		body, err := writeNode(&k, node)
		return request{verb: "PATCH", path: path + "/status", patch: true, body: body}, err
	}
	was, err := resources.EncodeStored(old, nil)
	if err != nil {
		return request{}, err
	}
	is, err := resources.EncodeStored(own, nil)
	if err != nil || string(was) == string(is) {
		return request{}, err
	}
	store.Born(own) // made by others, it may have no creation time
	m, stored, err := h.read(raw)
	if err != nil {
		return request{}, err
	}
	text, err := resources.EncodeStored(own, []byte(stored))
	if err != nil {
		return request{}, err
	}
	o, err := parse(raw)
	if err != nil {
		return request{}, err
	}
	o.ResourceVersion = m.ResourceVersion
	body, err := writeCustom(h.group, h.kind, text, own.Meta(), &o)
	return request{verb: "PUT", path: path, body: body}, err
}

// Foresee says what a write would leave. All but a Node is kept as it is written.
func (s *Store) Foresee(ctx context.Context, old, next resources.Resource) (resources.Resource, error) {
	node, ok := next.(*resources.Node)
	if !ok {
		return next, nil
	}
	key := resources.KeyOf(next)
	if old == nil {
		return nil, mayWrite("Create", key)
	}
	h, err := s.home(ctx, key.Kind)
	if err != nil {
		return nil, err
	}
	_, raw, err := s.read(ctx, h, key)
	if err != nil {
		return nil, err
	}
	q, err := s.change(h, old, raw, node)
	if err != nil {
		return nil, err
	}
	if q.body == nil {
		return old, nil
	}
	return next, nil
}

// Delete removes a resource, if version is empty or its own.
func (s *Store) Delete(ctx context.Context, key resources.Key, version string) (resources.Resource, error) {
	if err := mayWrite("Delete", key); err != nil {
		return nil, err
	}
	h, err := s.home(ctx, key.Kind)
	if err != nil {
		return nil, err
	}
	for {
		old, _, err := s.expect(ctx, h, key, version)
		if err != nil {
			return nil, err
		}
		body := fmt.Sprintf(`{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"resourceVersion":%q}}`, old.Meta().ResourceVersion)
		_, err = s.send(ctx, request{verb: "DELETE", path: h.path + "/" + key.Name, body: []byte(body)})
		err = refused(err, h, key)
		switch {
		case err == nil:
			return old, nil
		case errors.Is(err, store.ErrConflict) && version == "":
			continue
		default:
			return nil, err
		}
	}
}

// expect returns what is stored, if version is empty or its own. What Get has seen a
// moment ago need not be asked for again.
func (s *Store) expect(ctx context.Context, h home, key resources.Key, version string) (resources.Resource, []byte, error) {
	if raw, ok := s.seen.Take(key); ok && version != "" {
		if r, err := h.decode(raw, key); err == nil && r.Meta().ResourceVersion == version {
			return r, raw, nil
		}
	}
	old, raw, err := s.read(ctx, h, key)
	if err == nil && version != "" && version != old.Meta().ResourceVersion {
		err = store.Fail(store.ErrConflict, key)
	}
	return old, raw, err
}

// mayWrite is an error for what can't be written here, before anything is asked.
func mayWrite(operation string, key resources.Key) error {
	switch {
	case key.Kind == resources.KindBlockAffinity:
		return store.Fail(store.ErrReadOnly, key)
	case key.Kind == resources.KindNode && operation == "Create":
		return fmt.Errorf("operation %s is not supported on %s: a Node is there when its kubelet has registered it", operation, key)
	case key.Kind == resources.KindNode && operation == "Delete":
		return fmt.Errorf("operation %s is not supported on %s: remove it from Kubernetes, with kubectl delete node %s", operation, key, key.Name)
	case operation == "Create" && !storable(key):
		return fmt.Errorf("%s: a name in Kubernetes is not empty, '.' or '..', and has no '/' or '%%'", key)
	}
	return nil
}

func storable(key resources.Key) bool {
	n := key.Name
	return n != "" && n != "." && n != ".." && !strings.ContainsAny(n, "/%")
}
