package rib

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/calctl/calctl/node/wire"
)

const batch = 250

// table24 returns n /24s (IPv6: /48s) in messages of 250, each with its own attributes.
type message struct {
	attrs *wire.Attrs
	dests []wire.Dest
}

func messages(tb testing.TB, attrs *wire.Table, family wire.Family, n int, hop netip.Addr, peerAS uint32) []message {
	var list []message
	dests := make([]wire.Dest, 0, n)
	for i := range n {
		dests = append(dests, wire.Dest{Prefix: prefixAt(family, i)})
	}
	for i := 0; i < n; i += batch {
		f := wire.Fields{ASPath: wire.NewASPath(peerAS, 1000+uint32(i/batch)%5000, 3), NextHop: hop}
		a, err := f.Build()
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, message{attrs.Intern(a), dests[i:min(i+batch, n)]})
	}
	return list
}

func prefixAt(family wire.Family, i int) netip.Prefix {
	if family == wire.IPv4 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], 0x10000000+uint32(i)<<8)
		return netip.PrefixFrom(netip.AddrFrom4(b), 24)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], 0x20010db8<<32+uint64(i)<<16)
	return netip.PrefixFrom(netip.AddrFrom16(b), 48)
}

func onLink(netip.Addr) Reach { return Reach{Resolvable: true} }

func benchPeer(t *Table, n uint32) *Peer {
	a := netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})
	return t.AddPeer(Peer{Name: fmt.Sprint(n), Address: a, RouterID: a, AS: 65000 + n, LocalAS: 64512}, nil)
}

func load(t *Table, p *Peer, family wire.Family, list []message, count *int) {
	for _, m := range list {
		t.Announce(p, family, m.attrs, m.dests)
		t.Commit(func(d []Delta) { *count += len(d) })
	}
}

// heap returns the octets in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkLoad(b *testing.B) {
	for _, family := range families {
		for _, n := range []int{10_000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", family, n), func(b *testing.B) {
				attrs := new(wire.Table)
				list := messages(b, attrs, family, n, netip.MustParseAddr("10.0.0.1"), 65001)
				var t *Table
				var before uint64
				for b.Loop() {
					b.StopTimer()
					t = nil
					before = heap()
					t = New(Options{Attrs: attrs, Resolve: onLink})
					p := benchPeer(t, 1)
					b.StartTimer()
					count := 0
					load(t, p, family, list, &count)
					if count != n {
						b.Fatal(count)
					}
				}
				b.StopTimer()
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/route")
				b.ReportMetric(float64(heap()-before)/float64(n), "B/route")
				runtime.KeepAlive(t)
				runtime.KeepAlive(list)
			})
		}
	}
}

// BenchmarkSecond: a second peer with the same 500k, and then the loss of the first.
func BenchmarkSecond(b *testing.B) {
	const n = 500_000
	attrs := new(wire.Table)
	first := messages(b, attrs, wire.IPv4, n, netip.MustParseAddr("10.0.0.1"), 65001)
	second := messages(b, attrs, wire.IPv4, n, netip.MustParseAddr("10.0.0.2"), 65002)
	longer := messages(b, attrs, wire.IPv4, n, netip.MustParseAddr("10.0.0.2"), 65002)
	for i := range longer {
		longer[i].attrs = attrs.Intern(longer[i].attrs.Prepend(65002))
	}
	for name, other := range map[string][]message{"equal": second, "worse": longer} {
		var t *Table
		var p, q *Peer
		count := 0
		prepare := func() {
			t = New(Options{Attrs: attrs, Resolve: onLink})
			p, q = benchPeer(t, 1), benchPeer(t, 2)
			load(t, p, wire.IPv4, first, &count)
			runtime.GC()
		}
		b.Run(name+"/announce", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				prepare()
				b.StartTimer()
				load(t, q, wire.IPv4, other, &count)
			}
		})
		b.Run(name+"/down", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				prepare()
				load(t, q, wire.IPv4, other, &count)
				count = 0
				b.StartTimer()
				t.Down(p, wire.Both)
				t.Commit(func(d []Delta) { count += len(d) })
				if count != n {
					b.Fatal(count)
				}
			}
		})
		b.Run(name+"/nexthop", func(b *testing.B) {
			prepare()
			load(t, q, wire.IPv4, other, &count)
			for b.Loop() {
				t.Resolve(func(a netip.Addr) Reach { return Reach{Resolvable: a == netip.MustParseAddr("10.0.0.2")} })
				t.Commit(nil)
				t.Resolve(onLink)
				t.Commit(nil)
			}
		})
		b.Run(name+"/withdraw", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				prepare()
				load(t, q, wire.IPv4, other, &count)
				b.StartTimer()
				for _, m := range first {
					t.Withdraw(p, wire.IPv4, m.dests)
					t.Commit(nil)
				}
			}
		})
	}
}
