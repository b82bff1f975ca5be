package fib

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// holdEnv makes the test binary a process that opens the kernel and stays.
const holdEnv = "CALCTL_TEST_HOLD"

func TestMain(m *testing.M) {
	if os.Getenv(holdEnv) != "" {
		if _, err := Open(quiet()); err != nil {
			_, _ = fmt.Fprintln(os.Stdout, err)
			return
		}
		_, _ = fmt.Fprintln(os.Stdout, "open")
		select {}
	}
	m.Run()
}

// hold starts such a process in the test's namespace.
func hold(t *testing.T) (p *os.Process, said string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd.Process, line
}

// TestOneOwner: one process at a time, and a killed one leaves nothing behind.
func TestOneOwner(t *testing.T) {
	namespace(t)
	first, said := hold(t)
	if said != "open\n" {
		t.Fatalf("the first in an empty namespace: %s", said)
	}
	_, err := Open(verbose(t))
	want := fmt.Sprintf("another calctl writes the routes of this network namespace (pid %d): stop it first", first.Pid)
	if err == nil || err.Error() != want {
		t.Fatalf("a second: %v, want %s", err, want)
	}
	if err := first.Kill(); err != nil { // it dies while we open
		t.Fatal(err)
	}
	mine, err := Open(verbose(t))
	if err != nil {
		t.Fatalf("after the first was killed: %v", err)
	}
	if _, said := hold(t); said != fmt.Sprintf("another calctl writes the routes of this network namespace (pid %d): stop it first\n", os.Getpid()) {
		t.Errorf("another process while this one has it: %s", said)
	}
	mine.Close()
	if _, said := hold(t); said != "open\n" {
		t.Errorf("after Close: %s", said)
	}
}

// TestOwnersOfOtherNamespaces: each has its own routes and its own owner.
func TestOwnersOfOtherNamespaces(t *testing.T) {
	for range 2 {
		namespace(t)
		k, err := Open(verbose(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(k.Close)
	}
}

// TestOwnerWaitsForThePredecessor: its end may be still on its way.
func TestOwnerWaitsForThePredecessor(t *testing.T) {
	namespace(t)
	old, err := Open(verbose(t))
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(ownerPatience/4, old.Close)
	k, err := Open(verbose(t))
	if err != nil {
		t.Fatal(err)
	}
	k.Close()
}

// TestStrangerIsNoOwner: a user without rights can't keep routes from being written.
func TestStrangerIsNoOwner(t *testing.T) {
	namespace(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: ownerName}); err != nil {
		t.Fatal(err)
	}
	// Who listens is who holds it, for the kernel: this thread, as somebody else.
	listening := make(chan error)
	go func() {
		runtime.LockOSThread() // and never given back
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), 12345, ^uintptr(0)); errno != 0 {
			listening <- errno
			return
		}
		listening <- unix.Listen(fd, 1)
	}()
	if err := <-listening; err != nil {
		t.Fatal(err)
	}
	k, err := Open(verbose(t))
	if err != nil {
		t.Fatal(err)
	}
	k.Close()
}
