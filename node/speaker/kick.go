package speaker

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"reflect"
	"syscall"
	"time"
	"unsafe"

	"github.com/osrg/gobgp/v4/pkg/server"
	"golang.org/x/sys/unix"
)

// GoBGP dials a new peer for the first time after 1.5 to 2 seconds, and no
// option changes that. A BIRD that has been waiting all the while deserves
// better: so each peer is dialled here, at once and then at growing intervals,
// and the connection is given to GoBGP as if its listener had accepted it.
// GoBGP goes on dialling by itself, which is slower and enough when a
// connection of ours comes to nothing.
//
// All this goes when GoBGP's server does.

const (
	kickFirst   = 100 * time.Millisecond // the first repetition; each takes twice as long
	kickMost    = 10 * time.Second
	kickYield   = 250 * time.Millisecond // see first
	kickDial    = 4 * time.Second        // the kernel takes three to find that nobody has an address
	kickAnswer  = 300 * time.Millisecond // see answers
	kickHandOff = time.Second
)

// From RFC 4271, 4.1: the length of a header, whose last octet is the type.
const (
	headerLen    = 19
	notification = 3
)

// acceptQueue finds the channel GoBGP's listeners hand connections over by. It
// is not part of GoBGP's API; when a version has it no more, or as something
// else, the answer is nil and only speed is lost. A test holds the version in
// go.mod to it.
func acceptQueue(srv *server.BgpServer) *chan net.Conn {
	f := reflect.ValueOf(srv).Elem().FieldByName("acceptCh")
	if !f.IsValid() || f.Type() != reflect.TypeFor[chan net.Conn]() {
		return nil
	}
	return (*chan net.Conn)(unsafe.Pointer(f.UnsafeAddr()))
}

// A kick gets one peer's connections going.
type kick struct {
	at       netip.AddrPort
	local    netip.Addr // the zero Addr: the kernel chooses
	password string
	ttl      int // 0: the kernel's
	queue    chan<- net.Conn
	book     *book
}

// run dials whenever the peer's session is Active, until ctx is done. In any
// other state GoBGP closes what it is given.
func (k *kick) run(ctx context.Context) {
	delay := k.first()
	for {
		state, moved := k.book.look(k.at.Addr())
		if moved == nil {
			return // no longer wanted
		}
		wait := delay
		if state != active {
			delay, wait = k.first(), time.Hour
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-moved:
			timer.Stop()
			continue
		case <-timer.C:
		}
		if state != active {
			continue
		}
		k.once(ctx, moved)
		delay = next(delay)
	}
}

// first is how long to wait before the first attempt. GoBGP does not resolve a
// collision (RFC 4271, 6.8) of two connections that it believes to have
// accepted: two speakers that dial each other at the same moment would both
// lose. So the higher address goes first.
func (k *kick) first() time.Duration {
	switch {
	case !k.local.IsValid():
		return rand.N(kickYield)
	case k.local.Compare(k.at.Addr()) < 0:
		return kickYield
	}
	return 0
}

// next doubles an interval and shakes it by a quarter.
func next(d time.Duration) time.Duration {
	d = min(max(2*d, kickFirst), kickMost)
	return d*3/4 + rand.N(d/2)
}

// once makes one attempt. moved closes when the session has got further by
// other means, and the attempt is not needed.
func (k *kick) once(ctx context.Context, moved <-chan struct{}) {
	conn, err := k.dial(ctx)
	if err == nil {
		err = answers(conn)
	}
	if err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		if ctx.Err() == nil {
			k.book.unreachable(k.at.Addr(), k.words(err))
		}
		return
	}
	if state, _ := k.book.look(k.at.Addr()); state != active {
		_ = conn.Close()
		return
	}
	limit := time.NewTimer(kickHandOff)
	defer limit.Stop()
	select {
	case k.queue <- &overheardConn{TCPConn: conn, notification: func(code, sub uint8) {
		k.book.hint(k.at.Addr(), "received "+errorName(code, sub))
	}}:
	case <-limit.C:
		_ = conn.Close()
		return
	case <-ctx.Done():
		_ = conn.Close()
		return
	}
	select {
	case <-moved:
	case <-limit.C:
	case <-ctx.Done():
	}
}

func (k *kick) dial(ctx context.Context) (*net.TCPConn, error) {
	d := net.Dialer{
		Timeout:   kickDial,
		KeepAlive: -1, // BGP has its own
		Control:   func(_, _ string, c syscall.RawConn) error { return k.options(c) },
	}
	// MD5 and Multipath TCP exclude each other.
	d.SetMultipathTCP(false)
	if k.local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(k.local, 0))
	}
	network := "tcp6"
	if k.at.Addr().Is4() {
		network = "tcp4"
	}
	conn, err := d.DialContext(ctx, network, k.at.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// options sets what must be set before the first packet.
func (k *kick) options(c syscall.RawConn) error {
	var err error
	set := func(fd uintptr) {
		if k.password != "" {
			if err = setMD5(int(fd), k.at.Addr(), k.password); err != nil {
				return
			}
		}
		if k.ttl == 0 {
			return
		}
		if k.at.Addr().Is4() {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TTL, k.ttl)
		} else {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, k.ttl)
		}
	}
	if e := c.Control(set); e != nil {
		return e
	}
	return err
}

// setMD5 has a socket sign and verify its segments with peer (RFC 2385).
func setMD5(fd int, peer netip.Addr, password string) error {
	sig := unix.TCPMD5Sig{Keylen: uint16(len(password))}
	copy(sig.Key[:], password)
	if peer.Is4() {
		sig.Addr.Family = unix.AF_INET
		a := peer.As4()
		copy(sig.Addr.Data[2:], a[:]) // after the port of a sockaddr_in
	} else {
		sig.Addr.Family = unix.AF_INET6
		a := peer.As16()
		copy(sig.Addr.Data[6:], a[:]) // after the port and flow of a sockaddr_in6
	}
	return os.NewSyscallError("TCP_MD5SIG", unix.SetsockoptTCPMD5Sig(fd, unix.IPPROTO_TCP, unix.TCP_MD5SIG, &sig))
}

// errClosed says that a peer accepted a connection only to close it.
var errClosed = errors.New("connection closed by the peer")

// A refusal is a NOTIFICATION as the first message.
type refusal struct{ code, sub uint8 }

func (r refusal) Error() string { return "received " + errorName(r.code, r.sub) }

// answers looks, without reading, whether the peer means to talk. One that is
// not ready closes at once (GoBGP does for five seconds after a session, BIRD
// for a minute after an error); were that connection handed over, our own
// session would fall back to Idle and close the peer's next attempt in turn,
// for ever. A peer that stays silent may be waiting for our OPEN: no error.
func answers(conn *net.TCPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	const upToSubcode = headerLen + 2
	head := make([]byte, upToSubcode)
	n := 0
	var peek error
	_ = conn.SetReadDeadline(time.Now().Add(kickAnswer))
	err = raw.Read(func(fd uintptr) bool {
		n, _, peek = unix.Recvfrom(int(fd), head, unix.MSG_PEEK)
		return peek != unix.EAGAIN && peek != unix.EINTR
	})
	_ = conn.SetReadDeadline(time.Time{})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	case err != nil:
		return err
	case peek != nil, n == 0:
		return errClosed
	case n == upToSubcode && head[18] == notification:
		return refusal{head[19], head[20]}
	}
	return nil
}

// An overheardConn says what NOTIFICATION the peer has sent. GoBGP tells that
// only of established sessions; before, when it is most wanted (another AS
// number, say), all it has to say is that a message was out of place.
type overheardConn struct {
	*net.TCPConn
	notification func(code, sub uint8)
	next         bool // the next read begins with code and subcode
}

// Read relies on GoBGP reading a header, and then a body, each by itself.
func (c *overheardConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	switch {
	case c.next && n >= 2:
		c.notification(b[0], b[1])
		c.next = false
	case n == headerLen && len(b) == headerLen:
		c.next = b[18] == notification
	}
	return n, err
}

// words says why an attempt failed as an operator would.
func (k *kick) words(err error) string {
	var timeout interface{ Timeout() bool }
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH):
		return "no route to host"
	case errors.Is(err, syscall.ENETUNREACH):
		return "network is unreachable"
	case errors.Is(err, syscall.EADDRNOTAVAIL) && k.local.IsValid():
		return "local address " + k.local.String() + " is not on this host"
	case errors.As(err, &timeout) && timeout.Timeout():
		if k.password != "" {
			return "no answer (is the password the same on both sides?)"
		}
		return "no answer"
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}
