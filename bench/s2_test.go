package bench

import (
	"flag"
	"fmt"
	"testing"

	"github.com/calctl/calctl/node/lab"
)

var shared = flag.Int("shared", 500_000, "number of routes of S2")

// BenchmarkS2 is two peers with the same routes, of which the first has the
// shorter paths: both loaded, then the first dies.
func BenchmarkS2(b *testing.B) {
	n := *shared
	compare(b, []contest{
		{title: fmt.Sprintf("S2, load: 2 peers with the same %d routes, all in the kernel and nothing left to do", n), n: n, unit: "routes"},
		{title: fmt.Sprintf("S2, switch: the better of 2 peers with the same %d routes dies, all in the kernel by the other", n), n: n, unit: "routes"},
	}, func(s speaker) []result {
		f, err := with(b, s, setting{neighbours: 2}, nil)
		defer f.over()
		if err != nil {
			return []result{{err: err}}
		}
		better, other := lab.Updates(n, []uint32{farAS}, nth(0), false), lab.Updates(n, []uint32{farAS, farAS + 1}, nth(1), false)
		load := f.measureAll(n, goal{n, by(nth(0))}, func() {
			f.send(0, better, lab.EndOfRIB())
			f.send(1, other, lab.EndOfRIB())
		})
		if load.err != nil {
			return []result{load}
		}
		return []result{load, f.measure(n, goal{n, by(nth(1))}, func() { f.kill(0) })}
	})
}
