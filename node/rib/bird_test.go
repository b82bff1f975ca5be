package rib

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/wire"
)

// Six peers, external and internal, tell a real BIRD and a Table of the same
// random paths to thousands of prefixes. Both have to choose the same and to
// use the same next hops. Only where BIRD's choice depends on the order of
// arrival, it is enough that some order leads to it.
func TestAsBIRD(t *testing.T) {
	const prefixes = 4000
	r := rand.New(rand.NewPCG(3, 3))
	type speaker struct {
		Peer
		messages []byte
	}
	var speakers []speaker
	for i, p := range []struct {
		as uint32
		id byte
	}{{65002, 3}, {65002, 1}, {65003, 2}, {65001, 1}, {65001, 1}, {65001, 4}} {
		speakers = append(speakers, speaker{Peer: Peer{
			Name: fmt.Sprint("p", i+1), AS: p.as, LocalAS: 65001,
			Address:  netip.AddrFrom4([4]byte{10, 99, 0, byte(9 - i)}), // not in the order of the indexes
			RouterID: netip.AddrFrom4([4]byte{1, 1, 1, p.id}),
		}})
	}

	network := lab.New(t)
	peers, host := network.Host("peers"), network.Host("bird")
	var addrs []string
	conf := `router id 10.99.0.100;
protocol device {}
protocol direct { ipv4; interface "eth0"; }
protocol static { ipv4; route 10.2.0.0/24 via 10.1.0.77; }
protocol kernel { ipv4 { export where source = RTS_BGP; }; merge paths on; }
`
	for _, s := range speakers {
		addrs = append(addrs, s.Address.String()+"/24")
		conf += fmt.Sprintf("protocol bgp %s { local 10.99.0.100 as 65001; neighbor %v as %d; multihop; passive;\n"+
			" ipv4 { import all; export none; gateway recursive; }; }\n", s.Name, s.Address, s.AS)
	}
	network.Link(peers, "eth0", addrs, host, "eth0", []string{"10.99.0.100/24", "10.1.0.100/24"})
	bird := host.Bird(conf)

	var attrs wire.Table
	table := New(Options{Attrs: &attrs, Resolve: func(a netip.Addr) Reach {
		switch a.As4()[1] {
		case 1:
			return Reach{true, 0}
		case 2:
			return Reach{true, Far}
		}
		return Reach{}
	}})
	paths := 0
	for i := range speakers {
		s := &speakers[i]
		p := table.AddPeer(s.Peer, nil)
		for j := range prefixes {
			if r.IntN(3) == 0 {
				continue
			}
			f := pathForBIRD(r, p)
			a, err := f.Build()
			if err != nil {
				t.Fatal(err)
			}
			d := []wire.Dest{{Prefix: lab.Prefix(j)}}
			if s.messages, err = (wire.Builder{FourOctetAS: true}).Reach(s.messages, wire.IPv4, a, d); err != nil {
				t.Fatal(err)
			}
			table.Announce(p, wire.IPv4, attrs.Intern(a), d)
			paths++
		}
	}
	table.Commit(nil)

	for i := range speakers {
		s := &speakers[i]
		var conn *lab.Replayer
		lab.Until(t, 10*time.Second, "session of "+s.Name, func() error {
			c, err := peers.Dial(s.Address, netip.MustParseAddrPort("10.99.0.100:179"))
			if err != nil {
				return err
			}
			if conn, err = lab.Establish(c, s.AS, s.RouterID); err != nil {
				return errors.Join(err, c.Close())
			}
			return nil
		})
		t.Cleanup(func() { _ = conn.Conn.Close() })
		if _, err := conn.Conn.Write(s.messages); err != nil {
			t.Fatal(err)
		}
	}
	lab.Until(t, 30*time.Second, "BIRD having all paths", func() error {
		if got := bird.CLI("show route where source = RTS_BGP count"); !strings.Contains(got, fmt.Sprint(paths, " of ")) {
			return fmt.Errorf("want %d: %s", paths, got)
		}
		return nil
	})
	circles := 0
	lab.Until(t, 30*time.Second, "BIRD choosing as we do", func() error {
		circles = 0
		best := birdBest(bird)
		kernel := kernelHops(t, host)
		for j := range prefixes {
			p := lab.Prefix(j)
			row, ok := table.Lookup(p)
			if !ok {
				continue
			}
			list := table.Explain(p)
			if !slices.ContainsFunc(list, func(c Candidate) bool {
				return !slices.ContainsFunc(list, func(d Candidate) bool { return d.Path != c.Path && birdBetter(d, c) })
			}) {
				circles++
				if !slices.ContainsFunc(birdBests(list), func(i int) bool { return list[i].Path.Peer().Name == best[p] }) {
					return fmt.Errorf("%v: BIRD chose %q in a circle\n%s", p, best[p], describe(list))
				}
				continue
			}
			if row.Best.Peer().Name != best[p] {
				return fmt.Errorf("%v: BIRD chose %q\n%s", p, best[p], describe(list))
			}
			if want := gateways(row.Hops); want != kernel[p] {
				return fmt.Errorf("%v: BIRD uses %s, we %s\n%s", p, kernel[p], want, describe(list))
			}
		}
		return nil
	})
	t.Logf("%d paths to %d prefixes, %d of them circles of MED", paths, prefixes, circles)
	if circles == 0 || circles > prefixes/4 {
		t.Errorf("%d circles", circles)
	}
}

// pathForBIRD has few values, so that everything is tied often.
func pathForBIRD(r *rand.Rand, from *Peer) wire.Fields {
	f := wire.Fields{NextHop: netip.AddrFrom4([4]byte{10, []byte{1, 1, 1, 1, 1, 1, 2, 3}[r.IntN(8)], 0, byte(1 + r.IntN(4))})}
	if f.ASPath = wire.NewASPath(from.AS); !from.External() {
		f.ASPath = []wire.ASPath{"", wire.NewASPath(65002), wire.NewASPath(65002), wire.NewASPath(65003)}[r.IntN(4)]
		if r.IntN(5) == 0 {
			f.LocalPref, f.HasLocalPref = 99+r.Uint32N(3), true
		}
		if r.IntN(3) == 0 {
			f.OriginatorID = netip.AddrFrom4([4]byte{1, 1, 1, byte(r.IntN(4))})
			f.ClusterList = f.ClusterList.Prepend(7)
			if r.IntN(2) == 0 {
				f.ClusterList = f.ClusterList.Prepend(8)
			}
		}
	}
	if r.IntN(4) == 0 {
		f.ASPath = wire.NewASPath(append(slices.Collect(sequence(f.ASPath)), 5)...)
	}
	f.Origin = []wire.Origin{0, 0, 0, 0, 0, 1, 2}[r.IntN(7)]
	if r.IntN(2) == 0 {
		f.MED, f.HasMED = r.Uint32N(3), true
	}
	if r.IntN(12) == 0 {
		f.Communities = wire.NewCommunities(wire.LLGRStale)
	}
	return f
}

func sequence(p wire.ASPath) func(func(uint32) bool) {
	return func(yield func(uint32) bool) {
		for s := range p.Segments() {
			for i := range s.Len() {
				if !yield(s.AS(i)) {
					return
				}
			}
		}
	}
}

var primary = regexp.MustCompile(`(?m)^(\S+/\d+)\s.*\[(p\d) `)

func birdBest(b *lab.Bird) map[netip.Prefix]string {
	best := map[netip.Prefix]string{}
	for _, m := range primary.FindAllStringSubmatch(b.CLI("show route primary"), -1) {
		best[netip.MustParsePrefix(m[1])] = m[2]
	}
	return best
}

// kernelHops are the gateways of BIRD's routes in the kernel.
func kernelHops(t *testing.T, host *lab.Host) map[netip.Prefix]string {
	var routes []struct {
		Dst      string
		Type     string
		Gateway  string
		Nexthops []struct{ Gateway string }
	}
	if err := json.Unmarshal([]byte(host.IP("-j", "route", "show", "proto", "bird")), &routes); err != nil {
		t.Fatal(err)
	}
	hops := map[netip.Prefix]string{}
	for _, r := range routes {
		var list []string
		if r.Gateway != "" {
			list = append(list, r.Gateway)
		}
		for _, n := range r.Nexthops {
			list = append(list, n.Gateway)
		}
		slices.Sort(list)
		if p, err := netip.ParsePrefix(r.Dst); err == nil {
			hops[p] = fmt.Sprint(list)
		}
	}
	return hops
}

// gateways are where the next hops lead to in the test's network.
func gateways(h *Hops) string {
	var list []string
	if h != nil {
		for _, a := range h.Addrs() {
			if a.As4()[1] == 2 {
				a = addr("10.1.0.77")
			}
			list = append(list, a.String())
		}
	}
	slices.Sort(list)
	return fmt.Sprint(slices.Compact(list))
}
