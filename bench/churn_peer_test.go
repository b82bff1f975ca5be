package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// A told is what a peer says of a prefix, as far as it matters for who is best.
type told struct {
	length  int // of the AS path
	med     uint32
	nextHop netip.Addr
}

// window is how many prefixes a peer may tell, stride how many of them its
// neighbour of the next number can't: three peers share a prefix.
const (
	stride = 20
	window = 60
)

// death is a way in which a session ends.
type death int

const (
	closes    death = iota // FIN
	resets                 // RST
	notifies               // NOTIFICATION Cease/Administrative Shutdown, then FIN
	falls                  // silent: neither keepalives nor FIN; the hold timer finds out
	returns                // back on a new connection while the old one still stands (RFC 4724, 4.2)
	waysToEnd = int(iota)
)

// A churner is a peer that comes and goes and changes its mind.
type churner struct {
	number  int
	at      netip.Addr
	id      netip.Addr // its BGP identifier
	asn     uint32
	host    *lab.Host
	dut     netip.AddrPort
	hops    []netip.Addr // next hops it may name
	steady  bool         // its session never flaps
	failing bool         // it is on the link that fails
	restart bool         // it agrees to graceful restart

	mu    sync.Mutex
	table map[netip.Prefix]told // what it has told, or will when it is back
	conn  net.Conn              // nil while it is away
	fate  death                 // how the session will end
	goner *atomic.Bool          // the session's end is its own wish
	ended chan struct{}         // closed when nothing answers keepalives any more
}

// prefix is the i-th one of the peer's window, of the family of its session.
func (c *churner) prefix(i int) netip.Prefix {
	n := c.number*stride + i
	if c.at.Is4() {
		return lab.Prefix(n)
	}
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x2a, 0, 0, 0, byte(n >> 8), byte(n)}), 48)
}

// mind is something the peer may say.
func (c *churner) mind() told {
	return told{1 + rand.IntN(3), uint32(rand.IntN(2)), c.hops[rand.IntN(len(c.hops))]}
}

// change has the peer announce or withdraw some prefixes with one UPDATE and
// returns how many; 0 when it is away.
func (c *churner) change() (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return 0, nil
	}
	some := make([]netip.Prefix, 1+rand.IntN(20))
	first := rand.IntN(window)
	for i := range some {
		some[i] = c.prefix((first + i) % window)
	}
	if rand.IntN(3) == 0 {
		for _, p := range some {
			delete(c.table, p)
		}
		_, err := c.conn.Write(update(some, nil, nil))
		return len(some), err
	}
	what := c.mind()
	for _, p := range some {
		c.table[p] = what
	}
	_, err := c.conn.Write(update(nil, some, c.attributes(what)))
	return len(some), err
}

// join brings the session up and tells the whole table.
func (c *churner) join(unexpected func(*churner, error)) error {
	conn, err := c.host.Dial(c.at, c.dut)
	if err != nil {
		return err
	}
	fate := death(rand.IntN(waysToEnd))
	if fate == returns && !c.restart {
		fate = resets
	}
	hold := 180
	if fate == falls && !c.steady {
		hold = 9
		if c.failing { // a machine with much to do may leave the link down for some seconds
			hold = 30
		}
	}
	s, err := lab.EstablishWith(conn, c.open(hold), func([]byte) {})
	if err != nil {
		_ = conn.Close()
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	by := map[told][]netip.Prefix{}
	for p, what := range c.table {
		by[what] = append(by[what], p)
	}
	var all []byte
	for what, some := range by {
		all = append(all, update(nil, some, c.attributes(what))...)
	}
	if c.at.Is4() {
		all = append(all, lab.EndOfRIB()...)
	} else {
		all = append(all, lab.Message(2, []byte{0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1})...)
	}
	if _, err := conn.Write(all); err != nil {
		_ = conn.Close()
		return err
	}
	goner, ended := new(atomic.Bool), make(chan struct{})
	c.conn, c.fate, c.goner, c.ended = conn, fate, goner, ended
	go func() {
		err := c.keep(conn, s, time.Duration(hold)*time.Second/3)
		close(ended)
		if !goner.Load() {
			unexpected(c, err)
		}
	}()
	return nil
}

// keep says KEEPALIVE for as long as the session is wanted, and returns how it
// ended. The Replayer alone won't do: it answers KEEPALIVEs, and of those a
// speaker sends none while it has UPDATEs to send.
func (c *churner) keep(conn net.Conn, s *lab.Replayer, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case err := <-s.Ended:
			return err
		case <-tick.C:
		}
		c.mu.Lock()
		if c.conn == conn {
			_, _ = conn.Write(lab.Message(4, nil)) // the reader hears of errors
		}
		c.mu.Unlock()
	}
}

// flap ends the session as is its fate and brings it up again; a peer that is
// away already is left alone.
func (c *churner) flap(retry func(func() error), unexpected func(*churner, error)) {
	c.mu.Lock()
	conn, fate, goner, ended := c.conn, c.fate, c.goner, c.ended
	c.conn = nil
	c.mu.Unlock()
	if conn == nil {
		return
	}
	goner.Store(true)
	switch fate {
	case resets:
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	case notifies:
		_, _ = conn.Write(lab.Message(3, append([]byte{6, 2, 5}, "churn"...)))
		_ = conn.Close()
	case closes:
		_ = conn.Close()
	case falls:
		// What answers keepalives gives up, and the connection stays.
		_ = conn.SetReadDeadline(time.Unix(1, 0))
		<-ended
	}
	// While it is away it changes its mind about half of its routes.
	c.mu.Lock()
	for i := range window / 2 {
		if p := c.prefix(2*i + rand.IntN(2)); rand.IntN(3) == 0 {
			delete(c.table, p)
		} else {
			c.table[p] = c.mind()
		}
	}
	c.mu.Unlock()
	if fate == falls {
		// Until the speaker hangs up; what it says till then falls on deaf ears.
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		heard, err := io.ReadAll(conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			unexpected(c, fmt.Errorf("the speaker has not hung up in a minute after its hold timer; last it said %x", heard[max(0, len(heard)-21):]))
		}
		_ = conn.Close()
	}
	retry(func() error { return c.join(unexpected) })
	if fate == returns {
		_ = conn.Close()
	}
}

// open is the peer's OPEN.
func (c *churner) open(hold int) []byte {
	afi := byte(1)
	if c.at.Is6() {
		afi = 2
	}
	caps := []byte{1, 4, 0, afi, 0, 1, 65, 4, 0, 0, byte(c.asn >> 8), byte(c.asn)}
	if c.restart {
		// Restarting, N (RFC 8538) for every other one, 60 seconds, forwarding kept.
		flags := byte(0x80)
		if c.number%4 == 0 {
			flags |= 0x40
		}
		caps = append(caps, 64, 6, flags, 60, 0, afi, 1, 0x80)
	}
	id := c.id.As4()
	body := []byte{4, byte(c.asn >> 8), byte(c.asn), byte(hold >> 8), byte(hold), id[0], id[1], id[2], id[3], byte(len(caps) + 2), 2, byte(len(caps))}
	return lab.Message(1, append(body, caps...))
}

// attributes of a route, but for MP_REACH_NLRI; those of IPv6 keep the next
// hop at the end, for update.
func (c *churner) attributes(what told) *churned {
	a := []byte{0x40, 1, 1, 0, 0x40, 2, byte(2 + 4*what.length), 2, byte(what.length)}
	for i := range what.length {
		a = binary.BigEndian.AppendUint32(a, c.asn+uint32(i)*1000)
	}
	if what.nextHop.Is4() {
		a = append(append(a, 0x40, 3, 4), what.nextHop.AsSlice()...)
	}
	return &churned{binary.BigEndian.AppendUint32(append(a, 0x80, 4, 4), what.med), what.nextHop}
}

// churned are attributes and the next hop that IPv6 has beside them.
type churned struct {
	attrs   []byte
	nextHop netip.Addr
}

// update is an UPDATE that withdraws or announces prefixes of one family.
func update(withdrawn, announced []netip.Prefix, with *churned) []byte {
	nlri := func(list []netip.Prefix) (b []byte) {
		for _, p := range list {
			b = append(append(b, byte(p.Bits())), p.Addr().AsSlice()[:p.Bits()/8]...)
		}
		return b
	}
	sized := func(b, what []byte) []byte {
		return append(binary.BigEndian.AppendUint16(b, uint16(len(what))), what...)
	}
	switch {
	case len(withdrawn) > 0 && withdrawn[0].Addr().Is4():
		return lab.Message(2, append(sized(nil, nlri(withdrawn)), 0, 0))
	case len(withdrawn) > 0:
		return lab.Message(2, sized([]byte{0, 0}, sized([]byte{0x90, 15}, append([]byte{0, 2, 1}, nlri(withdrawn)...))))
	case with.nextHop.Is4():
		return lab.Message(2, append(sized([]byte{0, 0}, with.attrs), nlri(announced)...))
	}
	reach := append(append(append([]byte{0, 2, 1, 16}, with.nextHop.AsSlice()...), 0), nlri(announced)...)
	return lab.Message(2, sized([]byte{0, 0}, append(sized([]byte{0x90, 14}, reach), with.attrs...)))
}

func (c *churner) String() string { return fmt.Sprintf("peer %d (%v)", c.number, c.at) }
