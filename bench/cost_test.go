package bench

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// A cost is what processes have used together.
type cost struct {
	user, system time.Duration
	peak         int64 // bytes of resident memory at most
}

func (c cost) since(before cost) cost {
	return cost{c.user - before.user, c.system - before.system, c.peak}
}

func (c cost) cpu() time.Duration { return c.user + c.system }

func costOf(b *testing.B, processes []*lab.Process) (all cost) {
	b.Helper()
	for _, p := range processes {
		c := costOfPID(b, p.PID())
		all = cost{all.user + c.user, all.system + c.system, all.peak + c.peak}
	}
	return all
}

// costOfPID reads /proc: CPU time in ticks of 10 ms, the memory peak in kB.
func costOfPID(b *testing.B, pid int) cost {
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
	c.peak = statusOf(b, pid, "VmHWM") << 10
	return c
}

// residentOf is a process's resident memory in bytes.
func residentOf(t testing.TB, pid int) int64 { return statusOf(t, pid, "VmRSS") << 10 }

// threadsOf is the number of a process's threads.
func threadsOf(t testing.TB, pid int) int64 { return statusOf(t, pid, "Threads") }

// statusOf reads a number from /proc/PID/status; sizes are in kB there.
func statusOf(t testing.TB, pid int, key string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), key+":")
	var n int64
	if _, err := fmt.Sscan(rest, &n); err != nil {
		t.Fatalf("%s of %d: %v", key, pid, err)
	}
	return n
}
