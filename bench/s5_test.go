package bench

import (
	"flag"
	"fmt"
	"testing"

	"github.com/calctl/calctl/node/lab"
)

var alike = flag.Int("alike", 100_000, "number of routes of S5")

// BenchmarkS5 is ten peers with the same routes: all in the kernel, by the one
// with the shortest path, or by all when they are equally good.
func BenchmarkS5(b *testing.B) {
	const peers = 10
	n := *alike
	load := func(s speaker, path func(i int) []uint32, good func(route) bool) result {
		f, err := with(b, s, setting{neighbours: peers}, nil)
		defer f.over()
		if err != nil {
			return result{err: err}
		}
		messages := make([][]byte, peers)
		for i := range messages {
			messages[i] = lab.Updates(n, path(i), nth(i), false)
		}
		return f.measureAll(n, goal{n, good}, func() {
			for i, m := range messages {
				f.send(i, m, lab.EndOfRIB())
			}
		})
	}
	c := contest{title: fmt.Sprintf("S5: %d peers with the same %d routes, all in the kernel by the best peer and nothing left to do", peers, n), n: n, unit: "routes"}
	c.run(b, func(s speaker) result {
		return load(s, func(i int) (path []uint32) {
			for range i + 1 {
				path = append(path, farAS)
			}
			return path
		}, by(nth(0)))
	})
	c.title = fmt.Sprintf("S5, equal: %d peers with the same %d routes, equally good, all in the kernel by all ten", peers, n)
	c.run(b, func(s speaker) result {
		return load(s, func(int) []uint32 { return []uint32{farAS} }, func(r route) bool { return r.hops == peers })
	})
}
