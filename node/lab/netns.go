package lab

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Inside calls fn with the calling thread in the host's network namespace:
// sockets opened there belong to the host, also after fn has returned. fn must
// not start goroutines that open sockets.
func (h *Host) Inside(fn func() error) error {
	if h.NS == "" {
		return fn()
	}
	ns, err := os.Open("/var/run/netns/" + h.NS)
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	done := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine, so that no other
		// goroutine finds itself in the namespace.
		runtime.LockOSThread()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter the namespace of %s: %w", h.Name, err)
			return
		}
		done <- fn()
	}()
	return <-done
}

// Dial opens a TCP connection from an address of the host, any if it is the zero one.
func (h *Host) Dial(from netip.Addr, to netip.AddrPort) (*net.TCPConn, error) {
	var conn *net.TCPConn
	err := h.Inside(func() (err error) {
		conn, err = Dial(from, to)
		return err
	})
	return conn, err
}

// Dial opens a TCP connection from an address of the namespace that the calling
// thread is in: with Inside, many at the cost of one thread.
func Dial(from netip.Addr, to netip.AddrPort) (*net.TCPConn, error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: 2 * time.Second}
	d.SetMultipathTCP(false)
	c, err := d.Dial("tcp", to.String())
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// Listen listens on a TCP port of the host; the listener closes with the test.
func (h *Host) Listen(port uint16) net.Listener {
	h.T.Helper()
	var l net.Listener
	err := h.Inside(func() (err error) {
		l, err = net.Listen("tcp", ":"+strconv.Itoa(int(port)))
		return err
	})
	if err != nil {
		h.T.Fatal(err)
	}
	h.T.Cleanup(func() { _ = l.Close() })
	return l
}
