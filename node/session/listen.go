package session

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A Listener lets peers in: those of the sessions that run with it and nobody
// else. A password is on the sockets before the peer can connect, and off them
// when its session has ended.
type Listener struct {
	log     *slog.Logger
	sockets []socket

	mu       sync.Mutex
	sessions map[netip.Addr][]*Session // those with one address, by port

	strangers, trouble quota // what is logged of them
}

// A socket is one that listens. It is no net.Listener: to accept a stranger and
// close the connection has to cost next to nothing, less than making a net.Conn.
type socket struct {
	file *os.File
	at   netip.AddrPort
}

// NewListener makes a Listener without sockets, which lets in whom it is
// offered.
func NewListener(log *slog.Logger) *Listener {
	return &Listener{
		log: log, sessions: map[netip.Addr][]*Session{},
		strangers: quota{lines: linesOfStrangers}, trouble: quota{lines: linesOfPeer},
	}
}

// Listen opens a socket for each address, or for all of IPv4 and of IPv6 when
// there is none. Port 0 lets the kernel choose, for tests.
func Listen(port uint16, addrs []netip.Addr, log *slog.Logger) (*Listener, error) {
	l := NewListener(log)
	everywhere := len(addrs) == 0
	if everywhere {
		addrs = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	for _, a := range addrs {
		at := netip.AddrPortFrom(a.Unmap(), port)
		s, err := listen(at)
		if everywhere && a.Is6() && (errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL)) {
			continue // a host without IPv6
		}
		if err != nil {
			l.close()
			return nil, fmt.Errorf("listen on %v: %w", at, err)
		}
		l.sockets = append(l.sockets, s)
	}
	return l, nil
}

func listen(at netip.AddrPort) (socket, error) {
	domain := unix.AF_INET6
	if at.Addr().Is4() {
		domain = unix.AF_INET
	}
	// Plain TCP: with Multipath TCP there is no MD5 and no TTL.
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return socket{}, os.NewSyscallError("socket", err)
	}
	if at, err = prepare(fd, at); err != nil {
		_ = unix.Close(fd)
		return socket{}, err
	}
	return socket{os.NewFile(uintptr(fd), "bgp "+at.String()), at}, nil
}

func prepare(fd int, at netip.AddrPort) (netip.AddrPort, error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return at, os.NewSyscallError("SO_REUSEADDR", err)
	}
	// The kernel answers a SYN with the listener's TTL, and a peer with GTSM
	// wants to see 255 there too.
	level, hops := unix.IPPROTO_IP, unix.IP_TTL
	if at.Addr().Is6() {
		level, hops = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS
		if err := unix.SetsockoptInt(fd, level, unix.IPV6_V6ONLY, 1); err != nil {
			return at, os.NewSyscallError("IPV6_V6ONLY", err)
		}
	}
	if err := unix.SetsockoptInt(fd, level, hops, farthest); err != nil {
		return at, os.NewSyscallError("IP_TTL", err)
	}
	var to unix.Sockaddr = &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16(), ZoneId: zoneID(at.Addr().Zone())}
	if at.Addr().Is4() {
		to = &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	if err := unix.Bind(fd, to); err != nil {
		return at, os.NewSyscallError("bind", err)
	}
	const backlog = 4096 // the kernel makes it somaxconn if that is less
	if err := unix.Listen(fd, backlog); err != nil {
		return at, os.NewSyscallError("listen", err)
	}
	is, err := unix.Getsockname(fd)
	if err != nil {
		return at, os.NewSyscallError("getsockname", err)
	}
	return sockaddr(is), nil
}

// Addrs returns where it listens, in the order of Listen's addresses.
func (l *Listener) Addrs() []netip.AddrPort {
	var list []netip.AddrPort
	for _, s := range l.sockets {
		list = append(list, s.at)
	}
	return list
}

func (l *Listener) close() {
	for _, s := range l.sockets {
		_ = s.file.Close()
	}
}

func sockaddr(a unix.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		addr := netip.AddrFrom16(a.Addr)
		if addr.IsLinkLocalUnicast() && a.ZoneId != 0 {
			if i, err := net.InterfaceByIndex(int(a.ZoneId)); err == nil {
				addr = addr.WithZone(i.Name)
			}
		}
		return netip.AddrPortFrom(addr, uint16(a.Port))
	}
	return netip.AddrPort{}
}

func zoneID(zone string) uint32 {
	if i, err := net.InterfaceByName(zone); zone != "" && err == nil {
		return uint32(i.Index)
	}
	return 0
}
