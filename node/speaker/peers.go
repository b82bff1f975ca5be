package speaker

import (
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/status"
)

// bgpState is a state of RFC 4271, 8.2.2.
type bgpState uint8

const (
	idle bgpState = iota
	connect
	active
	openSent
	openConfirm
	established
)

var bgpStateNames = [...]string{"Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"}

func (s bgpState) String() string { return bgpStateNames[s] }

// A session is what is remembered of a peer that is wanted.
type session struct {
	at      netip.AddrPort
	peer    intent.Peer
	running bool // the speaker has the peer
	state   bgpState
	since   time.Time
	// problem is why the session is not up, in words.
	problem string
	// cause is what was heard about the end of a session, at heard, shortly
	// before the end itself.
	cause string
	heard time.Time
	// moved is closed at the next change of state.
	moved chan struct{}
}

// word is the state as calicoctl shows it.
func (s *session) word() string {
	switch {
	case s.state == established:
		return status.StateUp
	case s.running:
		return status.StateStart
	}
	return status.StateDown
}

// book remembers all sessions: when they changed, and why.
type book struct {
	log *slog.Logger
	now func() time.Time

	mu       sync.Mutex
	sessions map[netip.Addr]*session
}

func newBook(log *slog.Logger) *book {
	return &book{log: log, now: time.Now, sessions: map[netip.Addr]*session{}}
}

// want says which peers there should be, also those that can't be had.
func (b *book) want(peers map[netip.AddrPort]intent.Peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	wanted := make(map[netip.Addr]bool, len(peers))
	for at, p := range peers {
		wanted[at.Addr()] = true
		s, ok := b.sessions[at.Addr()]
		if !ok {
			s = &session{since: b.now(), moved: make(chan struct{})}
			b.sessions[at.Addr()] = s
		}
		s.at, s.peer = at, p
	}
	maps.DeleteFunc(b.sessions, func(a netip.Addr, s *session) bool {
		if !wanted[a] {
			close(s.moved)
		}
		return !wanted[a]
	})
}

// added says that the speaker now has a peer; with an error, that it can't
// have it.
func (b *book) added(peer netip.Addr, err error) {
	b.edit(peer, func(s *session) {
		s.running, s.problem, s.cause = err == nil, "", ""
		if err != nil {
			s.problem = err.Error()
		}
	})
}

// removed says that the speaker no longer has a peer.
func (b *book) removed(peer netip.Addr) {
	b.edit(peer, func(s *session) { s.running, s.state = false, idle })
}

// edit changes a session and keeps its times and its waiters.
func (b *book) edit(peer netip.Addr, change func(*session)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.sessions[peer]
	if !ok {
		return
	}
	word, state := s.word(), s.state
	change(s)
	if s.word() != word {
		s.since = b.now()
	}
	if s.state != state {
		close(s.moved)
		s.moved = make(chan struct{})
	}
}

// move records that a session changed its state, with the reason if it fell.
// It reports false for an echo of a peer that was removed.
func (b *book) move(peer netip.Addr, to bgpState, reason string) (known bool) {
	b.edit(peer, func(s *session) {
		if known = s.running; !known {
			return
		}
		from := s.state
		s.state = to
		log := b.log.With("peer", peer, "name", s.peer.Name, "as", s.peer.ASN)
		switch {
		case to == established:
			s.problem, s.cause = "", ""
			log.Info("session up")
		case to == idle && from > idle:
			if s.cause != "" && b.now().Sub(s.heard) < causeFresh {
				reason = s.cause
			}
			if reason != "" {
				s.problem = reason
			}
			s.cause = ""
			if from == established {
				log.Warn("session down", "reason", reason)
			} else {
				log.Debug("session attempt failed", "state", from.String(), "reason", reason)
			}
		}
	})
	return known
}

// causeFresh is how long a cause explains an end.
const causeFresh = 5 * time.Second

// hint notes why a session is about to end. For an attempt GoBGP makes by
// itself no end follows: the hint is all there will be.
func (b *book) hint(peer netip.Addr, cause string) {
	b.edit(peer, func(s *session) {
		s.cause, s.heard = cause, b.now()
		if s.state != established {
			s.problem = cause
		}
	})
}

// unreachable notes why a peer can't be reached.
func (b *book) unreachable(peer netip.Addr, why string) {
	b.edit(peer, func(s *session) {
		if s.state > active || s.problem == why {
			return
		}
		s.problem = why
		b.log.Info("no connection", "peer", peer, "name", s.peer.Name, "reason", why)
	})
}

// look returns a session's state and a channel that closes when it changes.
func (b *book) look(peer netip.Addr) (bgpState, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.sessions[peer]; ok {
		return s.state, s.moved
	}
	return idle, nil
}

// up are the peers whose session is established and whose end was not heard of.
func (b *book) up() []netip.Addr {
	b.mu.Lock()
	defer b.mu.Unlock()
	var up []netip.Addr
	for a, s := range b.sessions {
		if s.state == established && s.cause == "" {
			up = append(up, a)
		}
	}
	return up
}

// list reports all sessions, sorted by address.
func (b *book) list() []status.Peer {
	b.mu.Lock()
	defer b.mu.Unlock()
	peers := make([]status.Peer, 0, len(b.sessions))
	for a, s := range b.sessions {
		p := status.Peer{
			Name: s.peer.Name, Type: s.peer.Type, Address: a, Port: s.at.Port(), ASNumber: s.peer.ASN,
			State: s.word(), BGPState: s.state.String(), Since: s.since, LastError: s.problem,
		}
		if s.peer.LocalAddress.IsValid() {
			p.LocalAddress = s.peer.LocalAddress.String()
		}
		peers = append(peers, p)
	}
	slices.SortFunc(peers, func(a, b status.Peer) int { return a.Address.Compare(b.Address) })
	return peers
}
