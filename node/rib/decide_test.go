package rib

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/wire"
)

// trait changes something about a candidate that is otherwise like all others.
type trait func(*peerPath)

// A peerPath is a candidate as a test writes it.
type peerPath struct {
	peer       Peer
	fields     wire.Fields
	local      *Local
	preference uint8
	reach      Reach
	rejected   bool
	id         uint32
}

func plain() peerPath {
	return peerPath{
		peer:       Peer{Index: 7, Source: BGP, Address: addr("10.0.0.9"), RouterID: addr("9.9.9.9"), AS: 65009, LocalAS: 64512},
		fields:     wire.Fields{ASPath: wire.NewASPath(65009, 5), NextHop: addr("10.0.0.9")},
		preference: 100,
		reach:      Reach{Resolvable: true, Metric: 5},
		id:         5,
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func (p peerPath) candidate(tb testing.TB) Candidate {
	a, err := p.fields.Build()
	if err != nil {
		tb.Fatal(err)
	}
	b := &bundle{peer: &p.peer, received: a, attrs: a, local: p.local, hop: &hop{NextHop: NextHop{Addr: a.NextHop()}}}
	if p.rejected {
		b.attrs = nil
	}
	b.rank = rankOf(b.peer, b.attrs, p.preference)
	return Candidate{Path: Path{b: b, ID: p.id}, Reach: p.reach}
}

// Every step, between two paths of which the winner is worse in everything
// that comes later.
func TestDecideSteps(t *testing.T) {
	// What makes a path worse, in the order of the steps.
	worse := []struct {
		step Step
		do   trait
	}{
		{StepRejected, func(p *peerPath) { p.rejected = true }},
		{StepPreference, func(p *peerPath) { p.preference = 99 }},
		{StepUnresolved, func(p *peerPath) { p.reach.Resolvable = false }},
		{StepLongStale, func(p *peerPath) { p.fields.Communities = wire.NewCommunities(1, wire.LLGRStale) }},
		{StepLocalPref, func(p *peerPath) { p.fields.LocalPref, p.fields.HasLocalPref = 99, true }},
		{StepPathLength, func(p *peerPath) { p.fields.ASPath = p.fields.ASPath.Prepend(65009) }},
		{StepOrigin, func(p *peerPath) { p.fields.Origin = wire.OriginEGP }},
		{StepMED, func(p *peerPath) { p.fields.MED, p.fields.HasMED = 1, true }},
		{StepExternal, func(p *peerPath) { p.peer.LocalAS = p.peer.AS }},
		{StepMetric, func(p *peerPath) { p.reach.Metric = 6 }},
		{StepRouterID, func(p *peerPath) { p.peer.RouterID = addr("9.9.9.10") }},
		{StepClusters, func(p *peerPath) { p.fields.ClusterList = wire.ClusterList("").Prepend(1) }},
		{StepAddress, func(p *peerPath) { p.peer.Address = addr("10.0.0.10") }},
		{StepPathID, func(p *peerPath) { p.id = 6 }},
	}
	for i, w := range worse {
		t.Run(w.step.String(), func(t *testing.T) {
			winner, loser := plain(), plain()
			w.do(&loser)
			for _, later := range worse[i+1:] {
				later.do(&winner)
			}
			for _, swapped := range []bool{false, true} {
				list := []Candidate{winner.candidate(t), loser.candidate(t)}
				if swapped {
					slices.Reverse(list)
				}
				best := Decide(list)
				if (best == 1) != swapped || list[best].Step != StepBest {
					t.Fatalf("best is %d, %v", best, list[best].Step)
				}
				want := w.step
				// What comes after the metric doesn't keep a path from being
				// used, unless the winner's next hop can't be.
				if w.step > StepMetric && w.step != StepRejected && winner.reach.Resolvable {
					want = StepMultipath
				}
				if got := list[1-best].Step; got != want {
					t.Errorf("loser's step is %v, want %v", got, want)
				}
			}
		})
	}
}

// The steps between paths that can't be merged.
func TestDecideTail(t *testing.T) {
	for _, c := range []struct {
		step  Step
		worse trait
	}{
		{StepRouterID, func(p *peerPath) { p.peer.RouterID = addr("10.1.1.1") }},
		{StepRouterID, func(p *peerPath) { p.fields.OriginatorID = addr("9.9.9.10") }},
		{StepClusters, func(p *peerPath) { p.fields.ClusterList = wire.ClusterList("").Prepend(1) }},
		{StepAddress, func(p *peerPath) { p.peer.Address = addr("10.0.0.10") }},
		{StepAddress, func(p *peerPath) { p.peer.Index++ }},
		{StepPathID, func(p *peerPath) { p.id++ }},
	} {
		a, b := plain(), plain()
		a.reach.Resolvable, b.reach.Resolvable = false, false // never merged
		c.worse(&b)
		list := []Candidate{b.candidate(t), a.candidate(t)}
		if best := Decide(list); best != 1 || list[0].Step != c.step {
			t.Errorf("best %d, loser by %v, want 1 by %v", best, list[0].Step, c.step)
		}
	}
}

func TestDecideLocal(t *testing.T) {
	local := func(s Source, metric, id uint32) peerPath {
		return peerPath{
			peer: Peer{Index: int(s), Source: s}, local: &Local{Metric: metric},
			preference: s.Preference(), reach: Reach{true, metric}, id: id,
		}
	}
	override := plain()
	override.preference = 200 // a route that moves with its virtual machine
	for _, c := range []struct {
		name string
		list []peerPath // the first wins
		step []Step
	}{
		{"direct, static, BGP, kernel", []peerPath{local(Direct, 0, 0), local(Static, 0, 0), plain(), local(Kernel, 0, 0)},
			[]Step{StepBest, StepPreference, StepPreference, StepPreference}},
		{"the lowest metric of the kernel's", []peerPath{local(Kernel, 5, 1), local(Kernel, 6, 0)}, []Step{StepBest, StepMetric}},
		{"then the lowest id", []peerPath{local(Static, 0, 1), local(Static, 0, 2)}, []Step{StepBest, StepPathID}},
		{"BGP with a higher preference", []peerPath{override, plain(), local(Kernel, 0, 0)}, []Step{StepBest, StepPreference, StepPreference}},
		{"static before BGP of the same preference", []peerPath{local(Static, 0, 0), override}, []Step{StepBest, StepPreference}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var list []Candidate
			for _, p := range c.list {
				list = append(list, p.candidate(t))
			}
			best := Decide(list)
			var steps []Step
			for _, x := range list {
				steps = append(steps, x.Step)
			}
			if diff := cmp.Diff(c.step, steps); best != 0 || diff != "" {
				t.Errorf("best %d; steps: %s", best, diff)
			}
		})
	}
}

func TestDecideSurplus(t *testing.T) {
	var list []Candidate
	for i := range 20 {
		p := plain()
		p.peer.Index = 10 + i
		p.peer.RouterID = netip.AddrFrom4([4]byte{1, 1, 1, byte(100 - i)}) // the best has the highest next hop
		p.fields.NextHop = netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
		list = append(list, p.candidate(t))
	}
	if best := Decide(list); best != 19 {
		t.Fatal(best)
	}
	for i, c := range list {
		want := StepMultipath
		switch {
		case i == 19:
			want = StepBest
		case i >= MaxHops:
			want = StepSurplus
		}
		if c.Step != want {
			t.Errorf("%d: %v, want %v", i, c.Step, want)
		}
	}
}

// somePath is one of few values in everything, so that ties are common.
func somePath(r *rand.Rand, index int) peerPath {
	p := plain()
	p.peer.Index = index
	p.peer.AS = 65001 + r.Uint32N(2)
	if r.IntN(3) == 0 {
		p.peer.LocalAS = p.peer.AS
	}
	p.peer.RouterID = netip.AddrFrom4([4]byte{1, 1, 1, byte(r.IntN(4))})
	p.peer.Address = netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(4))})
	p.fields = someFields(r, p.peer.AS)
	if r.IntN(10) == 0 {
		p.preference = 200
	}
	p.rejected = r.IntN(10) == 0
	p.reach = Reach{r.IntN(8) != 0, []uint32{0, 0, 0, Far}[r.IntN(4)]}
	p.id = r.Uint32N(3)
	if r.IntN(12) == 0 {
		s := []Source{Direct, Static, Kernel}[r.IntN(3)]
		p.peer = Peer{Index: slices.Index([]Source{Direct, Static, Kernel}, s), Source: s}
		p.local = &Local{Metric: r.Uint32N(2)}
		p.preference = s.Preference()
		p.reach = Reach{true, p.local.Metric}
		p.id = uint32(index)
	}
	return p
}

func someFields(r *rand.Rand, as uint32) wire.Fields {
	f := wire.Fields{NextHop: netip.AddrFrom4([4]byte{10, 1, 0, byte(r.IntN(4))})}
	switch r.IntN(8) {
	case 0: // as heard from an internal peer that originates it
	case 1, 2:
		f.ASPath = wire.NewASPath(as, 5)
	default:
		f.ASPath = wire.NewASPath(as)
	}
	f.Origin = []wire.Origin{0, 0, 0, 0, 1, 2}[r.IntN(6)]
	if r.IntN(2) == 0 {
		f.MED, f.HasMED = r.Uint32N(3), true
	}
	if r.IntN(6) == 0 {
		f.LocalPref, f.HasLocalPref = 99+r.Uint32N(3), true
	}
	if r.IntN(8) == 0 {
		f.Communities = wire.NewCommunities(wire.LLGRStale)
	}
	if r.IntN(4) == 0 {
		f.OriginatorID = netip.AddrFrom4([4]byte{1, 1, 1, byte(r.IntN(4))})
		f.ClusterList = f.ClusterList.Prepend(1)
	}
	return f
}

// Decide against the reference, and against BIRD's way of comparing each path
// that comes with the best so far.
func TestDecideProperties(t *testing.T) {
	seeds := uint64(30_000)
	if testing.Short() {
		seeds = 3000
	}
	circles := 0
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		n := 1 + r.IntN(5)
		if seed%50 == 0 {
			n = 30 + r.IntN(20) // beyond MaxHops, and where MED is compared by a map
		}
		var list []Candidate
		for i := range n {
			p := somePath(r, 10+i)
			if seed%100 == 0 { // all alike up to MED
				p = plain()
				p.peer.Index, p.peer.AS, p.peer.LocalAS = 10+i, 65001+r.Uint32N(3), 65001
				p.fields.ASPath = wire.NewASPath(p.peer.AS)
				p.fields.MED, p.fields.HasMED = r.Uint32N(4), true
				p.fields.NextHop = netip.AddrFrom4([4]byte{10, 1, 0, byte(r.IntN(30))})
			}
			list = append(list, p.candidate(t))
		}
		best := Decide(list)
		wantBest, wantSteps := reference(list)
		if best != wantBest {
			t.Fatalf("seed %d: best %d, want %d\n%s", seed, best, wantBest, describe(list))
		}
		for i, c := range list {
			if c.Step != wantSteps[i] {
				t.Fatalf("seed %d: path %d: %v, want %v\n%s", seed, i, c.Step, wantSteps[i], describe(list))
			}
		}
		// The order of the candidates is nothing.
		shuffled := slices.Clone(list)
		r.Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		again := Decide(shuffled)
		if best >= 0 && shuffled[again].Path != list[best].Path {
			t.Fatalf("seed %d: depends on the order\n%s", seed, describe(list))
		}
		for _, c := range shuffled {
			if i := slices.IndexFunc(list, func(d Candidate) bool { return d.Path == c.Path }); list[i].Step != c.Step {
				t.Fatalf("seed %d: steps depend on the order\n%s", seed, describe(list))
			}
		}
		if best < 0 {
			continue
		}
		// BIRD finds the same whenever a path beats every other one; and if
		// none does, there is an order of arrival in which it finds the same.
		champion := -1
		for i := range list {
			beaten := slices.ContainsFunc(list, func(c Candidate) bool { return c.Path != list[i].Path && birdBetter(c, list[i]) })
			if list[i].Path.Attrs() != nil && !beaten {
				champion = i
			}
		}
		if champion >= 0 && champion != best {
			t.Fatalf("seed %d: %d beats every other, but best is %d\n%s", seed, champion, best, describe(list))
		}
		if champion < 0 && n <= 5 {
			circles++
			if !slices.Contains(birdBests(list), best) {
				t.Fatalf("seed %d: BIRD would never choose %d\n%s", seed, best, describe(list))
			}
		}
	}
	if circles == 0 {
		t.Error("no circle of MEDs was tried")
	}
}

func describe(list []Candidate) (s string) {
	for i, c := range list {
		s += fmt.Sprintf("%d: %v; %v; peer %+v; rank %+v\n", i, c.Step, c.Reach, *c.Path.Peer(), c.Path.b.rank)
	}
	return s
}
