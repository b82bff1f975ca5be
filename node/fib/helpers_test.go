package fib

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// verbose logs to the test.
func verbose(t testing.TB) *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return quiet()
}

// start runs a Syncer on the kernel. stop ends it before the test does.
func start(t testing.TB, k Kernel) (s *Syncer, stop func()) {
	t.Helper()
	s, err := NewSyncer(k, verbose(t))
	if err != nil {
		t.Fatal(err)
	}
	return s, run(t, s)
}

func run(t testing.TB, s *Syncer) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// patience is for what should be there at once: a loaded machine is slow.
const patience = 20 * time.Second

// wait waits until state has nothing to complain about any more.
func wait(t testing.TB, state func() (complaint string)) time.Duration {
	t.Helper()
	started := time.Now()
	tick := time.NewTicker(500 * time.Microsecond)
	defer tick.Stop()
	for {
		complaint := state()
		if complaint == "" {
			return time.Since(started)
		}
		if time.Since(started) > patience {
			t.Fatal(complaint)
		}
		<-tick.C
	}
}

// metric is that of the routes in tests that have no reason for another one.
const metric = 32

// route makes a Route of "10.0.0.0/24 192.0.2.2 192.0.2.3".
func route(text string) Route {
	fields := strings.Fields(text)
	r := Route{Dst: netip.MustParsePrefix(fields[0]), Metric: metric}
	for _, f := range fields[1:] {
		r.Via = append(r.Via, netip.MustParseAddr(f))
	}
	return r
}

func want(texts ...string) []Route {
	var batch []Route
	for _, text := range texts {
		batch = append(batch, route(text))
	}
	return batch
}

// through are the routes to list by the next hops.
func through(list []netip.Prefix, via ...string) []Route {
	batch := make([]Route, len(list))
	for i, p := range list {
		batch[i] = Route{Dst: p, Via: addrs(via...), Metric: metric}
	}
	return batch
}

// prefixes are n networks of 24 bits from 16.0.0.0 on, or of 48 bits.
func prefixes(n int, v6 bool) []netip.Prefix {
	list := make([]netip.Prefix, n)
	for i := range list {
		if v6 {
			list[i] = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}), 48)
		} else {
			j := i + 16<<16
			list[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(j >> 16), byte(j >> 8), byte(j)}), 24)
		}
	}
	return list
}

func hop(gateway string, link int) Hop { return Hop{Gateway: netip.MustParseAddr(gateway), Link: link} }
