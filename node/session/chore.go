package session

import "sync"

// A chore is work that comes now and then. While there is none, there is no
// goroutine for it: with a thousand idle peers, their stacks would be most of
// the memory.
type chore struct {
	mu             sync.Mutex
	running, again bool
	over           bool
}

// call has the work done by a goroutine of parts, once more if it is being
// done. It must find all there is to do, and returns when that is done.
// Somebody else has to be among the parts until stop is called.
func (c *chore) call(parts *sync.WaitGroup, work func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over:
	case c.running:
		c.again = true
	default:
		c.running = true
		parts.Go(func() {
			for work(); c.more(); work() {
			}
		})
	}
}

func (c *chore) more() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = c.again && !c.over
	c.again = false
	return c.running
}

// stop makes call do nothing any more.
func (c *chore) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}
