package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/calctl/calctl/resources"
)

// Check says whether r fits what s holds already, as calicoctl does before it
// writes: a new IPPool overlaps no other, an IPPool keeps its CIDR and block
// size, the filters a BGPPeer names exist. old is the stored resource that r
// replaces, nil for a new one; both are defaulted. What does not fit is a
// resources.Invalid; any other error is the datastore's.
func Check(ctx context.Context, s Store, old, r resources.Resource) error {
	if old != nil {
		if err := resources.ValidateUpdate(old, r); err != nil {
			return err
		}
	}
	switch r := r.(type) {
	case *resources.IPPool:
		if old == nil {
			return checkOverlap(ctx, s, r)
		}
	case *resources.BGPPeer:
		return checkFilters(ctx, s, r)
	}
	return nil
}

// checkOverlap looks at new pools only: the CIDR of a pool can't change, and
// refusing every change to pools that came to overlap behind our back would
// keep their owner from mending them.
func checkOverlap(ctx context.Context, s Store, pool *resources.IPPool) error {
	cidr, err := netip.ParsePrefix(pool.Spec.CIDR)
	if err != nil {
		return nil // Validate has said so
	}
	others, _, err := list(ctx, s, resources.KindIPPool)
	if err != nil {
		return err
	}
	var wrong resources.Invalid
	for _, r := range others {
		other, ok := r.(*resources.IPPool)
		if !ok || other.Name == pool.Name {
			continue
		}
		taken, err := netip.ParsePrefix(other.Spec.CIDR)
		if err == nil && taken.Overlaps(cidr) {
			wrong.Add("spec.cidr", pool.Spec.CIDR, fmt.Sprintf("%s CIDR overlaps with %s CIDR %s",
				resources.KeyOf(pool), resources.KeyOf(other), other.Spec.CIDR))
		}
	}
	return wrong.Err()
}

func checkFilters(ctx context.Context, s Store, peer *resources.BGPPeer) error {
	if len(peer.Spec.Filters) == 0 {
		return nil
	}
	filters, broken, err := list(ctx, s, resources.KindBGPFilter)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, r := range filters {
		known[r.Meta().Name] = true
	}
	for _, b := range broken {
		known[b.Key.Name] = true // it is there, and reported where it counts
	}
	missing := slices.DeleteFunc(slices.Clone(peer.Spec.Filters), func(name string) bool { return known[name] })
	if len(missing) == 0 {
		return nil
	}
	var wrong resources.Invalid
	wrong.Add("spec.filters", fmt.Sprint(missing), "BGPFilter(s) not found")
	return wrong.Err()
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
