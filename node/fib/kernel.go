package fib

import (
	"context"
	"errors"
	"net/netip"
)

// A Kernel is a kernel's main routing table, seen from outside: what the
// Syncer needs of it and nothing else. It is used by one goroutine, except
// for Wait, which another one may sit in meanwhile.
type Kernel interface {
	// Apply carries out ops in their order. errs is as long as ops, and errs[i]
	// becomes what happened to ops[i]: nil, a *Refusal, or ErrNoAnswer.
	Apply(ops []Op, errs []error)

	// Turn makes all routes of ours with the hops from go by the hops to, with
	// a few operations for however many. An error means that they have to be
	// written one by one; some may have been turned then, and none is worse off.
	Turn(from, to []Hop) error

	// Tidy deletes what Apply and Turn, of earlier runs too, have left beside
	// routes and no route needs any more.
	Tidy()

	// Scan tells every link, address and route of the main table there is, in
	// this order, and some routes more than once. The Event is only valid during the call. An error means that
	// some may be missing: ErrInterrupted that looking again will help.
	Scan(tell func(*Event)) error

	// Changes tells what has happened since the last call and does not wait for
	// more. What Apply did is not among it. ErrLost means that there was more
	// than could be remembered: only a Scan can tell the state now.
	Changes(tell func(*Event)) error

	// Wait returns when Changes has something to tell or ctx is done.
	Wait(ctx context.Context) error
}

var (
	// ErrNoAnswer is the fate of an operation of which the kernel said neither
	// that it worked nor that it did not.
	ErrNoAnswer = errors.New("the kernel did not answer")
	// ErrInterrupted says that the table changed while it was read.
	ErrInterrupted = errors.New("the kernel's tables changed while they were read")
	// ErrLost says that events were dropped because too many came at once.
	ErrLost = errors.New("kernel events were lost")
)

// OpKind says what an Op does.
type OpKind uint8

// The operations.
const (
	// Add makes a route and fails with EEXIST where there is one, of whomever,
	// with this metric.
	Add OpKind = iota
	// Replace makes a route in the place of the one with this metric. It is
	// only for places where that one is known to be ours.
	Replace
	// Remove deletes our route with this metric, and no other's. In IPv4 metric 0
	// stands for any: it deletes the one with the lowest.
	Remove
)

// An Op is one change of one of our routes.
type Op struct {
	Kind   OpKind
	Dst    netip.Prefix
	Metric uint32
	Hops   []Hop // none for Remove
}

// EventKind says what an Event is about.
type EventKind uint8

// The kinds of events.
const (
	LinkEvent EventKind = iota
	AddrEvent
	RouteEvent
	// ObjectEvent: someone has changed a next-hop object that routes name.
	// What became of the routes only a Scan can tell.
	ObjectEvent
)

// An Event is one thing the kernel says: that something is there, or gone.
type Event struct {
	Kind EventKind
	Gone bool
	// Replaced says that the route has taken the place of the one that had
	// this destination and metric before (NLM_F_REPLACE).
	Replaced bool
	// Again says that a Scan has begun anew with the routes of this family, as they
	// changed meanwhile: what it tells is newer than what it told before.
	Again bool
	Link  Link
	Addr  Addr
	Route KernelRoute
}

// A Link is a network interface.
type Link struct {
	Index int
	Name  string
	Up    bool // IFF_UP: someone wants it up; whether there is a carrier is Carrier
	// Carrier says that there is somebody at the other end, as far as the link can
	// tell. Next-hop objects, and the routes that name them, go with it.
	Carrier bool
	// VRF says that the link belongs to a VRF: its addresses, and the networks they
	// are in, are those of another table.
	VRF bool
}

// works reports whether packets that leave by the link have a chance.
func (l Link) works() bool { return l.Up && l.Carrier }

// An Addr is an address of this host.
type Addr struct {
	Link   int
	Prefix netip.Prefix // with the host's own bits
	// Far is the network at the other end of a point-to-point link, where the address
	// has one; then Prefix is in none.
	Far netip.Prefix
}

// A KernelRoute is a route of the main table, of any type and protocol.
type KernelRoute struct {
	Foreign
	// Odd marks a route with more to it than Hops can say (weights, a source
	// address, an MTU, an encapsulation): one of ours that is odd was changed by others.
	Odd bool
	// Object is the id of the next-hop object the route names; 0 for none.
	Object uint32
}

// Route protocols (linux/rtnetlink.h, RTPROT_*).
const (
	protocolUnspec   = 0
	protocolRedirect = 1
	protocolBIRD     = 12
	protocolKernel   = 2
)

// own reports whether the route is one of those the Syncer looks after.
func (r *KernelRoute) own() bool { return r.Protocol == Protocol }

// A Refusal is the kernel's no.
type Refusal struct {
	Errno error  // a syscall.Errno
	Words string // what the kernel added (NLMSGERR_ATTR_MSG); may be empty
}

func (r *Refusal) Error() string {
	if r.Words == "" {
		return "the kernel says: " + r.Errno.Error()
	}
	return "the kernel says: " + r.Errno.Error() + " (" + r.Words + ")"
}

// Unwrap gives the errno to errors.Is.
func (r *Refusal) Unwrap() error { return r.Errno }
