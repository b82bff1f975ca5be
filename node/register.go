package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"time"

	"github.com/calctl/calctl/node/autodetect"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// An identityError is a mistake in what the node was told about itself. The
// operator must mend it; trying again does not help.
type identityError struct{ error }

// register writes what this node knows of itself into its Node resource, so
// that the others find it. What the resource says besides stays.
//
// It fails for good with an identityError. Any other error comes from the
// datastore and may be gone the next time.
func register(ctx context.Context, c Config) error {
	interfaces, err := autodetect.Interfaces()
	if err != nil {
		return identityError{fmt.Errorf("read this machine's interfaces: %w", err)}
	}
	for {
		err := registerOnce(ctx, c, interfaces)
		// Somebody else has changed the resource since we read it: look again.
		if !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrExists) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func registerOnce(ctx context.Context, c Config, interfaces []autodetect.Interface) error {
	key := resources.Key{Kind: resources.KindNode, Name: c.Name}
	stored, err := c.Store.Get(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		stored = nil
	case err != nil:
		return err
	}
	node := &resources.Node{}
	node.Name = c.Name
	if stored != nil {
		node = resources.Clone(stored).(*resources.Node)
	}
	if err := c.Identity.describe(node, interfaces); err != nil {
		return identityError{err}
	}
	others, err := c.Store.List(ctx, resources.KindNode)
	if err != nil {
		// A broken entry of another node must not keep this one from starting.
		c.Log.Warn("can't check the addresses of all other nodes", "error", err)
	}
	if err := addressInUse(node, others); err != nil {
		return identityError{err}
	}
	switch {
	case stored == nil:
		_, err = store.Create(ctx, c.Store, node)
	case !reflect.DeepEqual(stored.(*resources.Node).Spec, node.Spec):
		_, err = store.Replace(ctx, c.Store, node)
	default:
		return nil
	}
	var invalid resources.Invalid
	if errors.As(err, &invalid) {
		return identityError{err}
	}
	if err == nil {
		c.Log.Info("registered", "node", c.Name, "ipv4", node.Spec.BGP.IPv4Address, "ipv6", node.Spec.BGP.IPv6Address)
	}
	return err
}

// describe puts addresses and AS number into the node.
func (id Identity) describe(node *resources.Node, interfaces []autodetect.Interface) error {
	var bgp resources.NodeBGPSpec
	if node.Spec.BGP != nil {
		bgp = *node.Spec.BGP
	}
	var err error
	if bgp.IPv4Address, err = id.IPv4.resolve(bgp.IPv4Address, interfaces); err != nil {
		// A machine with an IPv6 address alone is fine, unless it was asked for IPv4.
		if id.IPv4.way != keep || id.IPv6.way == keep && bgp.IPv6Address == "" {
			return err
		}
	}
	if bgp.IPv6Address, err = id.IPv6.resolve(bgp.IPv6Address, interfaces); err != nil {
		return err
	}
	if bgp.IPv4Address == "" && bgp.IPv6Address == "" {
		return errors.New("no IPv4 or IPv6 addresses configured or detected, required for Calico networking (give --ip or --ip6)")
	}
	if id.ASN != nil {
		bgp.ASNumber = id.ASN
	}
	node.Spec.BGP = &bgp
	return nil
}

// addressInUse is an error when another node has one of node's addresses: two
// nodes that answer for one address disturb each other's sessions.
func addressInUse(node *resources.Node, others []resources.Resource) error {
	families := []struct {
		name string
		of   func(*resources.Node) (netip.Prefix, bool)
	}{{"IPv4", (*resources.Node).IPv4}, {"IPv6", (*resources.Node).IPv6}}
	for _, r := range others {
		other := r.(*resources.Node)
		if other.Name == node.Name {
			continue
		}
		for _, family := range families {
			mine, have := family.of(node)
			theirs, has := family.of(other)
			if have && has && mine.Addr() == theirs.Addr() {
				return fmt.Errorf("Calico node '%s' is already using the %s address %s: give this node its own with --ip or --ip6, or delete the other", other.Name, family.name, mine.Addr()) //nolint:staticcheck // Calico's words
			}
		}
	}
	return nil
}

// How long a node waits before it tries to register again, at first and at most.
const (
	registerFirst = time.Second
	registerMost  = time.Minute
)

// stayRegistered sees to it that the node is registered, until ctx is done. It
// tries again when the datastore was in the way at the start (the node works
// meanwhile by what it finds there), and when a snapshot misses the node.
func stayRegistered(ctx context.Context, c Config, registered bool, missing <-chan struct{}) error {
	if !registered {
		if err := keepRegistering(ctx, c); err != nil {
			return err
		}
	}
	// Somebody who deletes it again and again gets it back ever more slowly.
	delay, last := registerFirst, time.Time{}
	for again := false; ; {
		if !again {
			select {
			case <-ctx.Done():
				return nil
			case <-missing:
			}
		}
		if time.Since(last) > 2*registerMost {
			delay = registerFirst
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(delay):
		}
		delay, last = min(2*delay, registerMost), time.Now()
		err := registerMissing(ctx, c)
		if again = err != nil && ctx.Err() == nil; again {
			// Not even a mistake ends the node: there was none when it started.
			c.Log.Warn("could not register this node again, trying again", "error", err)
		}
	}
}

// registerMissing registers the node unless it is there: the snapshot without
// it may be older than its registration.
func registerMissing(ctx context.Context, c Config) error {
	r, err := c.Store.Get(ctx, resources.Key{Kind: resources.KindNode, Name: c.Name})
	if err == nil && r.(*resources.Node).HasAddress() || err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	c.Log.Warn("somebody has deleted the resource of this node or its addresses, registering it again", "node", c.Name)
	return register(ctx, c)
}

// keepRegistering tries until the node is registered. The datastore was in the
// way the first time; the node works meanwhile by what it finds there.
func keepRegistering(ctx context.Context, c Config) error {
	for delay := registerFirst; ; delay = min(2*delay, registerMost) {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(delay):
		}
		err := register(ctx, c)
		var mistake identityError
		if err == nil || errors.As(err, &mistake) {
			return err
		}
		c.Log.Warn("could not register this node, trying again", "error", err)
	}
}
