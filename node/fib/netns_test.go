package fib

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
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

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// verbose logs to the test.
func verbose(t testing.TB) *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return quiet()
}

// connect opens the namespace's kernel.
func connect(t testing.TB) *Netlink {
	t.Helper()
	n, err := Open(verbose(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// start runs a Syncer on the kernel. stop ends it before the test does.
func start(t testing.TB, k Kernel) (s *Syncer, stop func()) {
	t.Helper()
	s, err := NewSyncer(k, verbose(t))
	if err != nil {
		t.Fatal(err)
	}
	return s, run(t, s)
}

func run(t testing.TB, s *Syncer) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// patience is for what should be there at once: a loaded machine is slow.
const patience = 20 * time.Second

// wait waits until state has nothing to complain about any more.
func wait(t testing.TB, state func() (complaint string)) time.Duration {
	t.Helper()
	started := time.Now()
	tick := time.NewTicker(500 * time.Microsecond)
	defer tick.Stop()
	for {
		complaint := state()
		if complaint == "" {
			return time.Since(started)
		}
		if time.Since(started) > patience {
			t.Fatal(complaint)
		}
		<-tick.C
	}
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
		case ev.Kind == RouteEvent && ev.Route.Protocol != protocolKernel && minds(&KernelRoute{Foreign: Foreign{Dst: ev.Route.Dst}}):
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
	if r.Type != typeUnicast {
		b.WriteString(" is " + typeName(r.Type))
	}
	for _, h := range r.Hops {
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

// route makes a Route of "10.0.0.0/24 192.0.2.2 192.0.2.3".
func route(text string) Route {
	fields := strings.Fields(text)
	r := Route{Dst: netip.MustParsePrefix(fields[0])}
	for _, f := range fields[1:] {
		r.Via = append(r.Via, netip.MustParseAddr(f))
	}
	return r
}

func want(texts ...string) []Route {
	var batch []Route
	for _, text := range texts {
		batch = append(batch, route(text))
	}
	return batch
}
