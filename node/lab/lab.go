package lab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var serial atomic.Uint32

// A Lab is a network of its own for one test.
type Lab struct {
	T   testing.TB
	dir string
	tag string
}

// New makes an empty lab that ends with the test.
func New(t testing.TB) *Lab {
	t.Helper()
	if testing.Short() {
		t.Skip("labs are left out with -short")
	}
	if os.Getuid() != 0 {
		t.Fatal("this test makes network namespaces and needs root: run `sudo make test`, or leave labs out with `go test -short`")
	}
	dir, err := os.MkdirTemp("", "lab") // short: unix sockets have room for 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return &Lab{T: t, dir: dir, tag: fmt.Sprintf("lab%d-%d", os.Getpid(), serial.Add(1))}
}

// Dir is a folder that goes with the lab.
func (l *Lab) Dir() string { return l.dir }

// File writes a file into the lab's folder and returns its path.
func (l *Lab) File(name, content string) string {
	l.T.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.T.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil { //nolint:gosec // a test's own input
		l.T.Fatal(err)
	}
	return path
}

// A Host is a machine in the lab: a network namespace with loopback up and
// forwarding on.
type Host struct {
	*Lab
	Name string
	NS   string // the namespace's name for `ip -n`, "" for the test's own
}

// Host adds a machine.
func (l *Lab) Host(name string) *Host {
	l.T.Helper()
	h := &Host{Lab: l, Name: name, NS: l.tag + "-" + name}
	run(l.T, "ip", "netns", "add", h.NS)
	l.T.Cleanup(func() { _ = exec.Command("ip", "netns", "del", h.NS).Run() })
	h.IP("link", "set", "lo", "up")
	h.Run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
		// Duplicate address detection keeps a fresh address unusable for a second.
		"net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")
	return h
}

// Link joins two hosts by a veth pair; both ends are up and have the given
// addresses (address/length).
func (l *Lab) Link(a *Host, dev string, addrs []string, b *Host, peerDev string, peerAddrs []string) {
	l.T.Helper()
	run(l.T, "ip", "link", "add", dev, "netns", a.NS, "type", "veth", "peer", "name", peerDev, "netns", b.NS)
	a.addresses(dev, addrs)
	b.addresses(peerDev, peerAddrs)
	a.IP("link", "set", dev, "up")
	b.IP("link", "set", peerDev, "up")
}

// LAN joins hosts by a switch: each gets an interface of the given name with
// the address listed for it.
func (l *Lab) LAN(dev string, members map[*Host]string) *Host {
	l.T.Helper()
	sw := l.Host("switch" + dev)
	sw.IP("link", "add", "br0", "type", "bridge")
	sw.IP("link", "set", "br0", "up")
	for h, addr := range members {
		l.Link(h, dev, []string{addr}, sw, h.Name, nil)
		sw.IP("link", "set", h.Name, "master", "br0")
	}
	return sw
}

// Addr gives the host an address on a link that exists, such as lo.
func (h *Host) Addr(dev string, addrs ...string) {
	h.T.Helper()
	h.addresses(dev, addrs)
}

func (h *Host) addresses(dev string, addrs []string) {
	h.T.Helper()
	for _, a := range addrs {
		args := []string{"addr", "add", a, "dev", dev}
		if strings.Contains(a, ":") {
			args = append(args, "nodad")
		}
		h.IP(args...)
	}
}

// IP runs the ip command in the host and returns what it prints.
func (h *Host) IP(args ...string) string {
	h.T.Helper()
	return run(h.T, "ip", append([]string{"-n", h.NS}, args...)...)
}

// Routes is the host's main table for a prefix, exactly: "" when there is no
// such route. The prefix decides the family.
func (h *Host) Routes(prefix string) string {
	h.T.Helper()
	family := "-4"
	if strings.Contains(prefix, ":") {
		family = "-6"
	}
	return strings.TrimSpace(h.IP(family, "route", "show", prefix))
}

// Run runs a program in the host to its end and returns what it prints; the
// test fails when the program does.
func (h *Host) Run(name string, args ...string) string {
	h.T.Helper()
	out, err := h.Try(name, args...)
	if err != nil {
		h.T.Fatalf("%s: %s %s: %v\n%s", h.Name, name, strings.Join(args, " "), err, out)
	}
	return out
}

// Try is Run for programs that may fail.
func (h *Host) Try(name string, args ...string) (string, error) {
	out, err := h.Command(name, args...).CombinedOutput()
	return string(out), err
}

// Command is a program to run in the host.
func (h *Host) Command(name string, args ...string) *exec.Cmd {
	if h.NS == "" {
		return exec.Command(name, args...)
	}
	return exec.Command("ip", append([]string{"netns", "exec", h.NS, name}, args...)...)
}

// Ping reports an error when the host does not get an answer from addr.
func (h *Host) Ping(addr string) error {
	out, err := h.Try("ping", "-c1", "-W1", addr)
	if err != nil {
		return fmt.Errorf("ping %s from %s: %w\n%s", addr, h.Name, err, out)
	}
	return nil
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// Until waits until cond returns nil, asking often, and returns how long that
// took. The test fails with cond's last error when it takes longer than limit.
func Until(t testing.TB, limit time.Duration, what string, cond func() error) time.Duration {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := cond()
		took := time.Since(start)
		if err == nil {
			return took
		}
		if took > limit {
			t.Fatalf("%s: not within %v: %v", what, limit, err)
		}
		<-tick.C
	}
}

// Contains is a condition for Until: got must contain each of the words.
func Contains(got string, words ...string) error {
	for _, w := range words {
		if !strings.Contains(got, w) {
			return fmt.Errorf("no %q in %q", w, got)
		}
	}
	return nil
}
