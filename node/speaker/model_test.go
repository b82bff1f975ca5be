package speaker

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	modelSeeds = flag.Uint64("seeds", 0, "how many stories TestModel tells; 0: as many as there is time for, 400 at most")
	modelSeed  = flag.Uint64("seed", 0, "the one story to tell, or the first")
	modelTrim  = flag.Duration("shorten", 30*time.Second, "how long to try to shorten a story that ends wrong")
	modelStory = flag.String("story", "", "a file with the story to tell")
)

// TestModel tells stories of networks of up to twelve speakers, in one process
// and in a time of its own: what happens is random. After each, when all is
// quiet, every speaker must have chosen, told and heard what a slow and obvious
// reference says, and nothing may be left over.
//
//	go test ./node/speaker -run TestModel -seeds 5000          # many
//	go test ./node/speaker -run TestModel -seed 42 -seeds 1 -v # one
//	go test ./node/speaker -run TestModel -story file -v       # one from a failed test
//
// Speakers run side by side, so a story doesn't come out the same every time.
// One that has no end, and not for the reference either, is skipped; more than
// one in a hundred of those fail the test. See restless.
func TestModel(t *testing.T) {
	if *modelStory != "" {
		s := readStory(t, *modelStory)
		for i := range max(1, *modelSeeds) {
			if problems := tell(t, s, fmt.Sprintf("time %d", i)); len(problems) > 0 {
				t.Fatal(strings.Join(problems, "\n"))
			}
		}
		return
	}
	seeds, limit := *modelSeeds, time.Duration(1<<62)
	if seeds == 0 {
		if seeds, limit = 400, 40*time.Second; testing.Short() {
			seeds, limit = 20, 5*time.Second
		}
	}
	begin := time.Now()
	var told, endless atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d stories told, %d of them without an end", told.Load(), endless.Load())
		if n := endless.Load(); n > 1+told.Load()/100 {
			t.Errorf("%d of %d stories had no end: more than BGP itself is to blame for", n, told.Load())
		}
	})
	for i := range seeds {
		seed := *modelSeed + i
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			if time.Since(begin) > limit {
				t.Skip("no time left: -seeds tells them all")
			}
			s := write(seed)
			told.Add(1)
			problems := tell(t, s, "first")
			if restless(problems, s) {
				endless.Add(1)
				t.Skip("the network doesn't come to rest, with the reference in place of the speakers neither")
			}
			if len(problems) > 0 {
				s, problems = shrink(t, s, problems)
				t.Errorf("%s\n\nthe story:\n%s", strings.Join(problems, "\n"), s)
			}
		})
	}
}

func readStory(t *testing.T, name string) (s story) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		var x step
		if err := d.Decode(&x); err == io.EOF {
			return s
		} else if err != nil {
			t.Fatal(err)
		}
		s = append(s, x)
	}
}

// unending begins the problem of speakers that don't stop to tell each other
// something new.
const unending = "no end of it: "

// restless says whether a story's one problem is that its network comes to no
// rest, and BGP itself may be to blame (RFC 3345, RFC 4264): the story was
// written as one that has an end in the orders of events that were tried; now
// there is one, of many more, by which the reference too comes to none.
func restless(problems []string, s story) bool {
	if !slices.ContainsFunc(problems, func(p string) bool { return strings.HasPrefix(p, unending) }) {
		return false
	}
	l := newLayout()
	for _, x := range s {
		l.take(x)
	}
	for i := range 50 * orders {
		if _, ok := l.settle(rand.New(rand.NewPCG(uint64(i), 3))); !ok {
			return true
		}
	}
	return false
}

// quiet is longer than any timer of a session, a restart or a failure runs.
const quiet = 20 * time.Minute

// tell has a story happen and returns what is wrong at its end.
func tell(t *testing.T, s story, name string) (problems []string) {
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() && *modelSeeds <= 1 {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(*testing.T) {
			w := newWorld(log)
			for _, x := range s {
				time.Sleep(x.After)
				w.take(x)
			}
			w.calm()
			time.Sleep(quiet)
			before := w.updates()
			time.Sleep(quiet / 2)
			if n := w.updates() - before; n > 0 {
				w.problems.add(unending+"%d UPDATEs in the last %v", n, quiet/2)
			}
			synctest.Wait()
			w.check()
			w.end()
			synctest.Wait()
			if left := leftovers(); len(left) > 0 {
				// The bubble will panic, because they can't end.
				fmt.Fprintf(os.Stderr, "goroutines left over:\n%s\nafter the story:\n%s", strings.Join(left, "\n\n"), s)
			}
			problems = w.problems.list
		})
	})
	slices.Sort(problems)
	return problems
}

// shrink leaves out of a story what it fails without, as far as that is found.
func shrink(t *testing.T, s story, problems []string) (story, []string) {
	deadline := time.Now().Add(*modelTrim)
	for size := len(s) / 2; size > 0; size /= 2 {
		for at := 0; at < len(s) && time.Now().Before(deadline); {
			less := slices.Delete(slices.Clone(s), at, min(at+size, len(s)))
			at += size
			if !less.rests() {
				continue
			}
			if p := tell(t, less, "shorter"); len(p) > 0 && !restless(p, less) {
				s, problems = less, p
				at -= size
			}
		}
	}
	return s, problems
}
