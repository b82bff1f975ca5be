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

type message struct {
	attrs *wire.Attrs
	dests []wire.Dest
}

// messages are n /24s (IPv6: /48s) in messages of 250, each with its own attributes.
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

// forget lets a table go, so that it isn't counted with the next.
func forget(t **Table) { *t = nil }

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
					forget(&t)
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

// BenchmarkIndex: what it takes to find a prefix, with Go's map beside ours.
func BenchmarkIndex(b *testing.B) {
	const n = 1_000_000
	b.Run("own", func(b *testing.B) {
		for b.Loop() {
			before := heap()
			x := newIndex(false)
			var s slab[entry]
			b.ResetTimer()
			for i := range n {
				k, _ := x.keyOf(prefixAt(wire.IPv4, i))
				if x.find(k) == 0 {
					x.put(k, s.add())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/route")
			b.StopTimer()
			b.ReportMetric(float64(heap()-before)/n-12, "B/route") // without the entries
			runtime.KeepAlive(x)
			runtime.KeepAlive(s)
			b.StartTimer()
		}
	})
	b.Run("map", func(b *testing.B) {
		for b.Loop() {
			before := heap()
			x := map[uint64]uint32{}
			b.ResetTimer()
			for i := range n {
				p := prefixAt(wire.IPv4, i)
				a := p.Addr().As4()
				k := uint64(binary.BigEndian.Uint32(a[:]))<<8 | uint64(p.Bits())
				if x[k] == 0 {
					x[k] = uint32(i + 1)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/route")
			b.StopTimer()
			b.ReportMetric(float64(heap()-before)/n, "B/route")
			runtime.KeepAlive(x)
			b.StartTimer()
		}
	})
}

// BenchmarkPeers: many peers with the same routes or with some each.
func BenchmarkPeers(b *testing.B) {
	for _, c := range []struct {
		peers, routes int
		same          bool
	}{{10, 100_000, true}, {50, 20_000, true}, {1000, 10, false}, {1000, 1, true}} {
		b.Run(fmt.Sprintf("%dx%d/same=%v", c.peers, c.routes, c.same), func(b *testing.B) {
			attrs := new(wire.Table)
			var lists [][]message
			for i := range c.peers {
				list := messages(b, attrs, wire.IPv4, c.routes, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 65000+uint32(i))
				if !c.same {
					for j := range list[0].dests {
						list[0].dests[j].Prefix = prefixAt(wire.IPv4, i*c.routes+j)
					}
				}
				lists = append(lists, list)
			}
			var t *Table
			var before uint64
			count := 0
			for b.Loop() {
				b.StopTimer()
				forget(&t)
				before = heap()
				t = New(Options{Attrs: attrs, Resolve: onLink})
				peers := make([]*Peer, c.peers)
				for i := range peers {
					peers[i] = benchPeer(t, uint32(i))
				}
				b.StartTimer()
				for i, list := range lists {
					load(t, peers[i], wire.IPv4, list, &count)
				}
			}
			b.StopTimer()
			n := float64(c.peers * c.routes)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/path")
			b.ReportMetric(float64(heap()-before)/n, "B/path")
			runtime.KeepAlive(t)
			runtime.KeepAlive(lists)
		})
	}
}

// BenchmarkReimport: another policy for a peer with a million routes.
func BenchmarkReimport(b *testing.B) {
	const n = 1_000_000
	attrs := new(wire.Table)
	list := messages(b, attrs, wire.IPv4, n, netip.MustParseAddr("10.0.0.1"), 65001)
	t := New(Options{Attrs: attrs, Resolve: onLink})
	p := benchPeer(t, 1)
	count := 0
	load(t, p, wire.IPv4, list, &count)
	same := func(_ *Peer, _ wire.Family, _ netip.Prefix, a *wire.Attrs) (*wire.Attrs, uint8) { return a, 0 }
	odd := func(_ *Peer, _ wire.Family, q netip.Prefix, a *wire.Attrs) (*wire.Attrs, uint8) {
		if q.Addr().As4()[2]&1 != 0 {
			return nil, 0
		}
		return a, 0
	}
	changing := func(_ *Peer, _ wire.Family, _ netip.Prefix, a *wire.Attrs) (*wire.Attrs, uint8) {
		return a.WithLocalPref(200), 0
	}
	for _, c := range []struct {
		name string
		p    Policy
	}{{"same", same}, {"half", odd}, {"changed", changing}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				t.SetImport(p, c.p)
				for more := true; more; {
					more = t.Reimport(10_000)
					t.Commit(nil)
				}
				b.StopTimer()
				t.SetImport(p, nil)
				t.Reimport(n)
				t.Commit(nil)
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/route")
		})
	}
}

// BenchmarkOwnAttributes: every fourth route has attributes of its own, as in the Internet's table.
func BenchmarkOwnAttributes(b *testing.B) {
	const n = 400_000
	attrs := new(wire.Table)
	var list []message
	for i := 0; i < n; i += 4 {
		f := wire.Fields{ASPath: wire.NewASPath(65001, uint32(i), 7), NextHop: netip.MustParseAddr("10.0.0.1")}
		a, _ := f.Build()
		m := message{attrs: attrs.Intern(a)}
		for j := range 4 {
			m.dests = append(m.dests, wire.Dest{Prefix: prefixAt(wire.IPv4, i+j)})
		}
		list = append(list, m)
	}
	for b.Loop() {
		b.StopTimer()
		before := heap()
		t := New(Options{Attrs: attrs, Resolve: onLink})
		p := benchPeer(t, 1)
		count := 0
		b.StartTimer()
		load(t, p, wire.IPv4, list, &count)
		b.StopTimer()
		b.ReportMetric(float64(heap()-before)/n, "B/route")
		runtime.KeepAlive(t)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/route")
	runtime.KeepAlive(list)
}

// BenchmarkFlap: one route at a time, in a table of 100k.
func BenchmarkFlap(b *testing.B) {
	attrs := new(wire.Table)
	list := messages(b, attrs, wire.IPv4, 100_000, netip.MustParseAddr("10.0.0.1"), 65001)
	t := New(Options{Attrs: attrs, Resolve: onLink})
	p := benchPeer(t, 1)
	count := 0
	load(t, p, wire.IPv4, list, &count)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m := list[i%len(list)]
		t.Withdraw(p, wire.IPv4, m.dests[:1])
		t.Commit(nil)
		t.Announce(p, wire.IPv4, m.attrs, m.dests[:1])
		t.Commit(nil)
	}
}
