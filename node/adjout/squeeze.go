package adjout

import "slices"

// squeeze takes the void places out of the live journal. It is called with the
// lock; it costs as much as the changes that made the places void, so each
// change pays for one step.
//
// Where a member stands, a void place is left. So a node that began to be told
// behind a member's place stays behind it, and one before it before it, which
// is what "does it know the node?" goes by.
func (g *group) squeeze() {
	j := &g.live
	stops := make([]uint32, 0, 2*len(g.members))
	for _, m := range g.members {
		stops = append(stops, m.at, m.high)
	}
	slices.Sort(stops)
	stops = slices.Compact(stops)

	to := make([]uint32, len(j.order)+1) // where each place is now
	order := make([]uint32, 0, j.full+len(stops)+j.full/4)
	for at := range to {
		if len(stops) > 0 && stops[0] == uint32(at) {
			stops = stops[1:]
			order = append(order, nobody)
		}
		to[at] = uint32(len(order))
		if at < len(j.order) {
			if n, nd := j.stands(g.nodes, uint32(at)); nd != nil {
				order = append(order, n)
			}
		}
	}
	for _, n := range order {
		if n != nobody {
			nd := g.nodes.at(n)
			nd.at, nd.first = to[nd.at], to[nd.first]
		}
	}
	for at := range g.dead.order {
		if _, nd := g.dead.stands(g.nodes, uint32(at)); nd != nil {
			nd.first = to[nd.first]
		}
	}
	for _, m := range g.members {
		m.at, m.high = to[m.at], to[m.high]
		if m.until != anywhere {
			m.until = to[m.until]
		}
	}
	j.replace(order)
}

func (j *journal) replace(order []uint32) {
	j.order = order
	j.kept = cache{moved: make([]uint64, (len(order)+1<<blockBits-1)>>blockBits)}
}

// bury forgets the dead whom nobody has to withdraw any more. The owner calls
// it, outside of a commit, with the lock.
func (g *group) bury() {
	if len(g.dead.order) == 0 || g.dead.full <= 2*g.deadKept+1024 && !g.dead.sparse() && !g.allBuried() {
		return
	}
	lags := g.lags()
	j := &g.dead
	to := make([]uint32, len(j.order)+1)
	var order []uint32
	for at := range j.order {
		to[at] = uint32(len(order))
		n, nd := j.stands(g.nodes, uint32(at))
		if nd == nil {
			continue
		}
		if lags.know(uint32(at), nd.first) {
			order = append(order, n)
			continue
		}
		g.desk.unpin(g.key.Family, g.ref(n))
		g.forget(n, nd)
		j.full--
	}
	to[len(j.order)] = uint32(len(order))
	for at, n := range order {
		g.nodes.at(n).at = uint32(at)
	}
	for _, m := range g.members {
		m.dead = to[m.dead]
	}
	j.replace(order)
	g.deadKept = j.full
}

// allBuried says whether every member has read the dead journal to its end.
func (g *group) allBuried() bool {
	for _, m := range g.members {
		if m.dead < g.dead.end() {
			return false
		}
	}
	return true
}

// lags say, of the members that have read the dead journal up to some place or
// less, how far one of them has come in the live one.
type lags []lag

type lag struct{ dead, top uint32 }

func (g *group) lags() (l lags) {
	for _, m := range g.members {
		l = append(l, lag{m.dead, m.top()})
	}
	slices.SortFunc(l, func(a, b lag) int { return int(int64(a.dead) - int64(b.dead)) })
	for i := 1; i < len(l); i++ {
		l[i].top = max(l[i].top, l[i-1].top)
	}
	return l
}

// know says whether a member may know a node that began to be told at first,
// and has not read the place at which it is withdrawn.
func (l lags) know(at, first uint32) bool {
	n, _ := slices.BinarySearchFunc(l, at, func(e lag, at uint32) int {
		if e.dead <= at {
			return -1
		}
		return 1
	})
	return n > 0 && l[n-1].top > first
}
