// Package policy decides which routes a session lets in and out, and with what
// attributes. It means what Calico means by a BGPFilter and by what confd makes
// BIRD do around it.
//
// A [Chain] is what a session's filters say, as data: comparable, so that a
// change is seen and sessions with the same policy can share the work. An
// [Importer] or [Exporter] is made of it and judges one [Route] after the
// other; the [Decision] says what the route has become and which rule decided.
// Both are functions of a value: no session, no table and no clock is needed
// to try a policy out.
//
//	BGPFilters ─▶ Chain ─▶ Importer ─┐
//	                 │               ├─ Judge(Route) ─▶ Decision
//	IPPools ─▶ Export ┴─▶ Exporter ──┘
//	      └──▶ Kernel ───▶ Installer ─ Judge(Prefix) ─▶ for the kernel's table, or not
//
// Filters are asked in the order the BGPPeer lists them. In each, the first
// rule all of whose conditions hold decides: Reject is the end of the route,
// Accept lets it pass as the rule's operations leave it, and no later filter is
// asked. When no rule decides, what comes in is let in, and is preferred to all
// others if its priority, which LOCAL_PREF carries ([LocalPref]), is better than
// normal; what is to go out goes through the rest of the chain (Export): inside an IPPool with disableBGPExport it
// is kept, as is what leads to a workload of this node; inside a range of service
// addresses or another pool it is told, with the communities of all
// prefixAdvertisements it lies in; and everything else is kept. So a filter that
// accepts a route for export overrides disableBGPExport, and tells it without those
// communities.
//
// Why it is quick. A rule is compiled to a few comparisons; rules for the other
// kind of peer, or that can't match, are left out. Judging makes no garbage but
// for sets of attributes that an operation changes, and those are remembered
// until Forget: the same set and rule give the same pointer.
//
// What has hurt others. BIRD compares a prefix with a set of prefixes by type,
// so matchOperator Equal with a prefixLength never holds, and NotEqual always;
// mixed clusters have to agree, so it is the same here. A range that is empty
// makes BIRD refuse its whole configuration, and every later change with it: a
// filter that can't be read rejects everything here ([Closed]), and nothing
// else suffers. Filters that change attributes in place see their own changes
// when they run again: attributes are immutable.
package policy
