package dir_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calctl/calctl/resources/store/dir"
)

// mounted puts an empty file system over the folder, until the test ends or
// whoever calls takes it away.
func mounted(t *testing.T, d folder) (unmount func()) {
	t.Helper()
	d.must(os.MkdirAll(d.path, 0o755))
	err := syscall.Mount("calctl-test", d.path, "tmpfs", 0, "size=1m")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("only root may mount")
	}
	d.must(err)
	there := true
	unmount = func() {
		if there {
			there = false
			d.must(syscall.Unmount(d.path, syscall.MNT_DETACH))
		}
	}
	t.Cleanup(unmount)
	return unmount
}

// The place of a disk that is unmounted is there, and empty. That is not a
// datastore somebody has emptied.
func TestDiskGoes(t *testing.T) {
	d := newFolder(t)
	unmount := mounted(t, d)
	d.peer("p1", 1)
	s := mustOpen(t, d.path, dir.Patrol(20*time.Millisecond))
	f := follow(t, s)
	f.until("p1=1")

	unmount()
	await(t, "health reports that the disk is gone", func() bool {
		err := s.Health().Err
		return err != nil && strings.Contains(err.Error(), "its last state stays in force")
	})
	if n := len(f.seen()); n != 1 {
		t.Errorf("%d snapshots after the disk went, want none but the first: %q", n, brief(f.seen()[n-1]))
	}

	unmount = mounted(t, d)
	d.peer("p2", 2)
	f.until("p2=2")
	await(t, "health is good again", func() bool { return s.Health().Err == nil })

	// On one and the same disk an empty folder is an empty datastore.
	d.must(os.RemoveAll(d.at("bgppeers")))
	f.until("")
	unmount()
	await(t, "health is still good", func() bool { return s.Health().Err == nil })
}

// What is written to the disk below, or lies there already, is what counts then.
func TestDiskBelow(t *testing.T) {
	d := newFolder(t)
	d.peer("p3", 3)
	unmount := mounted(t, d)
	d.peer("p1", 1)
	f := follow(t, mustOpen(t, d.path, dir.Patrol(20*time.Millisecond)))
	f.until("p1=1")
	unmount()
	f.until("p3=3")
}
