package speaker

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/session"
	"github.com/calctl/calctl/node/wire"
)

// A stand is a network of pipes: peers come to the speaker, and are played by
// the test. Inside a bubble nothing is ever late.
type stand struct {
	*heard
	door *session.Listener
}

// ourAddr is where the peers of a stand find us.
var ourAddr = netip.MustParseAddr("10.0.0.1")

// Dial implements session.Network: nobody can be dialled.
func (*stand) Dial(context.Context, session.Config) (net.Conn, error) {
	return nil, syscall.ECONNREFUSED
}

// Listen implements session.Network.
func (s *stand) Listen(_ uint16, _ []netip.Addr, log *slog.Logger) (*session.Listener, error) {
	s.door = session.NewListener(log)
	return s.door, nil
}

// onStand has a speaker with peers at some addresses, of AS 64513 unless changed.
func onStand(t *testing.T, o Options, want intent.BGP, peers ...string) *stand {
	t.Helper()
	s := &stand{}
	o.Network = s
	s.heard = speakWith(t, o)
	want.Peers = map[netip.AddrPort]intent.Peer{}
	for _, p := range peers {
		a := netip.MustParseAddr(p)
		want.Peers[netip.AddrPortFrom(a, 179)] = intent.Peer{Name: p, ASN: 64513, LocalAddress: ourAddr, Passive: true}
	}
	s.apply(want)
	synctest.Wait()
	return s
}

// An end of a pipe has the addresses of a TCP connection.
type endOfPipe struct {
	net.Conn
	local, remote netip.Addr
}

func (e endOfPipe) LocalAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(e.local, 179))
}

func (e endOfPipe) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(e.remote, 50_000))
}

// A player is a peer that says what the test wants and notes what it hears.
type player struct {
	t    *testing.T
	addr netip.Addr
	conn net.Conn
	over chan struct{} // closed with the connection

	mu     sync.Mutex
	open   wire.Open // ours
	routes map[netip.Prefix]*wire.Attrs
	heard  []string // "+10.0.0.0/8", "-10.0.0.0/8", "End-of-RIB", "refresh 1", the end
}

// call connects a peer, which says an OPEN and KEEPALIVEs.
func (s *stand) call(from string, change ...func(*wire.Open)) *player {
	s.t.Helper()
	p := &player{t: s.t.(*testing.T), addr: netip.MustParseAddr(from), routes: map[netip.Prefix]*wire.Attrs{}, over: make(chan struct{})}
	ours, theirs := net.Pipe()
	p.conn = theirs
	says := wire.Open{AS: 64513, HoldTime: 90 * time.Second, ID: p.addr, Capabilities: wire.Capabilities{
		Families: wire.OnlyIPv4, HasFourOctetAS: true, Refresh: true,
	}}
	for _, c := range change {
		c(&says)
	}
	go p.listen(says)
	go p.keepUp()
	s.door.Offer(endOfPipe{ours, ourAddr, p.addr})
	synctest.Wait()
	s.t.Cleanup(func() { _ = theirs.Close() })
	return p
}

func (p *player) keepUp() {
	for {
		select {
		case <-time.After(20 * time.Second):
			_, _ = p.conn.Write(wire.AppendKeepalive(nil))
		case <-p.over:
			return
		}
	}
}

func (p *player) listen(says wire.Open) {
	defer close(p.over)
	r := wire.NewReader(p.conn)
	var d *wire.Decoder
	for {
		kind, body, err := r.Next()
		if err != nil {
			return
		}
		p.mu.Lock()
		switch kind {
		case wire.TypeOpen:
			var fault *wire.Error
			if p.open, fault = wire.DecodeOpen(body); fault != nil {
				p.t.Errorf("our OPEN: %v", fault)
			}
			a, fault := wire.Negotiate(says, p.open)
			if fault != nil {
				p.t.Errorf("our OPEN: %v", fault)
			}
			r.SetMax(a.MaxReceive)
			d = wire.NewDecoder(a.Rules(says.AS, ownASN), new(wire.Table))
			_, _ = p.conn.Write(append(wire.AppendOpen(nil, says), wire.AppendKeepalive(nil)...))
		case wire.TypeUpdate:
			u, fault := d.Decode(body)
			if fault != nil || u.Verdict != wire.OK {
				p.t.Errorf("our UPDATE: %v %v", fault, u.Notes)
			}
			p.note(u)
		case wire.TypeRefresh:
			p.heard = append(p.heard, []string{"refresh", "BoRR", "EoRR"}[body[2]%3])
		case wire.TypeNotification:
			p.heard = append(p.heard, wire.DecodeNotification(body).String())
		}
		p.mu.Unlock()
	}
}

func (p *player) note(u wire.Update) {
	for _, w := range u.Withdrawn {
		for _, d := range w.Append(nil) {
			delete(p.routes, d.Prefix)
			p.heard = append(p.heard, "-"+d.Prefix.String())
		}
	}
	for _, r := range u.Reach {
		for _, d := range r.Append(nil) {
			p.routes[d.Prefix] = r.Attrs
			p.heard = append(p.heard, "+"+d.Prefix.String())
		}
	}
	if u.EndOfRIB != 0 {
		p.heard = append(p.heard, "End-of-RIB")
	}
}

// say sends messages and waits until everything that comes of them has come.
func (p *player) say(messages ...[]byte) {
	p.t.Helper()
	if _, err := p.conn.Write(slices.Concat(messages...)); err != nil {
		p.t.Errorf("%v: %v", p.addr, err)
	}
	synctest.Wait()
}

// since is what was heard since it was last asked for.
func (p *player) since() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := strings.Join(p.heard, " ")
	p.heard = nil
	return s
}

// hangUp ends the connection without a word.
func (p *player) hangUp() {
	_ = p.conn.Close()
	synctest.Wait()
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// tells is an UPDATE of an external peer for one prefix by way of a next hop.
func tells(prefix string, nextHop string, change ...func(*wire.Fields)) []byte {
	f := wire.Fields{ASPath: wire.NewASPath(64513), NextHop: netip.MustParseAddr(nextHop)}
	for _, c := range change {
		c(&f)
	}
	a, err := f.Build()
	if err != nil {
		panic(err)
	}
	b, err := wire.Builder{FourOctetAS: true}.Reach(nil, wire.IPv4, a, []wire.Dest{{Prefix: netip.MustParsePrefix(prefix)}})
	if err != nil {
		panic(err)
	}
	return b
}

func untells(prefix string) []byte {
	return wire.Builder{}.Withdraw(nil, wire.IPv4, []wire.Dest{{Prefix: netip.MustParsePrefix(prefix)}})
}

var endOfRIB = wire.Builder{}.EndOfRIB(nil, wire.IPv4)

// restarts makes a peer able to restart gracefully.
func restarts(after time.Duration, g wire.GracefulRestart) func(*wire.Open) {
	return func(o *wire.Open) {
		g.Time = after
		o.GracefulRestart = &g
	}
}
