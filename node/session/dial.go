package session

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// dial makes one attempt and tells the machine what came of it.
func (s *Session) dial(ctx context.Context, id connID, limit time.Duration) {
	sock, err := s.connect(ctx, limit)
	h := happening{event: event{kind: dialed, conn: id}, sock: sock}
	if err != nil {
		h = happening{event: event{kind: dialFailed, conn: id, text: s.words(err)}}
	}
	select {
	case s.happened <- h:
	case <-ctx.Done(): // hung up
		if sock != nil {
			_ = sock.Close()
		}
	}
}

func (s *Session) dialTCP(ctx context.Context, limit time.Duration) (net.Conn, error) {
	d := net.Dialer{
		Timeout:   limit,
		KeepAlive: -1, // BGP has its own
		Control: func(_, _ string, raw syscall.RawConn) error {
			return control(raw, func(fd int) error { return outgoing(fd, s.cfg) })
		},
	}
	d.SetMultipathTCP(false) // it excludes MD5
	if s.cfg.Local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.cfg.Local, 0))
	}
	network := "tcp6"
	if s.cfg.Remote.Addr().Is4() {
		network = "tcp4"
	}
	sock, err := d.DialContext(ctx, network, s.cfg.Remote.String())
	if err != nil {
		return nil, err // not sock: a nil *TCPConn is no nil Conn
	}
	return sock, nil
}

// words says what TCP did as an operator would.
func (s *Session) words(err error) string {
	var timeout interface{ Timeout() bool }
	var op *net.OpError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return "connection closed by the peer"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset by the peer"
	case errors.Is(err, syscall.EHOSTUNREACH):
		return "no route to host"
	case errors.Is(err, syscall.ENETUNREACH):
		return "network is unreachable"
	case errors.Is(err, syscall.EADDRNOTAVAIL) && s.cfg.Local.IsValid():
		return "local address " + s.cfg.Local.String() + " is not on this host"
	case errors.As(err, &timeout) && timeout.Timeout():
		if s.cfg.Password != "" {
			return "no answer (is the password the same on both sides?)"
		}
		return "no answer"
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}
