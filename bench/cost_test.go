package bench

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// A cost is what a process has used.
type cost struct {
	user, system time.Duration
	peak         int64 // bytes of resident memory at most
}

func (c cost) since(before cost) cost {
	return cost{c.user - before.user, c.system - before.system, c.peak}
}

// costOf reads /proc: CPU time in ticks of 10 ms, the memory peak in kB.
func costOf(b *testing.B, pid int) cost {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	var user, system int64
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		b.Fatal(err)
	}
	c := cost{user: time.Duration(user) * 10 * time.Millisecond, system: time.Duration(system) * 10 * time.Millisecond}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kb int64
			if _, err := fmt.Sscan(rest, &kb); err != nil {
				b.Fatal(err)
			}
			c.peak = kb << 10
		}
	}
	return c
}
