package speaker

import (
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/calctl/calctl/node/intent"
)

// nobody is a mesh's worth of peers who never call.
func nobody(n int) intent.BGP {
	b := intent.BGP{ASN: 64512, RouterID: ourAddr, Port: 179, Peers: map[netip.AddrPort]intent.Peer{}}
	for i := range n {
		a := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		b.Peers[netip.AddrPortFrom(a, 179)] = intent.Peer{Name: fmt.Sprint("n", i), ASN: 64512, LocalAddress: ourAddr, Passive: true}
	}
	return b
}

// peeringsOf are the engine's sessions, each as itself.
func peeringsOf(s *Speaker) map[netip.AddrPort]*peering {
	all := map[netip.AddrPort]*peering{}
	c := s.engine.(*core)
	c.call(func() {
		for at, p := range c.peers {
			all[at] = p
		}
	})
	return all
}

// TestChangeOfOneNode: of a thousand sessions, one that is to be another is made
// anew, and no other is touched.
func TestChangeOfOneNode(t *testing.T) {
	s := New(slog.New(slog.DiscardHandler), Options{Network: &stand{}})
	defer s.Close()
	const n = 1000
	want := nobody(n)
	if err := s.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	before := peeringsOf(s)
	changed := netip.MustParseAddrPort("10.1.1.7:179")
	want = nobody(n)
	p := want.Peers[changed]
	p.Keepalive = time.Second
	want.Peers[changed] = p
	if err := s.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	after := peeringsOf(s)
	if len(before) != n || len(after) != n {
		t.Fatalf("%d sessions before and %d after, want %d", len(before), len(after), n)
	}
	for at, p := range after {
		if same := p == before[at]; same == (at == changed) {
			t.Errorf("%v: the same session %v", at, same)
		}
	}
}

// BenchmarkChangeOfOneNode is what the speaker takes to follow an intent in
// which one session of many is another. The rest costs no more than to be compared.
func BenchmarkChangeOfOneNode(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 5000} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			s := New(slog.New(slog.DiscardHandler), Options{Network: &stand{}})
			defer s.Close()
			wants := [2]intent.BGP{nobody(n), nobody(n)}
			at := netip.MustParseAddrPort("10.1.0.3:179")
			p := wants[1].Peers[at]
			p.Keepalive = time.Second
			wants[1].Peers[at] = p
			if err := s.Apply(b.Context(), wants[0]); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				if err := s.Apply(b.Context(), wants[i%2]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
