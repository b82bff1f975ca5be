package adjout

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// field is a table with peers that hear of it.
type field struct {
	t      testing.TB
	table  *rib.Table
	groups *Groups
}

func newField(t testing.TB) *field {
	table := rib.New(rib.Options{Attrs: &interned, Resolve: func(netip.Addr) rib.Reach { return rib.Reach{Resolvable: true} }})
	return &field{t, table, New(Options{Table: table, Attrs: &interned})}
}

func (f *field) client(n int) *rib.Peer {
	a := netip.AddrFrom4([4]byte{192, 0, byte(2 + n>>8), byte(n)})
	return f.table.AddPeer(rib.Peer{Name: a.String(), Address: a, RouterID: a, AS: ourAS, LocalAS: ourAS, Client: true, ClusterID: 1}, nil)
}

func reflected() Key {
	return Key{
		Family: wire.IPv4, LocalAS: ourAS, Self: netip.MustParseAddr("192.0.2.254"), Client: true, ClusterID: 1,
		Builder: wire.Builder{FourOctetAS: true},
	}
}

func (f *field) commit() {
	f.table.Commit(f.groups.Changed)
	for f.groups.Work(10000) {
	}
}

// announce gives a peer n prefixes from first on, 250 to an attribute set, and
// commits as an owner does: some messages at a time.
func (f *field) announce(from *rib.Peer, first, n int) {
	var dests []wire.Dest
	for i := 0; i < n; i += 250 {
		dests = dests[:0]
		for j := range min(250, n-i) {
			dests = append(dests, wire.Dest{Prefix: prefix4(first + i + j)})
		}
		fields := wire.Fields{NextHop: netip.AddrFrom4([4]byte{203, 0, 113, byte(from.Index)}), LocalPref: 100, HasLocalPref: true, ASPath: wire.NewASPath(65001, uint32(i/250+1))}
		a, _ := fields.Build()
		f.table.Announce(from, wire.IPv4, interned.Intern(a), dests)
		if i%10000 == 0 {
			f.commit()
		}
	}
	f.commit()
}

func (f *field) withdraw(from *rib.Peer, first, n int) {
	for i := range n {
		f.table.Withdraw(from, wire.IPv4, []wire.Dest{{Prefix: prefix4(first + i)}})
		if i%10000 == 0 {
			f.commit()
		}
	}
	f.commit()
}

// BenchmarkReflect is scenario S6: 100,000 routes of one client to 50 others.
// The table's own work is measured apart.
func BenchmarkReflect(b *testing.B) {
	for _, clients := range []int{0, 1, 50} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f := newField(b)
				source := f.client(0)
				var members []*Member
				if clients > 0 {
					members = append(members, f.groups.Join(reflected(), nil, source, nil))
				}
				for i := range clients {
					members = append(members, f.groups.Join(reflected(), nil, f.client(i+1), nil))
				}
				f.announce(source, 0, 100_000)
				octets, buf := 0, make([]byte, 0, 64<<10)
				for _, m := range members {
					for out := m.Fill(buf); len(out) > 0; out = m.Fill(buf) {
						octets += len(out)
					}
				}
				b.ReportMetric(float64(octets)/1e6, "MB-said")
			}
		})
	}
}

// BenchmarkMillion says a million routes to one peer.
func BenchmarkMillion(b *testing.B) {
	f := newField(b)
	source := f.client(0)
	f.announce(source, 0, 1_000_000)
	b.ReportAllocs()
	for b.Loop() {
		m := f.groups.Join(reflected(), nil, f.client(1), nil)
		f.commit()
		buf := make([]byte, 0, 64<<10)
		octets := 0
		for out := m.Fill(buf); len(out) > 0; out = m.Fill(buf) {
			octets += len(out)
		}
		b.ReportMetric(float64(octets)/1e6, "MB-said")
		var s runtime.MemStats
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&s)
		with := s.HeapAlloc
		m.Leave()
		f.commit()
		runtime.GC()
		runtime.ReadMemStats(&s)
		b.ReportMetric(float64(with-s.HeapAlloc)/1e6, "MB-group")
		b.StartTimer()
	}
}

// BenchmarkChurn changes routes that 50 members know, in small commits.
func BenchmarkChurn(b *testing.B) {
	f := newField(b)
	source := f.client(0)
	var members []*Member
	for i := range 50 {
		members = append(members, f.groups.Join(reflected(), nil, f.client(i+1), nil))
	}
	buf := make([]byte, 0, 64<<10)
	f.announce(source, 0, 10_000)
	var sets [2]*wire.Attrs
	for i := range sets {
		fields := wire.Fields{NextHop: netip.MustParseAddr("203.0.113.1"), LocalPref: uint32(100 + i), HasLocalPref: true}
		a, _ := fields.Build()
		sets[i] = interned.Intern(a)
	}
	var dests []wire.Dest
	for i := range 100 {
		dests = append(dests, wire.Dest{Prefix: prefix4(i)})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f.table.Announce(source, wire.IPv4, sets[i&1], dests)
		f.commit()
		for _, m := range members {
			for len(m.Fill(buf)) > 0 {
			}
		}
	}
}

// BenchmarkSqueeze is how long members have to wait at most, once in a million
// changes.
func BenchmarkSqueeze(b *testing.B) {
	f := newField(b)
	source := f.client(0)
	m, _ := f.join(reflected(), source)
	f.announce(source, 0, 1_000_000)
	g := m.group.Load()
	for b.Loop() {
		g.squeeze()
	}
}

// BenchmarkManyPaths is one of a prefix's many paths changing, told with
// ADD-PATH: the cost for each of them must not grow with their number.
func BenchmarkManyPaths(b *testing.B) {
	for _, n := range []int{128, rib.MaxPaths} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newField(b)
			from := f.client(1)
			f.join(with(reflected(), func(k *Key) { k.Builder.AddPath = wire.OnlyIPv4 }), f.client(2))
			var sets [2]*wire.Attrs
			for i := range sets {
				a, _ := (&wire.Fields{NextHop: netip.MustParseAddr("203.0.113.1"), ASPath: wire.NewASPath(65001, uint32(i))}).Build()
				sets[i] = interned.Intern(a)
			}
			dests := make([]wire.Dest, n)
			for i := range dests {
				dests[i] = wire.Dest{Prefix: prefix4(0), PathID: uint32(i)}
			}
			f.table.Announce(from, wire.IPv4, sets[0], dests)
			f.commit()
			i := 0
			for b.Loop() {
				i++
				f.table.Announce(from, wire.IPv4, sets[i%2], dests[n/2:n/2+1])
				f.commit()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/path")
		})
	}
}
