package speaker

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/calctl/calctl/node/intent"
)

// TestTwoOfUs: two speakers that learn of each other at the same moment, and
// dial each other, must not keep each other from a session.
func TestTwoOfUs(t *testing.T) {
	f := fars(t, 1)[0]
	low, high := netip.MustParseAddr("10.99.0.1"), netip.MustParseAddr("10.99.0.2")
	f.here().Addr("lo", "10.99.0.1/32", "10.99.0.2/32")
	t.Cleanup(func() { f.here().IP("addr", "flush", "dev", "lo", "scope", "global") })
	base := func(id netip.Addr, port uint16, asn uint32, local, peer netip.Addr, peerPort uint16, peerASN uint32) (without, with intent.BGP) {
		with = intent.BGP{ASN: asn, RouterID: id, Port: port, Peers: map[netip.AddrPort]intent.Peer{
			netip.AddrPortFrom(peer, peerPort): {Name: "other", ASN: peerASN, LocalAddress: local},
		}}
		without = with
		without.Peers = nil
		return without, with
	}
	without1, with1 := base(low, 179, 64512, low, high, 1790, 64513)
	without2, with2 := base(high, 1790, 64513, high, low, 179, 64512)

	// Both listen before either has a peer.
	one, two := speak(t), speak(t)
	one.apply(without1)
	two.apply(without2)
	var slowest time.Duration
	for range 8 {
		start := time.Now()
		var both sync.WaitGroup
		both.Go(func() { one.apply(with1) })
		both.Go(func() { two.apply(with2) })
		both.Wait()
		one.awaitUp(high)
		two.awaitUp(low)
		slowest = max(slowest, time.Since(start))
		one.apply(without1)
		two.apply(without2)
	}
	t.Logf("slowest of 8: %v", slowest)
	if slowest > 4*time.Second {
		t.Errorf("a session took %v: they fall back to Idle together", slowest)
	}
}
