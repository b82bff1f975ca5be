package bench

import (
	"encoding/binary"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/calctl/calctl/node/lab"
)

// rawNetlink writes n routes with nothing around it: messages back to back in
// one buffer, an acknowledgement asked for at the end of each batch only.
func rawNetlink(b *testing.B, n int) result {
	f := newField(b, setting{neighbours: 1})
	fd, link := netlinkSocket(b, f.dut), linkIndex(b, f.dut, "eth0")
	gateway := nth(0).As4()

	before := costOfPID(b, os.Getpid())
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
			buf = appendRoute(buf, flags, lab.Prefix(i).Addr().As4(), gateway, link)
		}
		if err := unix.Sendto(fd, buf, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			b.Fatal(err)
		}
		m, _, err := unix.Recvfrom(fd, answer, 0)
		if err != nil || m < 20 || binary.NativeEndian.Uint32(answer[16:]) != 0 {
			b.Fatalf("the kernel refused a route: % x, %v", answer[:m], err)
		}
	}
	r := result{took: time.Since(start), cost: costOfPID(b, os.Getpid()).since(before)}
	r.cost.peak = 0 // the benchmark's own
	if got := f.kernel.count(goal{n, by(nth(0))}); got != n {
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
		buf = appendHeader(buf, 8, kind)
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
