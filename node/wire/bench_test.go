package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
)

// feed is a million routes as a peer sends them: n messages, 250 prefixes
// each, one attribute set a message.
func feed(tb testing.TB, family Family, n, sets int) [][]byte {
	tb.Helper()
	var bodies [][]byte
	b := Builder{FourOctetAS: true}
	for i := range n {
		f := Fields{ASPath: NewASPath(65001, uint32(100000+i%sets), 65010), Communities: NewCommunities(65001<<16|1, 65001<<16|2), MED: 5, HasMED: true}
		f.NextHop = netip.MustParseAddr("192.0.2.1")
		if family == IPv6 {
			f.NextHop = netip.MustParseAddr("2001:db8::1")
		}
		a, err := f.Build()
		if err != nil {
			tb.Fatal(err)
		}
		var routes []Dest
		for j := range 250 {
			routes = append(routes, Dest{Prefix: nth(family, i*250+j)})
		}
		wire, err := b.Reach(nil, family, a, routes)
		if err != nil {
			tb.Fatal(err)
		}
		for len(wire) > 0 {
			_, length, bad := Header(wire, MaxLen)
			if bad != nil {
				tb.Fatal(bad)
			}
			bodies = append(bodies, wire[headerLen:length])
			wire = wire[length:]
		}
	}
	return bodies
}

// nth is one of many prefixes.
func nth(family Family, i int) netip.Prefix {
	if family == IPv6 {
		var a [16]byte
		copy(a[:], []byte{0x20, 1, 0x0d, 0xb8})
		binary.BigEndian.PutUint32(a[4:], uint32(i))
		return netip.PrefixFrom(netip.AddrFrom16(a), 64)
	}
	return netip.PrefixFrom(addr4(0x0b000000+uint32(i)<<8), 24)
}

// BenchmarkDecodeMillion is one pass over a million prefixes, each read out.
func BenchmarkDecodeMillion(b *testing.B) {
	for _, family := range []Family{IPv4, IPv6} {
		for _, sets := range []int{1, 500, 4000} {
			b.Run(fmt.Sprintf("%v/%d sets", family, sets), func(b *testing.B) {
				bodies := feed(b, family, 4000, sets)
				d := NewDecoder(external(), new(Table))
				list := make([]Dest, 0, 1000)
				b.ReportAllocs()
				for b.Loop() {
					total := 0
					for _, body := range bodies {
						u, err := d.Decode(body)
						if err != nil || u.Verdict != OK {
							b.Fatal(err, u.Notes)
						}
						for _, r := range u.Reach {
							list = r.Append(list[:0])
							total += len(list)
						}
					}
					if total != 1_000_000 {
						b.Fatal(total)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/prefix")
			})
		}
	}
}

// BenchmarkDecodeNew is what attributes cost that were never seen.
func BenchmarkDecodeNew(b *testing.B) {
	f := Fields{ASPath: NewASPath(65001, 65010, 3356, 1299), NextHop: netip.MustParseAddr("192.0.2.1"), Communities: NewCommunities(1, 2, 3), MED: 5, HasMED: true}
	a, _ := f.Build()
	wire, _ := Builder{FourOctetAS: true}.Reach(nil, IPv4, a, []Dest{{Prefix: nth(IPv4, 1)}})
	body := wire[headerLen:]
	med := len(body) - 4 - (3 + 12) - 4
	table := new(Table)
	d := NewDecoder(external(), table)
	b.ReportAllocs()
	i := uint32(0)
	for b.Loop() {
		i++
		binary.BigEndian.PutUint32(body[med:], i)
		u, err := d.Decode(body)
		if err != nil || len(u.Reach) != 1 {
			b.Fatal(err, u.Notes)
		}
	}
}

func BenchmarkBuildMillion(b *testing.B) {
	for _, family := range []Family{IPv4, IPv6} {
		b.Run(family.String(), func(b *testing.B) {
			f := Fields{ASPath: NewASPath(65001, 65010), NextHop: netip.MustParseAddr("192.0.2.1")}
			if family == IPv6 {
				f.NextHop = netip.MustParseAddr("2001:db8::1")
			}
			a, _ := f.Build()
			routes := make([]Dest, 1_000_000)
			for i := range routes {
				routes[i].Prefix = nth(family, i)
			}
			w := Builder{FourOctetAS: true}
			dst := make([]byte, 0, 16<<20)
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = w.Reach(dst[:0], family, a, routes); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/prefix")
		})
	}
}

func BenchmarkReader(b *testing.B) {
	var stream []byte
	for _, body := range feed(b, IPv4, 400, 1) {
		at := len(stream)
		stream = finish(append(begin(stream, TypeUpdate), body...), at)
	}
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	src := &ring{b: stream}
	r := NewReader(src)
	for b.Loop() {
		for range 400 {
			if _, _, err := r.Next(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// ring repeats its octets for ever.
type ring struct {
	b  []byte
	at int
}

func (r *ring) Read(p []byte) (int, error) {
	n := copy(p, r.b[r.at:])
	r.at = (r.at + n) % len(r.b)
	return n, nil
}

// BenchmarkIntern is a set that the table has, asked for by all cores.
func BenchmarkIntern(b *testing.B) {
	table := new(Table)
	var keep []*Attrs
	var enc [][]byte
	for i := range 4096 {
		f := Fields{ASPath: NewASPath(65001, uint32(i+1)), NextHop: addr4(0x0a000001)}
		enc = append(enc, f.append(nil))
		keep = append(keep, table.bytes(enc[i]))
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			table.bytes(enc[i%len(enc)])
		}
	})
	runtime.KeepAlive(keep)
}

// BenchmarkMemory is what an attribute set costs in a table, all included.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		const n = 200_000
		table := new(Table)
		keep := make([]*Attrs, 0, n)
		before := heap()
		var scratch []byte
		for i := range n {
			f := Fields{ASPath: NewASPath(65001, uint32(i+1), 3356, 1299), NextHop: addr4(0x0a000001), Communities: NewCommunities(1, 2, 3)}
			scratch = f.append(scratch[:0])
			keep = append(keep, table.bytes(scratch))
		}
		b.ReportMetric(float64(heap()-before)/n, "B/set")
		b.ReportMetric(float64(keep[0].Size()), "B/attrs")
		keep = nil
		_ = keep
		runtime.GC()
		runtime.GC()
		table.Trim()
		b.ReportMetric(float64(int64(heap())-int64(before))/n, "B/gone")
		runtime.KeepAlive(table)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
