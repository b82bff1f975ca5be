package bench

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/calctl/calctl/node/lab"
)

// A kernel is the routing table of a host, seen from outside.
type kernel struct {
	b    *testing.B
	conn *netlink.Conn
}

func watch(b *testing.B, h *lab.Host) *kernel {
	b.Helper()
	return &kernel{b, dial(b, h)}
}

func dial(b *testing.B, h *lab.Host) *netlink.Conn {
	b.Helper()
	ns, err := os.Open("/var/run/netns/" + h.NS)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ns.Close() })
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: int(ns.Fd())})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return conn
}

// complete waits until all n prefixes are in the kernel and returns when that was.
func (k *kernel) complete(start time.Time, n int, ended <-chan error) time.Duration {
	k.b.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			k.b.Fatalf("the session ended: %v", err)
		case <-tick.C:
		}
		if k.has(n - 1) {
			took := time.Since(start)
			for {
				count := k.count()
				if count >= n {
					return took
				}
				if time.Now().After(deadline) {
					k.b.Fatalf("%d of %d routes are in the kernel", count, n)
				}
				took = time.Since(start)
			}
		}
		if time.Now().After(deadline) {
			k.b.Fatalf("the last of %d routes is not in the kernel; %d are", n, k.count())
		}
	}
}

// has asks the kernel which route it would take to the i-th prefix.
func (k *kernel) has(i int) bool {
	p := lab.Prefix(i)
	body := make([]byte, 12)
	body[0], body[1] = unix.AF_INET, 32
	binary.NativeEndian.PutUint32(body[8:], unix.RTM_F_FIB_MATCH)
	enc := netlink.NewAttributeEncoder()
	enc.Bytes(unix.RTA_DST, p.Addr().AsSlice())
	attrs, err := enc.Encode()
	if err != nil {
		k.b.Fatal(err)
	}
	answers, err := k.conn.Execute(netlink.Message{Header: netlink.Header{Type: unix.RTM_GETROUTE, Flags: netlink.Request}, Data: append(body, attrs...)})
	if errors.Is(err, syscall.ENETUNREACH) {
		return false
	}
	if err != nil {
		k.b.Fatal(err)
	}
	return len(answers) > 0 && int(answers[0].Data[1]) == p.Bits()
}

// count dumps the main table and counts the routes of length 24.
func (k *kernel) count() int {
	body := make([]byte, 12)
	body[0] = unix.AF_INET
	answers, err := k.conn.Execute(netlink.Message{Header: netlink.Header{Type: unix.RTM_GETROUTE, Flags: netlink.Request | netlink.Dump}, Data: body})
	if err != nil {
		k.b.Fatal(err)
	}
	n := 0
	for _, m := range answers {
		if m.Data[1] == 24 && m.Data[4] == unix.RT_TABLE_MAIN && m.Data[5] != unix.RTPROT_KERNEL {
			n++
		}
	}
	return n
}

// rawNetlink writes n routes with nothing around it: messages back to back in
// one buffer, an acknowledgement asked for at the end of each batch only.
func rawNetlink(b *testing.B, n int) result {
	dut, _ := pair(b)
	link := linkIndex(b, dut, "eth0")
	var fd int
	if err := dut.Inside(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		return err
	}); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	gateway := peerAddr.As4()

	before := costOf(b, os.Getpid())
	start := time.Now()
	const batch = 1000
	buf := make([]byte, 0, batch*64)
	answer := make([]byte, 1<<16)
	for at := 0; at < n; at += batch {
		buf = buf[:0]
		end := min(at+batch, n)
		for i := at; i < end; i++ {
			flags := uint16(unix.NLM_F_REQUEST | unix.NLM_F_CREATE | unix.NLM_F_EXCL)
			if i == end-1 {
				flags |= unix.NLM_F_ACK
			}
			dst := lab.Prefix(i).Addr().As4()
			buf = appendRoute(buf, flags, dst, gateway, link)
		}
		if err := unix.Sendto(fd, buf, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			b.Fatal(err)
		}
		m, _, err := unix.Recvfrom(fd, answer, 0)
		if err != nil || m < 20 || binary.NativeEndian.Uint32(answer[16:]) != 0 {
			b.Fatalf("the kernel refused a route: % x, %v", answer[:m], err)
		}
	}
	r := result{time.Since(start), costOf(b, os.Getpid()).since(before)}
	if got := watch(b, dut).count(); got != n {
		b.Fatalf("%d of %d routes are in the kernel", got, n)
	}
	return r
}

func appendRoute(buf []byte, flags uint16, dst, gateway [4]byte, link uint32) []byte {
	const size = 16 + 12 + 8 + 8 + 8 + 8
	ne := binary.NativeEndian
	buf = ne.AppendUint32(buf, size)
	buf = ne.AppendUint16(buf, unix.RTM_NEWROUTE)
	buf = ne.AppendUint16(buf, flags)
	buf = append(buf, 0, 0, 0, 0, 0, 0, 0, 0) // sequence, port
	buf = append(buf, unix.AF_INET, 24, 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RT_SCOPE_UNIVERSE, unix.RTN_UNICAST, 0, 0, 0, 0)
	attr := func(kind uint16, value [4]byte) {
		buf = ne.AppendUint16(buf, 8)
		buf = ne.AppendUint16(buf, kind)
		buf = append(buf, value[:]...)
	}
	number := func(v uint32) (a [4]byte) { ne.PutUint32(a[:], v); return a }
	attr(unix.RTA_DST, dst)
	attr(unix.RTA_GATEWAY, gateway)
	attr(unix.RTA_OIF, number(link))
	attr(unix.RTA_PRIORITY, number(32))
	return buf
}

func linkIndex(b *testing.B, h *lab.Host, name string) uint32 {
	b.Helper()
	var link *net.Interface
	if err := h.Inside(func() (err error) {
		link, err = net.InterfaceByName(name)
		return err
	}); err != nil {
		b.Fatal(err)
	}
	return uint32(link.Index)
}
