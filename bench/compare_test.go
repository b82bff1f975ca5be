package bench

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	runs  = flag.Int("runs", 3, "runs of which the median counts")
	only  = flag.String("speakers", "", "which speakers to measure, by name, with commas; all if empty")
	limit = flag.Duration("limit", 3*time.Minute, "how long anything may take")
)

// A result is what one run took.
type result struct {
	took time.Duration
	cost cost
	idle float64 // share of a core used for nothing, when that was looked at
	err  error   // why there is no result
}

// A contest is one measurement of all speakers.
type contest struct {
	title string
	n     int    // of what the time is for
	unit  string // what these are
	// floor, if there is one, is the time that nobody can beat.
	floor func() result
}

// run measures each speaker and prints a table of the medians.
func (c contest) run(b *testing.B, one func(speaker) result) map[string]result {
	return compare(b, []contest{c}, func(s speaker) []result { return []result{one(s)} })[0]
}

// compare is contest.run for runs that measure several things one after the
// other; one returns a result for each contest.
func compare(b *testing.B, contests []contest, one func(speaker) []result) []map[string]result {
	b.Helper()
	all := make([]map[string][]result, len(contests))
	for i := range all {
		all[i] = map[string][]result{}
	}
	for range *runs {
		for i, c := range contests {
			if c.floor != nil {
				all[i][floorName] = append(all[i][floorName], c.floor())
			}
		}
		for _, s := range speakers {
			if *only != "" && !slices.Contains(strings.Split(*only, ","), s.name) {
				continue
			}
			results := one(s)
			for i := range contests {
				r := result{err: fmt.Errorf("not reached")}
				if i < len(results) {
					r = results[i]
				}
				all[i][s.name] = append(all[i][s.name], r)
			}
		}
	}
	medians := make([]map[string]result, len(contests))
	for i, c := range contests {
		medians[i] = map[string]result{}
		for name, results := range all[i] {
			medians[i][name] = median(results)
		}
		c.print(medians[i])
		if own := medians[i]["calctl"]; own.err != nil {
			b.Errorf("%s: calctl: %v", c.title, own.err)
		}
	}
	b.ReportMetric(0, "ns/op") // the time of all runs together says nothing
	return medians
}

const floorName = "raw netlink"

// median is the one with the median time; a single failure is the result.
func median(all []result) result {
	for _, r := range all {
		if r.err != nil {
			return r
		}
	}
	slices.SortFunc(all, func(x, y result) int { return cmp.Compare(x.took, y.took) })
	return all[len(all)/2]
}

// print writes a table in Markdown, with ratios to BIRD: how many times faster,
// and how much memory.
func (c contest) print(medians map[string]result) {
	var t strings.Builder // its Write never fails
	_, _ = fmt.Fprintf(&t, "\n%s (medians of %d)\n\n| | time | %s/s | user | system | memory | BIRD's time ÷ | memory ÷ BIRD's |\n|---|--:|--:|--:|--:|--:|--:|--:|\n", c.title, *runs, c.unit)
	bird := medians["BIRD 2"]
	for _, name := range append([]string{floorName}, names()...) {
		r, measured := medians[name]
		if !measured {
			continue
		}
		if r.err != nil {
			why, _, _ := strings.Cut(r.err.Error(), "\n")
			_, _ = fmt.Fprintf(&t, "| %s | %s | | | | | | |\n", name, why)
			continue
		}
		memory, more := megabytes(r.cost.peak), ratio(float64(r.cost.peak), float64(bird.cost.peak))
		if r.cost.peak == 0 {
			memory, more = "", ""
		}
		_, _ = fmt.Fprintf(&t, "| %s | %s | %.0f | %.2f s | %.2f s | %s | %s | %s |\n", name, seconds(r.took), float64(c.n)/r.took.Seconds(),
			r.cost.user.Seconds(), r.cost.system.Seconds(), memory, ratio(bird.took.Seconds(), r.took.Seconds()), more)
	}
	_, _ = fmt.Fprintln(os.Stdout, t.String())
}

// A growth is the cost of one of many, by how many there were.
type growth struct {
	title, unit string
	sizes       []int
	results     []map[string]result
}

func (g *growth) add(n int, medians map[string]result) {
	g.sizes, g.results = append(g.sizes, n), append(g.results, medians)
}

// print writes what one costs, at each size: where that stays the same, cost
// is linear.
func (g *growth) print() {
	if len(g.sizes) < 2 {
		return
	}
	var t strings.Builder
	_, _ = fmt.Fprintf(&t, "\n%s\n\n| %s |", g.title, g.unit)
	for _, name := range names() {
		_, _ = fmt.Fprintf(&t, " %s: time | CPU | memory |", name)
	}
	_, _ = fmt.Fprintf(&t, "\n|--:|%s\n", strings.Repeat("--:|", 3*len(names())))
	for i, n := range g.sizes {
		_, _ = fmt.Fprintf(&t, "| %d |", n)
		for _, name := range names() {
			r, measured := g.results[i][name]
			if !measured || r.err != nil {
				t.WriteString(" | | |")
				continue
			}
			micro := func(d time.Duration) float64 { return d.Seconds() * 1e6 / float64(n) }
			_, _ = fmt.Fprintf(&t, " %.1f µs | %.1f µs | %.0f B |", micro(r.took), micro(r.cost.cpu()), float64(r.cost.peak)/float64(n))
		}
		t.WriteByte('\n')
	}
	_, _ = fmt.Fprintln(os.Stdout, t.String())
}

func names() (all []string) {
	for _, s := range speakers {
		all = append(all, s.name)
	}
	return all
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func megabytes(n int64) string { return fmt.Sprintf("%d MB", n>>20) }

func ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a/b)
}

// numbers reads a flag of numbers with commas.
func numbers(b *testing.B, name, list string) (all []int) {
	b.Helper()
	for word := range strings.SplitSeq(list, ",") {
		var n int
		if _, err := fmt.Sscan(word, &n); err != nil || n < 1 {
			b.Fatalf("-%s %s: not numbers: %v", name, list, err)
		}
		all = append(all, n)
	}
	return all
}
