package speaker

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/lab"
	"github.com/calctl/calctl/node/wire"
)

// flood makes TestFloods longer: -flood 10 is ten times as much of everything, and what
// docs/reference/performance.md tells of.
var flood = flag.Int("flood", 1, "how many times as much TestFloods sends")

// floodRSS is how much memory a flood may take while it lasts, by how fast it comes
// and not by how long.
const floodRSS = 100 << 20

// The floods come over loopback: each peer has an address of 127.0.0.0/8.
var (
	floodHere = netip.MustParseAddrPort("127.0.0.1:179")
	goodPeer  = netip.MustParseAddr("127.0.0.2")
	stranger  = netip.MustParseAddr("127.0.0.4")
)

// dialFrom connects to the speaker. Who is turned away with a reset may hear of
// it while connecting.
func dialFrom(from netip.Addr) (*net.TCPConn, error) {
	return net.DialTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), net.TCPAddrFromAddrPort(floodHere))
}

// floodOpen is an OPEN of a peer at an address.
func floodOpen(from netip.Addr, hold time.Duration, change ...func(*wire.Open)) []byte {
	o := wire.Open{AS: 64513, HoldTime: hold, ID: from, Capabilities: wire.Capabilities{
		Families: wire.OnlyIPv4, HasFourOctetAS: true, ExtendedMessage: true, Refresh: true,
	}}
	for _, c := range change {
		c(&o)
	}
	return wire.AppendOpen(nil, o)
}

// shake brings a session up.
func shake(conn net.Conn, from netip.Addr, hold time.Duration) (*wire.Reader, error) {
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write(append(floodOpen(from, hold), wire.AppendKeepalive(nil)...)); err != nil {
		return nil, err
	}
	r := wire.NewReader(conn)
	r.SetMax(wire.MaxExtended)
	for _, want := range []wire.Type{wire.TypeOpen, wire.TypeKeepalive} {
		if t, body, err := r.Next(); t != want {
			return nil, fmt.Errorf("got %v % x, want %v: %w", t, body, want, err)
		}
	}
	return r, conn.SetDeadline(time.Time{})
}

// A bystander is a good peer with a short hold time whose route comes and goes.
// It minds how late it hears our KEEPALIVEs and how long its changes take.
type bystander struct {
	s    *heard
	conn net.Conn

	mu    sync.Mutex
	gap   time.Duration // the longest between two messages of ours
	over  error
	there chan bool // its route was told, or its going
}

var flip = netip.MustParsePrefix("10.99.0.0/24")

func newBystander(t *testing.T, s *heard, there chan bool) *bystander {
	t.Helper()
	conn, err := dialFrom(goodPeer)
	if err != nil {
		t.Fatal(err)
	}
	r, err := shake(conn, goodPeer, 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	b := &bystander{s: s, conn: conn, there: there}
	done := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() {
		defer close(done)
		last := time.Now()
		for {
			kind, body, err := r.Next()
			b.mu.Lock()
			b.gap = max(b.gap, time.Since(last))
			last = time.Now()
			if kind == wire.TypeNotification {
				err = errors.New(wire.DecodeNotification(body).String())
			}
			b.over = err
			b.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	both.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_, _ = conn.Write(wire.AppendKeepalive(nil))
			case <-done:
				return
			}
		}
	})
	t.Cleanup(func() { _ = conn.Close(); both.Wait() })
	return b
}

// during changes the peer's route again and again while something goes on, and
// returns how long the changes took to be told.
func (b *bystander) during(t *testing.T, what func()) (took []time.Duration) {
	t.Helper()
	b.mu.Lock()
	b.gap = 0
	b.mu.Unlock()
	done := make(chan struct{})
	go func() { defer close(done); what() }()
	announce := anUpdate([]byte{24, 10, 99, 0}, origin, asPath, viaFar)
	withdraw := lab.Message(update, []byte{0, 4, 24, 10, 99, 0, 0, 0})
	for is := true; ; is = !is {
		start := time.Now()
		m := withdraw
		if is {
			m = announce
		}
		if _, err := b.conn.Write(m); err != nil {
			t.Fatalf("the good peer's session: %v", err)
		}
		select {
		case got := <-b.there:
			if got != is {
				t.Fatalf("told %v, want %v", got, is)
			}
		case <-time.After(10 * time.Second):
			b.mu.Lock()
			defer b.mu.Unlock()
			t.Fatalf("the good peer's route: no change for 10 s; its session: %v", b.over)
		}
		took = append(took, time.Since(start))
		if is {
			continue // leave it withdrawn
		}
		select {
		case <-done:
			return took
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// usage is what the process holds.
type usage struct {
	heap, rss, goroutines, files int
}

func use(t *testing.T) usage {
	t.Helper()
	heap()
	return usage{heap: int(heap()), rss: resident(t), goroutines: runtime.NumGoroutine(), files: files(t)}
}

// resident is how much memory the process has, in octets.
func resident(t *testing.T) int {
	var size, pages int
	b, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(b), &size, &pages)
	}
	if err != nil {
		t.Error(err)
	}
	return pages * os.Getpagesize()
}

func files(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Error(err)
	}
	return len(list)
}

// most watches how much of everything there is at once, but the heap.
func most(t *testing.T, during func()) (u usage) {
	done := make(chan struct{})
	go func() { defer close(done); during() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		u.files, u.goroutines, u.rss = max(u.files, files(t)), max(u.goroutines, runtime.NumGoroutine()), max(u.rss, resident(t))
		select {
		case <-done:
			return u
		case <-tick.C:
		}
	}
}

// An attack is what a peer or a stranger does, n times.
type attack struct {
	name string
	n    int // in a short run; and by -flood
	do   func(t *testing.T, bad netip.Addr, n int)
	log  int // octets that it may add to the log
}

// connects opens n connections, four at a time, and has each do something.
func connects(n int, from netip.Addr, do func(i int, c *net.TCPConn)) {
	const workers = 4
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w; i < n; i += workers {
				if c, err := dialFrom(from); err == nil {
					do(i, c)
					_ = c.Close()
				}
			}
		})
	}
	all.Wait()
}

func hangUp(c *net.TCPConn) { _ = c.SetLinger(0) }

// upAgain is an established session of a bad peer; it takes what we say.
func upAgain(t *testing.T, from netip.Addr) *net.TCPConn {
	t.Helper()
	var conn *net.TCPConn
	lab.Until(t, 10*time.Second, "a session for the bad peer", func() error {
		c, err := dialFrom(from)
		if err != nil {
			return err
		}
		if _, err := shake(c, from, 0); err != nil {
			_ = c.Close()
			return err
		}
		conn = c
		return nil
	})
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	return conn
}

// sent writes messages on a session, and ends it when they were taken in.
func sent(t *testing.T, s *heard, from netip.Addr, n int, each func(b []byte, i int) []byte) {
	t.Helper()
	conn := upAgain(t, from)
	defer func() { _ = conn.Close() }()
	var b []byte
	for i := range n {
		if b = each(b, i); len(b) > 1<<16 || i == n-1 {
			if _, err := conn.Write(b); err != nil {
				t.Errorf("after %d: %v", i, err)
				return
			}
			b = b[:0]
		}
	}
	// What is told after all that shows that it was taken in.
	_, _ = conn.Write(anUpdate([]byte{24, 10, 98, 0}, origin, asPath, viaFar))
	lab.Until(t, 2*time.Minute, "the end of it", func() error {
		if s.route("10.98.0.0/24") == "" {
			return errors.New("not there yet")
		}
		return nil
	})
	_, _ = conn.Write(lab.Message(update, []byte{0, 4, 24, 10, 98, 0, 0, 0}))
	lab.Until(t, time.Minute, "its end", func() error {
		if s.route("10.98.0.0/24") != "" {
			return errors.New("still there")
		}
		return nil
	})
}

// numbered is the i-th of 16 million prefixes, as octets of a message.
func numbered(i int) []byte { return []byte{24, byte(i >> 16), byte(i >> 8), byte(i)} }

func four(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }

// big is an optional transitive attribute that nobody knows.
func big(length, i int) []byte {
	v := append(four(i), make([]byte, length-4)...)
	return append([]byte{0xd0, 99, byte(length >> 8), byte(length)}, v...)
}

// TestFloods: whatever a peer or a stranger does, and however often, costs
// nothing that stays: no memory, goroutine, descriptor or line of the log. And
// meanwhile another peer hears our KEEPALIVEs on time, and its routes change at
// once.
func TestFloods(t *testing.T) {
	lab.New(t) // for port 179
	s := speak(t)
	there := make(chan bool, 16)
	s.watch = func(c Change) {
		if c.Prefix == flip {
			there <- len(c.NextHops) > 0
		}
	}
	want := bgpWith()
	// Policies remember what they have made of attributes.
	add := rules(t, "- {action: Accept, operations: [{addCommunity: {value: '1:1'}}]}")
	changing := intent.Rules{Import: add, Export: add}
	admit := func(a netip.Addr) {
		want.Peers[netip.AddrPortFrom(a, 179)] = intent.Peer{Name: a.String(), ASN: 64513, LocalAddress: floodHere.Addr(), Passive: true, Rules: changing}
		s.apply(want)
	}
	admit(goodPeer)
	good := newBystander(t, s, there)
	caps := func(n int, extended bool) func(*wire.Open) {
		return func(o *wire.Open) {
			size := 1
			if extended {
				size = 15
			}
			for i := range size {
				for range 4 {
					o.Unknown = append(o.Unknown, wire.Capability{Code: byte(100 + i), Value: append(four(n), make([]byte, 50)...)})
				}
			}
		}
	}
	attacks := []attack{
		{"connections of strangers", 20_000, func(_ *testing.T, _ netip.Addr, n int) {
			connects(n, stranger, func(i int, c *net.TCPConn) {
				if i%2 == 0 {
					hangUp(c)
				}
			})
		}, 1 << 10},
		{"connections of a peer", 20_000, func(_ *testing.T, bad netip.Addr, n int) {
			connects(n, bad, func(i int, c *net.TCPConn) {
				if i%2 == 0 {
					hangUp(c)
				}
			})
		}, 8 << 10},
		{"connections beside a session", 20_000, func(t *testing.T, bad netip.Addr, n int) {
			c := upAgain(t, bad)
			connects(n, bad, func(int, *net.TCPConn) {})
			_ = c.Close()
		}, 8 << 10},
		{"connections that say nothing", 1000, func(_ *testing.T, bad netip.Addr, n int) {
			var held []*net.TCPConn
			for i := range n {
				c, err := dialFrom([]netip.Addr{bad, stranger}[i%2])
				if err == nil {
					_, _ = c.Write(floodOpen(bad, 0)[:i%30])
					held = append(held, c)
				}
				if len(held) == 100 {
					for _, c := range held {
						_ = c.Close()
					}
					held = held[:0]
				}
			}
			for _, c := range held {
				_ = c.Close()
			}
		}, 8 << 10},
		{"OPENs full of capabilities", 5000, func(_ *testing.T, bad netip.Addr, n int) {
			connects(n, bad, func(i int, c *net.TCPConn) {
				_, _ = c.Write(floodOpen(bad, 0, caps(i, i%2 == 0)))
				_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
				_, _ = c.Read(make([]byte, 1))
			})
		}, 8 << 10},
		{"withdrawals of unknown prefixes", 1_000_000, func(t *testing.T, bad netip.Addr, n int) {
			const each = 1000
			sent(t, s, bad, n/each, func(b []byte, i int) []byte {
				nlri := make([]byte, 0, 4*each)
				for k := range each {
					nlri = append(nlri, numbered(i*each+k)...)
				}
				body := binary.BigEndian.AppendUint16(nil, uint16(len(nlri)))
				return append(b, lab.Message(update, append(append(body, nlri...), 0, 0))...)
			})
		}, 1 << 10},
		{"distinct attributes, announced and withdrawn", 50_000, func(t *testing.T, bad netip.Addr, n int) {
			sent(t, s, bad, 2*n, func(b []byte, i int) []byte {
				if i >= n {
					nlri := numbered(10<<16 + (i-n)%10_000)
					return append(b, lab.Message(update, append(append([]byte{0, 4}, nlri...), 0, 0))...)
				}
				path := attr(0x40, 2, append([]byte{2, 3, 0, 0, 0xfc, 1}, append(four(1+i), four(1+i/7)...)...)...)
				return append(b, anUpdate(numbered(10<<16+i%10_000), origin, path, viaFar, attr(0xc0, 8, four(i)...))...)
			})
		}, 1 << 10},
		{"unknown attributes of 4 kB", 5000, func(t *testing.T, bad netip.Addr, n int) {
			sent(t, s, bad, n+50, func(b []byte, i int) []byte {
				nlri := numbered(10<<16 + i%50)
				if i >= n {
					return append(b, lab.Message(update, append(append([]byte{0, 4}, nlri...), 0, 0))...)
				}
				return append(b, anUpdate(nlri, origin, asPath, viaFar, big(3900, i))...)
			})
		}, 1 << 10},
		{"unknown attributes of 64 kB", 500, func(t *testing.T, bad netip.Addr, n int) {
			sent(t, s, bad, n+50, func(b []byte, i int) []byte {
				nlri := numbered(10<<16 + i%50)
				if i >= n {
					return append(b, lab.Message(update, append(append([]byte{0, 4}, nlri...), 0, 0))...)
				}
				return append(b, anUpdate(nlri, origin, asPath, viaFar, big(65_300, i))...)
			})
		}, 1 << 10},
		{"malformed routes", 100_000, func(t *testing.T, bad netip.Addr, n int) {
			sent(t, s, bad, n, func(b []byte, i int) []byte {
				return append(b, anUpdate(numbered(i), origin, asPath, viaFar, attr(0x80, 4, make([]byte, 5+i%9)...))...)
			})
		}, 8 << 10},
	}
	for i, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			n := a.n * *flood
			// Who has failed before would have to wait.
			bad := netip.AddrFrom4([4]byte{127, 0, 1, byte(1 + i)})
			admit(bad)
			before, logged := use(t), s.log.size()
			var took []time.Duration
			var peak usage
			start := time.Now()
			var lasted time.Duration
			took = good.during(t, func() {
				peak = most(t, func() { a.do(t, bad, n) })
				lasted = time.Since(start)
			})
			var after usage
			lab.Until(t, 10*time.Second, "all to be as before", func() error {
				attrs := (*s.running.Load()).(*core).attrs
				attrs.Trim() // as once a minute
				after = use(t)
				// Tables keep the room they once needed, for 10,000 prefixes here.
				if n := attrs.Len(); n > 10 || after.goroutines > before.goroutines+4 || after.files > before.files+4 || after.heap > before.heap+6<<20 {
					return fmt.Errorf("%d attribute sets, %+v, before %+v", n, after, before)
				}
				return nil
			})
			good.mu.Lock()
			gap, over := good.gap, good.over
			good.mu.Unlock()
			slices.Sort(took)
			median := took[len(took)/2]
			t.Logf("%d in %v (%.0f a second); heap %+d kB, RSS %+d MB, at most %+d MB, %d descriptors and %d goroutines (before %d and %d); the good peer: %d changes, median %v, slowest %v, longest silence of ours %v",
				n, lasted.Round(time.Millisecond), float64(n)/lasted.Seconds(), (after.heap-before.heap)>>10, (after.rss-before.rss)>>20, (peak.rss-before.rss)>>20, peak.files, peak.goroutines, before.files, before.goroutines,
				len(took), median, took[len(took)-1], gap)
			switch {
			case over != nil:
				t.Errorf("the good peer's session ended: %v", over)
			case gap > 2*time.Second:
				t.Errorf("%v without a KEEPALIVE, agreed was one a second", gap)
			case median > 2*time.Second: // hundreds of times what it takes a machine that does nothing else
				t.Errorf("the good peer's changes took %v", median)
			case peak.files > before.files+200 || peak.goroutines > before.goroutines+200 || peak.rss > before.rss+floodRSS:
				t.Errorf("at once %+v, before %+v", peak, before)
			}
			if n := s.log.size() - logged; n > a.log {
				t.Errorf("%d octets of log", n)
			}
		})
	}
}
