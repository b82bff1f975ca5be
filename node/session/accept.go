package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

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
		<-died //nolint:errcheck // one reason is enough
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
		l.trouble.log(l.log, slog.LevelError, "can't accept connections", "error", trouble)
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
	s := l.host(from.Addr(), func() netip.Addr {
		is, err := unix.Getsockname(fd)
		if err != nil {
			return netip.Addr{}
		}
		return sockaddr(is).Addr()
	})
	if s == nil {
		slam(fd)
		l.stranger(from.Addr())
		return
	}
	if err := incoming(fd, s.cfg); err != nil {
		slam(fd)
		s.sorry(err)
		return
	}
	file := os.NewFile(uintptr(fd), "bgp")
	sock, err := net.FileConn(file) // has a descriptor of its own
	_ = file.Close()
	if err != nil {
		s.sorry(err)
		return
	}
	if tcp, ok := sock.(*net.TCPConn); ok {
		_ = tcp.SetKeepAlive(false) // BGP has its own
	}
	if !l.hand(s, sock) {
		refuse(sock)
	}
}

// Offer lets in, or closes, who comes by another way than the Listener's
// sockets.
func (l *Listener) Offer(sock net.Conn) {
	from, to := addrPort(sock.RemoteAddr()), addrPort(sock.LocalAddr())
	s := l.host(from.Addr(), to.Addr)
	if s == nil {
		l.stranger(from.Addr())
	}
	if s == nil || !l.hand(s, sock) {
		refuse(sock)
	}
}

func (l *Listener) stranger(from netip.Addr) {
	l.strangers.log(l.log, slog.LevelInfo, "closed the connection of a stranger", "from", from)
}

// sorry says why a connection of the peer's could not be taken.
func (s *Session) sorry(err error) {
	s.failures.log(s.log, slog.LevelError, "can't accept the peer's connection", "error", err)
}

// host finds the session of a peer: among several that may be meant the one that
// isn't up. Where a stranger wanted to go is not looked at.
func (l *Listener) host(peer netip.Addr, where func() netip.Addr) *Session {
	l.mu.Lock()
	candidates := guests(l.sessions[peer])
	l.mu.Unlock()
	if len(candidates) == 0 {
		return nil
	}
	local := where()
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

// refuse is slam for a connection that was on its way to a session.
func refuse(sock net.Conn) {
	if tcp, ok := sock.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = sock.Close()
}

// slam closes a connection with a reset: an orderly end would keep the kernel
// busy with it for a minute.
func slam(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	_ = unix.Close(fd)
}
