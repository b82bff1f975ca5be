package migration

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// Contents are what a datastore holds.
type Contents struct {
	// Resources can go elsewhere: in an order in which they can be written, without
	// what their datastore has given them.
	Resources []resources.Resource
	// Broken can't be read, or would be refused elsewhere.
	Broken []resources.Broken
	// Secrets stay behind; sorted.
	Secrets []Secret
}

// A Secret that stays behind, and who takes passwords from it.
type Secret struct {
	Name  string
	Users []resources.Key // sorted; none that nobody needs
}

// carried tells whether resources of a kind go from one datastore to another.
func carried(kind resources.Kind) bool {
	switch kind {
	case resources.KindSecret, resources.KindBlockAffinity, resources.KindClusterInformation:
		return false
	}
	return true
}

// Read reads the contents of a datastore. It fails if the datastore can't be read
// at all.
func Read(ctx context.Context, s store.Store) (Contents, error) {
	var c Contents
	for _, t := range resources.Types() {
		if !carried(t.Kind) {
			continue
		}
		rs, err := s.List(ctx, t.Kind)
		if broken, ok := errors.AsType[*store.BrokenError](err); ok {
			c.Broken = append(c.Broken, broken.Entries...)
		} else if err != nil {
			return Contents{}, err
		}
		for _, r := range rs {
			checked := resources.Clone(r)
			checked.Default()
			if err := checked.Validate(); err != nil {
				c.Broken = append(c.Broken, resources.Broken{Key: resources.KeyOf(r), Source: resources.KeyOf(r).String(), Err: err})
				continue
			}
			forget(r)
			c.Resources = append(c.Resources, r)
		}
	}
	users := map[string][]resources.Key{}
	secrets, err := s.List(ctx, resources.KindSecret)
	if err != nil && !errors.As(err, new(*store.BrokenError)) {
		return Contents{}, err
	}
	for _, r := range secrets {
		users[r.Meta().Name] = nil
	}
	for _, p := range passwords(c.Resources) {
		users[p.ref.Name] = append(users[p.ref.Name], p.user)
	}
	for _, name := range slices.Sorted(maps.Keys(users)) {
		c.Secrets = append(c.Secrets, Secret{Name: name, Users: users[name]})
	}
	return c, nil
}

// forget takes from a resource what its datastore has given it.
func forget(r resources.Resource) {
	m := r.Meta()
	m.UID, m.ResourceVersion, m.CreationTimestamp = "", "", nil
}

// A password is one that a resource takes from a Secret.
type password struct {
	user resources.Key
	ref  resources.SecretKeySelector
}

// passwords are those that resources take, sorted by who takes them.
func passwords(rs []resources.Resource) []password {
	var all []password
	for _, r := range rs {
		var ref *resources.SecretKeySelector
		switch r := r.(type) {
		case *resources.BGPPeer:
			if r.Spec.Password != nil {
				ref = r.Spec.Password.SecretKeyRef
			}
		case *resources.BGPConfiguration:
			if r.Spec.NodeMeshPassword != nil {
				ref = r.Spec.NodeMeshPassword.SecretKeyRef
			}
		}
		if ref != nil {
			all = append(all, password{resources.KeyOf(r), *ref})
		}
	}
	slices.SortFunc(all, func(a, b password) int {
		return cmp.Or(cmp.Compare(a.user.Kind, b.user.Kind), cmp.Compare(a.user.Name, b.user.Name))
	})
	return all
}
