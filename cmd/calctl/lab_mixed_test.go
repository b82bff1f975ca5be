package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/lab"
)

// mixedCluster is four nodes of one AS, two of which have a router of another.
var mixedCluster = aNode("r1", "", 1, "") + aNode("r2", "", 2, "") + aNode("r3", "", 3, "") + aNode("r4", "", 4, "") + tens +
	twice("BGPPeer", "tor-r1", "node: r1, peerIP: '192.168.1.9', asNumber: 65009") +
	twice("BGPPeer", "tor-r2", "node: r2, peerIP: '192.168.1.9', asNumber: 65009")

// mixedTor is the router. One of its networks is a node's as well.
func mixedTor() string {
	conf := `
protocol static nets_FAMILY { FAMILY; route 10.9.0.0/24 blackhole; route 10.1.0.7/32 blackhole; }
template bgp node_FAMILY {
	local 192.168.1.9 as 65009; multihop; connect delay time 1; connect retry time 1;
	FAMILY { import all; export where source = RTS_STATIC; };
}
protocol bgp r1_FAMILY from node_FAMILY { neighbor 192.168.1.1 as 64512; }
protocol bgp r2_FAMILY from node_FAMILY { neighbor 192.168.1.2 as 64512; }
`
	return "router id 192.168.1.9;\nlog stderr all;\nprotocol device { scan time 1; }\nprotocol direct { ipv4; ipv6; }\n" +
		strings.ReplaceAll(conf, "FAMILY", "ipv4") + strings.ReplaceAll(inSix(conf), "FAMILY", "ipv6")
}

// A workload is a machine of its own behind a node, as Felix would have its route.
type workload struct{ addr string }

func (w workload) route(t *testing.T, on *lab.Host, do string, elevated bool) {
	t.Helper()
	metric, metric6 := "1024", "1024"
	if elevated {
		metric, metric6 = "0", "512" // the kernel makes 1024 of IPv6's 0
	}
	on.IP("-4", "route", do, w.addr, "dev", "w0", "metric", metric, "proto", "80")
	on.IP("-6", "route", do, inSix(w.addr), "dev", "w0", "metric", metric6, "proto", "80")
}

// TestLabMixedAS: in one AS there are nodes with calctl and nodes with BIRD, configured
// by `-o bird`. All choose the same routes and have them in the kernel with the same
// metrics: of each other, of another AS, and of workloads that move between nodes
// of both kinds while their routes are elevated.
func TestLabMixedAS(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	r1, r2, r3, r4, tor := l.Host("r1"), l.Host("r2"), l.Host("r3"), l.Host("r4"), l.Host("tor")
	members := map[*lab.Host]string{r1: "192.168.1.1/24", r2: "192.168.1.2/24", r3: "192.168.1.3/24", r4: "192.168.1.4/24", tor: "192.168.1.9/24"}
	l.LAN("eth0", members)
	for h, addr := range members {
		h.Addr("eth0", inSix(addr))
	}
	for _, h := range []*lab.Host{r3, r4} {
		h.IP("link", "add", "w0", "type", "veth", "peer", "name", "far-w0")
		h.IP("link", "set", "w0", "up")
		h.IP("link", "set", "far-w0", "up")
	}
	there, back := workload{"10.1.0.5/32"}, workload{"10.1.0.6/32"}
	there.route(t, r3, "add", false)
	back.route(t, r4, "add", false)
	r4.Addr("lo", "10.1.0.7/32", inSix("10.1.0.7/32"))

	router := tor.Bird(mixedTor())
	for _, h := range []*lab.Host{r2, r3} {
		h.Bird(asBIRD(h, mixedCluster))
	}
	for _, h := range []*lab.Host{r1, r4} {
		node := h.Calctl()
		node.Apply(mixedCluster)
		node.Start()
	}

	const usual, elsewhere = "1024", "2147483547"
	const elevated = "0 or 512"
	// All have the other AS's network, and the one that r4 has too, by r4.
	always := func(h *lab.Host) []string {
		lines := []string{mixedLine("10.9.0.0/24", elsewhere, tor, members)}
		if h != r4 {
			lines = append(lines, mixedLine("10.1.0.7/32", usual, r4, members))
		}
		return lines
	}
	expect := func(what string, lines map[*lab.Host][]string) {
		t.Helper()
		for _, h := range []*lab.Host{r1, r2, r3, r4} {
			want := strings.Split(strings.Join(append(always(h), lines[h]...), "\n"), "\n")
			slices.Sort(want)
			lab.Until(t, 30*time.Second, h.Name+": "+what, func() error {
				birdOnce(h)
				got, err := kernelView(h)
				if diff := cmp.Diff(want, got); err == nil && diff != "" {
					err = errors.New(diff)
				}
				return err
			})
		}
		lab.Until(t, 10*time.Second, "the router hears the same from both: "+what, func() error {
			for _, family := range []string{"ipv4", "ipv6"} {
				one, other := mixedHears(router, "r1_"+family), mixedHears(router, "r2_"+family)
				if diff := cmp.Diff(one, other); diff != "" || len(one) == 0 {
					return fmt.Errorf("%s: %s", family, diff)
				}
			}
			return nil
		})
	}

	at := func(w workload, metric string, h *lab.Host) string { return mixedLine(w.addr, metric, h, members) }
	rest := func(thereMetric string, thereAt *lab.Host, backMetric string, backAt *lab.Host) map[*lab.Host][]string {
		lines := map[*lab.Host][]string{}
		for _, h := range []*lab.Host{r1, r2, r3, r4} {
			if thereAt != h {
				lines[h] = append(lines[h], at(there, thereMetric, thereAt))
			}
			if backAt != h {
				lines[h] = append(lines[h], at(back, backMetric, backAt))
			}
		}
		return lines
	}
	expect("workloads where they are", rest(usual, r3, usual, r4))

	// They are at the new node too: elevated there, they win even at the old one, whose
	// kernel has its own route still. At the new one BGP's route by the old one has come
	// before, and stands behind: to a node, what its own kernel has is the last resort.
	there.route(t, r4, "add", true)
	back.route(t, r3, "add", true)
	both := rest(elevated, r4, elevated, r3)
	both[r3] = append(both[r3], at(back, usual, r4))
	both[r4] = append(both[r4], at(there, usual, r3))
	expect("elevated", both)
	there.route(t, r3, "del", false)
	back.route(t, r4, "del", false)
	expect("gone from the old node", rest(elevated, r4, elevated, r3))

	there.route(t, r4, "add", false)
	back.route(t, r3, "add", false)
	there.route(t, r4, "del", true)
	back.route(t, r3, "del", true)
	expect("as usual at the new node", rest(usual, r4, usual, r3))

	there.route(t, r4, "del", false)
	back.route(t, r3, "del", false)
	expect("gone", nil)
}

// mixedLine are the lines of kernelView for a route of both families by a host.
func mixedLine(dst, metric string, via *lab.Host, members map[*lab.Host]string) string {
	gateway, _, _ := strings.Cut(members[via], "/")
	four, six := metric, metric
	if a, b, both := strings.Cut(metric, " or "); both {
		four, six = a, b
	}
	line := func(family, dst, metric, gateway string) string {
		return fmt.Sprintf("kernel %s %s metric %s via %s eth0", family, strings.TrimSuffix(strings.TrimSuffix(dst, "/32"), "/128"), metric, gateway)
	}
	return line("ipv4", dst, four, gateway) + "\n" + line("ipv6", inSix(dst), six, inSix(gateway))
}

// mixedHears is what the router has by one node, without the node's own address.
func mixedHears(router *lab.Bird, session string) []string {
	var all []string
	for _, line := range tableView(router.CLI("show route protocol " + session + " all")) {
		words := strings.Split(line, ", ")
		all = append(all, strings.Join(slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "next_hop:") }), ", "))
	}
	return all
}
