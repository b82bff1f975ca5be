package fib

import (
	"errors"
	"math"
	"math/rand/v2"
	"syscall"
	"time"
)

// roundSize is how many routes are written before the Syncer looks up again:
// some twenty milliseconds of the kernel's time.
const roundSize = 4096

// A queue holds entries in the order they came. Positions count all that ever
// came, so that one queue can wait for another.
type queue struct {
	ids   []uint32
	after []uint64 // of removes: the position of writes to wait for
	head  int
	done  uint64
}

// never is the position that removes of an incomplete batch wait for.
const never = math.MaxUint64

// release has those that wait for never wait for a position, scattered: a loop
// that does nothing but delete 300,000 IPv4 routes costs 1.54 s of system time
// in order, and 0.46 s at random.
func (q *queue) release(position uint64) {
	first := len(q.after)
	for ; first > q.head && q.after[first-1] == never; first-- {
		q.after[first-1] = position
	}
	scatter(q.ids[first:])
}

// scatter puts entries into an order without order, the same each time.
func scatter(ids []uint32) {
	rand.New(rand.NewPCG(0, 0)).Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
}

func (q *queue) len() int { return len(q.ids) - q.head }

// end is the position behind the last one.
func (q *queue) end() uint64 { return q.done + uint64(q.len()) }

func (q *queue) pop() uint32 {
	id := q.ids[q.head]
	q.head++
	q.done++
	switch {
	case q.head == len(q.ids):
		q.ids, q.after, q.head = q.ids[:0], q.after[:0], 0
	case q.head >= 1<<16 && q.head > len(q.ids)/2: // a queue that is never empty must not grow for ever
		q.ids = append(q.ids[:0], q.ids[q.head:]...)
		if len(q.after) > 0 {
			q.after = append(q.after[:0], q.after[q.head:]...)
		}
		q.head = 0
	}
	return id
}

// queue notes that the entry may need a write.
func (s *Syncer) queue(id uint32) {
	e := s.table.at(id)
	switch {
	case e.want != 0 && e.flags&toWrite == 0:
		e.flags |= toWrite
		s.writes.ids = append(s.writes.ids, id)
	case e.want == 0 && e.flags&toRemove == 0:
		e.flags |= toRemove
		after := s.writes.end()
		if s.open {
			after = never
		}
		s.removes.ids, s.removes.after = append(s.removes.ids, id), append(s.removes.after, after)
	}
}

// A round is what goes to the kernel at once.
type round struct {
	ops   []Op
	moves []move
	errs  []error
	last  []move // removals of the round, behind everything else
}

// A move is what an Op is for.
type move struct {
	id, target uint32
	metric     uint32
	kind       OpKind
	stray      bool // its removal, beside what the entry has
}

// plan fills the round from the queues, or takes the one planned ahead.
func (s *Syncer) plan() {
	r := &s.round
	r.ops, r.moves, r.last = r.ops[:0], r.moves[:0], r.last[:0]
	if len(s.ahead.moves) > 0 {
		s.round, s.ahead = s.ahead, s.round
		return
	}
	for _, id := range s.first {
		s.planOne(r, id)
	}
	s.first = s.first[:0]
	for n := 0; n < s.most && s.mayWrite(); n++ {
		s.mix()
		s.planWrite(r)
	}
	for n := 0; n < s.most && s.mayRemove(); n++ {
		id := s.removes.pop()
		s.table.at(id).flags &^= toRemove
		s.planOne(r, id)
	}
	for _, m := range r.last {
		r.moves = append(r.moves, m)
		r.ops = append(r.ops, Op{Kind: Remove, Dst: s.table.at(m.id).dst.prefix(), Metric: m.metric})
	}
	r.room()
}

// planWrite plans the first of the writes.
func (s *Syncer) planWrite(r *round) {
	id := s.writes.pop()
	s.table.at(id).flags &^= toWrite
	s.planOne(r, id)
}

// room makes room for the fates of the operations.
func (r *round) room() {
	if cap(r.errs) < len(r.ops) {
		r.errs = make([]error, max(len(r.ops), 2*roundSize))
	}
	r.errs = r.errs[:len(r.ops)]
}

// apply has the kernel take the round. That of many takes its time, in which the next
// ones are taken in and planned.
func (s *Syncer) apply() {
	if len(s.round.ops) < s.most {
		s.kernel.Apply(s.round.ops, s.round.errs)
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.kernel.Apply(s.round.ops, s.round.errs)
	}()
	s.take(s.inbox.get())
	s.planAhead()
	<-done
}

// planAhead fills the round behind this one with new routes as long as nothing else
// waits. Whatever is heard until it is written is newer, and does not change it: it
// queues the routes it is about, which are written again.
func (s *Syncer) planAhead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.first) > 0 || s.removes.len() > 0 || len(s.delayed) > 0 {
		return
	}
	for n := 0; n < s.most && s.mayWrite(); n++ {
		s.mix()
		id := s.writes.ids[s.writes.head]
		if e := s.table.at(id); e.want == 0 || e.have != 0 || e.flags != claimed|toWrite {
			break
		}
		s.planWrite(&s.ahead)
	}
	s.ahead.room()
}

// manyWait is how many new routes have to wait for their order to matter.
const manyWait = 16 * roundSize

// mix lets one of many new routes that wait go first. Routes come in the order
// of their prefixes, which is the worst one for the kernel's trie: a node that
// fills up is made anew again and again.
func (s *Syncer) mix() {
	q := &s.writes
	if q.len() < manyWait || s.removes.len() > 0 {
		return // removals count on the order
	}
	other := q.head + rand.IntN(q.len())
	if s.table.at(q.ids[other]).have == 0 {
		q.ids[q.head], q.ids[other] = q.ids[other], q.ids[q.head]
	}
}

// mayWrite reports whether there is something to write. A route that takes the
// place of another one waits until its batch is complete.
func (s *Syncer) mayWrite() bool {
	return s.writes.len() > 0 && (!s.open || s.table.at(s.writes.ids[s.writes.head]).have == 0)
}

// mayRemove reports whether there is a removal that waits for nothing any more.
func (s *Syncer) mayRemove() bool {
	return s.removes.len() > 0 && s.removes.after[s.removes.head] <= s.writes.done
}

func (s *Syncer) planOne(r *round, id uint32) {
	e := s.table.at(id)
	if e.flags&moving != 0 {
		return // it stood in both queues
	}
	if s.leftover(e) {
		return // whose time hasn't come
	}
	if e.want != 0 && s.contests.held(e.dst) {
		return // until calm lets it go
	}
	if e.flags&doubled != 0 {
		s.remove(r, id, e.metric, false)
		return
	}
	target, metric, blocked := s.target(e)
	s.promote(id, metric)
	switch plan(target, e.have, e.metric != metric, blocked) {
	case keep:
		e.refusal = 0
		for _, stray := range s.strays[id] {
			s.remove(r, id, stray.metric, true)
		}
		s.table.forget(id)
	case add:
		s.move(r, id, Add, target, metric)
	case replace:
		if s.delayed[e.have].to != target { // else it is turned soon
			s.move(r, id, Replace, target, metric)
		}
	case remove:
		s.remove(r, id, e.metric, false)
	}
}

// leftover reports whether the entry is an earlier run's, and nobody wants it,
// but it isn't to be deleted yet.
func (s *Syncer) leftover(e *entry) bool {
	return e.want == 0 && (e.have != 0 || e.flags&strayed != 0) && e.flags&claimed == 0 && !s.swept
}

// target is the hop set the entry should have in the kernel, at which metric, and
// whether someone else's routes are in its place and the one behind it.
func (s *Syncer) target(e *entry) (target, metric uint32, blocked bool) {
	if e.want == 0 {
		return 0, e.metric, false
	}
	n := s.table.vias.at(e.want)
	gateway, static := s.facts.config.Static[e.dst.prefix()]
	if static && gateway.IsValid() && dead(*s.table.sets.at(n.hops)) {
		return 0, e.metric, false // a gateway that isn't there is not to be in the way of others
	}
	why, rival := s.facts.obstacle(e.dst.prefix(), n.metric)
	switch {
	case rival:
		if next, free := s.facts.behind(e.dst.prefix(), n.metric); free {
			return n.hops, next, false
		}
		return n.hops, n.metric, true
	case why != "":
		return 0, e.metric, false
	}
	return n.hops, n.metric, false
}

// remove has a route of ours deleted at the end of the round.
func (s *Syncer) remove(r *round, id, metric uint32, stray bool) {
	s.table.at(id).flags |= moving
	r.last = append(r.last, move{id: id, metric: metric, kind: Remove, stray: stray})
}

func (s *Syncer) move(r *round, id uint32, kind OpKind, target, metric uint32) {
	e := s.table.at(id)
	e.flags |= moving
	hops := *s.table.sets.at(target)
	if e.flags&direct != 0 {
		hops = onlink(hops)
	}
	s.table.sets.hold(target) // nobody may want it any more when it is written
	r.moves = append(r.moves, move{id: id, target: target, metric: metric, kind: kind})
	r.ops = append(r.ops, Op{Kind: kind, Dst: e.dst.prefix(), Metric: metric, Hops: hops})
}

func onlink(hops []Hop) []Hop {
	marked := make([]Hop, len(hops))
	for i, h := range hops {
		h.Onlink = true
		marked[i] = h
	}
	return marked
}

// record notes what became of the round.
func (s *Syncer) record() {
	before, example := len(s.refused), error(nil)
	for i, m := range s.round.moves {
		e, err := s.table.at(m.id), s.round.errs[i]
		e.flags &^= moving
		switch {
		case m.stray && (err == nil || gone(err)):
			s.unstray(m.id, m.metric)
		case err == nil && e.flags&doubled != 0:
			e.flags &^= doubled
			s.table.setHave(e, odd) // one of them
			s.queue(m.id)
		case err == nil, m.kind == Remove && gone(err):
			if m.kind == Add && e.have != 0 { // at another metric: it goes now
				s.stray(m.id, e.metric)
			}
			s.table.setHave(e, m.target)
			e.metric, e.refusal = m.metric, 0
			e.flags &^= direct
			if e.flags&strayed != 0 {
				s.first = append(s.first, m.id)
			}
		case e.dst.v6() && m.kind != Remove && errors.Is(err, syscall.EHOSTUNREACH) && e.flags&direct == 0:
			// IPv6 looks the gateway up among all routes, so a BGP route that
			// covers its own next hop hides the link. We know the link.
			e.flags |= direct
			s.queue(m.id)
		default:
			s.refuse(m, e, err)
			example = err
		}
		s.table.sets.drop(m.target)
		s.table.forget(m.id)
	}
	if errors.Is(example, syscall.EPERM) && !s.barred {
		s.barred = true
		s.log.Warn("not permitted to write routes: needs CAP_NET_ADMIN", "error", example)
	}
	if n := len(s.refused) - before; n > 0 {
		s.log.Debug("the kernel refused routes, trying again later", "routes", n, "one error", example)
	}
	if len(s.refused) == 0 {
		s.backoff, s.tried = retryFirst, 0
	} else if s.retryAt.IsZero() {
		s.retryAt = time.Now().Add(s.backoff)
	}
	clear(s.round.ops) // their hops may be forgotten now
}

// gone reports whether a route could not be deleted because it isn't there;
// IPv6 has a second way to say so, when someone else is quicker.
func gone(err error) bool { return errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.ENOENT) }

// refuse notes that the kernel did not do as told.
func (s *Syncer) refuse(m move, e *entry, err error) {
	e.flags &^= direct
	e.refusal = s.reasons.number(err.Error())
	switch {
	case m.stray:
	case errors.Is(err, ErrNoAnswer), m.kind == Replace && e.dst.v6():
		// It may have happened or not; IPv6 may even be half way through.
		if e.have != 0 && e.metric != m.metric {
			s.stray(m.id, e.metric)
		}
		s.table.setHave(e, odd)
		e.metric = m.metric
		s.lookWithin(debounce)
	case m.kind == Add && errors.Is(err, syscall.EEXIST):
		s.lookWithin(debounce) // what is there? We know of nothing
	}
	if e.flags&retrying == 0 {
		e.flags |= retrying
		s.refused = append(s.refused, m.id)
	}
}
