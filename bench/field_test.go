package bench

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// A field is where a run takes place: a namespace for the speaker under test,
// one for its neighbours.
type field struct {
	b        *testing.B
	setting  setting
	dut, far *lab.Host
	kernel   *kernel
	speaker  []*lab.Process

	mu    sync.Mutex
	peers map[int]*lab.Replayer // those that are to stay
}

func newField(b *testing.B, s setting) *field {
	l := lab.New(b)
	f := &field{b: b, setting: s, dut: l.Host("dut"), far: l.Host("far"), peers: map[int]*lab.Replayer{}}
	l.Link(f.dut, "eth0", []string{dutAddr.String() + "/17"}, f.far, "eth0", nil)
	var batch strings.Builder
	for i := range s.neighbours {
		_, _ = fmt.Fprintf(&batch, "addr add %v/17 dev eth0\n", nth(i))
	}
	f.far.IP("-batch", l.File("addresses", batch.String()))
	f.kernel = watch(b, f.dut)
	return f
}

// with makes a field where a speaker runs and its neighbours are up. What they
// are told goes to heard, if not nil.
func with(b *testing.B, who speaker, s setting, heard func(i int) func([]byte)) (*field, error) {
	f := newField(b, s)
	f.speaker = who.configure(f.dut, s)()
	return f, f.joinAll(heard)
}

// joinAll brings all neighbours' sessions up. The first one tries until it has
// its session, and then the others come: a thousand that knock on a door that
// isn't there yet would take the processors from whoever builds it. Neighbours
// elsewhere would cost the speaker's processors nothing, so few threads dial.
func (f *field) joinAll(heard func(i int) func([]byte)) error {
	if heard == nil {
		heard = func(int) func([]byte) { return func([]byte) {} }
	}
	n := f.setting.neighbours
	abreast := make(chan struct{}, cmp.Or(f.setting.abreast, n))
	errs := make([]error, n)
	var greeting sync.WaitGroup
	come := func(i int) {
		abreast <- struct{}{}
		conn, err := f.dial(i)
		greeting.Go(func() {
			if err == nil {
				err = f.greet(i, conn, heard(i))
			}
			errs[i] = err
			<-abreast
		})
	}
	var next atomic.Int64
	var dialers sync.WaitGroup
	for k := range 9 {
		if k == 1 {
			dialers.Wait() // the first one is in
			greeting.Wait()
		}
		dialers.Go(func() {
			err := f.far.Inside(func() error {
				for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
					if come(i); i == 0 {
						break
					}
				}
				return nil
			})
			if err != nil {
				f.b.Error(err)
			}
		})
	}
	dialers.Wait()
	greeting.Wait()
	return errors.Join(errs...)
}

// dial connects the i-th neighbour; it may have to try for a while.
func (f *field) dial(i int) (conn net.Conn, err error) {
	err = await(*limit, func() error {
		conn, err = lab.Dial(nth(i), netip.AddrPortFrom(dutAddr, 179))
		return err
	})
	return conn, err
}

// greet brings the i-th neighbour's session up, over this connection or another.
func (f *field) greet(i int, conn net.Conn, heard func([]byte)) error {
	return await(*limit, func() error {
		if conn == nil {
			again, err := f.far.Dial(nth(i), netip.AddrPortFrom(dutAddr, 179))
			if err != nil {
				return err
			}
			conn = again
		}
		p, err := lab.EstablishWith(conn, lab.Open(f.setting.asn(), nth(i)), heard)
		if err != nil {
			_ = conn.Close()
			conn = nil
			return err
		}
		f.b.Cleanup(func() { _ = p.Conn.Close() })
		f.mu.Lock()
		defer f.mu.Unlock()
		f.peers[i] = p
		return nil
	})
}

// broken reports a neighbour that has lost its session.
func (f *field) broken() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, p := range f.peers {
		select {
		case err := <-p.Ended:
			return fmt.Errorf("the session of %v ended: %w", nth(i), err)
		default:
		}
	}
	return nil
}

// send has a neighbour send without waiting: the speaker may read slowly. What
// goes wrong shows in broken.
func (f *field) send(i int, messages ...[]byte) {
	conn := f.peers[i].Conn
	go func() {
		for _, m := range messages {
			_, _ = conn.Write(m)
		}
	}()
}

// kill ends a neighbour's session by ending its connection.
func (f *field) kill(i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.peers[i].Conn.Close()
	delete(f.peers, i)
}

// quiet waits until the speaker has done nothing for half a second, and returns
// when it was last seen at work; never, if it wasn't.
func (f *field) quiet() (busy time.Time, err error) {
	since, then := time.Now(), costOf(f.b, f.speaker).cpu()
	err = await(*limit, func() error {
		if now := costOf(f.b, f.speaker).cpu(); now-then > 10*time.Millisecond {
			since, then = time.Now(), now
			busy = since
		}
		if time.Since(since) < 500*time.Millisecond {
			return errors.New("the speaker is still busy")
		}
		return nil
	})
	return busy, err
}

// measure runs an action and waits until the kernel is as it should be, of n
// routes in all.
func (f *field) measure(n int, g goal, action func()) result {
	before := costOf(f.b, f.speaker)
	start := time.Now()
	action()
	took, err := f.kernel.reach(start, n, g, f.broken)
	return result{took: took, cost: costOf(f.b, f.speaker).since(before), err: err}
}

// measureAll is measure that also waits until the speaker has done what does
// not show in the kernel.
func (f *field) measureAll(n int, g goal, action func()) result {
	before := costOf(f.b, f.speaker)
	start := time.Now()
	r := f.measure(n, g, action)
	if r.err != nil {
		return r
	}
	done := start.Add(r.took)
	busy, err := f.quiet()
	if busy.After(done) {
		done = busy
	}
	return result{took: done.Sub(start), cost: costOf(f.b, f.speaker).since(before), err: err}
}

// over ends the speaker as a power cut does: else it says goodbye to a million routes.
func (f *field) over() {
	for _, p := range f.speaker {
		p.Kill()
	}
}

// await waits until cond returns nil and asks often; after the limit it
// returns cond's last error.
func await(limit time.Duration, cond func() error) error {
	start := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := cond()
		if err == nil || time.Since(start) > limit {
			return err
		}
		<-tick.C
	}
}
