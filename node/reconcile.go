package node

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calctl/calctl/node/fib"
	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// How long the reconciler waits before it tries a failed apply again: at
// first, and at most.
const (
	retryFirst = time.Second
	retryMost  = 30 * time.Second
)

// applier is the part of the speaker the reconciler needs.
type applier interface {
	Apply(ctx context.Context, want intent.BGP) error
}

// A reconciler makes the speaker follow the datastore and the host.
type reconciler struct {
	node    string
	speaker applier
	host    func() fib.Host
	log     *slog.Logger

	environment intent.Environment
	level       *slog.LevelVar // nil: the resources have no say
	// ground hears what next hops are resolved by beside the kernel's routes.
	ground func(fib.Ground)

	// fatal says which error of the first Apply ends the node, because it does
	// nothing it was started for: its port is taken, say. Later ones are tried
	// again, as every other error is.
	fatal func(error) bool

	offers  sync.Mutex // held from judging a snapshot to offering it
	guard   store.Guard
	newest  atomic.Pointer[offer]
	outcome atomic.Pointer[outcome]
	wake    chan struct{} // of size 1

	// Applied is closed when the first snapshot has been acted upon.
	Applied chan struct{}
	// Missing gets a value when a snapshot lacks this node. Its size is 1.
	Missing chan struct{}
}

// An offer is a snapshot and when it came.
type offer struct {
	snap *resources.Snapshot
	at   time.Time
}

// An outcome is what became of the last offer, kept for status.
type outcome struct {
	offer    offer
	want     intent.BGP
	problems []intent.Problem
	err      error // what the speaker could not do; it is tried again
}

func newReconciler(node string, speaker applier, host func() fib.Host, log *slog.Logger) *reconciler {
	return &reconciler{
		node: node, speaker: speaker, host: host, log: log,
		fatal:  func(error) bool { return false },
		ground: func(fib.Ground) {},
		wake:   make(chan struct{}, 1), Applied: make(chan struct{}), Missing: make(chan struct{}, 1),
	}
}

// Offer hands over the newest snapshot, unless it looks like an accident of the
// datastore (store.Guard): then the last one stays in force. It never blocks.
func (r *reconciler) Offer(snap *resources.Snapshot) {
	r.offers.Lock()
	defer r.offers.Unlock()
	before, _ := r.guard.Held()
	admitted := r.guard.Admit(snap)
	switch now, _ := r.guard.Held(); {
	case now != nil && before == nil:
		r.log.Error("the datastore is not obeyed", "error", now)
	case now == nil && before != nil:
		r.log.Info("the datastore is obeyed again")
	}
	switch {
	case admitted:
		r.take(snap)
	case r.guard.Bare() && r.isMissing(snap):
		wake(r.Missing)
	}
}

// Accept has the snapshot that is held back, if there is one, acted upon.
func (r *reconciler) Accept() {
	r.offers.Lock()
	defer r.offers.Unlock()
	if snap := r.guard.Accept(); snap != nil {
		r.log.Warn("the datastore is obeyed as it is, by the operator's word")
		r.take(snap)
	}
}

func (r *reconciler) take(snap *resources.Snapshot) {
	r.newest.Store(&offer{snap, time.Now()})
	r.Wake()
}

// Wake makes the reconciler look again: the host has changed.
func (r *reconciler) Wake() { wake(r.wake) }

// Run acts on offers until ctx is done, which is not an error. A fatal one of
// the first Apply is returned.
func (r *reconciler) Run(ctx context.Context) error {
	delay := retryFirst
	retry := time.NewTimer(0)
	retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-retry.C:
		}
		newest := r.newest.Load()
		if newest == nil {
			continue // the host was faster than the datastore
		}
		began := time.Now()
		o := r.act(ctx, *newest)
		if ctx.Err() != nil {
			return nil
		}
		rest := time.After(min(restShare*time.Since(began), restMost))
		if r.outcome.Swap(&o) == nil {
			if o.err != nil && r.fatal(o.err) {
				return o.err
			}
			close(r.Applied)
		}
		if o.err == nil {
			delay = retryFirst
			retry.Stop()
		} else {
			retry.Reset(delay)
			delay = min(2*delay, retryMost)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-rest:
		}
	}
}

// restShare is how many times as long as it has worked the reconciler rests, restMost
// at most: a kernel with many routes of others, of which one flaps, wakes it all the time, and each
// time all of them are looked at.
const (
	restShare = 3
	restMost  = time.Second
)

// act derives what the node should do and has the speaker do it.
func (r *reconciler) act(ctx context.Context, newest offer) outcome {
	if r.isMissing(newest.snap) {
		wake(r.Missing)
	}
	if r.level != nil {
		r.level.Set(intent.LogLevel(newest.snap, r.node))
	}
	host := hostFacts(r.host())
	host.Environment = r.environment
	want, problems := intent.Derive(newest.snap, r.node, host)
	r.logNew(problems)
	r.ground(ground(want))
	err := r.speaker.Apply(ctx, want)
	if err != nil && ctx.Err() == nil {
		r.log.Warn("could not do all that is asked for, trying again", "error", err)
	}
	return outcome{offer: newest, want: want, problems: problems, err: err}
}

// isMissing reports whether a snapshot has nothing of this node, not even
// something that can't be read: that one is its writer's to mend. A Node without
// an address is nothing: in Kubernetes there is one as soon as its kubelet runs.
func (r *reconciler) isMissing(snap *resources.Snapshot) bool {
	self := resources.Key{Kind: resources.KindNode, Name: r.node}
	if n := snap.Nodes[r.node]; n != nil {
		return !n.HasAddress()
	}
	return !slices.ContainsFunc(snap.Broken, func(b resources.Broken) bool { return b.Key == self })
}

// logNew logs the problems that were not there the last time, one line each.
func (r *reconciler) logNew(problems []intent.Problem) {
	var known []intent.Problem
	if last := r.outcome.Load(); last != nil {
		known = last.problems
	}
	for _, p := range problems {
		if !slices.Contains(known, p) {
			r.log.Warn("problem", "resource", p.Subject(), "text", p.Text)
		}
	}
	for _, p := range known {
		if !slices.Contains(problems, p) {
			r.log.Info("problem solved", "resource", p.Subject(), "text", p.Text)
		}
	}
}

// ground is what a node should do in the syncer's terms, as far as next hops are
// resolved by it.
func ground(want intent.BGP) fib.Ground {
	g := fib.Ground{Static: map[netip.Prefix]netip.Addr{}, Ignored: want.IgnoredInterfaces}
	for dst, l := range want.Local {
		if l.Source == intent.Static {
			g.Static[dst] = l.Gateway
		}
	}
	return g
}

// hostFacts turns what the kernel knows into what intent asks for.
func hostFacts(h fib.Host) intent.Host {
	facts := intent.Host{
		Interfaces: make([]intent.Interface, len(h.Interfaces)),
	}
	names := make(map[int]string, len(h.Interfaces))
	for i, ifi := range h.Interfaces {
		facts.Interfaces[i] = intent.Interface{Name: ifi.Name, Addrs: ifi.Addrs}
		for _, e := range ifi.Ends {
			facts.Interfaces[i].Ends = append(facts.Interfaces[i].Ends, intent.End(e))
		}
		names[ifi.Index] = ifi.Name
	}
	for _, f := range h.Foreign {
		if f.Connected() {
			continue // a connected network: its interface tells
		}
		r := intent.Route{Dst: f.Dst, Metric: f.Metric}
		switch n := len(f.Hops); {
		case n == 1:
			r.Gateway, r.Interface = f.Hops[0].Gateway, names[f.Hops[0].Link]
		case n > 1: // by none of them alone
		case f.Type == fib.Unicast:
			continue // it goes in a way we can't read
		}
		facts.Routes = append(facts.Routes, r)
	}
	return facts
}
