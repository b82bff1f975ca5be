package session

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// dial makes one attempt and tells the machine what came of it.
func (s *Session) dial(ctx context.Context, id connID, limit time.Duration) {
	attempt, done := context.WithTimeout(ctx, limit)
	sock, err := s.cfg.Network.Dial(attempt, s.cfg)
	done()
	h := &happening{event: event{kind: dialed, conn: id}, sock: sock}
	if err != nil {
		h = &happening{event: event{kind: dialFailed, conn: id, text: s.words(err)}}
	}
	select {
	case s.happened <- h:
	case <-ctx.Done(): // hung up
		if sock != nil {
			_ = sock.Close()
		}
	}
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
