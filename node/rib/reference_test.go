package rib

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
)

// The reference: the rules one after the other, each on those that are left,
// from the attributes themselves.

// A rule is a step and the number by which the lowest go on.
type rule struct {
	step   Step
	number func(c Candidate) uint64
}

func not(b bool) uint64 {
	if b {
		return 0
	}
	return 1
}

func bgpOnly(f func(c Candidate) uint64) func(c Candidate) uint64 {
	return func(c Candidate) uint64 {
		if c.Path.Peer().Source != BGP {
			return 0
		}
		return f(c)
	}
}

var before = []rule{
	{StepRejected, func(c Candidate) uint64 { return not(c.Path.Attrs() != nil) }},
	{StepPreference, func(c Candidate) uint64 { return 255 - uint64(c.Path.Preference()) }},
	{StepPreference, func(c Candidate) uint64 { return uint64(c.Path.Peer().Source) }},
	{StepUnresolved, func(c Candidate) uint64 { return not(c.Reach.Resolvable) }},
	{StepLongStale, bgpOnly(func(c Candidate) uint64 { return not(!c.Path.Attrs().Communities().Has(0xffff0006)) })},
	{StepLocalPref, bgpOnly(func(c Candidate) uint64 { return math.MaxUint32 - uint64(refLocalPref(c)) })},
	{StepPathLength, bgpOnly(func(c Candidate) uint64 { return uint64(c.Path.Attrs().ASPath().Len()) })},
	{StepOrigin, bgpOnly(func(c Candidate) uint64 { return uint64(c.Path.Attrs().Origin()) })},
}

var after = []rule{
	{StepExternal, bgpOnly(func(c Candidate) uint64 { return not(c.Path.Peer().AS != c.Path.Peer().LocalAS) })},
	{StepMetric, func(c Candidate) uint64 { return uint64(c.Reach.Metric) }},
	{StepRouterID, bgpOnly(func(c Candidate) uint64 {
		if id := c.Path.Attrs().OriginatorID(); id.IsValid() {
			return refNumber(id)
		}
		return refNumber(c.Path.Peer().RouterID)
	})},
	{StepClusters, bgpOnly(func(c Candidate) uint64 { return uint64(c.Path.Attrs().ClusterList().Len()) })},
	{StepAddress, bgpOnly(func(c Candidate) uint64 { return refNumber(c.Path.Peer().Address) })},
	{StepAddress, func(c Candidate) uint64 { return uint64(c.Path.Peer().Index) }},
	{StepPathID, func(c Candidate) uint64 { return uint64(c.Path.ID) }},
}

func refNumber(a netip.Addr) uint64 {
	var n uint64
	for _, b := range a.AsSlice() {
		n = n<<8 | uint64(b)
	}
	return n
}

func refLocalPref(c Candidate) uint32 {
	if v, ok := c.Path.Attrs().LocalPref(); ok {
		return v
	}
	return 100
}

func refMED(c Candidate) uint32 {
	if c.Path.Peer().Source != BGP {
		return 0
	}
	v, _ := c.Path.Attrs().MED()
	return v
}

func refNeighbour(c Candidate) uint32 {
	if as := c.Path.Attrs().ASPath().First(); as != 0 {
		return as
	}
	return c.Path.Peer().AS
}

// reference decides; paths keep their places.
func reference(list []Candidate) (best int, steps []Step) {
	steps = make([]Step, len(list))
	var left []int
	for i := range list {
		left = append(left, i)
	}
	sieve := func(rules []rule) {
		for _, r := range rules {
			lowest := uint64(math.MaxUint64)
			for _, i := range left {
				lowest = min(lowest, r.number(list[i]))
			}
			if r.step == StepRejected {
				lowest = 0
			}
			left = slices.DeleteFunc(left, func(i int) bool {
				if r.number(list[i]) == lowest {
					return false
				}
				steps[i] = r.step
				return true
			})
		}
	}
	sieve(before)
	if len(left) == 0 {
		return -1, steps
	}
	abreast := slices.Clone(left)
	left = nil
	for _, i := range abreast {
		if slices.ContainsFunc(abreast, func(j int) bool {
			return refNeighbour(list[i]) == refNeighbour(list[j]) && refMED(list[j]) < refMED(list[i])
		}) {
			steps[i] = StepMED
		} else {
			left = append(left, i)
		}
	}
	sieve(after)
	best = left[0]
	steps[best] = StepBest

	hops := map[netip.Addr]bool{list[best].Path.Attrs().NextHop(): true}
	for _, i := range abreast {
		if i != best && birdMergeable(list[best], list[i]) {
			steps[i] = StepMultipath
			hops[list[i].Path.Attrs().NextHop()] = true
		}
	}
	for i := range list {
		if steps[i] == StepMultipath {
			lower := 0
			for h := range hops {
				if h.Less(list[i].Path.Attrs().NextHop()) {
					lower++
				}
			}
			if lower >= MaxHops {
				steps[i] = StepSurplus
			}
		}
	}
	return best, steps
}

// comparable says whether BIRD compares the MEDs of two paths.
func comparableMED(a, b Candidate) bool { return refNeighbour(a) == refNeighbour(b) }

// birdBetter is BIRD's comparison of a new path with the best so far, with
// the metric of next hops on, deterministic MED, prefer older and always
// compare MED off; and with our order where BIRD has none.
func birdBetter(new, old Candidate) bool {
	if new.Path.Attrs() == nil || old.Path.Attrs() == nil {
		return new.Path.Attrs() != nil
	}
	for _, r := range before {
		if x, y := r.number(new), r.number(old); x != y {
			return x < y
		}
	}
	if comparableMED(new, old) && refMED(new) != refMED(old) {
		return refMED(new) < refMED(old)
	}
	for _, r := range after {
		if x, y := r.number(new), r.number(old); x != y {
			return x < y
		}
	}
	return false
}

// birdMergeable says whether BIRD uses a path's next hop beside the best's.
func birdMergeable(best, c Candidate) bool {
	if best.Path.Peer().Source != BGP || !best.Reach.Resolvable || c.Path.Attrs() == nil {
		return false
	}
	for _, r := range before {
		if r.number(best) != r.number(c) {
			return false
		}
	}
	return (!comparableMED(best, c) || refMED(best) == refMED(c)) &&
		after[0].number(best) == after[0].number(c) && after[1].number(best) == after[1].number(c)
}

// birdBests returns what BIRD may come to, by every order in which the paths
// may arrive.
func birdBests(list []Candidate) (bests []int) {
	var try func(best int, rest []int)
	try = func(best int, rest []int) {
		if len(rest) == 0 {
			bests = append(bests, best)
		}
		for i, next := range rest {
			others := slices.Delete(slices.Clone(rest), i, i+1)
			if best < 0 || birdBetter(list[next], list[best]) {
				try(next, others)
			} else {
				try(best, others)
			}
		}
	}
	var all []int
	for i := range list {
		if list[i].Path.Attrs() != nil {
			all = append(all, i)
		}
	}
	try(-1, all)
	slices.SortFunc(bests, cmp.Compare[int])
	return slices.Compact(bests)
}
