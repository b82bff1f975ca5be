package migration

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// A rehearsal is a Store in memory that began as a copy of another one. What is
// done to it shows what would be done to the other. It is for one goroutine.
type rehearsal struct {
	entries  map[resources.Key]entry
	writes   int
	foreseer store.Foreseer // nil when the other one keeps what is written
}

// An entry is a resource, or why there is none that can be read.
type entry struct {
	resources.Resource
	broken *resources.Broken
}

var _ store.Store = (*rehearsal)(nil)

// rehearse copies a datastore.
func rehearse(ctx context.Context, s store.Store) (*rehearsal, error) {
	r := &rehearsal{entries: map[resources.Key]entry{}}
	r.foreseer, _ = s.(store.Foreseer)
	for _, t := range resources.Types() {
		all, err := s.List(ctx, t.Kind)
		if broken, ok := errors.AsType[*store.BrokenError](err); ok {
			for _, b := range broken.Entries {
				r.entries[b.Key] = entry{broken: &b}
			}
		} else if err != nil {
			return nil, err
		}
		for _, one := range all {
			r.entries[resources.KeyOf(one)] = entry{Resource: one}
		}
	}
	return r, nil
}

// versions are those of all resources that can be read.
func (r *rehearsal) versions() map[resources.Key]string {
	all := map[resources.Key]string{}
	for key, e := range r.entries {
		if e.broken == nil {
			all[key] = e.Meta().ResourceVersion
		}
	}
	return all
}

// blanks are the Nodes that hold nothing, for an empty one in their place would
// change nothing: Kubernetes has them, and nothing of Calico is in them.
func (r *rehearsal) blanks(ctx context.Context) (map[resources.Key]bool, error) {
	all := map[resources.Key]bool{}
	if r.foreseer == nil {
		return all, nil
	}
	for key, e := range r.entries {
		if key.Kind != resources.KindNode || e.broken != nil {
			continue
		}
		empty := &resources.Node{Metadata: resources.Metadata{Name: key.Name}}
		empty.Default()
		is, err := r.foreseer.Foresee(ctx, e.Resource, empty)
		if err != nil {
			return nil, err
		}
		all[key] = is == e.Resource
	}
	return all, nil
}

func (r *rehearsal) Get(_ context.Context, key resources.Key) (resources.Resource, error) {
	switch e, ok := r.entries[key]; {
	case !ok:
		return nil, store.Fail(store.ErrNotFound, key)
	case e.broken != nil:
		return nil, &store.BrokenError{Entries: []resources.Broken{*e.broken}}
	default:
		return resources.Clone(e.Resource), nil
	}
}

func (r *rehearsal) List(_ context.Context, kind resources.Kind) ([]resources.Resource, error) {
	keys := slices.SortedFunc(maps.Keys(r.entries), func(a, b resources.Key) int { return strings.Compare(a.Name, b.Name) })
	var all []resources.Resource
	var broken []resources.Broken
	for _, key := range keys {
		switch e := r.entries[key]; {
		case key.Kind != kind:
		case e.broken != nil:
			broken = append(broken, *e.broken)
		default:
			all = append(all, resources.Clone(e.Resource))
		}
	}
	if broken != nil {
		return all, &store.BrokenError{Entries: broken}
	}
	return all, nil
}

func (r *rehearsal) Create(ctx context.Context, next resources.Resource) (resources.Resource, error) {
	key := resources.KeyOf(next)
	if _, taken := r.entries[key]; taken {
		return nil, store.Fail(store.ErrExists, key)
	}
	if r.foreseer != nil {
		if _, err := r.foreseer.Foresee(ctx, nil, next); err != nil {
			return nil, err
		}
	}
	return r.put(ctx, resources.Clone(next))
}

func (r *rehearsal) Update(ctx context.Context, next resources.Resource) (resources.Resource, error) {
	key, version := resources.KeyOf(next), next.Meta().ResourceVersion
	old, err := r.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	if version != "" && version != old.Meta().ResourceVersion {
		return nil, store.Fail(store.ErrConflict, key)
	}
	own := resources.Clone(next)
	store.Keep(old, own)
	if r.foreseer != nil {
		if own, err = r.foreseer.Foresee(ctx, old, own); err != nil {
			return nil, err
		}
	}
	was, err := resources.EncodeStored(old, nil)
	if err != nil {
		return nil, err
	}
	is, err := resources.EncodeStored(own, nil)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(was, is) {
		return old, nil
	}
	return r.put(ctx, own)
}

func (r *rehearsal) put(ctx context.Context, own resources.Resource) (resources.Resource, error) {
	r.writes++
	own.Meta().ResourceVersion = "rehearsed " + strconv.Itoa(r.writes)
	key := resources.KeyOf(own)
	r.entries[key] = entry{Resource: own}
	return r.Get(ctx, key)
}

func (r *rehearsal) Delete(ctx context.Context, key resources.Key, _ string) (resources.Resource, error) {
	old, err := r.Get(ctx, key)
	if err == nil {
		delete(r.entries, key)
	}
	return old, err
}

func (r *rehearsal) Watch(context.Context, func(*resources.Snapshot)) error {
	return errors.New("a rehearsal has nobody who changes it")
}

func (r *rehearsal) Health() store.Health { return store.Health{Location: "memory"} }

func (r *rehearsal) Close() error { return nil }
