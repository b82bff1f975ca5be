package fib

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// replyTimeout is how long the kernel may keep us waiting. It answers within
// milliseconds; a reply that was lost must not hold up all routes for ever.
const replyTimeout = 5 * time.Second

// A socket is a netlink socket to the kernel's routing part.
type socket struct {
	fd   int
	port uint32 // what the kernel calls us (nlmsg_pid)
	seq  uint32
	buf  []byte // for what is received
}

func openSocket(flags int, groups uint32) (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|flags, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("netlink socket: %w", err)
	}
	s := &socket{fd: fd, buf: make([]byte, 64<<10)}
	if err := s.bind(groups); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) bind(groups uint32) error {
	if err := unix.Bind(s.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return fmt.Errorf("netlink bind: %w", err)
	}
	name, err := unix.Getsockname(s.fd)
	if err != nil {
		return fmt.Errorf("netlink getsockname: %w", err)
	}
	me, ok := name.(*unix.SockaddrNetlink)
	if !ok {
		return fmt.Errorf("netlink getsockname: not a netlink address: %T", name)
	}
	s.port = me.Pid
	tv := unix.NsecToTimeval(replyTimeout.Nanoseconds())
	return errors.Join(
		unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv),
		unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv),
	)
}

func (s *socket) close() { _ = unix.Close(s.fd) }

// receiveBuffer asks for room for n bytes, beyond the system's limit if we may.
func (s *socket) receiveBuffer(n int) {
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, n) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, n) // less room only means more scans
	}
}

func (s *socket) sendBuffer(n int) {
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, n) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, n)
	}
}

func (s *socket) option(name, value int) error {
	return unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, name, value)
}

func (s *socket) send(b []byte) error {
	for {
		err := unix.Sendto(s.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if err != unix.EINTR {
			return err
		}
	}
}

// receive gets what the kernel has sent; only the kernel's own messages count.
func (s *socket) receive(flags int) ([]byte, error) {
	for {
		n, from, err := unix.Recvfrom(s.fd, s.buf, flags)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if k, ok := from.(*unix.SockaddrNetlink); ok && k.Pid == 0 {
			return s.buf[:n], nil
		}
	}
}

// waits reports whether there is something to receive, which it leaves there.
func (s *socket) waits() bool {
	ready, err := unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}, 0)
	return ready > 0 || err != nil
}

// dump asks for all objects of a kind and hands over their messages.
func (s *socket) dump(kind uint16, family byte, each func(message)) error {
	// A dump that was given up goes on as long as it isn't read to its end, and
	// the kernel takes no other meanwhile (EBUSY).
	for err := error(nil); err == nil; {
		_, err = s.receive(unix.MSG_DONTWAIT)
	}
	s.seq++
	if err := s.send(appendDump(nil, kind, family, s.seq)); err != nil {
		return fmt.Errorf("netlink dump: %w", err)
	}
	interrupted := false
	for {
		b, err := s.receive(0)
		if err != nil {
			return fmt.Errorf("netlink dump: %w", err)
		}
		for {
			m, rest, ok := nextMessage(b)
			if !ok {
				break
			}
			b = rest
			if m.seq != s.seq {
				continue // of a dump given up before
			}
			interrupted = interrupted || m.flags&unix.NLM_F_DUMP_INTR != 0
			switch m.kind {
			case unix.NLMSG_DONE:
				if len(m.body) >= 4 {
					if errno := -int32(native.Uint32(m.body)); errno > 0 {
						return fmt.Errorf("netlink dump: %w", unix.Errno(errno))
					}
				}
				if interrupted {
					return ErrInterrupted
				}
				return nil
			case unix.NLMSG_ERROR:
				errno, words, _ := parseError(m)
				return fmt.Errorf("netlink dump: %w", &Refusal{Errno: errno, Words: words})
			default:
				each(m)
			}
		}
	}
}
