package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/calctl/calctl/node/lab"
)

// raw is what a hostile peer writes: after an OPEN and a KEEPALIVE of its own,
// or instead of them.
type raw struct {
	name     string
	preOpen  bool
	messages []byte
}

// update is an UPDATE message of withdrawn routes, attributes and reachable prefixes.
func update(withdrawn, attrs, nlri []byte) []byte {
	body := append([]byte{byte(len(withdrawn) >> 8), byte(len(withdrawn))}, withdrawn...)
	body = append(body, byte(len(attrs)>>8), byte(len(attrs)))
	return lab.Message(2, append(append(body, attrs...), nlri...))
}

// hostile are the inputs that have ended other speakers (docs/decisions/0001),
// and their relatives.
func hostile() []raw {
	origin := []byte{0x40, 1, 1, 0}
	path := []byte{0x40, 2, 6, 2, 1, 0, 0, 0xfc, 0x02}
	nextHop := []byte{0x40, 3, 4, 192, 168, 2, 2}
	good := slices.Concat(origin, path, nextHop)
	prefix := []byte{24, 10, 66, 6}

	inputs := []raw{
		{"UPDATE before OPEN", true, update(nil, good, prefix)},
		{"3-byte MP_REACH before OPEN", true, update(nil, []byte{0x80, 14, 3, 0, 2, 1}, nil)},
		{"nothing but zeros", true, make([]byte, 4096)},
		{"a line of text", true, []byte("GET / HTTP/1.0\r\n\r\n")},
		{"OPEN of version 3", true, lab.Message(1, []byte{3, 0xfc, 2, 0, 240, 1, 1, 1, 1, 0})},
		{"OPEN that ends in its capabilities", true, lab.Message(1, []byte{4, 0xfc, 2, 0, 240, 192, 168, 2, 2, 255, 2, 250, 65, 4})},
		{"OPEN with router id 0", true, lab.Open(64514, netip.IPv4Unspecified())},
		{"OPEN of another AS", true, lab.Open(64999, netip.MustParseAddr("192.168.2.2"))},
		{"bad marker", false, append(make([]byte, 16), 0, 19, 4)},
		{"length 18", false, append(slices.Repeat([]byte{0xff}, 16), 0, 18, 4)},
		{"length 65535", false, append(slices.Repeat([]byte{0xff}, 16), 0xff, 0xff, 2)},
		{"KEEPALIVE with a body", false, lab.Message(4, []byte{1, 2, 3})},
		{"second OPEN", false, lab.Open(64514, netip.MustParseAddr("192.168.2.2"))},
		{"NOTIFICATION of one byte", false, lab.Message(3, []byte{6})},
		{"3-byte MP_REACH", false, update(nil, []byte{0x80, 14, 3, 0, 2, 1}, nil)},
		{"VPLS MP_REACH", false, update(nil, append([]byte{0x90, 14, 0, 12, 0, 25, 65, 4, 1, 1, 1, 1, 0, 0, 1, 0}, good...), nil)},
		{"EVPN MP_UNREACH", false, update(nil, []byte{0x80, 15, 5, 0, 25, 70, 1, 200}, nil)},
		{"FlowSpec MP_REACH", false, update(nil, []byte{0x80, 14, 8, 0, 1, 133, 0, 0, 240, 1, 1}, nil)},
		{"AS4_PATH before AS_PATH", false, update(nil, slices.Concat(origin, []byte{0xc0, 17, 6, 2, 1, 0, 0, 0xfc, 2}, path, nextHop), prefix)},
		{"PREFIX_SID with an unknown sub-TLV", false, update(nil, slices.Concat(good, []byte{0xc0, 40, 14, 5, 0, 11, 0, 99, 0, 7, 0, 1, 2, 3, 4, 5, 6}), prefix)},
		{"PREFIX_SID that ends early", false, update(nil, slices.Concat(good, []byte{0xc0, 40, 3, 5, 0, 200}), prefix)},
		{"empty AS_PATH", false, update(nil, slices.Concat(origin, []byte{0x40, 2, 0}, nextHop), prefix)},
		{"AS_PATH that ends in a segment", false, update(nil, slices.Concat(origin, []byte{0x40, 2, 3, 2, 9, 0}, nextHop), prefix)},
		{"ORIGIN 77", false, update(nil, slices.Concat([]byte{0x40, 1, 1, 77}, path, nextHop), prefix)},
		{"NEXT_HOP of 16 bytes", false, update(nil, slices.Concat(origin, path, []byte{0x40, 3, 16}, make([]byte, 16)), prefix)},
		{"no mandatory attribute", false, update(nil, origin, prefix)},
		{"attribute length beyond the message", false, lab.Message(2, []byte{0, 0, 0xff, 0xff, 1, 2, 3})},
		{"withdrawn length beyond the message", false, lab.Message(2, []byte{0xff, 0xff, 1})},
		{"prefix of 33 bits", false, update(nil, good, []byte{33, 1, 2, 3, 4, 5})},
		{"prefix cut short", false, update(nil, good, []byte{24, 1})},
		{"LOCAL_PREF of 255 from outside", false, update(nil, slices.Concat(good, []byte{0x40, 5, 4, 0, 0, 0, 255}), prefix)},
		{"COMMUNITIES of 3 bytes", false, update(nil, slices.Concat(good, []byte{0xc0, 8, 3, 1, 2, 3}), prefix)},
		{"unknown well-known attribute", false, update(nil, slices.Concat(good, []byte{0x40, 99, 1, 0}), prefix)},
		{"the same attribute twice", false, update(nil, slices.Concat(good, nextHop), prefix)},
		{"ROUTE-REFRESH of one byte", false, lab.Message(5, []byte{0})},
	}
	for _, kind := range []byte{0, 6, 77, 255} {
		inputs = append(inputs,
			raw{fmt.Sprintf("message type %d before OPEN", kind), true, lab.Message(kind, nil)},
			raw{fmt.Sprintf("message type %d", kind), false, lab.Message(kind, []byte{1, 2, 3})})
	}
	flood := make([]byte, 0, 1<<20)
	for i := range 20000 {
		flood = append(flood, update([]byte{24, 172, byte(i >> 8), byte(i)}, nil, nil)...)
	}
	return append(inputs, raw{"20,000 withdrawals of unknown routes", false, flood})
}

func TestLabHostilePeer(t *testing.T) {
	l := lab.New(t)
	r1, r2, evil := l.Host("r1"), l.Host("r2"), l.Host("evil")
	l.Link(r1, "eth0", []string{"192.168.1.1/24"}, r2, "eth0", []string{"192.168.1.2/24"})
	l.Link(r1, "eth1", []string{"192.168.2.1/24"}, evil, "eth0", nil)
	r2.Bird(birdPeer("192.168.1.2", "192.168.1.1", 64513, "10.2.0.0/24"))
	// Every input comes from an address of its own: a speaker may refuse one it
	// has quarrelled with for a while.
	inputs := hostile()
	resources := labR1
	for i := range inputs {
		from := evilAddr(i)
		evil.Addr("eth0", from.String()+"/24")
		resources += fmt.Sprintf("---\napiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: evil-%d}\nspec: {peerIP: %s, asNumber: 64514, sourceAddress: None}\n", i, from)
	}
	node := r1.Calctl()
	node.Apply(resources)
	node.Start("--log-level", "info")
	node.Established("192.168.1.2", 5*time.Second)
	lab.Until(t, 5*time.Second, "the good peer's route", hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2"))
	up, err := node.Peer("192.168.1.2")
	if err != nil {
		t.Fatal(err)
	}
	pid := node.PID()

	to := netip.MustParseAddrPort("192.168.2.1:179")
	for i, in := range inputs {
		from := evilAddr(i)
		t.Run(in.name, func(t *testing.T) {
			var conn net.Conn
			lab.Until(t, 30*time.Second, "a session to disturb", func() error {
				c, err := evil.Dial(from, to)
				if err != nil {
					return err
				}
				conn = c
				if in.preOpen {
					// What the node does not want to talk to it closes at once.
					return waitOpen(c)
				}
				_, err = lab.Establish(c, 64514, from)
				if err != nil {
					_ = c.Close()
				}
				return err
			})
			defer func() { _ = conn.Close() }()
			if _, err := conn.Write(in.messages); err != nil {
				t.Logf("the node hung up: %v", err)
			}
			if !in.preOpen {
				// Whatever it thinks of the input, it must get around to what comes after.
				_, _ = conn.Write(lab.Message(4, nil))
			}
			p, err := node.Peer("192.168.1.2")
			if err != nil {
				t.Fatalf("the daemon does not answer: %v", err)
			}
			if p.State != "up" || !p.Since.Equal(up.Since) {
				t.Errorf("the other session was disturbed: %+v", p)
			}
		})
		if !node.Running() || node.PID() != pid {
			t.Fatalf("%s ended the daemon", in.name)
		}
	}
	if err := hasRoute(r1, "10.2.0.0/24", "via 192.168.1.2")(); err != nil {
		t.Error(err)
	}
}

// evilAddr is where the i-th input comes from.
func evilAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 168, 2, byte(10 + i)}) }

// waitOpen waits for the first byte of the other side's OPEN.
func waitOpen(c net.Conn) error {
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	_, err := c.Read(make([]byte, 1))
	if err != nil {
		_ = c.Close()
	}
	return err
}

func TestLabHundredThousandRoutes(t *testing.T) {
	const n = 100_000
	l := lab.New(t)
	r1, r2 := l.Host("r1"), l.Host("r2")
	l.Link(r1, "eth0", []string{"192.168.1.1/24"}, r2, "eth0", []string{"192.168.1.2/24"})
	node := r1.Calctl()
	node.Apply(labR1)
	node.Start("--log-level", "info")
	from := netip.MustParseAddr("192.168.1.2")
	var session *lab.Replayer
	lab.Until(t, 20*time.Second, "a session", func() error {
		c, err := r2.Dial(from, netip.MustParseAddrPort("192.168.1.1:179"))
		if err != nil {
			return err
		}
		session, err = lab.Establish(c, 64513, from)
		return err
	})
	installed := func(want int) func() error {
		return func() error {
			r, err := node.Status()
			if err == nil && (r.Routes.Installed != want || r.Routes.NotInstalled != 0) {
				err = fmt.Errorf("%d installed, %d not", r.Routes.Installed, r.Routes.NotInstalled)
			}
			return err
		}
	}
	send := func(b []byte) {
		t.Helper()
		if _, err := session.Conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	send(lab.Updates(n, []uint32{64513}, from, false))
	send(lab.EndOfRIB())
	last := lab.Prefix(n - 1).String()
	took := lab.Until(t, time.Minute, "the last route", hasRoute(r1, last, "via 192.168.1.2"))
	t.Logf("%d routes in %v", n, took)
	lab.Until(t, time.Minute, "all routes installed", installed(n))
	if got := countLines(r1.IP("route", "show", "proto", "179")); got != n {
		t.Errorf("the kernel has %d routes, want %d", got, n)
	}
	send(lab.Updates(n, nil, from, true))
	took = lab.Until(t, time.Minute, "the last route withdrawn", noRoute(r1, last))
	t.Logf("withdrawn in %v", took)
	lab.Until(t, time.Minute, "all routes withdrawn", installed(0))
	lab.Until(t, time.Minute, "none in the kernel", func() error { // they go in no order, after nobody wants them
		if got := countLines(r1.IP("route", "show", "proto", "179")); got != 0 {
			return fmt.Errorf("%d routes", got)
		}
		return nil
	})
}

func countLines(s string) int {
	n := 0
	for _, c := range s {
		if c == '\n' {
			n++
		}
	}
	return n
}
