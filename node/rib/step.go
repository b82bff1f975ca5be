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
)

var stepNames = [...]string{
	StepBest: "best", StepMultipath: "multipath", StepRejected: "import policy",
	StepPreference: "preference", StepUnresolved: "next hop unresolvable",
	StepLongStale: "long-lived stale", StepLocalPref: "local preference",
	StepPathLength: "AS path length", StepOrigin: "origin", StepMED: "MED",
	StepExternal: "external over internal", StepMetric: "metric of the next hop",
	StepRouterID: "router id", StepClusters: "cluster list length",
	StepAddress: "peer address", StepPathID: "path id",
}

// String names the step for people.
func (s Step) String() string {
	if int(s) < len(stepNames) {
		return stepNames[s]
	}
	return "unknown"
}

// A Candidate is a path to a prefix, and what became of it.
type Candidate struct {
	Path  Path
	Reach Reach // of its next hop
	Step  Step  // set by Decide
}

// Decide chooses among the paths of one prefix. It sets every candidate's Step
// and returns the place of the best, or -1 when there is none. The result
// doesn't depend on the order of the candidates.
//
// The rules are those of BIRD with Calico's configuration. MEDs are compared
// only between paths of one neighbour AS. That alone is no order: three paths
// can beat each other in a circle, and BIRD's choice then depends on which came
// first. Ours is what RFC 4271 §9.1.2.2 c says: first go the paths that lose by
// MED within their AS, then the rest are compared. Whenever there is a path
// that beats every other, both find that one.
func Decide(paths []Candidate) (best int) { return decide(paths) }
