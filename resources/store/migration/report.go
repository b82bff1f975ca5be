package migration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// Did is what an import has done, or would do, with a resource.
type Did uint8

// What an import does with a resource.
const (
	Failed Did = iota
	Created
	Updated
	Unchanged
)

// An Outcome is what came of one resource.
type Outcome struct {
	resources.Key
	Did
	Err error // why, of one that has Failed
}

// A Report says what came of the resources of an import, in their order.
type Report struct {
	Outcomes []Outcome
	// Strangers are resources that the datastore holds and the import has not, or
	// has otherwise: somebody else's, as far as one can know. A Node that is
	// Kubernetes' alone is none. Of a Rehearse only.
	Strangers []resources.Key
	// Missing are the passwords that would not be there, in words. Of a Rehearse
	// only.
	Missing []string
}

func (r *Report) note(o Outcome) error {
	r.Outcomes = append(r.Outcomes, o)
	return nil
}

// Count counts the outcomes of one sort.
func (r Report) Count(d Did) int { return len(r.keys(d)) }

func (r Report) keys(d Did) (keys []resources.Key) {
	for _, o := range r.Outcomes {
		if o.Did == d {
			keys = append(keys, o.Key)
		}
	}
	return keys
}

// strangers are what a datastore holds and an import has not; sorted.
func strangers(target *rehearsal, rs []resources.Resource) (keys []resources.Key) {
	ours := map[resources.Key]bool{}
	for _, r := range rs {
		ours[resources.KeyOf(r)] = true
	}
	for key := range target.entries {
		if carried(key.Kind) && !ours[key] {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b resources.Key) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

// missing says which passwords are not there.
func missing(ctx context.Context, s store.Store, rs []resources.Resource) (all []string, err error) {
	for _, p := range passwords(rs) {
		secret, err := s.Get(ctx, resources.Key{Kind: resources.KindSecret, Name: p.ref.Name})
		why := ""
		switch {
		case errors.Is(err, store.ErrNotFound):
			why = "is not there"
		case errors.As(err, new(*store.BrokenError)):
			why = "can't be read: " + err.Error()
		case err != nil:
			return nil, err
		default:
			if _, ok := secret.(*resources.Secret).Value(p.ref.Key); !ok {
				why = "has no key '" + p.ref.Key + "'"
			}
		}
		if why != "" {
			all = append(all, fmt.Sprintf("%s takes its password from Secret(%s), which %s", p.user, p.ref.Name, why))
		}
	}
	return all, nil
}
