package speaker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calctl/calctl/node/adjout"
	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/session"
	"github.com/calctl/calctl/node/wire"
)

const (
	// inboxSize is how many batches may wait for the owner. More would only
	// move the queue from the peers' sockets, where TCP holds it, into our memory.
	inboxSize = 16
	// commitAfter is how many batches are decided on together at most: a flood
	// is decided on in large steps, a single change at once.
	commitAfter = 16
	// workStep is how many prefixes are looked at in one go when a policy has
	// changed or a peer has come: some milliseconds' worth, after which routes
	// that have come meanwhile have their turn.
	workStep = 20_000
	// deferral is how long a restarting speaker withholds its routes for peers
	// that have not sent theirs (the Selection_Deferral_Timer of RFC 4724, 4.1).
	deferral = 10 * time.Second
	// trimEvery is how often memory is given back that lost routes had.
	trimEvery = time.Minute
	// farewellLimit is how long peers have to be told that this node goes.
	farewellLimit = time.Second
)

// ErrListen says that the port peers are to connect to is not to be had.
var ErrListen = errors.New("can't listen for BGP")

// core is the engine: one goroutine owns the routes and what peers are told of
// them; sessions bring and take.
type core struct {
	log     *slog.Logger
	ears    ears
	asn     uint32
	id      netip.Addr
	attrs   *wire.Table
	resolve rib.Resolver
	network session.Network
	door    *session.Listener // nil: not listening
	ctx     context.Context   // ends with the engine
	cancel  context.CancelFunc
	inbox   chan job
	quiet   atomic.Bool // the ears hear nothing any more

	// restarting says that a restart is not over: OPENs say so, and peers are
	// told nothing yet.
	restarting atomic.Bool
	// forwarding says that the kernel forwards by routes of ours, so that peers
	// which have lost us may keep theirs.
	forwarding atomic.Bool

	sessions sync.WaitGroup
	parts    sync.WaitGroup // the owner, the listener

	// The owner's.
	table    *rib.Table
	groups   *adjout.Groups
	peers    map[netip.AddrPort]*peering
	policies policies
	kernel   kernel
	work     bool        // policies have work left
	after    []func()    // to be done when what was learned has been told
	pieces   [2][]Change // scratch
}

// A job is work for the owner: routes of a peer, or something else to be done.
type job struct {
	from  *peering
	batch *batch
	do    func()
	done  chan<- struct{} // closed when what came of the job has been told
}

// startCore begins to listen. It lets no route out before it has a policy.
func startCore(log *slog.Logger, want intent.BGP, restarting bool, o Options, e ears) (*core, error) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &core{
		log: log, ears: e, asn: want.ASN, id: want.RouterID, attrs: &wire.Table{},
		resolve: resolver(o.Reach), network: o.Network, ctx: ctx, cancel: cancel, inbox: make(chan job, inboxSize),
		peers: map[netip.AddrPort]*peering{}, policies: newPolicies(o.Reach), kernel: newKernel(),
	}
	c.restarting.Store(restarting)
	c.forwarding.Store(restarting)
	if c.network == nil {
		c.network = session.TCP{}
	}
	if want.Port != 0 {
		door, err := c.network.Listen(want.Port, want.Listen, log)
		if err != nil {
			cancel()
			return nil, fmt.Errorf("%w on port %d: %w", ErrListen, want.Port, err)
		}
		c.door = door
		c.parts.Go(func() {
			if err := door.Run(ctx); err != nil {
				log.Error("no peer can connect to this node any more", "error", err)
			}
		})
	}
	c.table = rib.New(rib.Options{Attrs: c.attrs, Resolve: c.resolve})
	c.groups = adjout.New(adjout.Options{Table: c.table, Attrs: c.attrs, Hold: restarting})
	c.parts.Go(c.own)
	c.parts.Go(c.trim)
	if restarting {
		t := time.AfterFunc(deferral, c.release)
		context.AfterFunc(ctx, func() { t.Stop() })
	}
	return c, nil
}

// trim gives back the memory of attributes that no route has any more.
func (c *core) trim() {
	now := time.NewTicker(trimEvery)
	defer now.Stop()
	for {
		select {
		case <-now.C:
			c.attrs.Trim()
		case <-c.ctx.Done():
			return
		}
	}
}

// always is a channel that can be read at any time.
var always = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// own is the owner: it does jobs, and decides on what they have changed.
func (c *core) own() {
	var done []chan<- struct{}
	do := func(j job) {
		switch {
		case j.batch != nil:
			c.learn(j.from, j.batch)
			<-j.from.waiting
		case j.do != nil:
			j.do()
		}
		if j.done != nil {
			done = append(done, j.done)
		}
	}
	for {
		var spare <-chan struct{} // readable when there is work besides the jobs
		if c.work {
			spare = always
		}
		select {
		case <-c.ctx.Done():
			return
		case j := <-c.inbox:
			do(j)
			c.more(do)
		case <-spare:
		}
		more := c.table.Reimport(workStep)
		c.commit()
		if c.work = c.groups.Work(workStep) || more; !c.work {
			c.policies.forget()
		}
		for _, f := range c.after {
			f()
		}
		c.after = c.after[:0]
		for _, d := range done {
			close(d)
		}
		done = done[:0]
	}
}

// more does the jobs that have come already.
func (c *core) more(do func(job)) {
	for range commitAfter {
		select {
		case j := <-c.inbox:
			do(j)
		default:
			return
		}
	}
}

// commit has the table decide, and tells kernel and peers what is new.
func (c *core) commit() {
	held, next := c.pieces[0][:0], c.pieces[1] // held until it is known whether it is the last
	tell := func(more bool) {
		if len(held) > 0 && !c.quiet.Load() {
			c.ears.best(held, more)
		}
	}
	c.table.Commit(func(deltas []rib.Delta) {
		c.groups.Changed(deltas)
		if next = c.kernel.appendChanges(next[:0], deltas); len(next) > 0 {
			tell(true)
			held, next = next, held
		}
	})
	tell(false)
	c.pieces = [2][]Change{held, next}
}

// send gives the owner a job, and waits while there are many. It reports false
// when the engine has ended.
func (c *core) send(j job) bool {
	select {
	case c.inbox <- j:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// call has the owner do something and waits until what came of it is told. An
// engine that has ended does nothing any more.
func (c *core) call(do func()) {
	done := make(chan struct{})
	if !c.send(job{do: do, done: done}) {
		return
	}
	select {
	case <-done:
	case <-c.ctx.Done():
	}
}

func (c *core) addPeers(which []netip.AddrPort, peers map[netip.AddrPort]intent.Peer) []error {
	errs := make([]error, len(which))
	added := make([]*peering, 0, len(which))
	for i, at := range which {
		p, err := newPeering(c, at, peers[at])
		if err == nil {
			// The kernel may refuse the peer's password: then there is no session.
			err = p.session.Admit()
		}
		if errs[i] = err; err == nil {
			added = append(added, p)
		}
	}
	c.call(func() {
		for _, p := range added {
			c.peers[p.at] = p
			p.enter()
		}
	})
	for _, p := range added {
		c.sessions.Go(p.run)
	}
	return errs
}

func (c *core) removePeers(which, again []netip.AddrPort) []error {
	leaving := make([]*peering, 0, len(which))
	c.call(func() {
		for _, at := range which {
			if p := c.peers[at]; p != nil {
				leaving = append(leaving, p)
			}
		}
	})
	for _, p := range leaving {
		goodbye := wire.Notification{Code: wire.Cease, Subcode: wire.Deconfigured} // RFC 4486, 4
		if _, back := slices.BinarySearchFunc(again, p.at, netip.AddrPort.Compare); back {
			goodbye.Subcode = wire.ConfigChange
		}
		p.session.Stop(&goodbye)
	}
	for _, p := range leaving {
		<-p.ended
	}
	c.call(func() {
		for _, p := range leaving {
			delete(c.peers, p.at)
			p.leave()
		}
		c.tidy()
	})
	return make([]error, len(which))
}

func (c *core) announce(p netip.Prefix, l intent.Local) error {
	c.call(func() {
		c.unset(p) // it may have had another source
		c.table.SetLocal(sourceOf(l.Source), localOf(l), []wire.Dest{{Prefix: p}})
	})
	return nil
}

func (c *core) withdraw(p netip.Prefix) error {
	c.call(func() { c.unset(p) })
	return nil
}

func (c *core) unset(p netip.Prefix) {
	for _, s := range []rib.Source{rib.Direct, rib.Static, rib.Kernel} {
		c.table.UnsetLocal(s, []wire.Dest{{Prefix: p}})
	}
}

func (c *core) release() {
	c.send(job{do: func() {
		if c.restarting.Swap(false) {
			c.groups.Release(wire.Both)
		}
	}})
}

func (c *core) counts() map[netip.AddrPort]counts {
	all := map[netip.AddrPort]counts{}
	c.call(func() {
		for at, p := range c.peers {
			all[at] = p.counts()
		}
	})
	return all
}

func (c *core) reachChanged() {
	c.send(job{do: func() {
		c.table.Resolve(c.resolve)
		c.rewayed()
	}})
}

func (c *core) hush() { c.quiet.Store(true) }

func (c *core) stop(why string) {
	var all []*peering
	c.call(func() {
		for _, p := range c.peers {
			all = append(all, p)
		}
	})
	for _, p := range all {
		goodbye := wire.Shutdown(wire.AdminShutdown, why) // RFC 9003
		p.session.Stop(&goodbye)
	}
	gone := make(chan struct{})
	go func() {
		c.sessions.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(farewellLimit):
	}
	if !c.quiet.Load() {
		c.call(func() {
			for _, p := range all {
				p.leave()
			}
			clear(c.peers)
		})
	}
	c.cancel()
	c.sessions.Wait()
	c.parts.Wait()
}
