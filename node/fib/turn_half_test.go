package fib

import (
	"fmt"
	"syscall"
	"testing"
)

// TestTurnedByHalf: the kernel turns some of several objects and then says no,
// and before all is written the routes are wanted as they were.
func TestTurnedByHalf(t *testing.T) {
	k := newMapKernel()
	s, _ := start(t, k)
	all := prefixes(5*roundSize, false)
	moving, others := all[:2*roundSize], all[2*roundSize:]
	s.Want(append(through(moving, "192.0.2.2"), through(others, "192.0.2.3")...))
	astray := func() string {
		n, ours := 0, k.ours()
		for i, p := range all {
			want := "192.0.2.3"
			if i < len(moving) {
				want = "192.0.2.2"
			}
			if ours[place{p, metric}] != fmt.Sprint([]Hop{hop(want, 2)}) {
				n++
			}
		}
		if n > 0 {
			return fmt.Sprintf("%d routes are not as wanted", n)
		}
		return ""
	}
	wait(t, astray)
	k.mu.Lock()
	turned := k.turns
	k.fail = func(int) error {
		if k.turns == turned+1 {
			turned = -1
			s.Want(through(moving, "192.0.2.2"))
			return &Refusal{Errno: syscall.ENOENT}
		}
		return nil
	}
	k.mu.Unlock()
	s.Want(through(moving, "192.0.2.3"))
	wait(t, func() string {
		k.mu.Lock()
		defer k.mu.Unlock()
		if turned >= 0 {
			return "nothing was turned"
		}
		return ""
	})
	wait(t, astray)
}
