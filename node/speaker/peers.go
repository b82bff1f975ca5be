package speaker

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/session"
	"github.com/calctl/calctl/status"
)

// An entry is what is remembered of a peer that is wanted.
type entry struct {
	peer    intent.Peer
	running bool // the speaker has the peer
	state   session.State
	local   netip.Addr // of the connection
	since   time.Time  // when word changed
	problem string     // why the session is not up, in words
	told    bool       // problem was told by a session or an OPEN: a connection that fails later doesn't hide it
	attempt string     // how connections have failed since
}

// word is the state as calicoctl shows it.
func (e *entry) word() string {
	switch {
	case e.state == session.Established:
		return status.StateUp
	case e.running:
		return status.StateStart
	}
	return status.StateDown
}

// book remembers all peers: how their sessions stand, since when, and why.
type book struct {
	now func() time.Time

	mu    sync.Mutex
	peers map[netip.AddrPort]*entry
}

func newBook() *book {
	return &book{now: time.Now, peers: map[netip.AddrPort]*entry{}}
}

// want says which peers there should be, also those that can't be had.
func (b *book) want(peers map[netip.AddrPort]intent.Peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	wanted := make(map[netip.AddrPort]bool, len(peers))
	for at, p := range peers {
		wanted[at] = true
		e, ok := b.peers[at]
		if !ok {
			e = &entry{since: b.now()}
			b.peers[at] = e
		}
		e.peer = p
	}
	maps.DeleteFunc(b.peers, func(a netip.AddrPort, _ *entry) bool { return !wanted[a] })
}

// added says that the speaker now has a peer; with an error, that it can't
// have it.
func (b *book) added(peer netip.AddrPort, err error) {
	b.edit(peer, func(e *entry) {
		e.running, e.state, e.problem, e.told, e.attempt = err == nil, session.Idle, "", false, ""
		if err != nil {
			e.problem = err.Error()
		}
	})
}

// removed says that the speaker no longer has a peer.
func (b *book) removed(peer netip.AddrPort) {
	b.edit(peer, func(e *entry) { e.running, e.state = false, session.Idle })
}

// moved notes how a session stands now.
func (b *book) moved(peer netip.AddrPort, now func() session.Status) {
	b.edit(peer, func(e *entry) {
		st := now()
		if !e.running {
			return
		}
		e.state = st.State
		if st.State == session.Established {
			e.problem, e.told, e.attempt, e.local = "", false, "", st.Terms.Local.Addr()
			return
		}
		e.blame(st.Reason)
	})
}

// blame notes why there is no session. What a peer said last, or how its
// session ended, stays beside the "connection refused" of the next attempts,
// which come within a second.
func (e *entry) blame(r session.Reason) {
	words := r.String()
	switch mere := r.Cause == session.Lost && r.State != session.Established; {
	case !mere:
		e.problem, e.told, e.attempt = words, words != "", ""
	case e.told:
		e.attempt = words
	default:
		e.problem = words
	}
}

// edit changes an entry and keeps its time.
func (b *book) edit(peer netip.AddrPort, change func(*entry)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.peers[peer]
	if !ok {
		return
	}
	word := e.word()
	change(e)
	if e.word() != word {
		e.since = b.now()
	}
}

// sessions counts the peers and those whose session is up.
func (b *book) sessions() (up, all int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.peers {
		if e.state == session.Established {
			up++
		}
	}
	return up, len(b.peers)
}

// list reports all peers, sorted by address and port.
func (b *book) list() []status.Peer {
	b.mu.Lock()
	defer b.mu.Unlock()
	peers := make([]status.Peer, 0, len(b.peers))
	for at, e := range b.peers {
		p := status.Peer{
			Name: e.peer.Name, Type: e.peer.Type, Address: at.Addr(), Port: at.Port(), ASNumber: e.peer.ASN,
			State: e.word(), BGPState: e.state.String(), Since: e.since, LastError: e.problem, AttemptError: e.attempt,
		}
		if local := e.peer.LocalAddress; local.IsValid() {
			p.LocalAddress = local.String()
		} else if e.state == session.Established {
			p.LocalAddress = e.local.String()
		}
		peers = append(peers, p)
	}
	slices.SortFunc(peers, func(a, b status.Peer) int { return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Port, b.Port)) })
	return peers
}
