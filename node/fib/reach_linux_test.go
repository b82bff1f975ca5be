package fib

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
)

// reaches waits until the next hops are reached like this: near, far or not.
func reaches(t *testing.T, s *Syncer, want map[string]string) {
	t.Helper()
	wait(t, func() string {
		for a, how := range want {
			if got := howFar(s.Reach(netip.MustParseAddr(a))); got != how {
				return fmt.Sprintf("next hop %s is %s, want %s", a, got, how)
			}
		}
		return ""
	})
}

func howFar(r Reach) string {
	r.Interface = ""
	return map[Reach]string{{}: "not reached", {Resolvable: true}: "far", {Resolvable: true, OnLink: true}: "near"}[r]
}

func TestReach(t *testing.T) {
	namespace(t)
	pair(t)
	ip(t, `link add eth1 type veth peer name far1
		link set far1 up
		link set eth1 up
		addr add 198.51.100.1/24 dev eth1
		route add 203.0.113.0/24 via 198.51.100.9
		route add 100.64.0.0/16 dev eth1
		route add 100.65.0.0/16 nexthop via 192.0.2.9 nexthop dev eth1
		route add blackhole 203.0.113.128/26
		route add unreachable 203.0.113.192/27
		route add prohibit 203.0.113.224/27
		route add 2001:db8:77::/48 via 2001:db8::9`)
	s, err := NewSyncer(connect(t), verbose(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("before Run", func(t *testing.T) {
		for a, want := range map[string]string{
			"192.0.2.2":        "near",
			"::ffff:192.0.2.2": "near",
			"2001:db8::2":      "near",
			"fe80::2%eth0":     "near",
			"198.51.100.2":     "near",
			"100.64.0.1":       "near",
			"100.65.0.1":       "far", // one way of two is
			"203.0.113.1":      "far",
			"2001:db8:77::1":   "far",
			"203.0.113.129":    "not reached",
			"203.0.113.193":    "not reached",
			"203.0.113.225":    "not reached",
			"10.9.0.1":         "not reached",
			"2001:db9::1":      "not reached",
			"fe80::2":          "not reached", // on which link?
			"fe80::2%eth7":     "not reached",
			"192.0.2.1":        "not reached", // ourselves
			"2001:db8::1":      "not reached",
			"0.0.0.0":          "not reached",
			"::":               "not reached",
			"127.0.0.1":        "not reached",
			"::1":              "not reached",
			"224.0.0.5":        "not reached",
			"ff02::5%eth0":     "not reached",
			"::ffff:0.0.0.0":   "not reached",
		} {
			if got := howFar(s.Reach(netip.MustParseAddr(a))); got != want {
				t.Errorf("next hop %s is %s, want %s", a, got, want)
			}
		}
		for a, want := range map[string]string{
			"192.0.2.2": "eth0", "fe80::2%eth0": "eth0", "203.0.113.1": "eth1", "2001:db8:77::1": "eth0",
			"100.65.0.1": "", // which of the two?
			"10.9.0.1":   "", "192.0.2.1": "",
		} {
			if got := s.Reach(netip.MustParseAddr(a)).Interface; got != want {
				t.Errorf("next hop %s is reached by %q, want %q", a, got, want)
			}
		}
		if got := s.Reach(netip.Addr{}); got != (Reach{}) {
			t.Errorf("no next hop at all: %+v", got)
		}
	})
	run(t, s)
	look := connect(t)
	changed := func(how string, want map[string]string) {
		t.Helper()
		ip(t, how)
		<-s.ReachChanged()
		reaches(t, s, want)
	}
	changed("link set eth1 down", map[string]string{"198.51.100.2": "not reached", "203.0.113.1": "not reached", "100.65.0.1": "far", "192.0.2.2": "near"})
	changed("route add default via 192.0.2.9", map[string]string{"198.51.100.2": "far", "203.0.113.1": "far", "10.9.0.1": "far", "203.0.113.129": "not reached"})
	changed("link set eth1 up", map[string]string{"198.51.100.2": "near", "203.0.113.1": "far"})
	changed("route del default", map[string]string{"198.51.100.2": "near", "203.0.113.1": "not reached", "10.9.0.1": "not reached"})
	changed("route add 203.0.113.0/24 via 198.51.100.9", map[string]string{"203.0.113.1": "far"})
	changed("addr add 203.0.113.1/32 dev eth0", map[string]string{"203.0.113.1": "not reached", "203.0.113.2": "far"})
	changed("addr del 198.51.100.1/24 dev eth1", map[string]string{"198.51.100.2": "not reached", "203.0.113.2": "not reached"})

	// Never through a route of our own.
	s.Want(want("10.0.0.0/8 192.0.2.2", "0.0.0.0/0 192.0.2.2", "2001:db9::/32 2001:db8::2"))
	has(t, look, "10.0.0.0/8 via 192.0.2.2%eth0", "0.0.0.0/0 via 192.0.2.2%eth0", "2001:db9::/32 via 2001:db8::2%eth0")
	reaches(t, s, map[string]string{"10.9.0.1": "not reached", "8.8.8.8": "not reached", "2001:db9::1": "not reached"})
}

// TestReachWhileRunning: who asks meets neither half a change nor a lock.
func TestReachWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newMapKernel()
		s, stop := start(t, k)
		done := make(chan struct{})
		var asking sync.WaitGroup
		asking.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-s.ReachChanged():
				}
				if got := howFar(s.Reach(netip.MustParseAddr("192.0.2.2"))); got != "near" {
					t.Errorf("a neighbour is %s", got)
				}
			}
		})
		far := KernelRoute{Foreign: Foreign{Type: Unicast, Dst: netip.MustParsePrefix("203.0.113.0/24"), Hops: []Hop{{Gateway: netip.MustParseAddr("192.0.2.9"), Link: 2}}, Protocol: 4}}
		for i := range 100 {
			k.someone(far, i%2 == 1, i%3 != 0)
			if i%3 == 0 {
				k.lose()
			}
			if i%10 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if got := howFar(s.Reach(netip.MustParseAddr("203.0.113.1"))); got != "not reached" {
			t.Errorf("behind a route that is gone: %s", got)
		}
		// Nobody waits for the lock of the table.
		s.mu.Lock()
		s.Reach(netip.MustParseAddr("192.0.2.2"))
		s.mu.Unlock()
		close(done)
		asking.Wait()
		stop()
	})
}

func BenchmarkReach(b *testing.B) {
	s, err := NewSyncer(newMapKernel(), quiet())
	if err != nil {
		b.Fatal(err)
	}
	a := netip.MustParseAddr("192.0.2.2")
	b.ReportAllocs()
	for b.Loop() {
		s.Reach(a)
	}
}
