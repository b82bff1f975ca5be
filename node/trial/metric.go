package trial

import (
	"net/netip"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/wire"
)

// sources are those of routes that the node has without BGP.
var sources = map[string]intent.Source{sourceKernel: intent.Kernel, sourceDirect: intent.Direct, sourceStatic: intent.Static}

// prefOf is the LOCAL_PREF that a route has.
func prefOf(a *wire.Attrs) uint32 { return policy.LocalPref(policy.PriorityOf(a)) }

// metric is that of a route which the node has without BGP.
func (t *Trials) metric(q *Question, prefix netip.Prefix) uint32 {
	if q.Metric != nil {
		return *q.Metric
	}
	return t.node.Priorities.Of(prefix)
}

// installed says whether the kernel gets a route. What the node has of its
// interfaces, and what others have put there, is in the kernel already.
func (t *Trials) installed(q *Question, prefix netip.Prefix, attrs *wire.Attrs) Answer {
	if q.Source == sourceKernel || q.Source == sourceDirect {
		return rejected("the kernel has it already")
	}
	yes, by := t.installer.Judge(prefix)
	rule := t.names.rule(policy.Decision{By: by}, prefix)
	if !yes {
		return rejected(rule)
	}
	a := accepted(attrs, q.Source == sourceBGP, rule)
	shown := uint32(0) // of static routes, which have none
	if a.Metric != nil {
		shown = *a.Metric
	}
	if shown == 0 && prefix.Addr().Is6() {
		shown = 1024 // what the kernel makes of 0
	}
	a.Metric = &shown
	return a
}
