package speaker

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/calctl/calctl/node/session"
	"github.com/calctl/calctl/node/wire"
)

// A fabric is the network that the speakers of a model have: pipes, with a
// cable between any two sites that can be slow, cut, or dead without a sign.
type fabric struct {
	mu     sync.Mutex
	doors  map[int]*session.Listener
	cables map[[2]int]*wires
	plain  map[int]bool // sites that have no ADD-PATH
	pumps  sync.WaitGroup
}

// How long a cable takes, at most, and how much at once, if nobody has said
// anything else of it, and when it is slow.
const (
	usualDelay, usualSize = 20 * time.Millisecond, 64 << 10
	slowDelay, slowSize   = 2 * time.Second, 512
)

// wires are one cable.
type wires struct {
	mu      sync.Mutex
	state   string        // "", cut or silence
	changed chan struct{} // closed when the state changes
	delay   time.Duration
	size    int
	calls   map[int][4]net.Conn
	next    int
}

func newFabric() *fabric {
	return &fabric{doors: map[int]*session.Listener{}, cables: map[[2]int]*wires{}, plain: map[int]bool{}}
}

func (f *fabric) cable(a, b int) *wires {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.cables[cable(a, b)]
	if w == nil {
		w = &wires{changed: make(chan struct{}), delay: usualDelay, size: usualSize, calls: map[int][4]net.Conn{}}
		f.cables[cable(a, b)] = w
	}
	return w
}

// set changes the state of a cable. Cut, it resets what goes over it.
func (w *wires) set(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = state
	close(w.changed)
	w.changed = make(chan struct{})
	if state == "cut" {
		for _, ends := range w.calls {
			for _, e := range ends {
				_ = e.Close()
			}
		}
	}
}

// pace makes a cable slow, or as usual.
func (w *wires) pace(delay time.Duration, size int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delay, w.size = delay, size
}

// look returns how a cable is now, and a channel that tells when it is otherwise.
func (w *wires) look() (string, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state, w.changed
}

// wait is how long it takes until what is said now, and meanwhile, is heard.
// It differs at random: in step, two speakers that each like the other's route
// better than their own would go on for ever.
func (w *wires) wait() (time.Duration, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return rand.N(w.delay), w.size
}

// A port is the network as one site sees it.
type port struct {
	*fabric
	site int
}

// Listen implements session.Network.
func (p port) Listen(_ uint16, _ []netip.Addr, log *slog.Logger) (*session.Listener, error) {
	l := session.NewListener(log)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doors[p.site] = l
	return l, nil
}

// shut has nobody listening at a site any more.
func (f *fabric) shut(site int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.doors, site)
}

// Dial implements session.Network.
func (p port) Dial(ctx context.Context, c session.Config) (net.Conn, error) {
	to := whose(c.Remote.Addr())
	w := p.cable(p.site, to.peer)
	state, _ := w.look()
	if state == "silence" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	p.mu.Lock()
	door, old := p.doors[to.peer], p.plain[p.site] || p.plain[to.peer]
	p.mu.Unlock()
	if state == "cut" || door == nil {
		return nil, syscall.ECONNREFUSED
	}
	delay, _ := w.wait()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	near := netip.AddrPortFrom(address(p.site, to.v6), 40000)
	a, mouth := net.Pipe()
	b, ear := net.Pipe()
	if !p.join(w, [4]net.Conn{a, mouth, ear, b}, old) {
		return nil, syscall.ECONNREFUSED
	}
	door.Offer(end{b, c.Remote, near})
	return end{a, near, c.Remote}, nil
}

// join has two pumps carry what is said at either end of a connection.
func (f *fabric) join(w *wires, ends [4]net.Conn, old bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == "cut" {
		return false
	}
	w.next++
	n := w.next
	w.calls[n] = ends
	done := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.calls, n)
	}
	f.pumps.Go(func() { w.pump(ends[2], ends[1], old); done() })
	f.pumps.Go(func() { w.pump(ends[1], ends[2], old); done() })
	return true
}

// pump carries octets, and the end, one way; between old speakers, without an
// offer of ADD-PATH.
func (w *wires) pump(to, from net.Conn, old bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buf := make([]byte, usualSize)
	for first := old; ; first = false {
		n, err := from.Read(buf[:1])
		if err == nil {
			delay, size := w.wait()
			_ = from.SetReadDeadline(time.Now().Add(delay))
			var more int
			if more, err = io.ReadFull(from, buf[1:size]); errors.Is(err, os.ErrDeadlineExceeded) {
				err = nil
			}
			n += more
			_ = from.SetReadDeadline(time.Time{})
		}
		for state, changed := w.look(); state == "silence"; state, changed = w.look() {
			<-changed
		}
		if n > 0 {
			said := buf[:n]
			if first {
				said = withoutAddPath(said)
			}
			if _, err := to.Write(said); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// withoutAddPath takes ADD-PATH out of what an OPEN offers.
func withoutAddPath(said []byte) []byte {
	const header = 19
	if len(said) < header || wire.Type(said[18]) != wire.TypeOpen {
		return said
	}
	end := int(binary.BigEndian.Uint16(said[16:]))
	o, fault := wire.DecodeOpen(said[header:end])
	if fault != nil {
		return said
	}
	o.AddPathSend, o.AddPathReceive = 0, 0
	return append(wire.AppendOpen(nil, o), said[end:]...)
}

// An end of a connection has the addresses that TCP would give it.
type end struct {
	net.Conn
	local, remote netip.AddrPort
}

func (e end) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(e.local) }
func (e end) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(e.remote) }
