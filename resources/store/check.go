package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/calctl/calctl/resources"
)

// known is what checks have asked a store: nothing at first. It holds for as
// long as every write is noted.
type known struct {
	pools   []taken         // nil before they are asked for
	filters map[string]bool // the names; nil before they are asked for
}

// taken is what a pool takes of the address space.
type taken struct {
	key  resources.Key
	cidr netip.Prefix
	text string // cidr as it is written
}

// check says whether r fits what s holds already, as calicoctl does before it
// writes: a new IPPool overlaps no other, an IPPool keeps its CIDR and block
// size, the filters a BGPPeer names exist. old is the stored resource that r
// replaces, nil for a new one; both are defaulted. What does not fit is a
// resources.Invalid; any other error is the datastore's.
func (k *known) check(ctx context.Context, s Store, old, r resources.Resource) error {
	if old != nil {
		if err := resources.ValidateUpdate(old, r); err != nil {
			return err
		}
	}
	switch r := r.(type) {
	case *resources.IPPool:
		if old == nil {
			return k.checkOverlap(ctx, s, r)
		}
	case *resources.BGPPeer:
		return k.checkFilters(ctx, s, r)
	}
	return nil
}

// checkOverlap looks at new pools only: the CIDR of a pool can't change, and
// refusing every change to pools that came to overlap behind our back would
// keep their owner from mending them.
func (k *known) checkOverlap(ctx context.Context, s Store, pool *resources.IPPool) error {
	mine, ok := takenBy(pool)
	if !ok {
		return nil // Validate has said so
	}
	if k.pools == nil {
		pools, _, err := list(ctx, s, resources.KindIPPool)
		if err != nil {
			return err
		}
		k.pools = make([]taken, 0, len(pools))
		for _, r := range pools {
			if other, ok := takenBy(r); ok {
				k.pools = append(k.pools, other)
			}
		}
	}
	var clashes []taken
	for _, other := range k.pools {
		if other.cidr.Overlaps(mine.cidr) && other.key != mine.key {
			clashes = append(clashes, other)
		}
	}
	slices.SortFunc(clashes, func(a, b taken) int { return cmp.Compare(a.key.Name, b.key.Name) })
	var wrong resources.Invalid
	for _, other := range clashes {
		wrong.Add("spec.cidr", pool.Spec.CIDR, fmt.Sprintf("%s CIDR overlaps with %s CIDR %s",
			mine.key, other.key, other.text))
	}
	return wrong.Err()
}

// takenBy is false for what is no pool, or has no CIDR one can read.
func takenBy(r resources.Resource) (taken, bool) {
	pool, ok := r.(*resources.IPPool)
	if !ok {
		return taken{}, false
	}
	cidr, err := netip.ParsePrefix(pool.Spec.CIDR)
	return taken{resources.KeyOf(pool), cidr, pool.Spec.CIDR}, err == nil
}

func (k *known) checkFilters(ctx context.Context, s Store, peer *resources.BGPPeer) error {
	if len(peer.Spec.Filters) == 0 {
		return nil
	}
	if k.filters == nil {
		filters, broken, err := list(ctx, s, resources.KindBGPFilter)
		if err != nil {
			return err
		}
		k.filters = make(map[string]bool, len(filters)+len(broken))
		for _, r := range filters {
			k.filters[r.Meta().Name] = true
		}
		for _, b := range broken {
			k.filters[b.Key.Name] = true // it is there, and reported where it counts
		}
	}
	missing := slices.DeleteFunc(slices.Clone(peer.Spec.Filters), func(name string) bool { return k.filters[name] })
	if len(missing) == 0 {
		return nil
	}
	var wrong resources.Invalid
	wrong.Add("spec.filters", fmt.Sprint(missing), "BGPFilter(s) not found")
	return wrong.Err()
}

// note takes in what has been written.
func (k *known) note(r resources.Resource) {
	switch r := r.(type) {
	case *resources.IPPool:
		if k.pools == nil {
			return
		}
		k.pools = slices.DeleteFunc(k.pools, func(t taken) bool { return t.key.Name == r.Name })
		if t, ok := takenBy(r); ok {
			k.pools = append(k.pools, t)
		}
	case *resources.BGPFilter:
		if k.filters != nil {
			k.filters[r.Name] = true
		}
	}
}

// list is List for checks: an entry that can't be read is no reason to refuse a
// write that has nothing to do with it.
func list(ctx context.Context, s Store, kind resources.Kind) ([]resources.Resource, []resources.Broken, error) {
	rs, err := s.List(ctx, kind)
	var broken *BrokenError
	if errors.As(err, &broken) {
		return rs, broken.Entries, nil
	}
	return rs, nil, err
}
