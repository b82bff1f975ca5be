package fib

import (
	"fmt"
	"time"
)

// A contest is a route of ours that someone else keeps taking away. One
// repair is immediate, and so are a few; a program that answers each of ours
// with one of its own would keep two processors and the kernel's one lock
// busy for ever.
type contest struct {
	times int           // it was taken away
	delay time.Duration // before it is written again
	until time.Time
	let   bool // until is over, and it was queued
}

const (
	// contestAfter is how many repairs of one route in a second are immediate.
	contestAfter = 10
	contestFirst = 50 * time.Millisecond
	contestMost  = time.Second
	// contestOver is how long a route must stay to count as undisputed: longer
	// than another one of us waits.
	contestOver = 5 * contestMost
	// maxContests bounds what is remembered of who was disturbed: `ip route
	// flush` takes a million routes away, each of them once.
	maxContests = 1 << 14
)

// contests are the routes of ours that others were at, by destination.
type contests struct {
	recent map[dst]int // times in the second that ends at end
	end    time.Time
	open   map[dst]*contest
	next   time.Time // when calm has something to do; zero: never
	logged time.Time
}

// taken notes that someone else has deleted or replaced a route of ours, of
// which the kernel had the set have. IPv6 tells of the hops of one route one
// by one: only the first makes it odd.
func (s *Syncer) taken(id, have uint32) {
	e := s.table.at(id)
	if e.want == 0 || have == 0 || have == odd {
		return
	}
	d, c, now := e.dst, &s.contests, time.Now()
	if one := c.open[d]; one != nil {
		if one.times++; one.let { // else it waits already
			one.delay = min(2*one.delay, contestMost)
			one.until, one.let = now.Add(one.delay), false
			c.wake(one.until)
		}
		return
	}
	if now.After(c.end) || c.recent == nil {
		c.recent, c.end = map[dst]int{}, now.Add(time.Second)
	}
	n := c.recent[d] + 1
	if n > 1 || len(c.recent) < maxContests {
		c.recent[d] = n
	}
	if n <= contestAfter || len(c.open) >= maxContests {
		return
	}
	if c.open == nil {
		c.open = map[dst]*contest{}
	}
	c.open[d] = &contest{times: n, delay: contestFirst, until: now.Add(contestFirst)}
	c.wake(now.Add(contestFirst))
	if now.After(c.logged.Add(verifyEvery)) {
		c.logged = now // one line for all of them
		s.log.Warn("someone else keeps deleting or replacing a route of this program: is there a second one, or another routing daemon?", "route", d.prefix())
	}
}

func (c *contests) wake(at time.Time) {
	if c.next.IsZero() || at.Before(c.next) {
		c.next = at
	}
}

// held reports whether the route has to wait.
func (c *contests) held(d dst) bool {
	if len(c.open) == 0 {
		return false
	}
	one := c.open[d]
	return one != nil && time.Now().Before(one.until)
}

// calm queues the routes that have waited long enough, and forgets contests
// that are over.
func (s *Syncer) calm(now time.Time) {
	c := &s.contests
	if c.next.IsZero() || now.Before(c.next) {
		return
	}
	c.next = time.Time{}
	for d, one := range c.open {
		over := one.until.Add(contestOver)
		switch {
		case now.Before(one.until):
			c.wake(one.until)
			continue
		case !now.Before(over):
			delete(c.open, d)
		default:
			c.wake(over)
		}
		if !one.let {
			one.let = true
			if id := s.table.find(d); id != 0 {
				s.queue(id)
			}
		}
	}
}

// why is the reason to show for a route that has to wait, or "".
func (c *contests) why(d dst) string {
	one := c.open[d]
	if one == nil {
		return ""
	}
	return fmt.Sprintf("someone else keeps deleting or replacing it (%d times so far), so it is written again at most every %v", one.times, one.delay)
}
