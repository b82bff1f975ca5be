package node

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/calctl/calctl/node/autodetect"
	"github.com/calctl/calctl/node/fib"
	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/plan"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// Foresee says what Run would do with the resources there are now. It writes
// nothing, neither to the datastore nor to the kernel, and opens no port. What
// this machine knows, its interfaces and its kernel's routes, counts if the node
// has an address of this machine: of another one nothing is known.
func Foresee(ctx context.Context, c Config) (plan.Plan, error) {
	snap, err := store.Snapshot(ctx, c.Store)
	if err != nil {
		return plan.Plan{}, err
	}
	interfaces, err := autodetect.Interfaces()
	if err != nil {
		return plan.Plan{}, err
	}
	if snap, err = registered(snap, c.Name, c.Identity, interfaces); err != nil {
		return plan.Plan{}, err
	}
	host := intent.Host{}
	if isHere(snap.Nodes[c.Name], interfaces) {
		facts, err := fib.Here()
		if err != nil {
			return plan.Plan{}, err
		}
		host = hostFacts(facts)
	}
	host.Environment = c.Environment
	return plan.Make(snap, c.Name, host), nil
}

// ForeseeFrom is Foresee of resources alone: nothing of this machine has a part
// in it, so that the identity may name addresses but not have them detected.
func ForeseeFrom(snap *resources.Snapshot, name string, id Identity) (plan.Plan, error) {
	if snap.Nodes[name] == nil && !id.names() {
		return plan.Plan{}, identityError{fmt.Errorf("there is no Node(%s); choose one that is with --name, or say by --ip or --ip6 what address it would have", name)}
	}
	if id.says() {
		var err error
		if snap, err = registered(snap, name, id, nil); err != nil {
			return plan.Plan{}, err
		}
	}
	return plan.Make(snap, name, intent.Host{}), nil
}

// registered is a snapshot as it will be when the node has registered. One that
// can't be read stays so.
func registered(snap *resources.Snapshot, name string, id Identity, interfaces []autodetect.Interface) (*resources.Snapshot, error) {
	key := resources.Key{Kind: resources.KindNode, Name: name}
	if snap.Nodes[name] == nil && slices.ContainsFunc(snap.Broken, func(b resources.Broken) bool { return b.Key == key }) {
		return snap, nil
	}
	node := &resources.Node{}
	node.Name = name
	if stored := snap.Nodes[name]; stored != nil {
		node = resources.Clone(stored).(*resources.Node)
	}
	if err := id.describe(node, interfaces); err != nil {
		return nil, identityError{err}
	}
	node.Default()
	if err := node.Validate(); err != nil {
		return nil, identityError{err}
	}
	var others []resources.Resource
	for _, name := range slices.Sorted(maps.Keys(snap.Nodes)) {
		others = append(others, snap.Nodes[name])
	}
	if err := addressInUse(node, others); err != nil {
		return nil, identityError{err}
	}
	after := *snap
	after.Nodes = maps.Clone(snap.Nodes)
	after.Put(node)
	return &after, nil
}

// isHere reports whether a node has an address of one of the interfaces.
func isHere(n *resources.Node, interfaces []autodetect.Interface) bool {
	if n == nil {
		return false
	}
	v4, has4 := n.IPv4()
	v6, has6 := n.IPv6()
	return has4 && present(v4.Addr(), interfaces) || has6 && present(v6.Addr(), interfaces)
}
