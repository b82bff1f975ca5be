package speaker

import (
	"net/netip"
	"time"

	"github.com/calctl/calctl/node/intent"
)

const (
	// settleLimit is how long a start waits for peers at most: as long as they
	// are asked to keep our routes (the Selection_Deferral_Timer of RFC 4724, 4.1).
	settleLimit = intent.DefaultRestartTime
	// settleAlone is how long a speaker without peers waits for some: the
	// datastore may deliver its resources one by one.
	settleAlone = 5 * time.Second
	// A peer that will not send End-of-RIB has told its routes when it has been
	// up for settleUp and nothing has changed for settleQuiet.
	settleUp    = 3 * time.Second
	settleQuiet = time.Second
)

// settling works out when the peers of a start have told their routes. It
// holds no clock and no timer: whoever calls it says what time it is.
type settling struct {
	began    bool // there was an Apply
	armed    bool // there was one with peers
	done     bool
	deadline time.Time
	changed  time.Time // when a best path changed the last time
	// waiting are the peers whose routes are not all here yet, with the time at
	// which one came up that sends no marker; the zero Time for the others.
	waiting map[netip.AddrPort]time.Time
	// silent are those with a time, in the order they came up, so that check
	// needn't look at all peers each time. Some may have gone again.
	silent []silent
}

// silent is a peer that came up and sends no marker.
type silent struct {
	peer  netip.AddrPort
	since time.Time
}

// want says which peers there are. Only those of the first call that names any
// are waited for, as long as later calls name them too.
func (s *settling) want(peers []netip.AddrPort, enabled bool, now time.Time) {
	if !s.began {
		s.began, s.deadline = true, now.Add(settleLimit)
	}
	switch {
	case s.done:
	case s.armed:
		keep := make(map[netip.AddrPort]time.Time, len(s.waiting))
		for _, p := range peers {
			if since, ok := s.waiting[p]; ok {
				keep[p] = since
			}
		}
		s.waiting = keep
	case len(peers) > 0:
		s.armed, s.deadline = true, now.Add(settleLimit)
		s.waiting = make(map[netip.AddrPort]time.Time, len(peers))
		for _, p := range peers {
			s.waiting[p] = time.Time{}
		}
	case enabled:
		if alone := now.Add(settleAlone); alone.Before(s.deadline) {
			s.deadline = alone
		}
	}
}

// up says that a session is established, and whether the peer will send
// End-of-RIB markers.
func (s *settling) up(peer netip.AddrPort, marker bool, now time.Time) {
	if _, ok := s.waiting[peer]; ok && !marker {
		s.waiting[peer] = now
		s.silent = append(s.silent, silent{peer, now})
	}
}

// down says that a session has ended.
func (s *settling) down(peer netip.AddrPort) {
	if _, ok := s.waiting[peer]; ok {
		s.waiting[peer] = time.Time{}
	}
}

// endOfRIB says that a peer has sent the marker.
func (s *settling) endOfRIB(peer netip.AddrPort) { delete(s.waiting, peer) }

// moved says that a best path has changed.
func (s *settling) moved(now time.Time) { s.changed = now }

// check reports true once: when there is nobody left to wait for. Otherwise it
// says when to check again if nothing happens before; the zero Time: no need.
func (s *settling) check(now time.Time) (settled bool, next time.Time) {
	if !s.began || s.done {
		return false, time.Time{}
	}
	next = s.deadline
	for ; len(s.silent) > 0; s.silent = s.silent[1:] {
		first := s.silent[0]
		if !s.waiting[first.peer].Equal(first.since) {
			continue // gone again
		}
		quiet := first.since.Add(settleUp)
		if q := s.changed.Add(settleQuiet); q.After(quiet) {
			quiet = q
		}
		if now.Before(quiet) {
			if quiet.Before(next) {
				next = quiet
			}
			break
		}
		delete(s.waiting, first.peer)
	}
	if s.armed && len(s.waiting) == 0 || !now.Before(s.deadline) {
		s.done, s.waiting, s.silent = true, nil, nil
		return true, time.Time{}
	}
	return false, next
}
