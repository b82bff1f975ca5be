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
	both(b, func(b *testing.B, n int, kernel func(*Netlink)) {

		for range b.N {
			b.StopTimer()
			done := make(chan struct{})
			go func() {
				defer close(done)
				namespace(b)
				pair(b)
				k := connect(b)
				defer k.Close()
				kernel(k)
				list := prefixes(n, false)
				hops := []Hop{{Gateway: netip.MustParseAddr("192.0.2.2"), Link: linkIndex(b, k, "eth0")}}
				ops := make([]Op, n)
				for i := range ops {
					ops[i] = Op{Kind: Add, Dst: list[i], Metric: metric, Hops: hops}
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

// both runs a benchmark with numbers of routes that name next-hop objects, and
// that spell out their hops.
func both(b *testing.B, bench func(b *testing.B, n int, kernel func(*Netlink))) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint("objects/", n), func(b *testing.B) { bench(b, n, func(*Netlink) {}) })
		b.Run(fmt.Sprint("plain/", n), func(b *testing.B) { bench(b, n, func(k *Netlink) { k.objects = nil }) })
	}
}

// BenchmarkTurn is the time from a new way to the next hop of all routes until
// the last of them goes by it.
func BenchmarkTurn(b *testing.B) {
	both(b, func(b *testing.B, n int, kernel func(*Netlink)) {
		for range b.N {
			b.StopTimer()
			done := make(chan struct{})
			go func() {
				defer close(done)
				namespace(b)
				pair(b)
				ip(b, "route add 203.0.113.0/24 via 192.0.2.9")
				k := connect(b)
				kernel(k)
				s, err := NewSyncer(k, quiet())
				if err != nil {
					b.Error(err)
					return
				}
				stop := run(b, s)
				defer stop()
				batch := make([]Route, 0, n)
				via := []netip.Addr{netip.MustParseAddr("203.0.113.1")}
				for _, p := range prefixes(n, false) {
					batch = append(batch, Route{Dst: p, Via: via, Metric: metric})
				}
				s.Want(batch)
				tick := time.NewTicker(time.Duration(n) * 50 * time.Nanosecond)
				for s.Status().Installed < n {
					<-tick.C
				}
				select {
				case <-s.HostChanged():
				default:
				}
				b.StartTimer()
				ip(b, "route replace 203.0.113.0/24 via 192.0.2.6")
				<-s.HostChanged() // it has been heard
				for s.Status().Installed < n {
					<-tick.C
				}
				b.StopTimer()
			}()
			<-done
		}
	})
}

// BenchmarkLost is the time from the first piece of a lost peer's batch, as a
// speaker tells it, until the last of its routes goes by the other peer; and of
// that, what the kernel takes.
func BenchmarkLost(b *testing.B) {
	for _, kind := range []string{"objects", "plain"} {
		b.Run(kind+"/500000", func(b *testing.B) {
			var kernel, wants time.Duration
			for range b.N {
				done := make(chan struct{})
				b.StopTimer()
				go func() {
					defer close(done)
					namespace(b)
					pair(b)
					k := &timed{Netlink: connect(b)}
					if kind == "plain" {
						k.objects = nil
					}
					s, stop := start(b, k)
					defer stop()
					list := prefixes(500_000, false)
					s.Want(append(through(list, "192.0.2.2"), want("10.1.0.0/24 192.0.2.3")...))
					tick := time.NewTicker(2 * time.Millisecond)
					installed := func() {
						for s.Status().Installed < 500_001 {
							<-tick.C
						}
					}
					installed()
					k.took = 0
					via := addrs("192.0.2.3")
					b.StartTimer()
					started := time.Now()
					for len(list) > 0 {
						piece := make([]Route, min(512, len(list)))
						for i := range piece {
							piece[i] = Route{Dst: list[i], Via: via, Metric: metric}
						}
						if list = list[len(piece):]; len(list) > 0 {
							s.WantPart(piece)
						} else {
							s.Want(piece)
						}
					}
					wants += time.Since(started)
					installed()
					b.StopTimer()
					kernel += k.took
				}()
				<-done
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/switch")
			b.ReportMetric(kernel.Seconds()/float64(b.N), "kernel-s")
			b.ReportMetric(wants.Seconds()/float64(b.N), "told-s")
		})
	}
}

// A timed kernel adds up how long it takes to change routes.
type timed struct {
	*Netlink
	took time.Duration
}

func (k *timed) Apply(ops []Op, errs []error) {
	started := time.Now()
	k.Netlink.Apply(ops, errs)
	k.took += time.Since(started)
}

func (k *timed) Turn(from, to []Hop) error {
	started := time.Now()
	err := k.Netlink.Turn(from, to)
	k.took += time.Since(started)
	return err
}

// BenchmarkInstall is the way from Want to the kernel's table.
func BenchmarkInstall(b *testing.B) {
	both(b, func(b *testing.B, n int, kernel func(*Netlink)) {
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
				k := connect(b)
				kernel(k)
				s, err := NewSyncer(k, quiet())
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
						batch = append(batch, Route{Dst: p, Via: via, Metric: metric})
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

// BenchmarkSweep is how long it takes to delete what an earlier run has left.
func BenchmarkSweep(b *testing.B) {
	const n = 300_000
	var took time.Duration
	for range b.N {
		done := make(chan struct{})
		b.StopTimer()
		go func() {
			defer close(done)
			namespace(b)
			pair(b)
			tick := time.NewTicker(2 * time.Millisecond)
			earlier, stop := start(b, connect(b))
			earlier.Want(through(prefixes(n, false), "192.0.2.2"))
			for earlier.Status().Installed < n {
				<-tick.C
			}
			stop()
			k := &timed{Netlink: connect(b)}
			s, stop := start(b, k)
			defer stop()
			b.StartTimer()
			s.Settled()
			for s.Status().Stale > 0 {
				<-tick.C
			}
			b.StopTimer()
			took += k.took
		}()
		<-done
	}
	b.ReportMetric(took.Seconds()/float64(b.N), "kernel-s")
}
