package bench

import (
	"flag"
	"fmt"
	"testing"

	"github.com/calctl/calctl/node/lab"
)

var sizes = flag.String("sizes", "10000,100000,1000000", "numbers of routes of S1")

// BenchmarkS1 is one peer that sends n routes: first UPDATE to last route in
// the kernel.
func BenchmarkS1(b *testing.B) {
	g := growth{title: "S1, cost of a route", unit: "routes"}
	for _, n := range numbers(b, "sizes", *sizes) {
		c := contest{title: fmt.Sprintf("S1: 1 peer, %d routes, first UPDATE to last route in the kernel", n), n: n, unit: "routes", floor: func() result { return rawNetlink(b, n) }}
		g.add(n, c.run(b, func(s speaker) result { return fill(b, s, n) }))
	}
	g.print()
}

func fill(b *testing.B, s speaker, n int) result {
	f, err := with(b, s, setting{neighbours: 1}, nil)
	defer f.over()
	if err != nil {
		return result{err: err}
	}
	messages := lab.Updates(n, []uint32{farAS}, nth(0), false)
	return f.measure(n, goal{n, by(nth(0))}, func() { f.send(0, messages, lab.EndOfRIB()) })
}
