package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"

	"github.com/calctl/calctl/node/fib"
	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/speaker"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/status"
)

// Config is what a node needs to run.
type Config struct {
	Name     string      // of the Node resource
	Store    store.Store // stays open after Run: the caller closes it
	Socket   string      // where status requests are answered
	Identity Identity    // what to register
	// Environment is what the node is told besides, and doesn't register.
	Environment intent.Environment
	Version     string // for status
	Log         *slog.Logger
	// LogLevel follows logSeverityScreen of the resources; nil where the operator
	// has said what to log.
	LogLevel *slog.LevelVar
	// Read, unless nil, is called when the datastore has been read for the first time.
	Read func()
	// Accept gets a value when the operator means what the datastore holds, even
	// if that is nothing (see store.Guard). It may be nil.
	Accept <-chan os.Signal
}

// Run registers the node and runs it until ctx is done, which is not an error.
// It fails when the node can't start, or when a part of it ends by itself.
func Run(ctx context.Context, c Config) error {
	control, err := listen(ctx, c.Socket)
	if err != nil {
		return err
	}
	defer func() { _ = control.Close() }()

	kernel, err := fib.Open(c.Log.With("part", "fib"))
	if err != nil {
		return fmt.Errorf("open the kernel's routing table: %w", err)
	}
	defer kernel.Close()
	routes, err := fib.NewSyncer(kernel, c.Log.With("part", "fib"))
	if err != nil {
		return fmt.Errorf("read the kernel's routing table: %w", err)
	}

	var mistake identityError
	unregistered := register(ctx, c)
	if errors.As(unregistered, &mistake) || ctx.Err() != nil {
		return unregistered
	}

	peersChanged := make(chan struct{}, 1)
	var pieces []fib.Route // used again and again: Best is called once at a time
	bgp := speaker.New(c.Log.With("part", "bgp"), speaker.Options{
		Events: speaker.Events{
			Best: func(piece []speaker.Change, more bool) {
				pieces = wanted(pieces[:0], piece)
				if more {
					routes.WantPart(pieces)
				} else {
					routes.Want(pieces)
				}
			},
			Settled: routes.Settled,
			Peers:   func() { wake(peersChanged) },
		},
		Restarting: routes.Stale(),
		Reach:      func(nextHop netip.Addr) speaker.Reach { return speaker.Reach(routes.Reach(nextHop)) },
	})
	// Deferred here, run after the group below has ended: what closing makes
	// the speaker withdraw reaches no kernel.
	defer bgp.Close()

	follow := newReconciler(c.Name, bgp, routes.Host, c.Log)
	follow.ground = routes.SetGround
	follow.environment, follow.level = c.Environment, c.LogLevel
	follow.fatal = func(err error) bool { return errors.Is(err, speaker.ErrListen) }
	tell := reporter{
		config: c, started: time.Now(),
		follow: follow, peers: bgp.Peers, sessions: bgp.Sessions, routes: routes.Status,
	}

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.Store.Watch(ctx, first(c.Read, follow.Offer)) })       // datastore  → latest snapshot
	g.Go(func() error { return forward(ctx, c.Accept, follow.Accept) })                 // operator   → latest snapshot
	g.Go(func() error { return follow.Run(ctx) })                                       // snapshot   → speaker
	g.Go(func() error { return routes.Run(ctx) })                                       // best paths → kernel
	g.Go(func() error { return forward(ctx, routes.HostChanged(), follow.Wake) })       // kernel     → snapshot's host
	g.Go(func() error { return forward(ctx, routes.ReachChanged(), bgp.ReachChanged) }) // kernel → next hops
	g.Go(func() error { return status.Serve(ctx, control, tell.Report) })               // all        → status
	if unregistered != nil {
		c.Log.Warn("could not register this node, trying again", "error", unregistered)
	}
	g.Go(func() error { return stayRegistered(ctx, c, unregistered == nil, follow.Missing) })
	g.Go(func() error { return notify(ctx, follow.Applied, peersChanged, tell.Summary) })
	return g.Wait()
}

// listenPatience is how long a predecessor that was just killed may take to be
// gone: first the kernel frees its memory, then its locks.
const listenPatience = time.Second

// listen opens the socket for status requests.
func listen(ctx context.Context, path string) (net.Listener, error) {
	deadline := time.Now().Add(listenPatience)
	for {
		l, err := status.Listen(path)
		if !errors.Is(err, status.ErrInUse) || time.Now().After(deadline) || ctx.Err() != nil {
			return l, err
		}
		<-time.After(20 * time.Millisecond)
	}
}

// wanted appends the speaker's changes in the syncer's terms: the two packages
// need not know each other.
func wanted(routes []fib.Route, piece []speaker.Change) []fib.Route {
	for _, c := range piece {
		routes = append(routes, fib.Route{Dst: c.Prefix, Via: c.NextHops, Metric: c.Metric})
	}
	return routes
}

// first makes an offer that calls read, unless that is nil, the first time.
func first(read func(), offer func(*resources.Snapshot)) func(*resources.Snapshot) {
	return func(snap *resources.Snapshot) {
		if read != nil {
			read()
			read = nil
		}
		offer(snap)
	}
}

// forward calls to for every signal on from.
func forward[T any](ctx context.Context, from <-chan T, to func()) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-from:
			to()
		}
	}
}

// notify keeps systemd informed (sd_notify): ready once the node does what
// its resources ask for, a line of status whenever a session changes, and
// stopping. Without systemd it does nothing.
func notify(ctx context.Context, ready <-chan struct{}, changed <-chan struct{}, summary func() string) error {
	tell := func(state string) (heard bool) { heard, _ = daemon.SdNotify(false, state); return heard }
	for {
		select {
		case <-ctx.Done():
			tell(daemon.SdNotifyStopping)
			return nil
		case <-ready:
			ready = nil
			if !tell(daemon.SdNotifyReady + "\nSTATUS=" + summary()) {
				changed = nil // there is no systemd
			}
		case <-changed:
			tell("STATUS=" + summary())
		}
	}
}

// wake makes a channel of size 1 readable; a second wake before it is read is the same.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
