package rib

import "cmp"

// A Candidate is a path to a prefix, and what became of it.
type Candidate struct {
	Path Path
	// Reach is that of its next hop. A local path counts as resolvable, and its
	// metric is the kernel's.
	Reach Reach
	Step  Step // set by Decide
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
//
// Merged with the best are all that equal it in every step up to the metric of
// the next hop, compared with the best alone: as with BIRD, a path that loses
// by MED within another AS is one of them.
func Decide(paths []Candidate) (best int) {
	top, abreast := -1, 0
	for i := range paths {
		c := &paths[i]
		if c.Path.b.attrs == nil {
			c.Step = StepRejected
			continue
		}
		c.Step = stepOpen
		order := -1
		if top >= 0 {
			order, _ = compareHead(c, &paths[top])
		}
		switch {
		case order < 0:
			top, abreast = i, 1
		case order == 0:
			abreast++
		}
	}
	if top < 0 {
		return -1
	}
	if abreast < len(paths) {
		for i := range paths {
			if c := &paths[i]; c.Step == stepOpen {
				if order, step := compareHead(c, &paths[top]); order != 0 {
					c.Step = step
				}
			}
		}
	}
	if abreast == 1 {
		paths[top].Step = StepBest
		return top
	}
	compareMED(paths, &paths[top])

	best = -1
	for i := range paths {
		if paths[i].Step == stepOpen {
			if best < 0 {
				best = i
			} else if order, _ := compareTail(&paths[i], &paths[best]); order < 0 {
				best = i
			}
		}
	}
	b := &paths[best]
	b.Step = StepBest
	merged := 0
	for i := range paths {
		c := &paths[i]
		if c.Step != stepOpen && c.Step != StepMED || i == best {
			continue
		}
		if mergeable(b, c) {
			c.Step = StepMultipath
			merged++
		} else if c.Step == stepOpen {
			_, c.Step = compareTail(c, b)
		}
	}
	if merged >= MaxHops {
		trim(paths)
	}
	return best
}

// stepOpen is the step of a candidate that is still in the running.
const stepOpen Step = 255

// compareHead compares what comes before MED; less is better.
func compareHead(a, b *Candidate) (int, Step) {
	x, y := &a.Path.b.rank, &b.Path.b.rank
	switch {
	case x.preference != y.preference:
		return cmp.Compare(y.preference, x.preference), StepPreference
	case x.source != y.source:
		return cmp.Compare(x.source, y.source), StepPreference
	case a.Reach.Resolvable != b.Reach.Resolvable:
		return worse(b.Reach.Resolvable), StepUnresolved
	case x.longStale != y.longStale:
		return worse(x.longStale), StepLongStale
	case x.localPref != y.localPref:
		return cmp.Compare(y.localPref, x.localPref), StepLocalPref
	case x.pathLen != y.pathLen:
		return cmp.Compare(x.pathLen, y.pathLen), StepPathLength
	case x.origin != y.origin:
		return cmp.Compare(x.origin, y.origin), StepOrigin
	}
	return 0, 0
}

// worse is the order of the one of two that a fault is true of, or isn't.
func worse(fault bool) int {
	if fault {
		return 1
	}
	return -1
}

// compareMED has those go that are open and lose by MED to another one of the
// same neighbour AS.
func compareMED(paths []Candidate, top *Candidate) {
	open := 0
	equal := true
	for i := range paths {
		if paths[i].Step == stepOpen {
			open++
			equal = equal && paths[i].Path.b.rank.med == top.Path.b.rank.med
		}
	}
	if equal {
		return
	}
	if open > 32 {
		// Quadratic is the wrong cost where a peer chooses the number.
		least := map[uint32]uint32{}
		for i := range paths {
			if r := &paths[i].Path.b.rank; paths[i].Step == stepOpen {
				if med, ok := least[r.neighbour]; !ok || r.med < med {
					least[r.neighbour] = r.med
				}
			}
		}
		for i := range paths {
			if r := &paths[i].Path.b.rank; paths[i].Step == stepOpen && r.med > least[r.neighbour] {
				paths[i].Step = StepMED
			}
		}
		return
	}
	for i := range paths {
		if paths[i].Step != stepOpen {
			continue
		}
		x := &paths[i].Path.b.rank
		for j := range paths {
			y := &paths[j].Path.b.rank
			// One that is out by MED has another before it that this one loses to as well.
			if (paths[j].Step == stepOpen || paths[j].Step == StepMED) && y.neighbour == x.neighbour && y.med < x.med {
				paths[i].Step = StepMED
				break
			}
		}
	}
}

// compareTail compares what comes after MED. It finds an order between any two
// paths of a prefix.
func compareTail(a, b *Candidate) (int, Step) {
	x, y := &a.Path.b.rank, &b.Path.b.rank
	p, q := a.Path.b.peer, b.Path.b.peer
	switch {
	case x.internal != y.internal:
		return worse(x.internal), StepExternal
	case a.Reach.Metric != b.Reach.Metric:
		return cmp.Compare(a.Reach.Metric, b.Reach.Metric), StepMetric
	case x.routerID != y.routerID:
		return cmp.Compare(x.routerID, y.routerID), StepRouterID
	case x.clusters != y.clusters:
		return cmp.Compare(x.clusters, y.clusters), StepClusters
	case p.Address != q.Address:
		return p.Address.Compare(q.Address), StepAddress
	case p.Index != q.Index:
		return cmp.Compare(p.Index, q.Index), StepAddress
	}
	return cmp.Compare(a.Path.ID, b.Path.ID), StepPathID
}

// mergeable says whether a path's next hop is used besides the best one's.
// They are equal in what comes before MED.
func mergeable(best, c *Candidate) bool {
	x, y := &best.Path.b.rank, &c.Path.b.rank
	return x.source == BGP && best.Reach.Resolvable &&
		(x.neighbour != y.neighbour || x.med == y.med) &&
		x.internal == y.internal && best.Reach.Metric == c.Reach.Metric
}

// trim marks the merged paths whose next hops are more than there is room for.
func trim(paths []Candidate) {
	var list [MaxHops]*hop
	n := 0
	for i := range paths {
		if paths[i].Step <= StepMultipath {
			n = insert(&list, n, paths[i].Path.b.hop)
		}
	}
	for i := range paths {
		if c := &paths[i]; c.Step == StepMultipath && c.Path.b.hop.Addr.Compare(list[n-1].Addr) > 0 {
			c.Step = StepSurplus
		}
	}
}
