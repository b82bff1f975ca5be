package speaker

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/lab"
)

// BenchmarkTable measures how long it takes from the first UPDATE of a table
// until all of it has been told, and its withdrawal, and the memory it takes.
func BenchmarkTable(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				table(b, n)
			}
		})
	}
}

func table(b *testing.B, n int) {
	f := fars(b, 1)[0]
	peer := f.peer4(64513)
	left := make(chan int, 1<<16)
	s := New(slog.New(slog.DiscardHandler), Options{Events: Events{Best: func(batch []Change, _ bool) { left <- len(batch) }}})
	defer s.Close()
	all := func() (batches int) {
		for got := 0; got < n; batches++ {
			got += <-left
		}
		return batches
	}
	if err := s.Apply(b.Context(), bgpWith(peer)); err != nil {
		b.Fatal(err)
	}
	conn, err := f.Dial(f.addr4(), netip.AddrPortFrom(f.here4(), 179))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	p, err := lab.Establish(conn, 64513, f.addr4())
	if err != nil {
		b.Fatal(err)
	}
	announce, withdraw := lab.Updates(n, []uint32{64513, 1, 2}, f.addr4(), false), lab.Updates(n, nil, netip.Addr{}, true)
	before := heap()
	b.ResetTimer()
	start := time.Now()
	if _, err := p.Conn.Write(announce); err != nil {
		b.Fatal(err)
	}
	batches := all()
	b.ReportMetric(time.Since(start).Seconds(), "announce-s")
	b.ReportMetric(float64(batches), "batches")
	b.ReportMetric(float64(heap()-before)/float64(n), "B/route")
	start = time.Now()
	if _, err := p.Conn.Write(withdraw); err != nil {
		b.Fatal(err)
	}
	all()
	b.ReportMetric(time.Since(start).Seconds(), "withdraw-s")
}

// BenchmarkFilters measures how long it takes until a changed import filter of
// ten rules is in force for a table: one that changes nothing, one that
// rejects everything, one that lets everything in again with a community.
func BenchmarkFilters(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				refilter(b, n)
			}
		})
	}
}

func refilter(b *testing.B, n int) {
	f := fars(b, 1)[0]
	left := make(chan int, 1<<16)
	s := New(slog.New(slog.DiscardHandler), Options{Events: Events{Best: func(batch []Change, _ bool) { left <- len(batch) }}})
	defer s.Close()
	with := func(last string) {
		text := ""
		for i := range 9 {
			text += fmt.Sprintf("- {action: Reject, cidr: 192.168.%d.0/24, matchOperator: In, prefixLength: {min: 25}}\n", i)
		}
		if err := s.Apply(b.Context(), bgpWith(f.peer4(64513, func(p *intent.Peer) { p.Import = rules(b, text+last) }))); err != nil {
			b.Fatal(err)
		}
	}
	all := func() {
		for got := 0; got < n; {
			got += <-left
		}
	}
	with("")
	conn, err := f.Dial(f.addr4(), netip.AddrPortFrom(f.here4(), 179))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	p, err := lab.Establish(conn, 64513, f.addr4())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := p.Conn.Write(lab.Updates(n, []uint32{64513, 1, 2}, f.addr4(), false)); err != nil {
		b.Fatal(err)
	}
	all()
	c := s.engine.(*core)
	idle := func() {
		for more := true; more; {
			c.call(func() { more = c.work })
		}
	}
	idle()
	b.ResetTimer()
	measure := func(what string, do, until func()) {
		start := time.Now()
		do()
		until()
		b.ReportMetric(time.Since(start).Seconds(), what+"-s")
	}
	measure("same", func() { with("- {action: Reject, communities: {values: ['1:1']}}") }, idle)
	measure("reject", func() { with("- {action: Reject}") }, all)
	measure("accept", func() { with("- {action: Accept, operations: [{addCommunity: {value: '1:1'}}]}") }, all)
}

// BenchmarkLost measures how long it takes from the end of a peer's connection
// until all has been told of its routes going by another peer.
func BenchmarkLost(b *testing.B) {
	list := fars(b, 2)
	b.StopTimer()
	for range b.N {
		lost(b, list, 500_000)
	}
}

func lost(b *testing.B, list []far, n int) {
	left := make(chan int, 1<<16)
	s := New(slog.New(slog.DiscardHandler), Options{Events: Events{Best: func(piece []Change, _ bool) { left <- len(piece) }}})
	defer s.Close()
	all := func() {
		for got := 0; got < n; {
			got += <-left
		}
	}
	if err := s.Apply(b.Context(), bgpWith(list[0].peer4(64513), list[1].peer4(64514))); err != nil {
		b.Fatal(err)
	}
	bring := func(f far, path ...uint32) net.Conn {
		conn, err := f.Dial(f.addr4(), netip.AddrPortFrom(f.here4(), 179))
		if err != nil {
			b.Fatal(err)
		}
		p, err := lab.Establish(conn, path[0], f.addr4())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Conn.Write(lab.Updates(n, path, f.addr4(), false)); err != nil {
			b.Fatal(err)
		}
		return conn
	}
	best := bring(list[0], 64513, 1)
	all()
	other := bring(list[1], 64514, 1, 2) // longer paths: nothing changes
	defer func() { _ = other.Close() }()
	lab.Until(b, time.Minute, "the other's routes", func() error {
		for _, p := range s.Peers() {
			if p.RoutesIn < uint64(n) {
				return fmt.Errorf("%d routes of %v", p.RoutesIn, p.Address)
			}
		}
		return nil
	})
	b.StartTimer()
	defer b.StopTimer()
	if err := best.Close(); err != nil {
		b.Fatal(err)
	}
	all()
}
