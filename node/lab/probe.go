package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ProbeRate is how many packets a second a Probe sends.
const ProbeRate = 1000

// A Probe is a stream of numbered UDP packets from one host to another, for as
// long as the test runs. It tells exactly which were lost.
type Probe struct {
	from, to *Host
	dst      netip.AddrPort

	mu      sync.Mutex
	sent    int
	arrived []bool // by number
	newest  int    // the highest number that has arrived, plus one
}

// Probe starts a stream of packets to an address of the host to. Packets may
// be lost from the start: wait for the first to arrive.
func (h *Host) Probe(to *Host, dst netip.Addr) *Probe {
	h.T.Helper()
	out, in := h.udp(netip.AddrPort{}), to.udp(netip.AddrPortFrom(dst, 0))
	p := &Probe{from: h, to: to, dst: netip.AddrPortFrom(dst, uint16(in.LocalAddr().(*net.UDPAddr).Port))}
	var parts sync.WaitGroup
	parts.Go(func() { p.send(out) })
	parts.Go(func() { p.receive(in) })
	h.T.Cleanup(func() {
		_ = out.Close()
		_ = in.Close()
		parts.Wait()
	})
	return p
}

// udp opens a socket of the host, with room for all packets of some seconds:
// what the test is too slow to read must not look lost.
func (h *Host) udp(at netip.AddrPort) *net.UDPConn {
	h.T.Helper()
	var conn *net.UDPConn
	err := h.Inside(func() (err error) {
		var local *net.UDPAddr
		if at.IsValid() {
			local = net.UDPAddrFromAddrPort(at)
		}
		if conn, err = net.ListenUDP("udp", local); err != nil {
			return err
		}
		raw, err := conn.SyscallConn()
		if err != nil {
			return err
		}
		var failed error
		err = raw.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
		})
		if err == nil {
			err = failed
		}
		return err
	})
	if err != nil {
		h.T.Fatal(err)
	}
	return conn
}

// send keeps the rate over time, whenever it gets to run.
func (p *Probe) send(out *net.UDPConn) {
	tick := time.NewTicker(time.Second / ProbeRate)
	defer tick.Stop()
	packet := make([]byte, 8)
	for begin, n := time.Now(), 0; ; <-tick.C {
		for ; n < int(time.Since(begin).Seconds()*ProbeRate); n++ {
			p.mu.Lock()
			p.sent, p.arrived = n+1, append(p.arrived, false)
			p.mu.Unlock()
			binary.BigEndian.PutUint64(packet, uint64(n))
			// A packet that the host itself can't send is as lost as any other.
			if _, err := out.WriteToUDPAddrPort(packet, p.dst); errors.Is(err, net.ErrClosed) {
				return
			}
		}
	}
}

func (p *Probe) receive(in *net.UDPConn) {
	packet := make([]byte, 9)
	for {
		n, _, err := in.ReadFromUDPAddrPort(packet)
		if err != nil {
			return
		}
		p.mu.Lock()
		if i := int(binary.BigEndian.Uint64(packet)); n == 8 && i < p.sent && !p.arrived[i] {
			p.arrived[i] = true
			p.newest = max(p.newest, i+1)
		}
		p.mu.Unlock()
	}
}

// Now is the number of the next packet.
func (p *Probe) Now() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent
}

// Arrives is a condition for Until: as many as n packets with numbers from
// first on have arrived.
func (p *Probe) Arrives(first, n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := 0
	for _, ok := range p.arrived[min(first, len(p.arrived)):] {
		if ok {
			got++
		}
	}
	if got < n {
		return fmt.Errorf("%v: %d of %d packets since number %d have arrived, %d wanted", p, got, p.sent-first, first, n)
	}
	return nil
}

// Lost counts the packets from number first on that are overtaken by later
// ones: all paths of a lab are in order.
func (p *Probe) Lost(first int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	lost := 0
	for i := first; i < p.newest; i++ {
		if !p.arrived[i] {
			lost++
		}
	}
	return lost
}

// String says from where to where.
func (p *Probe) String() string {
	return fmt.Sprintf("%s → %s (%v)", p.from.Name, p.to.Name, p.dst.Addr())
}
