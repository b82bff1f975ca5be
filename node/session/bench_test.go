package session

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calctl/calctl/node/wire"
)

// quiet is a Handler that counts.
type quiet struct {
	up      chan struct{}
	updates atomic.Int64
	routes  atomic.Int64
	source  Source
}

func (q *quiet) Established(Terms) Source { q.up <- struct{}{}; return q.source }
func (q *quiet) Update(u *wire.Update, _ bool) *wire.Error {
	q.updates.Add(1)
	for _, r := range u.Reach {
		q.routes.Add(int64(r.Len()))
	}
	return nil
}
func (q *quiet) Refresh(wire.Refresh) {}
func (q *quiet) Down(Reason)          {}
func (q *quiet) Changed()             {}

// couple runs two sessions over loopback.
func couple(b *testing.B, x, y *quiet) (end func()) {
	b.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	addrs := [2]netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}
	for i, q := range []*quiet{x, y} {
		door, err := Listen(testPort, addrs[i:i+1], log)
		if err != nil {
			b.Fatal(err)
		}
		s, err := New(Config{Remote: netip.AddrPortFrom(addrs[1-i], testPort), Local: addrs[i], LocalAS: 65000, PeerAS: 65000, ID: addrs[i]}, q, door, log)
		if err != nil {
			b.Fatal(err)
		}
		all.Go(func() { _ = door.Run(ctx) })
		all.Go(func() { _ = s.Run(ctx) })
	}
	<-x.up
	<-y.up
	return func() { cancel(); all.Wait() }
}

// BenchmarkUpdates: messages of one route each, from a Source to an Update.
func BenchmarkUpdates(b *testing.B) {
	for _, bench := range []struct {
		name   string
		routes int
	}{{"one route each", 1}, {"a thousand routes each", 1000}} {
		b.Run(bench.name, func(b *testing.B) {
			message := reach(bench.routes)
			each := max(1, large/len(message))
			var chunk []byte
			for range each {
				chunk = append(chunk, message...)
			}
			left := b.N
			x := &quiet{up: make(chan struct{}, 1), source: fillFunc(func(buf []byte) []byte {
				n := min(left, each)
				left -= n
				return append(buf, chunk[:n*len(message)]...)
			})}
			y := &quiet{up: make(chan struct{}, 1), source: words(nil)}
			b.SetBytes(int64(len(message)))
			begin := time.Now()
			end := couple(b, x, y)
			for y.updates.Load() < int64(b.N) {
				runtime.Gosched()
			}
			b.ReportMetric(float64(y.routes.Load())/time.Since(begin).Seconds(), "routes/s")
			b.StopTimer()
			end()
		})
	}
}

// BenchmarkPeers: a thousand idle sessions; what each costs.
func BenchmarkPeers(b *testing.B) {
	const peers = 1000
	for range b.N {
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		ctx, cancel := context.WithCancel(context.Background())
		var all sync.WaitGroup
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		begin := time.Now()
		hub := netip.MustParseAddr("127.0.0.1")
		door, err := Listen(testPort, []netip.Addr{hub}, log)
		if err != nil {
			b.Fatal(err)
		}
		all.Go(func() { _ = door.Run(ctx) })
		q := &quiet{up: make(chan struct{}, 2*peers), source: words(nil)}
		for i := range peers {
			spoke := netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)})
			for _, c := range []Config{
				{Remote: netip.AddrPortFrom(spoke, testPort), Local: hub, ID: hub, Passive: true},
				{Remote: netip.AddrPortFrom(hub, testPort), Local: spoke, ID: netip.AddrFrom4([4]byte{9, 1, byte(i >> 8), byte(i)}), ConnectRetry: 100 * time.Millisecond},
			} {
				c.LocalAS, c.PeerAS = 65000, 65000
				d := door
				if !c.Passive {
					d = nil
				}
				s, err := New(c, q, d, log)
				if err != nil {
					b.Fatal(err)
				}
				all.Go(func() { _ = s.Run(ctx) })
			}
		}
		for range 2 * peers {
			<-q.up
		}
		b.ReportMetric(time.Since(begin).Seconds(), "s/1000-peers")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(2*peers), "heap-B/session")
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/(2*peers), "stack-B/session")
		cancel()
		all.Wait()
	}
}
