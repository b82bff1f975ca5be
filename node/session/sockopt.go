package session

import (
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// What the sockets of all sessions are like.
const (
	// networkControl is the precedence of routing traffic (RFC 4271 appendix E:
	// DSCP CS6), so that a full link doesn't end the sessions across it.
	networkControl = 0xc0
	// unsent is how much may wait in the kernel beyond what the peer's window
	// has room for. The kernel would take megabytes, which then could not be
	// changed any more.
	unsent = 256 << 10
	// farthest is the TTL of what hasn't been forwarded yet.
	farthest = 255
)

// outgoing sets what must be set before the first packet of a connection we
// open. A failure is the end of the attempt: never without the password.
func outgoing(fd int, c Config) error {
	if c.Password != "" {
		if err := setMD5(fd, c.Remote.Addr(), c.Password); err != nil {
			return err
		}
	}
	if err := setLook(fd, c.Remote.Addr().Is4()); err != nil {
		return err
	}
	return setDistance(fd, c)
}

// incoming sets the same on a connection that was accepted. The password is
// there already, unless the connection is older than the listener's key: then
// this is what keeps out a peer that doesn't know it.
func incoming(fd int, c Config) error { return outgoing(fd, c) }

func setLook(fd int, v4 bool) error {
	level, class := unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	if v4 {
		level, class = unix.IPPROTO_IP, unix.IP_TOS
	}
	if err := unix.SetsockoptInt(fd, level, class, networkControl); err != nil {
		return os.NewSyscallError("IP_TOS", err)
	}
	return os.NewSyscallError("TCP_NOTSENT_LOWAT", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent))
}

// setDistance sets the TTL, and with GTSM (RFC 5082) what the peer's must be:
// 255, less a hop for each router between. An accepted connection knows that
// only now; what came before, at most an OPEN, was not checked. The KEEPALIVE
// that makes a session of it answers ours, and is.
func setDistance(fd int, c Config) error {
	ttl, nearest := int(c.TTL), 0
	if c.GTSM > 0 {
		ttl, nearest = farthest, farthest+1-int(c.GTSM)
	}
	level, out, in := unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, unix.IPV6_MINHOPCOUNT
	if c.Remote.Addr().Is4() {
		level, out, in = unix.IPPROTO_IP, unix.IP_TTL, unix.IP_MINTTL
	}
	if err := unix.SetsockoptInt(fd, level, out, ttl); err != nil {
		return os.NewSyscallError("IP_TTL", err)
	}
	if nearest == 0 {
		return nil
	}
	return os.NewSyscallError("IP_MINTTL", unix.SetsockoptInt(fd, level, in, nearest))
}

// setMD5 has a socket sign and verify its segments with a peer (RFC 2385); an
// empty password ends that.
func setMD5(fd int, peer netip.Addr, password Secret) error {
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
	err := unix.SetsockoptTCPMD5Sig(fd, unix.IPPROTO_TCP, unix.TCP_MD5SIG, &sig)
	if err == unix.ENOMEM {
		return fmt.Errorf("no room for another TCP-MD5 password: raise the sysctl net.core.optmem_max: %w", err)
	}
	return os.NewSyscallError("TCP_MD5SIG", err)
}

// control runs f on a socket's descriptor.
func control(raw syscall.RawConn, f func(fd int) error) error {
	var err error
	if e := raw.Control(func(fd uintptr) { err = f(int(fd)) }); e != nil {
		return e
	}
	return err
}
