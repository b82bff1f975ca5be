package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Listener lets peers in: those of the sessions that run with it and nobody
// else. A password is on the sockets before the peer can connect, and off them
// when its session has ended.
type Listener struct {
	log     *slog.Logger
	sockets []socket

	mu       sync.Mutex
	sessions map[netip.Addr][]*Session // those of one peer in the order they came

	strangers strangers
}

// A socket is one that listens. It is no net.Listener: to accept a stranger and
// close the connection has to cost next to nothing, less than making a net.Conn.
type socket struct {
	file *os.File
	at   netip.AddrPort
}

// Listen opens a socket for each address, or for all of IPv4 and of IPv6 when
// there is none. Port 0 lets the kernel choose, for tests.
func Listen(port uint16, addrs []netip.Addr, log *slog.Logger) (*Listener, error) {
	l := &Listener{log: log, sessions: map[netip.Addr][]*Session{}}
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

// Run lets peers in until the context is done, and closes the sockets. Sessions
// may begin before and end after. The error says that a socket has died.
func (l *Listener) Run(ctx context.Context) error {
	died := make(chan error, len(l.sockets))
	for _, s := range l.sockets {
		go func() { died <- l.accept(ctx, s) }()
	}
	left := len(l.sockets)
	var err error
	select {
	case <-ctx.Done():
	case err = <-died:
		left--
	}
	l.close()
	for range left {
		<-died
	}
	return err
}

// accept lets in who comes by one socket.
func (l *Listener) accept(ctx context.Context, s socket) error {
	raw, err := s.file.SyscallConn()
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		var trouble error
		err = raw.Read(func(fd uintptr) bool {
			trouble = l.acceptAll(int(fd))
			return trouble != nil
		})
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, os.ErrClosed) {
				return nil
			}
			return fmt.Errorf("listen on %v: %w", s.at, err)
		}
		// Out of descriptors or memory: whoever waits stays in the queue.
		l.log.Error("can't accept connections", "error", trouble)
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// acceptAll takes connections until there are none.
func (l *Listener) acceptAll(listener int) error {
	for {
		fd, from, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			l.welcome(fd, sockaddr(from))
		case unix.EAGAIN:
			return nil
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
			return os.NewSyscallError("accept", err)
		}
		// Everything else is the fault of one connection (accept(2)).
	}
}

// welcome hands a connection to its session, or closes it.
func (l *Listener) welcome(fd int, from netip.AddrPort) {
	s := l.host(fd, from.Addr())
	if s == nil {
		slam(fd)
		l.strangers.note(l.log, from.Addr())
		return
	}
	if err := incoming(fd, s.cfg); err != nil {
		slam(fd)
		s.log.Error("can't accept the peer's connection", "error", err)
		return
	}
	file := os.NewFile(uintptr(fd), "bgp")
	sock, err := net.FileConn(file) // has a descriptor of its own
	_ = file.Close()
	if err != nil {
		s.log.Error("can't accept the peer's connection", "error", err)
		return
	}
	if tcp, ok := sock.(*net.TCPConn); ok {
		_ = tcp.SetKeepAlive(false) // BGP has its own
	}
	if !l.hand(s, sock) {
		_ = sock.Close()
	}
}

// host finds the session of a peer: among several at one address the one that
// isn't up.
func (l *Listener) host(fd int, peer netip.Addr) *Session {
	l.mu.Lock()
	candidates := l.sessions[peer]
	l.mu.Unlock()
	if len(candidates) == 0 {
		return nil
	}
	var local netip.Addr
	if is, err := unix.Getsockname(fd); err == nil {
		local = sockaddr(is).Addr()
	}
	var found *Session
	for _, s := range candidates {
		if s.cfg.Local.IsValid() && s.cfg.Local.WithZone("") != local.WithZone("") {
			continue
		}
		if s.Status().State != Established {
			return s
		}
		if found == nil {
			found = s
		}
	}
	return found
}

// hand gives a connection to a session unless that has been dismissed.
func (l *Listener) hand(s *Session, sock net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.sessions[s.cfg.Remote.Addr()], s) && s.offer(sock)
}

var errPasswords = errors.New("another session with this address has another password: TCP-MD5 can't tell them apart")

// admit lets a session's peer in from now on.
func (l *Listener) admit(s *Session) error {
	if l == nil {
		return nil
	}
	peer := s.cfg.Remote.Addr()
	l.mu.Lock()
	defer l.mu.Unlock()
	others := l.sessions[peer]
	if len(others) > 0 && others[0].cfg.Password != s.cfg.Password {
		return errPasswords
	}
	if len(others) == 0 && s.cfg.Password != "" {
		if err := l.setPassword(peer, s.cfg.Password); err != nil {
			_ = l.setPassword(peer, "")
			return err
		}
	}
	// A new slice: host may be reading the old one.
	l.sessions[peer] = append(slices.Clip(others), s)
	slices.SortStableFunc(l.sessions[peer], func(a, b *Session) int { return cmp.Compare(a.cfg.Remote.Port(), b.cfg.Remote.Port()) })
	return nil
}

// dismiss lets nobody in for a session any more.
func (l *Listener) dismiss(s *Session) {
	if l == nil {
		return
	}
	peer := s.cfg.Remote.Addr()
	l.mu.Lock()
	defer l.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(l.sessions[peer]), func(o *Session) bool { return o == s })
	if len(left) > 0 {
		l.sessions[peer] = left
		return
	}
	delete(l.sessions, peer)
	if s.cfg.Password != "" {
		if err := l.setPassword(peer, ""); err != nil && !errors.Is(err, os.ErrClosed) {
			s.log.Warn("the peer's password stays on the listening socket", "error", err)
		}
	}
}

// setPassword sets a peer's password on the sockets it can reach.
func (l *Listener) setPassword(peer netip.Addr, password Secret) error {
	var failed error
	for _, s := range l.sockets {
		if s.at.Addr().Is4() != peer.Is4() {
			continue
		}
		raw, err := s.file.SyscallConn()
		if err == nil {
			err = control(raw, func(fd int) error { return setMD5(fd, peer, password) })
		}
		failed = cmp.Or(failed, err)
	}
	return failed
}

// slam closes a connection with a reset: an orderly end would keep the kernel
// busy with it for a minute.
func slam(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	_ = unix.Close(fd)
}

// strangers counts the uninvited, and mentions them now and then.
type strangers struct {
	mu    sync.Mutex
	count int
	told  time.Time
}

const mention = time.Minute

func (s *strangers) note(log *slog.Logger, from netip.Addr) {
	s.mu.Lock()
	s.count++
	count := s.count
	tell := time.Since(s.told) >= mention
	if tell {
		s.count, s.told = 0, time.Now()
	}
	s.mu.Unlock()
	if tell {
		log.Info("closed connections of strangers", "count", count, "last", from)
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
