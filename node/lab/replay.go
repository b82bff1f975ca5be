package lab

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"
)

// BGP message types (RFC 4271, 4.1).
const (
	msgOpen         = 1
	msgUpdate       = 2
	msgNotification = 3
	msgKeepalive    = 4
)

// A Replayer is a BGP speaker of a few lines that sends what it is told to,
// right or wrong. It knows nothing of routes.
type Replayer struct {
	Conn   net.Conn
	reader *bufio.Reader
	buf    []byte
	// Ended gets what the other side ended the session with.
	Ended chan error
}

// Message puts the header of RFC 4271, 4.1 in front of a body.
func Message(kind byte, body []byte) []byte {
	m := make([]byte, 0, 19+len(body))
	for range 16 {
		m = append(m, 0xff)
	}
	m = binary.BigEndian.AppendUint16(m, uint16(19+len(body)))
	m = append(m, kind)
	return append(m, body...)
}

// Open is an OPEN message with 4-octet AS numbers (RFC 6793), IPv4 and IPv6
// unicast (RFC 4760).
func Open(asn uint32, routerID netip.Addr) []byte {
	caps := []byte{
		1, 4, 0, 1, 0, 1, // IPv4 unicast
		1, 4, 0, 2, 0, 1, // IPv6 unicast
		65, 4, byte(asn >> 24), byte(asn >> 16), byte(asn >> 8), byte(asn),
	}
	short := uint16(23456) // AS_TRANS
	if asn < 65536 {
		short = uint16(asn)
	}
	id := routerID.As4()
	body := []byte{4, byte(short >> 8), byte(short), 0, 240, id[0], id[1], id[2], id[3], byte(len(caps) + 2), 2, byte(len(caps))}
	return Message(msgOpen, append(body, caps...))
}

// Establish brings a session up on a fresh connection and answers with
// keepalives from then on.
func Establish(conn net.Conn, asn uint32, routerID netip.Addr) (*Replayer, error) {
	return EstablishWith(conn, Open(asn, routerID), func([]byte) {})
}

// EstablishWith is Establish with an OPEN of the caller's, who also wants to
// know what the other side tells: heard gets the bodies of its UPDATEs, in
// order, each valid during the call.
func EstablishWith(conn net.Conn, open []byte, heard func([]byte)) (*Replayer, error) {
	r := &Replayer{Conn: conn, reader: bufio.NewReaderSize(conn, 1<<14), Ended: make(chan error, 1)}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write(open); err != nil {
		return nil, err
	}
	for _, want := range []byte{msgOpen, msgKeepalive} {
		kind, body, err := r.read()
		if err != nil {
			return nil, err
		}
		if kind != want {
			return nil, fmt.Errorf("got message type %d, want %d: % x", kind, want, body)
		}
		if kind == msgOpen {
			if _, err := conn.Write(Message(msgKeepalive, nil)); err != nil {
				return nil, err
			}
		}
	}
	_ = conn.SetDeadline(time.Time{})
	go r.listen(heard)
	return r, nil
}

// ErrNotification says that the other side sent a NOTIFICATION.
var ErrNotification = errors.New("notification")

func (r *Replayer) listen(heard func([]byte)) {
	for {
		kind, body, err := r.read()
		if err == nil && kind == msgUpdate {
			heard(body)
		}
		if err == nil && kind == msgNotification && len(body) >= 2 {
			err = fmt.Errorf("%w %d/%d", ErrNotification, body[0], body[1])
		}
		if err == nil && kind == msgKeepalive {
			_, err = r.Conn.Write(Message(msgKeepalive, nil))
		}
		if err != nil {
			r.Ended <- err
			return
		}
	}
}

// read returns the type and body of the next message; the body is valid until
// it is called again.
func (r *Replayer) read() (byte, []byte, error) {
	var head [19]byte
	if _, err := io.ReadFull(r.reader, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint16(head[16:]))
	if n < 19 {
		return 0, nil, fmt.Errorf("message length %d", n)
	}
	r.buf = slices.Grow(r.buf[:0], n-19)[:n-19]
	_, err := io.ReadFull(r.reader, r.buf)
	return head[18], r.buf, err
}

// Updates are UPDATE messages for n IPv4 prefixes of length 24, from 1.0.0.0
// upwards, 250 prefixes to a message and an attribute set, as a full table has
// them (a few prefixes per path). Without a path they are routes of the sender's
// own AS, which carry a LOCAL_PREF (RFC 4271, 5.1.5). withdraw makes them withdrawals.
func Updates(n int, path []uint32, nextHop netip.Addr, withdraw bool) []byte {
	const perMessage = 250
	out := make([]byte, 0, n*4+n/perMessage*80+4096)
	for at := 0; at < n; at += perMessage {
		nlri := make([]byte, 0, 4*perMessage)
		for i := at; i < min(at+perMessage, n); i++ {
			p := Prefix(i).Addr().As4()
			nlri = append(nlri, 24, p[0], p[1], p[2])
		}
		var body []byte
		if withdraw {
			body = binary.BigEndian.AppendUint16(nil, uint16(len(nlri)))
			body = append(body, nlri...)
			body = binary.BigEndian.AppendUint16(body, 0)
		} else {
			attrs := attributes(path, nextHop, uint32(at/perMessage))
			body = binary.BigEndian.AppendUint16(nil, 0)
			body = binary.BigEndian.AppendUint16(body, uint16(len(attrs)))
			body = append(append(body, attrs...), nlri...)
		}
		out = append(out, Message(msgUpdate, body)...)
	}
	return out
}

// EndOfRIB is the IPv4 unicast End-of-RIB marker (RFC 4724, section 2).
func EndOfRIB() []byte { return Message(msgUpdate, []byte{0, 0, 0, 0}) }

// Prefix is the i-th prefix of Updates.
func Prefix(i int) netip.Prefix {
	n := uint32(i) + 1<<16
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n >> 16), byte(n >> 8), byte(n), 0}), 24)
}

// attributes are ORIGIN IGP, AS_PATH, NEXT_HOP, LOCAL_PREF when the path is
// empty, and a community that makes each set differ from the next.
func attributes(path []uint32, nextHop netip.Addr, set uint32) []byte {
	a := []byte{0x40, 1, 1, 0}
	if len(path) == 0 {
		a = append(a, 0x40, 2, 0)
	} else {
		a = append(a, 0x40, 2, byte(2+4*len(path)), 2, byte(len(path)))
	}
	for _, asn := range path {
		a = binary.BigEndian.AppendUint32(a, asn)
	}
	nh := nextHop.As4()
	a = append(a, 0x40, 3, 4, nh[0], nh[1], nh[2], nh[3])
	if len(path) == 0 {
		a = append(a, 0x40, 5, 4, 0, 0, 0, 100)
	}
	a = append(a, 0xc0, 8, 4)
	return binary.BigEndian.AppendUint32(a, 0xff000000|set)
}
