package etcd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// prefix is where Calico keeps resources.
const prefix = "/calico/resources/v3/projectcalico.org/"

// A Store keeps resources in etcd.
type Store struct {
	config   Config
	lookup   lookup
	troubles store.Troubles
	seen     store.Recent[*mvccpb.KeyValue]

	making chan struct{} // held while the fields below are looked at
	client *clientv3.Client
	forget context.CancelFunc
	closed bool
}

var _ store.Store = (*Store)(nil)

// Open returns the store in an etcd cluster. It fails if the configuration makes
// no sense or its certificates can't be read. Whether anybody answers is seen by
// the first request.
func Open(c Config) (*Store, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("datastore: %w", err)
	}
	if _, err := c.tls(); err != nil {
		return nil, fmt.Errorf("datastore: %w", err)
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	return &Store{config: c, lookup: net.DefaultResolver.LookupSRV, making: make(chan struct{}, 1)}, nil
}

// Close ends all connections. Watches that still run fail to reconnect.
func (s *Store) Close() error {
	s.making <- struct{}{}
	defer func() { <-s.making }()
	s.closed = true
	if s.client == nil {
		return nil
	}
	err := s.client.Close()
	s.forget()
	s.client = nil
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Health says where etcd is, and what keeps a running Watch from following it.
func (s *Store) Health() store.Health { return s.troubles.Health(s.config.location()) }

// Get returns the resource with this key as it is stored, without defaults.
func (s *Store) Get(ctx context.Context, key resources.Key) (resources.Resource, error) {
	r, kv, err := s.read(ctx, key)
	if err == nil && kv != nil {
		s.seen.Note(key, kv)
	}
	return r, err
}

// read is Get that also returns what is stored, as it is.
func (s *Store) read(ctx context.Context, key resources.Key) (resources.Resource, *mvccpb.KeyValue, error) {
	if key.Kind == resources.KindBlockAffinity {
		r, err := s.find(ctx, key)
		return r, nil, err
	}
	var kv *mvccpb.KeyValue
	err := s.do(ctx, s.config.Timeout, func(ctx context.Context, c *clientv3.Client) error {
		answer, err := c.Get(ctx, place(key))
		if err == nil && len(answer.Kvs) > 0 {
			kv = answer.Kvs[0]
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if kv == nil || !storable(key) {
		return nil, nil, store.Fail(store.ErrNotFound, key)
	}
	r, err := decode(key, kv)
	return r, kv, err
}

// find is Get for what is not stored under its name.
func (s *Store) find(ctx context.Context, key resources.Key) (resources.Resource, error) {
	all, err := s.List(ctx, key.Kind)
	for _, r := range all {
		if r.Meta().Name == key.Name {
			return r, nil
		}
	}
	var bad *store.BrokenError
	if errors.As(err, &bad) {
		for _, b := range bad.Entries {
			if b.Key == key {
				return nil, &store.BrokenError{Entries: []resources.Broken{b}}
			}
		}
		err = nil
	}
	if err == nil {
		err = store.Fail(store.ErrNotFound, key)
	}
	return nil, err
}

// List returns every resource of a kind, sorted by name.
func (s *Store) List(ctx context.Context, kind resources.Kind) ([]resources.Resource, error) {
	var kvs []*mvccpb.KeyValue
	err := s.do(ctx, s.config.Timeout, func(ctx context.Context, c *clientv3.Client) error {
		answer, err := c.Get(ctx, folder(kind), clientv3.WithPrefix())
		if err == nil {
			kvs = answer.Kvs
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	found := make([]resources.Resource, 0, len(kvs))
	var bad []resources.Broken
	for _, kv := range kvs {
		key, ok := keyOf(kind, kv)
		if !ok {
			continue
		}
		r, err := decode(key, kv)
		var broken *store.BrokenError
		if errors.As(err, &broken) {
			bad = append(bad, broken.Entries...)
			continue
		}
		found = append(found, r)
	}
	if bad != nil {
		return found, &store.BrokenError{Entries: bad}
	}
	return found, nil
}

// Create stores a new resource.
func (s *Store) Create(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	key := resources.KeyOf(r)
	if key.Kind == resources.KindBlockAffinity {
		return nil, store.Fail(store.ErrReadOnly, key)
	}
	if !storable(key) {
		return nil, fmt.Errorf("%s: a name in etcd is not empty and has no '/'", key)
	}
	own := resources.Clone(r)
	own.Meta().UID, own.Meta().CreationTimestamp = "", nil
	store.Born(own)
	text, err := resources.EncodeStored(own, nil)
	if err != nil {
		return nil, err
	}
	done, revision, err := s.swap(ctx, key, clientv3.Compare(clientv3.Version(place(key)), "=", 0), clientv3.OpPut(place(key), string(text)))
	if err == nil && !done {
		err = store.Fail(store.ErrExists, key)
	}
	if err != nil {
		return nil, err
	}
	return decode(key, &mvccpb.KeyValue{Key: []byte(place(key)), Value: text, ModRevision: revision})
}

// Update replaces a resource if its version is still the one r carries.
func (s *Store) Update(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	key := resources.KeyOf(r)
	if key.Kind == resources.KindBlockAffinity {
		return nil, store.Fail(store.ErrReadOnly, key)
	}
	for {
		old, kv, err := s.expect(ctx, key, r.Meta().ResourceVersion)
		if err != nil {
			return nil, err
		}
		own := resources.Clone(r)
		store.Keep(old, own)
		was, err := resources.EncodeStored(old, nil)
		if err != nil {
			return nil, err
		}
		is, err := resources.EncodeStored(own, nil)
		if err != nil {
			return nil, err
		}
		if string(was) == string(is) {
			return old, nil
		}
		store.Born(own) // by hand, it may have neither uid nor creation time
		text, err := resources.EncodeStored(own, kv.Value)
		if err != nil {
			return nil, err
		}
		done, revision, err := s.swap(ctx, key, unchanged(kv), clientv3.OpPut(place(key), string(text)))
		switch {
		case err != nil:
			return nil, err
		case done:
			return decode(key, &mvccpb.KeyValue{Key: kv.Key, Value: text, ModRevision: revision})
		case r.Meta().ResourceVersion != "":
			return nil, store.Fail(store.ErrConflict, key)
		}
	}
}

// Delete removes a resource, if version is empty or its own.
func (s *Store) Delete(ctx context.Context, key resources.Key, version string) (resources.Resource, error) {
	if key.Kind == resources.KindBlockAffinity {
		return nil, store.Fail(store.ErrReadOnly, key)
	}
	for {
		old, kv, err := s.expect(ctx, key, version)
		if err != nil {
			return nil, err
		}
		done, _, err := s.swap(ctx, key, unchanged(kv), clientv3.OpDelete(place(key)))
		switch {
		case err != nil:
			return nil, err
		case done:
			return old, nil
		case version != "":
			return nil, store.Fail(store.ErrConflict, key)
		}
	}
}

// expect returns what is stored, if version is empty or its own. What Get has seen a
// moment ago need not be asked for again.
func (s *Store) expect(ctx context.Context, key resources.Key, version string) (resources.Resource, *mvccpb.KeyValue, error) {
	if kv, ok := s.seen.Take(key); ok && version != "" {
		if r, err := decode(key, kv); err == nil && r.Meta().ResourceVersion == version {
			return r, kv, nil
		}
	}
	old, kv, err := s.read(ctx, key)
	if err == nil && version != "" && version != old.Meta().ResourceVersion {
		err = store.Fail(store.ErrConflict, key)
	}
	return old, kv, err
}

// swap does something if a condition holds, and returns whether it did and the
// revision that made. The client library never sends a write twice: who hears
// that the connection broke can't know whether it was done.
func (s *Store) swap(ctx context.Context, key resources.Key, when clientv3.Cmp, then clientv3.Op) (done bool, revision int64, err error) {
	err = s.do(ctx, s.config.Timeout, func(ctx context.Context, c *clientv3.Client) error {
		answer, err := c.Txn(ctx).If(when).Then(then).Commit()
		if err == nil {
			done, revision = answer.Succeeded, answer.Header.Revision
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", key, err)
	}
	return done, revision, err
}

func unchanged(kv *mvccpb.KeyValue) clientv3.Cmp {
	return clientv3.Compare(clientv3.ModRevision(string(kv.Key)), "=", kv.ModRevision)
}

// decode makes a resource of what is stored, with the version this is.
func decode(key resources.Key, kv *mvccpb.KeyValue) (resources.Resource, error) {
	r, err := resources.DecodeStored([]byte(textOf(key, kv)), key)
	if err != nil {
		return nil, &store.BrokenError{Entries: []resources.Broken{{Key: key, Source: string(kv.Key), Err: err}}}
	}
	resources.NoteUnknown(r, kv.Value)
	r.Meta().ResourceVersion = versionOf(kv)
	return r, nil
}

func versionOf(kv *mvccpb.KeyValue) string { return strconv.FormatInt(kv.ModRevision, 10) }

// textOf is what is stored as the text of a resource.
func textOf(key resources.Key, kv *mvccpb.KeyValue) string {
	if key.Kind == resources.KindBlockAffinity {
		return affinityText(key, string(kv.Key), kv.Value)
	}
	return string(kv.Value)
}

func folder(kind resources.Kind) string {
	if kind == resources.KindBlockAffinity {
		return blocks
	}
	return prefix + resources.TypeOf(kind).Plural + "/"
}

func place(key resources.Key) string { return folder(key.Kind) + key.Name }

// keyOf is false for what lies below a folder but is no resource of its kind.
func keyOf(kind resources.Kind, kv *mvccpb.KeyValue) (resources.Key, bool) {
	if kind == resources.KindBlockAffinity {
		return affinityKey(string(kv.Key))
	}
	key := resources.Key{Kind: kind, Name: strings.TrimPrefix(string(kv.Key), folder(kind))}
	return key, storable(key)
}

func storable(key resources.Key) bool { return key.Name != "" && !strings.Contains(key.Name, "/") }
