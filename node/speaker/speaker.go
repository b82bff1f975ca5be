package speaker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/session"
	"github.com/calctl/calctl/status"
)

// A Speaker speaks BGP as it is told to. Its methods may be called from
// several goroutines. Close it when it is no longer needed.
type Speaker struct {
	log    *slog.Logger
	events Events
	begin  func(intent.BGP, ears) (engine, error) // starts an engine
	book   *book
	settle *settler
	peers  chan struct{} // readable when a session has changed

	stopTelling context.CancelFunc
	told        sync.WaitGroup

	running atomic.Pointer[engine] // for Peers, which must not wait for Apply
	telling sync.Mutex             // held while an event is told

	mu         sync.Mutex
	closed     bool
	restarting bool       // o.Restarting, until the first engine has begun
	engine     engine     // nil: not speaking
	have       intent.BGP // what has been done, also after a failure
}

// New makes a speaker that has nothing to say until the first Apply.
func New(log *slog.Logger, o Options) *Speaker {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Speaker{
		log: log, events: o.Events, restarting: o.Restarting,
		book: newBook(), settle: newSettler(),
		peers: make(chan struct{}, 1), stopTelling: cancel,
	}
	s.begin = func(want intent.BGP, e ears) (engine, error) {
		return startCore(log, want, s.restarting, o, e)
	}
	s.told.Go(func() { s.tell(ctx) })
	return s
}

// Apply makes the speaker do what want says, and nothing else. What is done
// already is left alone: calling it twice is calling it once. It does what it
// can: the error says what is left, and the next call tries that again. The
// context is looked at between steps.
func (s *Speaker) Apply(ctx context.Context, want intent.BGP) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("the speaker is closed")
	}
	asked := want.Peers
	want, bad, err := check(want)
	if err != nil {
		return err
	}
	s.book.want(asked)
	s.settle.want(slices.Collect(maps.Keys(want.Peers)), want.Enabled())
	defer wake(s.peers)

	var errs []error
	for _, at := range slices.SortedFunc(maps.Keys(bad), netip.AddrPort.Compare) {
		s.book.added(at, bad[at])
		errs = append(errs, bad[at])
	}
	errs = append(errs, s.act(ctx, Diff(s.have, want), want)...)
	s.remember(want)
	return errors.Join(errs...)
}

// act does what changes say, in their order, and keeps have true to it.
func (s *Speaker) act(ctx context.Context, c Changes, want intent.BGP) (errs []error) {
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Restart {
		s.stop("this node takes on another identity")
		if want.Enabled() {
			if err := s.start(want); err != nil {
				fail("start BGP: %w", err)
			}
		}
	}
	if s.engine == nil {
		why := errNoRouterID
		if len(errs) > 0 {
			why = errs[0]
		}
		for at := range want.Peers {
			s.book.added(at, why)
		}
		return errs
	}
	if ctx.Err() != nil {
		return append(errs, ctx.Err())
	}
	stuck := map[netip.AddrPort]bool{}
	for i, err := range s.engine.removePeers(c.Remove, c.Add) {
		at, p := c.Remove[i], s.have.Peers[c.Remove[i]]
		if err != nil {
			fail("remove peer %v (%s): %w", at, p.Name, err)
			stuck[at] = true
			continue
		}
		s.book.removed(at)
		s.settle.down(at)
		delete(s.have.Peers, at)
		s.log.Info("peer removed", "peer", at, "name", p.Name)
	}
	if c.Policy || len(c.Rules) > 0 {
		if err := s.engine.setRules(want, c.Rules); err != nil {
			fail("replace the rules: %w", err)
			c.Add = nil // they would hear less, or more, than they should
		} else {
			s.have.Export, s.have.Priorities, s.have.Kernel = want.Export, want.Priorities, want.Kernel
			for _, at := range c.Rules {
				p := s.have.Peers[at]
				p.Rules = want.Peers[at].Rules
				s.have.Peers[at] = p
				s.log.Info("peer has other rules", "peer", at, "name", p.Name)
			}
		}
	}
	for _, p := range c.Withdraw {
		if err := s.engine.withdraw(p); err != nil {
			fail("withdraw %v: %w", p, err)
			continue
		}
		delete(s.have.Local, p)
	}
	for _, p := range c.Announce {
		if err := s.engine.announce(p, want.Local[p]); err != nil {
			fail("announce %v: %w", p, err)
			continue
		}
		s.have.Local[p] = want.Local[p]
	}
	if ctx.Err() != nil {
		return append(errs, ctx.Err())
	}
	add := slices.DeleteFunc(c.Add, func(at netip.AddrPort) bool { return stuck[at] })
	for _, at := range add {
		s.book.added(at, nil) // before the engine tells of it
	}
	for i, err := range s.engine.addPeers(add, want.Peers) {
		at, p := add[i], want.Peers[add[i]]
		if err != nil {
			s.book.added(at, err)
			fail("add peer %v (%s): %w", at, p.Name, err)
			continue
		}
		s.have.Peers[at] = p
		s.log.Info("peer added", "peer", at, "name", p.Name, "as", p.ASN, "type", p.Type)
	}
	return errs
}

// errNoRouterID is what is wrong with every peer of a node without an address.
var errNoRouterID = errors.New("this node has no router id: it needs an IPv4 address")

func (s *Speaker) start(want intent.BGP) error {
	e, err := s.begin(want, ears{
		best: func(piece []Change, more bool) {
			s.settle.moved()
			s.tellBest(piece, more)
		},
		endOfRIB: s.settle.endOfRIB,
		up:       s.settle.up,
		down:     s.settle.down,
		changed: func(peer netip.AddrPort, now func() session.Status) {
			s.book.moved(peer, now)
			wake(s.peers)
		},
		failed: func(peer netip.AddrPort, why error) {
			s.book.added(peer, why)
			wake(s.peers)
		},
	})
	if err != nil {
		return err
	}
	s.restarting = false // of a second engine the peers have heard already
	s.engine = e
	s.running.Store(&e)
	s.have = clone(intent.BGP{ASN: want.ASN, RouterID: want.RouterID, Port: want.Port, Listen: want.Listen})
	s.log.Info("speaking BGP", "as", want.ASN, "router", want.RouterID, "port", want.Port)
	return nil
}

// stop ends all sessions; nothing is left of what they brought.
func (s *Speaker) stop(why string) {
	if s.engine == nil {
		return
	}
	s.running.Store(nil)
	s.engine.stop(why)
	for at := range s.have.Peers {
		s.book.removed(at)
		s.settle.down(at)
	}
	s.engine, s.have = nil, intent.BGP{}
}

// remember takes over what is told to nobody.
func (s *Speaker) remember(want intent.BGP) {
	for at, p := range s.have.Peers {
		if q, ok := want.Peers[at]; ok && sameSession(p, q) {
			p.Name, p.Type = q.Name, q.Type
			s.have.Peers[at] = p
		}
	}
}

// Peers reports every peer that is wanted, sorted by address and port.
func (s *Speaker) Peers() []status.Peer {
	peers := s.book.list()
	e := s.running.Load()
	if e == nil {
		return peers
	}
	counted := (*e).counts()
	for i := range peers {
		p := &peers[i]
		c := counted[netip.AddrPortFrom(p.Address, p.Port)]
		p.RoutesIn, p.RoutesOut = c.in, c.out
	}
	return peers
}

// Sessions says how many peers are wanted, and with how many a session is up.
// Unlike Peers it asks nobody and makes no list, so it can follow every change.
func (s *Speaker) Sessions() (up, all int) { return s.book.sessions() }

// ReachChanged says that Options.Reach may answer otherwise than before.
func (s *Speaker) ReachChanged() {
	if e := s.running.Load(); e != nil {
		(*e).reachChanged()
	}
}

// Close ends all sessions and tells the peers so (Cease, administrative
// shutdown), as BIRD does when it is asked to end: peers drop our routes at
// once. A process that is killed says nothing, and its peers keep its routes
// for the graceful restart time. No event is told once Close has begun: what
// the peers' going takes away is no news about the kernel's routes.
func (s *Speaker) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.stopTelling()
	s.told.Wait()
	if s.engine != nil {
		s.engine.hush()
		s.stop("calctl is stopping")
	}
}
