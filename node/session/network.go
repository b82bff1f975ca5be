package session

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
)

// A Network carries the connections of sessions. [TCP] is the host's own.
type Network interface {
	// Dial opens a connection to c.Remote, from c.Local if that is set, with
	// the password and the distance that c asks for, or none. It gives up when
	// the context ends. The addresses of the connection are those of its ends,
	// as [net.TCPAddr].
	Dial(ctx context.Context, c Config) (net.Conn, error)
	// Listen opens a port at some addresses, or at all when none are given.
	// Who comes by it is handed to the Listener.
	Listen(port uint16, addrs []netip.Addr, log *slog.Logger) (*Listener, error)
}

// TCP is the network of the host.
type TCP struct{}

// Dial implements Network.
func (TCP) Dial(ctx context.Context, c Config) (net.Conn, error) {
	d := net.Dialer{
		KeepAlive: -1, // BGP has its own
		Control: func(_, _ string, raw syscall.RawConn) error {
			return control(raw, func(fd int) error { return outgoing(fd, c) })
		},
	}
	d.SetMultipathTCP(false) // it excludes MD5
	if c.Local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.Local, 0))
	}
	network := "tcp6"
	if c.Remote.Addr().Is4() {
		network = "tcp4"
	}
	sock, err := d.DialContext(ctx, network, c.Remote.String())
	if err != nil {
		return nil, err // not sock: a nil *TCPConn is no nil Conn
	}
	return sock, nil
}

// Listen implements Network.
func (TCP) Listen(port uint16, addrs []netip.Addr, log *slog.Logger) (*Listener, error) {
	return Listen(port, addrs, log)
}
