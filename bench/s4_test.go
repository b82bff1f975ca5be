package bench

import (
	"flag"
	"fmt"
	"net/netip"
	"testing"

	"github.com/calctl/calctl/node/lab"
)

var withdrawn = flag.Int("withdrawn", 1_000_000, "number of routes of S4")

// BenchmarkS4 is a peer that withdraws all it has told.
func BenchmarkS4(b *testing.B) {
	n := *withdrawn
	c := contest{title: fmt.Sprintf("S4: 1 peer withdraws %d routes, first UPDATE to none in the kernel", n), n: n, unit: "routes"}
	c.run(b, func(s speaker) result {
		f, err := with(b, s, setting{neighbours: 1}, nil)
		defer f.over()
		if err != nil {
			return result{err: err}
		}
		announce, withdraw := lab.Updates(n, []uint32{farAS}, nth(0), false), lab.Updates(n, nil, netip.Addr{}, true)
		if r := f.measure(n, goal{n, by(nth(0))}, func() { f.send(0, announce, lab.EndOfRIB()) }); r.err != nil {
			return r
		}
		if _, err := f.quiet(); err != nil {
			return result{err: err}
		}
		return f.measure(n, goal{}, func() { f.send(0, withdraw) })
	})
}
