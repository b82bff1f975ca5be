package etcd

import (
	"context"
	"net"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// SetLookup has a store that has not asked anything yet find SRV records in
// another way than by DNS.
func SetLookup(s *Store, find func(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)) {
	s.lookup = find
}

// FollowFrom watches from after a revision until that fails.
func FollowFrom(ctx context.Context, s *Store, revision int64) error {
	c, err := s.dial(ctx, false)
	if err != nil {
		return err
	}
	w := &watch{store: s, fn: func(*resources.Snapshot) {}, feed: store.NewFeed(), kinds: []resources.Kind{resources.KindBGPPeer}, revision: revision}
	w.follow(ctx, c)
	return w.loop(ctx, c, nil)
}
