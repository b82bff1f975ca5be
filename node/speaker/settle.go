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
	waiting  map[netip.AddrPort]*awaited
}

// awaited is a peer whose routes are not all here yet.
type awaited struct {
	up     bool
	since  time.Time // when it came up
	marker bool      // it said it sends End-of-RIB
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
		keep := make(map[netip.AddrPort]*awaited, len(s.waiting))
		for _, p := range peers {
			if w, ok := s.waiting[p]; ok {
				keep[p] = w
			}
		}
		s.waiting = keep
	case len(peers) > 0:
		s.armed, s.deadline = true, now.Add(settleLimit)
		s.waiting = make(map[netip.AddrPort]*awaited, len(peers))
		for _, p := range peers {
			s.waiting[p] = &awaited{}
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
	if w, ok := s.waiting[peer]; ok {
		*w = awaited{up: true, since: now, marker: marker}
	}
}

// down says that a session has ended.
func (s *settling) down(peer netip.AddrPort) {
	if w, ok := s.waiting[peer]; ok {
		*w = awaited{}
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
	left := 0
	for peer, w := range s.waiting {
		if w.up && !w.marker {
			quiet := w.since.Add(settleUp)
			if q := s.changed.Add(settleQuiet); q.After(quiet) {
				quiet = q
			}
			if !now.Before(quiet) {
				delete(s.waiting, peer)
				continue
			}
			if quiet.Before(next) {
				next = quiet
			}
		}
		left++
	}
	if s.armed && left == 0 || !now.Before(s.deadline) {
		s.done, s.waiting = true, nil
		return true, time.Time{}
	}
	return false, next
}
