package adjout

import "github.com/calctl/calctl/node/wire"

// Export says what a group is told of one route, without a group: the same
// function decides for peers, and explains. from is the route as the table has
// it; its Attrs are ignored. Without attributes to tell, why says what is in
// the way.
func (k Key) Export(policy Policy, from Route) (told *wire.Attrs, why Reason) {
	return nil, Told
}

// A Reason is why a group isn't told a route.
type Reason uint8

// The reasons.
const (
	Told           Reason = iota // it is
	ByPolicy                     // the export policy doesn't let it out
	NotReflected                 // between two internal peers, neither a client of ours (RFC 4456 §6)
	ClusterLoop                  // it has been in the client's cluster (RFC 4456 §8)
	NoAdvertise                  // its community says: to no peer (RFC 1997)
	NoExport                     // its community says: to no external peer (RFC 1997)
	LongLivedStale               // it is stale, and the peer doesn't know what that means (RFC 9494 §4.3)
	NoNextHop                    // there is no next hop of a family that can be said
)
