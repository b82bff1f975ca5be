package fib

import "testing"

func TestInstallReplaceWithdraw(t *testing.T) {
	namespace(t)
	pair(t)
	look := connect(t)
	s, _ := start(t, connect(t))
	s.Want(want("10.1.0.0/24 192.0.2.2", "10.2.0.0/24 192.0.2.2 192.0.2.3", "2001:db8:1::/48 2001:db8::2", "2001:db8:2::/48 2001:db8::2 2001:db8::3"))
	expect(t, look,
		"10.1.0.0/24 via 192.0.2.2%eth0",
		"10.2.0.0/24 via 192.0.2.2%eth0 via 192.0.2.3%eth0",
		"2001:db8:1::/48 via 2001:db8::2%eth0",
		"2001:db8:2::/48 via 2001:db8::2%eth0 via 2001:db8::3%eth0",
	)
	// One hop becomes two, two become one, one becomes another.
	s.Want(want("10.1.0.0/24 192.0.2.4 192.0.2.2", "10.2.0.0/24 192.0.2.3", "2001:db8:1::/48 2001:db8::4 2001:db8::2", "2001:db8:2::/48 2001:db8::3"))
	expect(t, look,
		"10.1.0.0/24 via 192.0.2.2%eth0 via 192.0.2.4%eth0",
		"10.2.0.0/24 via 192.0.2.3%eth0",
		"2001:db8:1::/48 via 2001:db8::2%eth0 via 2001:db8::4%eth0",
		"2001:db8:2::/48 via 2001:db8::3%eth0",
	)
	s.Want(want("10.1.0.0/24 192.0.2.5 192.0.2.6", "2001:db8:1::/48 2001:db8::5 2001:db8::6"))
	s.Want(want("10.2.0.0/24", "2001:db8:2::/48"))
	expect(t, look,
		"10.1.0.0/24 via 192.0.2.5%eth0 via 192.0.2.6%eth0",
		"2001:db8:1::/48 via 2001:db8::5%eth0 via 2001:db8::6%eth0",
	)
	if r := s.Status(); r.Wanted != 2 || r.Installed != 2 || r.NotInstalled != 0 || len(r.Failed) != 0 {
		t.Errorf("status: %+v", r)
	}
	s.Want(want("10.1.0.0/24", "2001:db8:1::/48"))
	expect(t, look)
}
