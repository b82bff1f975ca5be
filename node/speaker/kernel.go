package speaker

import (
	"net/netip"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// A kernel is what the kernel is told of the table. It is the owner's.
type kernel struct {
	rules policy.Kernel
	judge *policy.Installer
}

func newKernel() kernel { return kernel{judge: policy.NewInstaller(policy.Kernel{})} }

// appendChanges appends the deltas that matter to the kernel.
func (k *kernel) appendChanges(changes []Change, deltas []rib.Delta) []Change {
	for i := range deltas {
		d := &deltas[i]
		if d.HopsChanged() || d.BestChanged() && (d.New.Hops == nil || metricOf(d.Old) != metricOf(d.New)) {
			changes = append(changes, k.change(d.Prefix, d.New))
		}
	}
	return changes
}

// change is what the kernel is told of a prefix.
func (k *kernel) change(prefix netip.Prefix, c rib.Choice) Change {
	if installed, _ := k.judge.Judge(prefix); !installed {
		return Change{Prefix: prefix}
	}
	hops := hopsOf(c)
	if hops == nil {
		return Change{Prefix: prefix}
	}
	return Change{Prefix: prefix, NextHops: hops, Metric: metricOf(c)}
}

// metricOf is the metric that a route is to have in the kernel: the one that LOCAL_PREF
// carries, as in Calico from v3.32 on. Configured ones have none.
func metricOf(c rib.Choice) uint32 {
	if !c.Best.Valid() || c.Best.Local() != nil {
		return 0
	}
	return policy.PriorityOf(c.Best.Attrs())
}

// hopsOf are the next hops the kernel is to use. Of a route that nobody can
// reach it is the next hop all the same: the syncer makes a dead end of it, and
// reports what is wrong. Of our own routes only the static ones are for the kernel:
// by their gateway, or by the zero Addr, which is nowhere.
func hopsOf(c rib.Choice) []netip.Addr {
	switch {
	case c.Hops != nil:
		return c.Hops.Addrs()
	case !c.Best.Valid():
		return nil
	case c.Best.Local() == nil:
		return []netip.Addr{c.Best.Attrs().NextHop()}
	case c.Best.Peer().Source == rib.Static:
		return []netip.Addr{c.Best.Local().Gateway}
	}
	return nil
}

// setKernel puts other rules for the kernel in force: it is told of the prefixes
// for which they make a difference.
func (c *core) setKernel(rules policy.Kernel) {
	if c.kernel.rules.Equal(rules) {
		return
	}
	was := c.kernel.judge
	c.kernel = kernel{rules, policy.NewInstaller(rules)}
	var changes []Change
	for _, f := range [...]wire.Family{wire.IPv4, wire.IPv6} {
		c.table.Walk(f, 0, c.table.Len(f), func(r rib.Row) {
			before, _ := was.Judge(r.Prefix)
			if now, _ := c.kernel.judge.Judge(r.Prefix); now != before && r.Best.Valid() {
				changes = append(changes, c.kernel.change(r.Prefix, r.Choice))
			}
		})
	}
	if len(changes) > 0 && !c.quiet.Load() {
		c.ears.best(changes, false)
	}
}
