package rib

// A Step is a rule of the decision process: the one that a path lost by, or
// that it was chosen.
type Step uint8

// The steps, in the order in which they are taken.
const (
	StepBest       Step = iota // chosen
	StepMultipath              // as good as the best: its next hop is used as well
	StepRejected               // the import policy doesn't let it in
	StepPreference             // a source is preferred: direct, static, BGP, kernel
	StepUnresolved             // nothing leads to its next hop
	StepLongStale              // it has the community LLGR_STALE (RFC 9494 §4.3)
	StepLocalPref              // lower LOCAL_PREF
	StepPathLength             // longer AS path
	StepOrigin                 // worse ORIGIN
	StepMED                    // higher MULTI_EXIT_DISC from the same neighbour AS
	StepExternal               // internal, and there is an external one
	StepMetric                 // next hop farther away; for kernel routes, their metric
	StepRouterID               // higher router id, or ORIGINATOR_ID (RFC 4456 §9)
	StepClusters               // longer CLUSTER_LIST (RFC 4456 §9)
	StepAddress                // higher address of the peer
	StepPathID                 // higher number of the peer's path (RFC 7911)
	StepSurplus                // as good as the best, but MaxHops lower next hops are used
)

var stepNames = [...]string{
	StepBest: "best", StepMultipath: "multipath", StepRejected: "import policy",
	StepPreference: "preference", StepUnresolved: "next hop unresolvable",
	StepLongStale: "long-lived stale", StepLocalPref: "local preference",
	StepPathLength: "AS path length", StepOrigin: "origin", StepMED: "MED",
	StepExternal: "external over internal", StepMetric: "metric of the next hop",
	StepRouterID: "router id", StepClusters: "cluster list length",
	StepAddress: "peer address", StepPathID: "path id", StepSurplus: "too many next hops",
}

// String names the step for people.
func (s Step) String() string {
	if int(s) < len(stepNames) {
		return stepNames[s]
	}
	return "unknown"
}
