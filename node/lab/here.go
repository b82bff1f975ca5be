package lab

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

// own says that the test process is in a network namespace of its own.
const own = "CALCTL_TEST_NAMESPACE"

// Main runs a package's tests in a fresh network namespace, if it may: then
// what is tested has port 179, and links to other hosts of a lab. It is all a
// TestMain has to do; Lab.Here is the namespace.
func Main(m *testing.M) {
	worker := slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "-test.fuzzworker") })
	if os.Getuid() != 0 || worker {
		m.Run()
		return
	}
	if os.Getenv(own) != "" {
		// Now, while this thread can't have been anywhere else.
		must("ip", "netns", "attach", namespace(os.Getpid()), strconv.Itoa(os.Getpid()))
		must("ip", "link", "set", "lo", "up")
		m.Run()
		return
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), own+"=1")
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
func namespace(pid int) string { return "here-" + strconv.Itoa(pid) }

// Here is the test process itself as a host of the lab; its package's TestMain
// has to call Main.
func (l *Lab) Here() *Host {
	l.T.Helper()
	if os.Getenv(own) == "" {
		l.T.Fatal("this test links hosts to its own process: its package's TestMain must be lab.Main")
	}
	return &Host{Lab: l, Name: "here", NS: namespace(os.Getpid())}
}
