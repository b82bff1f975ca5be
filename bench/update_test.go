package bench

import (
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

var (
	runs  = flag.Int("runs", 3, "runs of which the median counts")
	sizes = flag.String("sizes", "100000,1000000", "numbers of routes")
)

// A result is what one run took.
type result struct {
	took time.Duration
	cost cost
}

// BenchmarkUpdateToKernel is scenario S1: one peer sends n routes, first
// UPDATE to last route in the kernel.
func BenchmarkUpdateToKernel(b *testing.B) {
	for _, word := range strings.Split(*sizes, ",") {
		var n int
		if _, err := fmt.Sscan(word, &n); err != nil {
			b.Fatalf("-sizes %s: %v", *sizes, err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			floor := median(func() result { return rawNetlink(b, n) })
			bird := median(func() result { return throughBird(b, n) })
			own := median(func() result { return throughCalctl(b, n) })

			var table strings.Builder
			row := func(cells ...string) { // Builder.Write never fails
				for i, width := range []int{-14, 10, 12, 10, 10, 10, 14} {
					_, _ = fmt.Fprintf(&table, "%*s", width, cells[i])
				}
				table.WriteByte('\n')
			}
			row(fmt.Sprint(n, " routes"), "time", "routes/s", "user", "system", "memory", "BIRD's time /")
			for _, r := range []struct {
				name string
				result
			}{{"raw netlink", floor}, {"BIRD 2", bird}, {"calctl", own}} {
				row(r.name, r.took.Round(time.Millisecond).String(), fmt.Sprintf("%.0f", float64(n)/r.took.Seconds()),
					r.cost.user.String(), r.cost.system.String(), fmt.Sprint(r.cost.peak>>20, " MB"), fmt.Sprintf("%.2f", bird.took.Seconds()/r.took.Seconds()))
			}
			b.Logf("S1, medians of %d\n%s", *runs, table.String())
			b.ReportMetric(bird.took.Seconds()/own.took.Seconds(), "x-BIRD")
			b.ReportMetric(own.took.Seconds()/floor.took.Seconds(), "x-floor")
			b.ReportMetric(0, "ns/op") // the time of all runs together says nothing
		})
	}
}

func median(run func() result) result {
	all := make([]result, *runs)
	for i := range all {
		all[i] = run()
	}
	slices.SortFunc(all, func(x, y result) int { return int(x.took - y.took) })
	return all[len(all)/2]
}

var (
	peerAddr = netip.MustParseAddr("192.168.1.2")
	dutAddr  = netip.MustParseAddr("192.168.1.1")
)

// pair is a namespace for the speaker under test and one for its peer.
func pair(b *testing.B) (dut, peer *lab.Host) {
	l := lab.New(b)
	dut, peer = l.Host("dut"), l.Host("peer")
	l.Link(dut, "eth0", []string{dutAddr.String() + "/24"}, peer, "eth0", []string{peerAddr.String() + "/24"})
	return dut, peer
}

func throughBird(b *testing.B, n int) result {
	dut, peer := pair(b)
	bird := dut.Bird(`
router id 192.168.1.1;
log stderr { warning, error, fatal, bug };
protocol device { }
protocol kernel { ipv4 { export all; }; }
protocol bgp peer {
	local 192.168.1.1 as 64512;
	neighbor 192.168.1.2 as 64513;
	passive;
	ipv4 { import all; export none; };
}
`)
	return replay(b, n, dut, peer, bird.Process)
}

func throughCalctl(b *testing.B, n int) result {
	dut, peer := pair(b)
	node := dut.Calctl()
	node.Apply(`
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: dut}
spec: {bgp: {asNumber: 64512, ipv4Address: 192.168.1.1/24}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: peer}
spec: {peerIP: 192.168.1.2, asNumber: 64513}
`)
	node.Start("--log-level", "info")
	return replay(b, n, dut, peer, node.Process)
}

// replay sends n routes to the speaker on dut and waits until they are in the kernel.
func replay(b *testing.B, n int, dut, peer *lab.Host, speaker *lab.Process) result {
	var session *lab.Replayer
	lab.Until(b, 20*time.Second, "a session with the speaker", func() error {
		conn, err := peer.Dial(peerAddr, netip.AddrPortFrom(dutAddr, 179))
		if err == nil {
			session, err = lab.Establish(conn, 64513, peerAddr)
		}
		return err
	})
	conn := session.Conn
	messages := lab.Updates(n, []uint32{64513}, peerAddr, false)
	kernel := watch(b, dut)
	before := costOf(b, speaker.PID())

	start := time.Now()
	go func() { // the speaker may read more slowly than we look
		_, _ = conn.Write(messages)
		_, _ = conn.Write(lab.EndOfRIB())
	}()
	took := kernel.complete(start, n, session.Ended)
	r := result{took, costOf(b, speaker.PID()).since(before)}
	speaker.Kill() // or it says goodbye to a million routes
	_ = conn.Close()
	return r
}
