package session

import (
	"cmp"
	"errors"
	"net/netip"
	"os"
	"slices"
)

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
