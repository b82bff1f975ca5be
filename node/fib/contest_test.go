package fib

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A jealousKernel takes each route of ours away as soon as it is written.
type jealousKernel struct {
	*mapKernel
	with func(Op) (r KernelRoute, gone bool) // what happens to it; nil: nothing
	count
}

// A count is of routes written.
type count struct {
	writes  int
	lastAt  time.Time
	longest time.Duration // between two writes
}

func (k *jealousKernel) Apply(ops []Op, errs []error) {
	k.mapKernel.Apply(ops, errs)
	for _, op := range ops {
		if with := k.note(op); with != nil {
			r, gone := with(op)
			k.someone(r, gone, true)
		}
	}
}

func (k *jealousKernel) note(op Op) func(Op) (KernelRoute, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if op.Kind == Remove || k.with == nil {
		return nil
	}
	now := time.Now()
	if k.writes++; k.writes > 1 {
		k.longest = max(k.longest, now.Sub(k.lastAt))
	}
	k.lastAt = now
	return k.with
}

func (k *jealousKernel) counted() count {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.count
}

func ourRoute(dst netip.Prefix, hops ...Hop) KernelRoute {
	return KernelRoute{Foreign: Foreign{Type: Unicast, Dst: dst, Hops: hops, Metric: metric, Protocol: Protocol}}
}

// TestSomeoneFights: whoever takes a route away again and again gets it back
// ten times at once, and then more and more slowly.
func TestSomeoneFights(t *testing.T) {
	for name, with := range map[string]func(Op) (KernelRoute, bool){
		"deletes":  func(op Op) (KernelRoute, bool) { return ourRoute(op.Dst, op.Hops...), true },
		"replaces": func(op Op) (KernelRoute, bool) { return ourRoute(op.Dst, hop("192.0.2.77", 2)), false },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				k := &jealousKernel{mapKernel: newMapKernel(), with: with}
				s, err := NewSyncer(k, slog.New(slog.NewTextHandler(&out, nil)))
				if err != nil {
					t.Fatal(err)
				}
				stop := run(t, s)
				started := time.Now()
				s.Want(want("10.1.0.0/24 192.0.2.2"))
				synctest.Wait()
				if c := k.counted(); c.writes != 1+contestAfter || !c.lastAt.Equal(started) {
					t.Errorf("written %d times at once, the last after %v, want %d and 0", c.writes, c.lastAt.Sub(started), 1+contestAfter)
				}
				<-time.After(60 * time.Second)
				synctest.Wait()
				c := k.counted()
				if c.writes < 60 || c.writes > 80 || c.longest != contestMost {
					t.Errorf("written %d times in a minute, with pauses of up to %v", c.writes, c.longest)
				}
				r := s.Status()
				reason := fmt.Sprintf("someone else keeps deleting or replacing it (%d times so far), so it is written again at most every 1s", c.writes)
				if len(r.Failed) != 1 || r.Failed[0].Reason != reason {
					t.Errorf("status: %+v, want the reason %q", r, reason)
				}
				// Another route has nothing to do with it.
				k.mu.Lock()
				k.with = nil
				k.mu.Unlock()
				s.Want(want("10.2.0.0/24 192.0.2.2"))
				synctest.Wait()
				if got := k.ours()[place{netip.MustParsePrefix("10.2.0.0/24"), metric}]; got == "" {
					t.Error("another route has to wait too")
				}
				// Peace: it is written after a second at most, and all is forgotten then.
				<-time.After(contestMost)
				synctest.Wait()
				if r := s.Status(); r.Installed != 2 {
					t.Errorf("after the fight: %+v", r)
				}
				<-time.After(2 * contestOver)
				synctest.Wait()
				k.someone(ourRoute(netip.MustParsePrefix("10.1.0.0/24"), hop("192.0.2.2", 2)), true, true)
				synctest.Wait()
				if r := s.Status(); r.Installed != 2 || len(s.contests.open) != 0 {
					t.Errorf("a single deletion long after: %+v", r)
				}
				stop()
				consistent(t, s)
				if n := strings.Count(out.String(), "level=WARN"); n != 1 {
					t.Errorf("%d warnings, want one:\n%s", n, &out)
				}
			})
		})
	}
}

// TestFewDeletionsAreRepairedAtOnce: ten a second are no fight, however long.
func TestFewDeletionsAreRepairedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newMapKernel()
		s, _ := start(t, k)
		dst := netip.MustParsePrefix("10.1.0.0/24")
		s.Want(want("10.1.0.0/24 192.0.2.2"))
		synctest.Wait()
		for i := range 100 {
			k.someone(ourRoute(dst, hop("192.0.2.2", 2)), true, true)
			synctest.Wait()
			if k.ours()[place{dst, metric}] == "" {
				t.Fatalf("not repaired at once after deletion %d", i+1)
			}
			<-time.After(101 * time.Millisecond)
		}
	})
}

// TestUnwantedIsDeletedInAFight: a withdrawal does not wait.
func TestUnwantedIsDeletedInAFight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := func(op Op) (KernelRoute, bool) { return ourRoute(op.Dst, hop("192.0.2.77", 2)), false }
		k := &jealousKernel{mapKernel: newMapKernel(), with: other}
		s, stop := start(t, k)
		s.Want(want("10.1.0.0/24 192.0.2.2"))
		synctest.Wait()
		s.Want(want("10.1.0.0/24"))
		synctest.Wait()
		if got := k.ours(); len(got) > 0 {
			t.Errorf("still in the kernel: %v", got)
		}
		<-time.After(time.Minute)
		stop()
		consistent(t, s)
	})
}

// TestNotPermitted: the log says so once, and what to do.
func TestNotPermitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		k := newMapKernel()
		k.fail = func(int) error { return &Refusal{Errno: syscall.EPERM} }
		s, err := NewSyncer(k, slog.New(slog.NewTextHandler(&out, nil)))
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, s)
		s.Want(want("10.1.0.0/24 192.0.2.2", "10.2.0.0/24 192.0.2.2"))
		<-time.After(time.Minute)
		s.Want(want("10.3.0.0/24 192.0.2.2"))
		<-time.After(time.Minute)
		stop()
		if n := strings.Count(out.String(), "not permitted to write routes: needs CAP_NET_ADMIN"); n != 1 {
			t.Errorf("said %d times, want once:\n%s", n, &out)
		}
	})
}
