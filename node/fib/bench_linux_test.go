package fib

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// BenchmarkRaw writes routes with nothing around it: what the kernel can take.
func BenchmarkRaw(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				done := make(chan struct{})
				go func() {
					defer close(done)
					namespace(b)
					pair(b)
					k := connect(b)
					defer k.Close()
					list := prefixes(n, false)
					hops := []Hop{{Gateway: netip.MustParseAddr("192.0.2.2"), Link: linkIndex(b, k, "eth0")}}
					ops := make([]Op, n)
					for i := range ops {
						ops[i] = Op{Kind: Add, Dst: list[i], Hops: hops}
					}
					errs := make([]error, n)
					b.StartTimer()
					k.Apply(ops, errs)
					b.StopTimer()
					for i, err := range errs {
						if err != nil {
							b.Errorf("%s: %v", ops[i].Dst, err)
							return
						}
					}
				}()
				<-done
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "routes/s")
		})
	}
}

// BenchmarkInstall is the way from Want to the kernel's table.
func BenchmarkInstall(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var bytes float64
			var scan time.Duration
			for range b.N {
				b.StopTimer()
				done := make(chan struct{})
				go func() {
					defer close(done)
					namespace(b)
					pair(b)
					list := prefixes(n, false)
					before := heap()
					s, err := NewSyncer(connect(b), quiet())
					if err != nil {
						b.Error(err)
						return
					}
					stop := run(b, s)
					via := []netip.Addr{netip.MustParseAddr("192.0.2.2")}
					b.StartTimer()
					for len(list) > 0 {
						batch := make([]Route, 0, 250)
						for _, p := range list[:min(250, len(list))] {
							batch = append(batch, Route{Dst: p, Via: via})
						}
						list = list[len(batch):]
						s.Want(batch)
					}
					tick := time.NewTicker(time.Duration(n) * 50 * time.Nanosecond) // looking isn't free
					for s.Status().Installed < n {
						<-tick.C
					}
					b.StopTimer()
					stop()
					bytes = float64(heap()-before) / float64(n)
					started := time.Now()
					if err := s.look(); err != nil {
						b.Error(err)
					}
					scan = time.Since(started)
				}()
				<-done
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "routes/s")
			b.ReportMetric(bytes, "heapB/route")
			b.ReportMetric(scan.Seconds()*1000, "ms/scan")
		})
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func linkIndex(t testing.TB, k Kernel, name string) int {
	index := 0
	err := k.Scan(func(ev *Event) {
		if ev.Kind == LinkEvent && ev.Link.Name == name {
			index = ev.Link.Index
		}
	})
	if err != nil || index == 0 {
		t.Fatalf("no link %s: %v", name, err)
	}
	return index
}
