package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/calctl/calctl/node/lab"
)

// A kernel is the routing table of a host, seen from outside.
type kernel struct {
	b   *testing.B
	fd  int
	buf []byte
}

func watch(b *testing.B, h *lab.Host) *kernel {
	b.Helper()
	return &kernel{b, netlinkSocket(b, h), make([]byte, 1<<20)}
}

func netlinkSocket(b *testing.B, h *lab.Host) (fd int) {
	b.Helper()
	if err := h.Inside(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		return err
	}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// A route is what the kernel says of one.
type route struct {
	bits    int
	gateway netip.Addr // invalid if there are several
	hops    int
}

// A goal is a state of the kernel's table to wait for: n routes, those of
// lab.Prefix, and all of them as they should be. With n = 0 there is none left.
type goal struct {
	n    int
	good func(route) bool
}

// by is a goal's good: the route goes by one neighbour.
func by(gateway netip.Addr) func(route) bool {
	return func(r route) bool { return r.gateway == gateway }
}

// probes is how many routes are asked for one by one.
const probes = 1000

// reach waits until the table, which has or had n routes, is as it should be,
// and returns when that was, counted from start. It gives up when broken says why.
func (k *kernel) reach(start time.Time, n int, g goal, broken func() error) (time.Duration, error) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	probed := func() bool { return true }
	last := 0
	if n > 0 {
		at := 0 // the probes before it were as they should be
		probed = func() bool {
			for ; at < probes; at++ {
				i := min(n-1, (at+1)*n/probes)
				r, found := k.get(lab.Prefix(i))
				if (g.n == 0) == found || found && !g.good(r) {
					return false
				}
			}
			return true
		}
	}
	for {
		now := time.Now()
		if probed() {
			took := time.Since(start)
			for last = k.count(g); last != g.n && time.Since(now) < *limit; last = k.count(g) {
				took = time.Since(start)
			}
			if last == g.n {
				return took, nil
			}
		}
		if err := broken(); err != nil {
			return 0, err
		}
		if time.Since(start) > *limit {
			return 0, fmt.Errorf("%d of %d routes after %v", k.count(g), g.n, *limit)
		}
		<-tick.C
	}
}

// get asks for the route of a prefix.
func (k *kernel) get(p netip.Prefix) (route, bool) {
	a := p.Addr().As4()
	m := request(unix.RTM_GETROUTE, 0, 32, unix.RTM_F_FIB_MATCH)
	m = append(appendHeader(m, 8, unix.RTA_DST), a[:]...)
	for r, err := range k.ask(m) {
		if errors.Is(err, syscall.ENETUNREACH) {
			return route{}, false
		}
		if err != nil {
			k.b.Fatal(err)
		}
		return r, r.bits == p.Bits()
	}
	return route{}, false
}

// count reads the main table and counts the routes of length 24 that are good;
// if there are to be none, all.
func (k *kernel) count(g goal) (n int) {
	for r, err := range k.ask(request(unix.RTM_GETROUTE, unix.NLM_F_DUMP, 0, 0)) {
		if err != nil {
			k.b.Fatal(err)
		}
		if r.bits == 24 && (g.n == 0 || g.good(r)) {
			n++
		}
	}
	return n
}

func request(kind, flags uint16, bits byte, routeFlags uint32) []byte {
	ne := binary.NativeEndian
	m := ne.AppendUint32(nil, 0) // the length, later
	m = ne.AppendUint16(m, kind)
	m = ne.AppendUint16(m, unix.NLM_F_REQUEST|flags)
	m = append(m, 0, 0, 0, 0, 0, 0, 0, 0) // sequence, port
	m = append(m, unix.AF_INET, bits, 0, 0, 0, 0, 0, 0)
	return ne.AppendUint32(m, routeFlags)
}

func appendHeader(m []byte, size, kind uint16) []byte {
	return binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(m, size), kind)
}

// ask sends a request and yields the answers from the main table that aren't
// the kernel's own routes.
func (k *kernel) ask(m []byte) iter.Seq2[route, error] {
	ne := binary.NativeEndian
	ne.PutUint32(m, uint32(len(m)))
	dump := ne.Uint16(m[6:])&unix.NLM_F_DUMP != 0
	return func(yield func(route, error) bool) {
		if err := unix.Sendto(k.fd, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			yield(route{}, err)
			return
		}
		for {
			n, _, err := unix.Recvfrom(k.fd, k.buf, 0)
			if err != nil {
				yield(route{}, err)
				return
			}
			for b := k.buf[:n]; len(b) >= 20; b = b[min(len(b), int(ne.Uint32(b)+3)&^3):] {
				switch ne.Uint16(b[4:]) {
				case unix.NLMSG_DONE:
					return
				case unix.NLMSG_ERROR:
					yield(route{}, syscall.Errno(-int32(ne.Uint32(b[16:])))) //nolint:gosec // an errno
					return
				}
				if b[16+4] == unix.RT_TABLE_MAIN && b[16+5] != unix.RTPROT_KERNEL && !yield(parse(b[16:ne.Uint32(b)]), nil) {
					return // only who asks for one route stops
				}
			}
			if !dump {
				return
			}
		}
	}
}

// parse reads an rtmsg and its attributes.
func parse(m []byte) route {
	ne := binary.NativeEndian
	r := route{bits: int(m[1])}
	for a := m[12:]; len(a) >= 4; a = a[min(len(a), int(ne.Uint16(a)+3)&^3):] {
		switch value := a[4:ne.Uint16(a)]; ne.Uint16(a[2:]) {
		case unix.RTA_GATEWAY:
			r.gateway, _ = netip.AddrFromSlice(value)
			r.hops = 1
		case unix.RTA_MULTIPATH:
			for ; len(value) >= 8; value = value[min(len(value), int(ne.Uint16(value)+3)&^3):] {
				r.hops++
			}
		}
	}
	return r
}
