package session

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/calctl/calctl/node/wire"
)

// TestManyPasswords: the kernel has room for so many passwords on a socket and
// no more. The session that finds none says what to do, and does not start;
// room that was given back can be used.
func TestManyPasswords(t *testing.T) {
	leaks(t)
	a := newSide(t, "127.0.0.1")
	with := func(i int) *Session {
		a.meet(netip.AddrFrom4([4]byte{127, 3, byte(i >> 8), byte(i)}), passive, password("x"))
		return a.s
	}
	var admitted []*Session
	for i := range 20_000 {
		s := with(i)
		if err := a.door.admit(s); err != nil {
			if !strings.Contains(err.Error(), "net.core.optmem_max") {
				t.Errorf("refused with %v", err)
			}
			if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "127.3.") {
				t.Errorf("the session ran: %v", err)
			}
			break
		}
		admitted = append(admitted, s)
	}
	t.Logf("room for %d passwords", len(admitted))
	if len(admitted) < 100 || len(admitted) == 20_000 {
		t.Errorf("%d admitted", len(admitted))
	}
	for _, s := range admitted {
		a.door.dismiss(s)
	}
	s := with(19_999)
	if err := a.door.admit(s); err != nil {
		t.Errorf("after all others have gone: %v", err)
	}
	a.door.dismiss(s)
}

// TestListenErrors: an address that isn't ours, one that is taken.
func TestListenErrors(t *testing.T) {
	a := newSide(t, "127.0.0.1")
	for _, test := range []struct{ addr, want string }{
		{"192.0.2.1", "listen on 192.0.2.1:17900: bind: cannot assign requested address"},
		{"127.0.0.1", "listen on 127.0.0.1:17900: bind: address already in use"},
	} {
		if _, err := Listen(testPort, []netip.Addr{netip.MustParseAddr(test.addr)}, a.door.log); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
	both, err := Listen(0, nil, a.door.log)
	if err != nil {
		t.Fatal(err)
	}
	defer both.close()
	if got := both.Addrs(); len(got) != 2 || !got[0].Addr().Is4() || !got[1].Addr().Is6() || got[0].Port() == 0 {
		t.Errorf("listens on %v", got)
	}
}

// TestConfig: what can't work is refused with a mend, defaults are Calico's.
func TestConfig(t *testing.T) {
	good := Config{Remote: netip.MustParseAddrPort("192.0.2.2:179"), LocalAS: 1, PeerAS: 2, ID: low}
	for _, test := range []struct {
		name   string
		change func(*Config)
		want   string // of the error; "": none
	}{
		{"good", func(*Config) {}, ""},
		{"no address", func(c *Config) { c.Remote = netip.AddrPort{} }, "without an address"},
		{"families", func(c *Config) { c.Local = netip.MustParseAddr("fd00::1") }, "another family"},
		{"mapped", func(c *Config) { c.Local = netip.MustParseAddr("::ffff:192.0.2.1") }, ""},
		{"AS 0", func(c *Config) { c.PeerAS = 0 }, "AS number 0"},
		{"router id", func(c *Config) { c.ID = netip.MustParseAddr("fd00::1") }, "router id fd00::1"},
		{"no router id", func(c *Config) { c.ID = netip.Addr{} }, "router id"},
		{"hold time", func(c *Config) { c.HoldTime = 2e9 }, "hold time 2s"},
		{"hold time in part", func(c *Config) { c.HoldTime = 35e8 }, "whole seconds"},
		{"negative", func(c *Config) { c.ConnectRetry = -1 }, "negative"},
		{"idle", func(c *Config) { c.IdleMin = 60e9 }, "longer than the longest"},
		{"password", func(c *Config) { c.Password = Secret(strings.Repeat("x", 81)) }, "81 characters"},
	} {
		c := good
		test.change(&c)
		_, err := New(c, newOwner(), nil, testLog(t))
		switch {
		case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	c, _ := good.complete()
	caps := c.Capabilities()
	if c.HoldTime != defaultHold || c.TTL != 64 || caps.Families != wire.OnlyIPv4 || !caps.HasFourOctetAS {
		t.Errorf("defaults are %+v", c)
	}
}
