package autodetect

import (
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestThisMachine runs the parts that ask the kernel, in a network of its own.
func TestThisMachine(t *testing.T) {
	inNewNetwork(t)
	// The second link is the one added last, and so the one Calico finds first.
	for _, args := range []string{
		"link add up0 type veth peer name up0p", "link add up1 type veth peer name up1p",
		"addr add 192.0.2.7/25 dev up0", "addr add 2001:db8::7/64 dev up0 nodad", "addr add 198.51.100.1/24 dev up1",
		"link set lo up", "link set up0 up", "link set up0p up", "link set up1 up", "link set up1p up",
		"route add default via 192.0.2.1",
	} {
		ip(t, args)
	}

	interfaces, err := Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method string
		family Family
		want   string
	}{
		{"first-found", IPv4, "198.51.100.1/24"},
		{"interface=up0", IPv4, "192.0.2.7/25"},
		{"interface=up0", IPv6, "2001:db8::7/64"},
		{"can-reach=203.0.113.5", IPv4, "192.0.2.7/25"},
		{"can-reach=198.51.100.5", IPv4, "198.51.100.1/24"},
		{"can-reach=2001:db8::1", IPv6, "2001:db8::7/64"},
	} {
		m, err := Parse(test.method)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := m.Find(test.family, interfaces); err != nil || got.String() != test.want {
			t.Errorf("%s: got %v, %v, want %s", test.method, got, err, test.want)
		}
	}
	if got := ExplicitMask(netip.MustParseAddr("192.0.2.7"), interfaces).String(); got != "192.0.2.7/25" {
		t.Errorf("ExplicitMask: got %s", got)
	}
}

// inNewNetwork moves the test to an empty network namespace for as long as its
// thread lives; the thread ends with the test.
func inNewNetwork(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to make a network namespace")
	}
	runtime.LockOSThread() // never unlocked: the thread must not be used again
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("can't make a network namespace: %v", err)
	}
}

// ip runs one ip command. It is started from the test's own thread and so
// finds itself in that thread's namespace.
func ip(t *testing.T, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}
