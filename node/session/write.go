package session

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// A buffer's size is what a Source is asked for at once, and all that waits
// here for a slow peer. Who has little to say, as a thousand peers have after a
// start, gets a little one.
const (
	little = 4 << 10
	large  = 64 << 10
)

var littleBuffers, largeBuffers = buffers(little), buffers(large)

func buffers(size int) *sync.Pool {
	return &sync.Pool{New: func() any { b := make([]byte, 0, size); return &b }}
}

// stir has the source asked what it has to say.
func (c *conn) stir() { c.gathering.call(&c.s.parts, c.gather) }

// gather asks the source while it has something to say and the last of it was
// written. It is a chore of its own so that a source that takes long delays no
// keepalive.
func (c *conn) gather() {
	from := littleBuffers
	for n := c.fill(c.source, from); n > 0; n = c.fill(c.source, from) {
		if n > little/4 { // and probably there is more
			from = largeBuffers
		}
	}
}

// fill has a buffer filled and written, and returns how much came. It is 0 when
// nothing came, or went.
func (c *conn) fill(from Source, pool *sync.Pool) int {
	buf := pool.Get().(*[]byte)
	var b []byte
	fault := wire.Safely(func() *wire.Error {
		c.filling.Lock()
		defer c.filling.Unlock()
		if !c.hushed {
			b = from.Fill((*buf)[:0])
		}
		return nil
	})
	if fault != nil {
		c.tell(event{kind: broken, fault: fault})
		return 0
	}
	if len(b) == 0 {
		pool.Put(buf)
		return 0
	}
	select {
	case c.bulk <- b:
		c.speak()
	case <-c.ended:
		return 0
	}
	select {
	case <-c.written:
		pool.Put(buf)
		return len(b)
	case <-c.ended: // the writer may still have it
		return 0
	}
}

// speak has what is there to be said written. Whoever has brought something
// calls it.
func (c *conn) speak() { c.writing.call(&c.s.parts, c.w.write) }

// A writer writes what a connection says, and is all that does, so that
// messages stay whole.
type writer struct {
	*conn
	tick     *time.Timer // KeepaliveTimer; nil until it is first set
	due      atomic.Bool // it has expired
	pace     time.Duration
	sendHold time.Duration
	last     time.Time // when something was last said
	nudged   bool      // and once more after the session came up
	broken   bool      // something was left half said, or the connection is dead
	err      error
}

// write says what there is to be said. What the machine has to say goes first:
// our KEEPALIVE goes before the first route. So what was gathered is looked for
// before the machine's words, and said after them: the machine spoke before
// anything could be gathered.
func (w *writer) write() {
	for !w.broken {
		if w.over() {
			w.part()
			w.silence()
			return
		}
		var gathered []byte
		select {
		case gathered = <-w.bulk:
		default:
		}
		w.answer()
		if w.due.Swap(false) {
			w.keepalive()
		}
		if gathered == nil {
			return
		}
		w.put(gathered)
		select {
		case w.written <- struct{}{}:
		case <-w.ended:
		}
	}
	// Why, the reader knows best: a NOTIFICATION may have come before the reset.
	select {
	case <-w.ended:
	case <-time.After(goodbye):
		w.tell(event{kind: lost, text: w.s.words(w.err)})
	}
	w.silence()
}

// silence says that nothing will be written any more.
func (w *writer) silence() {
	w.writing.stop()
	if w.tick != nil {
		w.tick.Stop()
	}
	w.torn = w.broken
	close(w.spoken)
}

// answer says what the machine had to say.
func (w *writer) answer() {
	for {
		select {
		case u := <-w.say:
			w.utter(u)
		default:
			return
		}
	}
}

func (w *writer) utter(u utterance) {
	if u.sendHold > 0 {
		w.sendHold = u.sendHold
	}
	w.put(u.b)
	if u.pace > 0 {
		w.pace = u.pace
		w.remind(nudge)
	}
}

// remind sets the KeepaliveTimer.
func (w *writer) remind(after time.Duration) {
	if w.tick != nil {
		w.tick.Reset(after)
		return
	}
	w.tick = time.AfterFunc(after, func() {
		w.due.Store(true)
		w.speak()
	})
}

// nudge is when a session that has come up is spoken in once more, whatever
// was said: BIRD 2.0 can overlook that it has routes to tell, and sleeps for
// three seconds unless something comes. Sooner is not allowed (RFC 4271 §4.4).
const nudge = time.Second

// keepalive says something unless other messages have: they count as well
// (RFC 4271 §4.4).
func (w *writer) keepalive() {
	if quiet := time.Since(w.last); w.nudged && quiet < w.pace/2 {
		w.remind(w.pause(w.pace - quiet))
		return
	}
	w.nudged = true
	w.put(wire.AppendKeepalive(nil))
	w.remind(w.pause(w.pace))
}

// pause is the time to the next KEEPALIVE: never less than a second (RFC 4271
// §4.4), jitter or not.
func (*writer) pause(d time.Duration) time.Duration { return max(time.Second, jitter(d)) }

// put writes whole messages. While the peer takes some of it now and then, it
// goes on; SendHoldTimer runs only while it takes nothing (RFC 9687).
func (w *writer) put(b []byte) {
	whole := b
	for taken := time.Now(); len(b) > 0 && !w.broken; {
		w.limit()
		n, err := w.sock.Write(b)
		if b = b[n:]; n > 0 {
			taken = time.Now()
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && !w.over():
			if time.Since(taken) >= w.sendHold {
				w.broken, w.err = true, err
				w.tell(event{kind: stalled})
			}
		default:
			w.broken, w.err = true, err
		}
	}
	if w.broken {
		return
	}
	w.last = time.Now()
	w.tally(whole)
}

// limit lets the next write take a part of the time the peer has: so it is
// seen whether it took anything.
func (w *writer) limit() {
	w.limits.Lock()
	defer w.limits.Unlock()
	if !w.closing {
		_ = w.sock.SetWriteDeadline(time.Now().Add(w.sendHold / 4))
	}
}

func (c *conn) over() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// part says the last words, if there are any: what the machine had to say, and
// then the NOTIFICATION.
func (w *writer) part() {
	if w.reason.Cause != Sent {
		return
	}
	w.answer()
	w.put(wire.AppendNotification(nil, w.reason.Notification))
	if half, ok := w.sock.(interface{ CloseWrite() error }); ok && !w.broken {
		_ = half.CloseWrite()
	}
}

// tally counts messages by their headers.
func (c *conn) tally(b []byte) {
	var all, updates uint64
	for len(b) >= 19 {
		n := int(b[16])<<8 | int(b[17])
		all++
		if wire.Type(b[18]) == wire.TypeUpdate {
			updates++
		}
		b = b[min(max(n, 19), len(b)):]
	}
	c.s.count.out.Add(all)
	c.s.count.updatesOut.Add(updates)
}
