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
	l.mu.Lock()
	defer l.mu.Unlock()
	peer := s.cfg.Remote.Addr()
	others := l.sessions[peer]
	list := append(slices.Clip(others), s) // a new slice: host may be reading the old one
	slices.SortStableFunc(list, func(a, b *Session) int { return cmp.Compare(a.cfg.Remote.Port(), b.cfg.Remote.Port()) })
	for _, g := range guests(list) {
		if g.cfg.Password != guests(list)[0].cfg.Password {
			return errPasswords
		}
	}
	if err := l.lock(peer, others, list); err != nil {
		_ = l.lock(peer, list, others)
		return err
	}
	l.sessions[peer] = list
	return nil
}

// dismiss lets nobody in for a session any more.
func (l *Listener) dismiss(s *Session) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	peer := s.cfg.Remote.Addr()
	list := l.sessions[peer]
	left := slices.DeleteFunc(slices.Clone(list), func(o *Session) bool { return o == s })
	if l.sessions[peer] = left; len(left) == 0 {
		delete(l.sessions, peer)
	}
	if err := l.lock(peer, list, left); err != nil && !errors.Is(err, os.ErrClosed) {
		s.log.Warn("the listening socket has not the password it should have for the peer", "error", err)
	}
}

// guests are the sessions that who comes from their one address may be for. Of
// several it can't be told which is meant before the OPEN, and not always then: each
// dials its port, and only those that don't dial are let in.
func guests(list []*Session) []*Session {
	if len(list) < 2 {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(s *Session) bool { return !s.cfg.Passive })
}

// lock puts the password of the sessions with one address on the sockets, if it is
// another one than that of the sessions before.
func (l *Listener) lock(peer netip.Addr, before, now []*Session) error {
	password := func(list []*Session) Secret {
		if g := guests(list); len(g) > 0 {
			return g[0].cfg.Password
		}
		return ""
	}
	if to := password(now); to != password(before) {
		return l.setPassword(peer, to)
	}
	return nil
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
