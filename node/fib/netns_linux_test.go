package fib

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// namespace moves the test into a network namespace of its own, which ends
// with the test: its thread is never given back to other goroutines.
func namespace(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("unshare: %v", err)
	}
	ip(t, "link set lo up")
}

// ip runs ip(8) in the test's namespace, each line as one command.
func ip(t testing.TB, lines string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		b, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
		if err != nil {
			t.Fatalf("ip %s: %v: %s", line, err, b)
		}
	}
}

// pair makes the link eth0 with 192.0.2.1/24 and 2001:db8::1/64, whose other
// end is up.
func pair(t testing.TB) {
	t.Helper()
	ip(t, `link add eth0 type veth peer name far0
		link set far0 up
		link set eth0 up
		addr add 192.0.2.1/24 dev eth0
		addr add 2001:db8::1/64 dev eth0 nodad`)
}

// runs has a Syncer run in a namespace with eth0, as pair makes it, and with what
// lines of ip(8) add before. look is another connection to its kernel.
func runs(t testing.TB, lines ...string) (look *Netlink, s *Syncer, stop func()) {
	t.Helper()
	namespace(t)
	pair(t)
	for _, l := range lines {
		ip(t, l)
	}
	look = connect(t)
	s, stop = start(t, connect(t))
	return look, s, stop
}

// connect opens the namespace's kernel, which a test may do more than once.
func connect(t testing.TB) *Netlink {
	t.Helper()
	n, err := open(verbose(t), eventBuffer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// routes are the routes of the main table that show selects, as text, sorted;
// without the kernel's own.
func routes(t testing.TB, n *Netlink) []string {
	t.Helper()
	var lines []string
	names := newFacts()
	err := n.Scan(func(ev *Event) {
		switch {
		case ev.Kind == LinkEvent:
			names.link(ev.Link, false)
		case ev.Kind == RouteEvent && !ev.Again && ev.Route.Protocol != protocolKernel && minds(&KernelRoute{Foreign: Foreign{Dst: ev.Route.Dst}}):
			lines = append(lines, routeText(&ev.Route, names))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

func routeText(r *KernelRoute, names *facts) string {
	var b strings.Builder
	b.WriteString(r.Dst.String())
	if r.Type != Unicast {
		b.WriteString(" is " + typeName(r.Type))
	}
	for _, h := range r.Hops {
		if h.Dead != 0 {
			continue
		}
		b.WriteString(" via ")
		if h.Gateway.IsValid() {
			b.WriteString(h.Gateway.String() + "%")
		}
		b.WriteString(names.linkName(h.Link))
	}
	if !r.own() {
		b.WriteString(" by " + protocolName(r.Protocol))
	}
	return b.String()
}

// expect waits until the routes that aren't the kernel's own are these.
func expect(t testing.TB, n *Netlink, want ...string) time.Duration {
	t.Helper()
	slices.Sort(want)
	return wait(t, func() string {
		if got := routes(t, n); !slices.Equal(got, want) {
			return "routes in the kernel:\n  " + strings.Join(got, "\n  ") + "\nwant:\n  " + strings.Join(want, "\n  ")
		}
		return ""
	})
}

// sysctl sets a value of the test's namespace.
func sysctl(t testing.TB, name, value string) {
	t.Helper()
	// Of the thread: the process is in another namespace.
	if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
}
