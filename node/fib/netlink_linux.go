package fib

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Netlink is the kernel of the network namespace it was opened in.
type Netlink struct {
	log     *slog.Logger
	write   *socket // routes go in, refusals come out
	look    *socket // for dumps
	watch   *socket // events
	watched *os.File
	owner   *net.UnixListener // nil in tests, where several share a namespace
	out     []byte
	scratch Event
	// The kernel says no in few different words; each is kept once.
	refusals map[Refusal]*Refusal
	objects  *objects // nil: the kernel has none
	ids      []uint32 // scratch, the objects of a round
}

var _ Kernel = (*Netlink)(nil)

// batchBytes is how much goes to the kernel by one sendmsg: about a thousand
// routes, so that a system call costs nothing against them, and so that a
// thousand refusals fit into the receive buffer.
const batchBytes = 64 << 10

// mostDumps is how often IPv6 routes are read if their table changes each time
// meanwhile: the kernel leaves routes out then, and tells others twice, and says nothing
// of it. It continues after as many of the tree's nodes as it has told, of which some
// may have gone. A reader that was slow and got three quarters still has all but one in
// ten million by this many.
const mostDumps = 12

// eventBuffer is the room for events. A full one is no catastrophe (ErrLost).
const eventBuffer = 32 << 20

// Open connects to the kernel, for the one process that writes the routes of
// this network namespace: while another does, it fails. It needs CAP_NET_ADMIN
// to write routes, which shows only then.
func Open(log *slog.Logger) (*Netlink, error) {
	owner, err := own(log)
	if err != nil {
		return nil, err
	}
	n, err := open(log, eventBuffer)
	switch {
	case err == nil:
		n.owner = owner
	case owner != nil:
		_ = owner.Close()
	}
	return n, err
}

// openToRead connects for one look.
func openToRead(log *slog.Logger) (*Netlink, error) { return open(log, 1<<16) }

// open connects without asking whose the routes are.
func open(log *slog.Logger, events int) (*Netlink, error) {
	n := &Netlink{log: log, refusals: map[Refusal]*Refusal{}, objects: newObjects()}
	if err := n.connect(events); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

func (n *Netlink) connect(events int) (err error) {
	if n.write, err = openSocket(0, 0); err != nil {
		return err
	}
	n.write.sendBuffer(1 << 20)
	n.write.receiveBuffer(8 << 20)
	// Words for errors, and errors that don't repeat the request; old kernels
	// have neither, and parseError copes.
	_ = n.write.option(unix.NETLINK_EXT_ACK, 1)
	_ = n.write.option(unix.NETLINK_CAP_ACK, 1)
	if n.look, err = openSocket(0, 0); err != nil {
		return err
	}
	n.look.receiveBuffer(4 << 20)
	// Lets the kernel leave out other tables; without it we do (parseRoute).
	_ = n.look.option(unix.NETLINK_GET_STRICT_CHK, 1)
	if n.watch, err = openEvents(n.write.port, events, allEvents...); err != nil {
		return err
	}
	fd, err := unix.FcntlInt(uintptr(n.watch.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("netlink socket: %w", err)
	}
	n.watched = os.NewFile(uintptr(fd), "netlink events")
	return nil
}

// Close ends the connection. Routes stay in the kernel.
func (n *Netlink) Close() {
	for _, s := range []*socket{n.write, n.look, n.watch} {
		if s != nil {
			s.close()
		}
	}
	if n.watched != nil {
		_ = n.watched.Close()
	}
	if n.owner != nil {
		_ = n.owner.Close()
	}
}

// Apply sends the operations in batches. Of each batch only the last message
// asks for an acknowledgement: the kernel works through a batch inside the
// system call and reports what fails anyway, so the last answer also says
// that all without an answer worked. Asking for each would halve the speed.
//
// Routes name next-hop objects where there are any. One that the kernel knows
// no more, because it went with its link, is made anew.
func (n *Netlink) Apply(ops []Op, errs []error) {
	ids := n.identify(ops)
	n.apply(ops, ids, errs)
	lost := n.lost(ids, errs)
	if len(lost) == 0 {
		return
	}
	retries, fates := make([]Op, len(lost)), make([]error, len(lost))
	for j, i := range lost {
		retries[j] = ops[i]
	}
	n.apply(retries, n.identify(retries), fates)
	for j, i := range lost {
		errs[i] = fates[j]
	}
}

func (n *Netlink) apply(ops []Op, ids []uint32, errs []error) {
	for start := 0; start < len(ops); {
		first, end, last := n.write.seq+1, start, 0
		n.out = n.out[:0]
		for ; end < len(ops) && len(n.out) < batchBytes; end++ {
			n.write.seq++
			last = len(n.out)
			n.out = appendOp(n.out, &ops[end], ids[end], n.write.seq)
		}
		native.PutUint16(n.out[last+6:], native.Uint16(n.out[last+6:])|unix.NLM_F_ACK)
		n.exchange(first, errs[start:end])
		start = end
	}
}

// exchange sends a batch and collects what became of its messages, the first
// of which has the sequence number first.
func (n *Netlink) exchange(first uint32, errs []error) {
	clear(errs)
	err := n.write.send(n.out)
	for err == nil {
		var b []byte
		if b, err = n.write.receive(0); err == nil && n.answers(b, first, errs) {
			return
		}
	}
	// Replies were lost (ENOBUFS) or don't come (EAGAIN, after the timeout). The
	// kernel drops all that follow until those that did come are read.
	for {
		b, err := n.write.receive(unix.MSG_DONTWAIT)
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			break
		}
		n.answers(b, first, errs)
	}
	n.log.Warn("the kernel's answers about routes were lost", "routes", len(errs), "error", err)
	for i := range errs {
		if errs[i] == nil {
			errs[i] = ErrNoAnswer
		}
	}
}

// answers reads replies into errs and reports whether the last one was among them.
func (n *Netlink) answers(b []byte, first uint32, errs []error) bool {
	for {
		m, rest, ok := nextMessage(b)
		if !ok {
			return false
		}
		b = rest
		i := int(int32(m.seq - first)) // negative: an answer to a batch given up before
		if m.kind != unix.NLMSG_ERROR || i < 0 || i >= len(errs) {
			continue
		}
		if errno, words, ok := parseError(m); ok && errno != 0 {
			errs[i] = n.refusal(Refusal{Errno: errno, Words: words})
		}
		if i == len(errs)-1 {
			return true
		}
	}
}

func (n *Netlink) refusal(r Refusal) *Refusal {
	if known, ok := n.refusals[r]; ok {
		return known
	}
	if len(n.refusals) > 1000 { // words with addresses in them, perhaps
		clear(n.refusals)
	}
	n.refusals[r] = &r
	return &r
}

// Scan reads next-hop objects, links, addresses and routes.
func (n *Netlink) Scan(tell func(*Event)) (err error) {
	defer n.unlessComplete(&err)()
	again := false
	each := func(m message) {
		if n.parse(m) {
			n.scratch.Again = again
			tell(&n.scratch)
		}
	}
	interrupted := n.scanObjects()
	if interrupted != nil && !errors.Is(interrupted, ErrInterrupted) {
		return interrupted
	}
	dump := func(kind uint16, family byte) error {
		switch err := n.look.dump(kind, family, each); {
		case errors.Is(err, ErrInterrupted):
			interrupted = err
		case errors.Is(err, unix.ENOENT): // a table nobody has written to yet
		case err != nil:
			return err
		}
		return nil
	}
	for _, d := range []struct {
		kind   uint16
		family byte
	}{
		{unix.RTM_GETLINK, unix.AF_UNSPEC},
		{unix.RTM_GETADDR, unix.AF_UNSPEC},
		{unix.RTM_GETROUTE, unix.AF_INET},
	} {
		if err := dump(d.kind, d.family); err != nil {
			return err
		}
	}
	for range mostDumps {
		ear, err := openEvents(n.write.port, 1<<16, unix.RTNLGRP_IPV6_ROUTE)
		if err != nil {
			return err
		}
		err = dump(unix.RTM_GETROUTE, unix.AF_INET6)
		again = ear.waits()
		ear.close()
		if err != nil {
			return err
		}
		if !again {
			break
		}
	}
	return interrupted
}

// Changes reads the events that have come.
func (n *Netlink) Changes(tell func(*Event)) error {
	lost := false
	for {
		b, err := n.watch.receive(unix.MSG_DONTWAIT)
		switch {
		case err == nil:
		case errors.Is(err, unix.EAGAIN):
			if lost {
				return ErrLost
			}
			return nil
		case errors.Is(err, unix.ENOBUFS):
			// More came than there was room for. The kernel drops everything
			// now until the buffer is empty, so it has to be emptied first.
			lost = true
			continue
		default:
			return fmt.Errorf("netlink events: %w", err)
		}
		for {
			m, rest, ok := nextMessage(b)
			if !ok {
				break
			}
			b = rest
			if n.parse(m) {
				tell(&n.scratch)
			}
		}
	}
}

// Wait waits for events without reading them.
func (n *Netlink) Wait(ctx context.Context) error {
	raw, err := n.watched.SyscallConn()
	if err != nil {
		return fmt.Errorf("netlink events: %w", err)
	}
	if err := n.watched.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("netlink events: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = n.watched.SetReadDeadline(time.Now()) })
	defer stop()
	err = raw.Read(func(fd uintptr) bool {
		// Receiving, even peeking, would take the overflow's error away.
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return ready > 0 || err != nil && err != unix.EINTR
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("netlink events: %w", err)
	}
	return nil
}
