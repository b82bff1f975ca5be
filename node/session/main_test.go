package session

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// private says that the test process is in a network namespace of its own.
const private = "SESSION_TEST_NAMESPACE"

// TestMain runs the tests in a fresh network namespace, if it may: then there
// is port 179, and links to the namespaces of real BIRDs.
func TestMain(m *testing.M) {
	worker := slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "-test.fuzzworker") })
	if os.Getuid() != 0 || worker {
		m.Run()
		return
	}
	if os.Getenv(private) != "" {
		// Now, while this thread can't have been anywhere else.
		must("ip", "netns", "attach", namespace(os.Getpid()), strconv.Itoa(os.Getpid()))
		must("ip", "link", "set", "lo", "up")
		m.Run()
		return
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), private+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	if cmd.Process != nil {
		_ = exec.Command("ip", "netns", "del", namespace(cmd.Process.Pid)).Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the tests in a namespace of their own:", err)
		os.Exit(max(1, cmd.ProcessState.ExitCode())) //nolint:forbidigo // no test has run in this process: it has nothing else to fail by
	}
}

func must(name string, args ...string) {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%s %v: %v: %s", name, args, err, out))
	}
}

// namespace is what the namespace of a test process is called.
func namespace(pid int) string { return "session-" + strconv.Itoa(pid) }
