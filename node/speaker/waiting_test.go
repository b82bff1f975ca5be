package speaker

import (
	"fmt"
	"testing"
	"testing/synctest"
)

// TestWaiting: a peer that says much while the owner is busy stands in the queue with
// no more than two batches; the rest waits in its own connection, and another peer's
// change is the next.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStand(t, Options{}, bgpWith(), "10.0.0.2", "10.0.0.3")
		loud, quiet := s.call("10.0.0.2"), s.call("10.0.0.3")
		const many = 5 * batchSize
		c := (*s.running.Load()).(*core)
		free := make(chan struct{})
		go c.call(func() { <-free })
		synctest.Wait()
		var b []byte
		for i := range many {
			b = append(b, tells(fmt.Sprintf("%d.%d.%d.0/24", 11+i>>16, byte(i>>8), byte(i)), "10.0.0.2")...)
		}
		go func() { _, _ = loud.conn.Write(b) }()
		synctest.Wait()
		if n := len(c.inbox); n != waiting {
			t.Errorf("%d batches of one peer wait, want %d", n, waiting)
		}
		quiet.say(tells("10.9.0.0/24", "10.0.0.3"))
		if n := len(c.inbox); n != waiting+1 {
			t.Errorf("%d batches of two peers wait, want %d", n, waiting+1)
		}
		close(free)
		synctest.Wait()
		if got := len(s.all()); got != many+1 {
			t.Errorf("%d routes, want %d", got, many+1)
		}
	})
}
