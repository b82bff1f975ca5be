package speaker

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"sync"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/session"
	"github.com/calctl/calctl/node/wire"
)

// A world is a layout made real: a speaker for each site, over a fabric.
type world struct {
	log      *slog.Logger
	fabric   *fabric
	stations map[int]*station
	problems problems

	mu     sync.Mutex // guards layout, which speakers ask how next hops are reached
	layout *layout
}

// problems are collected from all goroutines of a world.
type problems struct {
	mu   sync.Mutex
	list []string
}

func (p *problems) add(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, fmt.Sprintf(format, args...))
}

func newWorld(log *slog.Logger) *world {
	return &world{log: log, fabric: newFabric(), stations: map[int]*station{}, layout: newLayout()}
}

// A station is where a site's speaker runs, and an operator who does one thing
// after the other.
type station struct {
	w    *world
	id   int
	todo chan func()
	idle sync.WaitGroup // of todo
	told intent.BGP     // what the operator was last asked for

	outsider *outsider // in place of a speaker

	// The operator's.
	speaker *Speaker

	mu     sync.Mutex
	kernel map[netip.Prefix]hops // what Events.Best has told
}

type hops []netip.Addr

func (h hops) String() string { return fmt.Sprint([]netip.Addr(h)) }

// take makes a step happen, and has all operators do what it asks of them.
func (w *world) take(s step) {
	w.mu.Lock()
	ok := w.layout.take(s)
	w.mu.Unlock()
	if !ok {
		return
	}
	st := w.stations[s.Node]
	switch s.Do {
	case "site":
		st = &station{w: w, id: s.Node, todo: make(chan func(), 1000)}
		w.stations[s.Node] = st
		if w.layout.sites[s.Node].outside {
			st.outsider = newOutsider(w, s.Node)
		}
		w.fabric.plain[s.Node] = s.How == "plain" // before anybody dials
		go func() {
			for f := range st.todo {
				f()
				st.idle.Done()
			}
		}()
	case "start":
		if st.outsider != nil {
			break
		}
		st.told = intent.BGP{}
		st.do(func() { st.start(s.How == "restarting") })
	case "stop", "kill":
		switch {
		case st.outsider != nil:
		case s.Do == "kill":
			st.do(st.kill)
		default:
			st.do(st.stop)
		}
	case "reset":
		n := wire.Notification{Code: wire.Cease, Subcode: wire.AdminReset}
		if s.How == "hard" {
			n = n.Hard()
		}
		st.do(func() { st.reset(netip.AddrPortFrom(address(s.Peer, s.V6), intent.DefaultPort), n) })
	case "reach":
		st.do(func() {
			if st.speaker != nil {
				st.speaker.ReachChanged()
			}
		})
	case "cut", "silence":
		w.fabric.cable(s.Node, s.Peer).set(s.Do)
	case "mend":
		w.fabric.cable(s.Node, s.Peer).set("")
	case "slow":
		w.fabric.cable(s.Node, s.Peer).pace(slowDelay, slowSize)
	case "usual":
		w.fabric.cable(s.Node, s.Peer).pace(usualDelay, usualSize)
	}
	for _, id := range w.layout.ids() {
		w.stations[id].want(w.layout.intent(id))
	}
}

func (st *station) do(f func()) {
	st.idle.Add(1)
	st.todo <- f
}

// want has the operator apply an intent, unless that was the last one.
func (st *station) want(b intent.BGP) {
	if st.outsider != nil {
		st.outsider.want(st.w.layout.sites[st.id])
		return
	}
	if !st.w.layout.sites[st.id].up || reflect.DeepEqual(b, st.told) {
		return
	}
	st.told = b
	st.do(func() {
		if err := st.speaker.Apply(context.Background(), b); err != nil {
			st.w.problems.add("%d: Apply: %v", st.id, err)
		}
	})
}

func (st *station) start(restarting bool) {
	st.mu.Lock()
	st.kernel = map[netip.Prefix]hops{}
	st.mu.Unlock()
	st.speaker = New(st.w.log.With("node", st.id), Options{
		Restarting: restarting,
		Network:    port{st.w.fabric, st.id},
		Reach:      st.reach,
		Events: Events{Best: func(batch []Change, _ bool) {
			st.mu.Lock()
			defer st.mu.Unlock()
			for _, c := range batch {
				if st.kernel[c.Prefix] = c.NextHops; len(c.NextHops) == 0 {
					delete(st.kernel, c.Prefix)
				}
			}
		}},
	})
}

func (st *station) reach(nextHop netip.Addr) Reach {
	st.w.mu.Lock()
	defer st.w.mu.Unlock()
	if r, ok := st.w.layout.sites[st.id].reach[nextHop]; ok {
		return r
	}
	return Reach{Resolvable: true, OnLink: true}
}

func (st *station) stop() {
	st.w.fabric.shut(st.id)
	st.speaker.Close()
}

// kill ends the speaker as SIGKILL does: its connections close, nobody is told.
func (st *station) kill() {
	st.w.fabric.shut(st.id)
	c := st.core()
	c.quiet.Store(true)
	c.cancel()
	c.sessions.Wait()
	c.parts.Wait()
	st.speaker.Close()
}

// core is the engine of the speaker, which has one from the first Apply on.
func (st *station) core() *core { return (*st.speaker.running.Load()).(*core) }

func (st *station) reset(peer netip.AddrPort, n wire.Notification) {
	c := st.core()
	c.call(func() {
		if p := c.peers[peer]; p != nil {
			p.session.Reset(n)
		}
	})
}

// calm waits until all operators have nothing left to do.
func (w *world) calm() {
	for _, st := range w.stations {
		st.idle.Wait()
	}
}

// updates is how many UPDATEs all speakers have sent.
func (w *world) updates() (n uint64) {
	for st := range w.running() {
		if st.outsider != nil {
			continue
		}
		c := st.core()
		c.call(func() {
			for _, p := range c.peers {
				n += p.session.Status().UpdatesOut
			}
		})
	}
	return n
}

// running are the stations whose speakers run, in order.
func (w *world) running() func(func(*station) bool) {
	return func(yield func(*station) bool) {
		for _, id := range w.layout.ids() {
			if w.layout.sites[id].up && !yield(w.stations[id]) {
				return
			}
		}
	}
}

// end stops everything, so that nothing may be left.
func (w *world) end() {
	for _, c := range slices.Collect(maps.Values(w.fabric.cables)) {
		c.pace(usualDelay, usualSize)
		c.set("")
	}
	for st := range w.running() {
		if st.outsider != nil {
			st.outsider.want(&site{})
		} else {
			st.do(st.stop)
		}
	}
	for _, st := range w.stations {
		close(st.todo)
		st.idle.Wait()
	}
	w.fabric.pumps.Wait()
}

var _ session.Network = port{}
