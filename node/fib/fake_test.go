package fib

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A mapKernel is a kernel's main table as a map, with links eth0 and eth1, and
// with failures on demand. One route for each destination and metric.
type mapKernel struct {
	mu     sync.Mutex
	links  []Link
	addrs  []Addr
	routes map[place]KernelRoute
	events []Event
	lost   bool
	news   chan struct{}

	pause time.Duration // before operations are carried out

	ops  int
	fail func(op int) error // what happens to the op-th operation instead
	// turns are those of the operations that turned routes, or failed to.
	turns int
	// scanned counts scans; interrupt says which ones end with ErrInterrupted, half way.
	scanned   int
	interrupt func(scan int) bool
}

type place struct {
	dst    netip.Prefix
	metric uint32
}

func newMapKernel() *mapKernel {
	k := &mapKernel{
		links: []Link{{Index: 1, Name: "lo", Up: true, Carrier: true}, {Index: 2, Name: "eth0", Up: true, Carrier: true}, {Index: 3, Name: "eth1", Up: true, Carrier: true}},
		addrs: []Addr{
			{Link: 2, Prefix: netip.MustParsePrefix("192.0.2.1/24")}, {Link: 2, Prefix: netip.MustParsePrefix("2001:db8::1/64")},
			{Link: 3, Prefix: netip.MustParsePrefix("198.51.100.1/24")},
		},
		routes:    map[place]KernelRoute{},
		news:      make(chan struct{}, 1),
		fail:      func(int) error { return nil },
		interrupt: func(int) bool { return false },
	}
	for _, a := range k.addrs {
		k.put(KernelRoute{Foreign: Foreign{Type: Unicast, Dst: a.Prefix.Masked(), Hops: []Hop{{Link: a.Link}}, Protocol: protocolKernel}})
	}
	return k
}

func (k *mapKernel) put(r KernelRoute) { k.routes[place{r.Dst, r.Metric}] = r }

func (k *mapKernel) Apply(ops []Op, errs []error) {
	if k.pause > 0 {
		<-time.After(k.pause)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, op := range ops {
		k.ops++
		if errs[i] = k.fail(k.ops); errs[i] != nil && !errors.Is(errs[i], ErrNoAnswer) {
			continue
		}
		here := place{op.Dst, op.Metric}
		if op.Kind == Remove && op.Dst.Addr().Is4() && op.Metric == 0 {
			here = k.lowest(op.Dst)
		}
		there, had := k.routes[here]
		var no syscall.Errno
		switch {
		case op.Kind == Add && had:
			no = syscall.EEXIST
		case op.Kind == Remove && (!had || there.Protocol != Protocol):
			no = syscall.ESRCH
		case op.Kind == Remove:
			delete(k.routes, here)
		case op.Kind == Replace && had && there.Protocol != Protocol:
			panic(fmt.Sprintf("%v replaces someone else's %v", op, there))
		default:
			kind := Unicast
			if dead(op.Hops) {
				kind = op.Hops[0].Dead
			}
			k.put(KernelRoute{Foreign: Foreign{Type: kind, Dst: op.Dst, Hops: slices.Clone(op.Hops), Metric: op.Metric, Protocol: Protocol}})
		}
		if no != 0 && errs[i] == nil {
			errs[i] = &Refusal{Errno: no}
		}
	}
}

// lowest is the place of the route of ours with the lowest metric.
func (k *mapKernel) lowest(dst netip.Prefix) place {
	best := place{dst, 0}
	for p, r := range k.routes {
		if p.dst == dst && r.own() && (k.routes[best].Protocol != Protocol || p.metric < best.metric) {
			best = p
		}
	}
	return best
}

func (k *mapKernel) Turn(from, to []Hop) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ops++
	k.turns++
	err := k.fail(k.ops)
	for _, r := range k.routes {
		if err != nil && r.Dst.Addr().AsSlice()[2]%2 == 0 {
			continue // an object of several
		}
		if r.own() && slices.EqualFunc(r.Hops, from, func(a, b Hop) bool { return a.Gateway == b.Gateway && a.Link == b.Link }) {
			r.Hops = slices.Clone(to)
			k.put(r)
		}
	}
	return err
}

func (k *mapKernel) Tidy() {}

func (k *mapKernel) Scan(tell func(*Event)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.scanned++
	half := k.interrupt(k.scanned)
	for _, l := range k.links {
		tell(&Event{Kind: LinkEvent, Link: l})
	}
	for _, a := range k.addrs {
		tell(&Event{Kind: AddrEvent, Addr: a})
	}
	n := 0
	for _, r := range k.routes {
		if n++; half && n > len(k.routes)/2 && r.Protocol == Protocol {
			continue
		}
		tell(&Event{Kind: RouteEvent, Route: r})
	}
	if half {
		return ErrInterrupted
	}
	return nil
}

func (k *mapKernel) Changes(tell func(*Event)) error {
	k.mu.Lock()
	events, lost := k.events, k.lost
	k.events, k.lost = nil, false
	k.mu.Unlock()
	for i := range events {
		tell(&events[i])
	}
	if lost {
		return ErrLost
	}
	return nil
}

func (k *mapKernel) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-k.news:
		return nil
	}
}

// someone changes the table by another hand. Without a word nobody is told.
func (k *mapKernel) someone(r KernelRoute, gone bool, told bool) {
	k.mu.Lock()
	here := place{r.Dst, r.Metric}
	_, had := k.routes[here]
	if gone {
		delete(k.routes, here)
	} else {
		k.put(r)
	}
	if told && (had || !gone) {
		k.events = append(k.events, Event{Kind: RouteEvent, Gone: gone, Replaced: had, Route: r})
	}
	k.mu.Unlock()
	notify(k.news)
}

// lose drops all events that were not read yet.
func (k *mapKernel) lose() {
	k.mu.Lock()
	k.events, k.lost = nil, true
	k.mu.Unlock()
	notify(k.news)
}

// ours are the hops of the routes with our protocol.
func (k *mapKernel) ours() map[place]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := map[place]string{}
	for p, r := range k.routes {
		if r.own() {
			m[p] = fmt.Sprint(r.Hops)
		}
	}
	return m
}

// samePlaces lets maps of places be compared.
var samePlaces = cmp.Comparer(func(a, b place) bool { return a == b })
