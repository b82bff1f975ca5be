package bench

import (
	"encoding/binary"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

var (
	peers = flag.String("peers", "10,100,1000", "numbers of peers of S3")
	idle  = flag.Duration("idle", 30*time.Second, "how long S3 looks at CPU that is used for nothing")
)

// routesEach is how many routes each of many peers tells.
const routesEach = 10

// aFew is fewer than a speaker can overlook: BIRD 2 lets eight connections wait
// to be accepted, and whoever comes beside them tries again a second later, and
// then after two, four and eight.
const aFew = 8

// BenchmarkS3 is many peers with a few routes each, start of the daemon to
// everything in the kernel. They come all at once, as to a router that has
// restarted, and a few at a time.
func BenchmarkS3(b *testing.B) {
	roomForNeighbours(b)
	for _, how := range []struct {
		words   string
		abreast int
	}{{"all at once", 0}, {fmt.Sprintf("%d at a time", aFew), aFew}} {
		g := growth{title: "S3, cost of a peer with its routes, " + how.words, unit: "peers"}
		for _, n := range numbers(b, "peers", *peers) {
			c := contest{title: fmt.Sprintf("S3: %d peers, %s, with %d routes each, start of the daemon to all in the kernel", n, how.words, routesEach), n: n, unit: "peers"}
			medians := c.run(b, func(s speaker) result { return crowd(b, s, setting{neighbours: n, abreast: how.abreast}) })
			for _, name := range names() {
				if r, ok := medians[name]; ok && r.err == nil {
					_, _ = fmt.Fprintf(os.Stdout, "%s with %d idle peers for %v: %.2f %% of a core\n", name, n, *idle, 100*r.idle)
				}
			}
			g.add(n, medians)
		}
		g.print()
	}
}

// crowd starts a speaker with many peers.
func crowd(b *testing.B, who speaker, s setting) result {
	f := newField(b, s)
	n := s.neighbours
	defer f.over()
	start := who.configure(f.dut, f.setting)
	begin := time.Now()
	f.speaker = start()
	if err := f.joinAll(nil); err != nil {
		return result{err: err}
	}
	for i := range n {
		f.send(i, someRoutes(i, nth(i)))
	}
	routes := n * routesEach
	took, err := f.kernel.reach(begin, routes, goal{routes, func(r route) bool { return r.hops == 1 }}, f.broken)
	r := result{took: took, cost: costOf(b, f.speaker), err: err}
	if err == nil {
		r.idle, r.err = f.idle()
	}
	return r
}

// idle is the share of a core that a speaker uses when nothing happens.
func (f *field) idle() (float64, error) {
	if _, err := f.quiet(); err != nil {
		return 0, err
	}
	before, start := costOf(f.b, f.speaker).cpu(), time.Now()
	<-time.After(*idle)
	return (costOf(f.b, f.speaker).cpu() - before).Seconds() / time.Since(start).Seconds(), f.broken()
}

// roomForNeighbours makes room in the kernel's table of neighbours, which all
// namespaces share: with more than it holds, packets get lost. It stays as big,
// for whoever else runs beside us may need it by now.
func roomForNeighbours(b testing.TB) {
	for _, key := range []string{"4/neigh/default/gc_thresh3", "4/neigh/default/gc_thresh2", "4/neigh/default/gc_thresh1",
		"6/neigh/default/gc_thresh3", "6/neigh/default/gc_thresh2", "6/neigh/default/gc_thresh1"} {
		if err := os.WriteFile("/proc/sys/net/ipv"+key, []byte("65536"), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

// someRoutes are the i-th peer's: an UPDATE of routesEach prefixes that nobody else has.
func someRoutes(i int, nextHop netip.Addr) []byte {
	nh := nextHop.As4()
	attrs := []byte{0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfc, 1, 0x40, 3, 4, nh[0], nh[1], nh[2], nh[3]}
	body := binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(len(attrs)))
	body = append(body, attrs...)
	for j := range routesEach {
		p := lab.Prefix(i*routesEach + j).Addr().As4()
		body = append(body, 24, p[0], p[1], p[2])
	}
	return append(lab.Message(2, body), lab.EndOfRIB()...)
}
