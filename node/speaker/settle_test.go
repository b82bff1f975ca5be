package speaker

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calctl/calctl/node/intent"
)

func TestSettling(t *testing.T) {
	var (
		a, b = netip.AddrPortFrom(ten(0, 1), 179), netip.AddrPortFrom(ten(0, 1), 1790)
		zero = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	)
	// at says what happens when, in seconds from the start.
	type at struct {
		after float64
		do    func(s *settling, now time.Time)
	}
	want := func(peers ...netip.AddrPort) func(*settling, time.Time) {
		return func(s *settling, now time.Time) { s.want(peers, true, now) }
	}
	disabled := func(s *settling, now time.Time) { s.want(nil, false, now) }
	up := func(p netip.AddrPort, marker bool) func(*settling, time.Time) {
		return func(s *settling, now time.Time) { s.up(p, marker, now) }
	}
	down := func(p netip.AddrPort) func(*settling, time.Time) { return func(s *settling, _ time.Time) { s.down(p) } }
	eor := func(p netip.AddrPort) func(*settling, time.Time) {
		return func(s *settling, _ time.Time) { s.endOfRIB(p) }
	}
	moved := func(s *settling, now time.Time) { s.moved(now) }

	tests := []struct {
		name  string
		steps []at
		want  float64 // when it settles, in seconds
	}{
		{"the marker", []at{{0, want(a)}, {1, up(a, true)}, {2, eor(a)}}, 2},
		{"the markers of all", []at{{0, want(a, b)}, {1, up(a, true)}, {2, eor(a)}, {3, up(b, true)}, {7, eor(b)}}, 7},
		{"a marker before and after a loss", []at{{0, want(a, b)}, {1, up(a, true)}, {2, eor(a)}, {3, down(a)}, {4, up(b, true)}, {5, eor(b)}}, 5},
		{"lost before the marker", []at{{0, want(a)}, {1, up(a, true)}, {2, down(a)}, {10, up(a, true)}, {11, eor(a)}}, 11},
		{"a peer that never comes", []at{{0, want(a, b)}, {1, up(a, true)}, {2, eor(a)}}, 120},
		{"a peer that comes and never sends its marker", []at{{0, want(a)}, {1, up(a, true)}}, 120},
		{"no marker, quiet", []at{{0, want(a)}, {1, up(a, false)}}, 4},
		{"no marker, busy", []at{{0, want(a)}, {1, up(a, false)}, {2, moved}, {3.5, moved}, {4.2, moved}}, 5.2},
		{"no marker, lost", []at{{0, want(a)}, {1, up(a, false)}, {2, down(a)}, {10, up(a, false)}}, 13},
		{"a marker nobody promised", []at{{0, want(a)}, {1, up(a, false)}, {1.5, eor(a)}}, 1.5},
		{"the missing peer is removed", []at{{0, want(a, b)}, {1, up(a, true)}, {2, eor(a)}, {9, want(a)}}, 9},
		{"all are removed", []at{{0, want(a)}, {9, want()}}, 9},
		{"a peer added later is not waited for", []at{{0, want(a)}, {1, want(a, b)}, {2, up(a, true)}, {3, eor(a)}}, 3},
		{"nobody", []at{{0, want()}}, 5},
		{"nobody at first", []at{{0, want()}, {4, want(a)}, {6, up(a, true)}, {8, eor(a)}}, 8},
		{"nobody at first, and then nobody comes", []at{{0, want()}, {4, want(a)}}, 124},
		{"no address yet", []at{{0, disabled}}, 120},
		{"no address at first", []at{{0, disabled}, {60, want(a)}, {61, up(a, true)}, {62, eor(a)}}, 62},
		{"no address at first, then no peers", []at{{0, disabled}, {60, want()}}, 65},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s settling
			if done, next := s.check(zero); done || !next.IsZero() {
				t.Fatalf("settled before the start: %v %v", done, next)
			}
			steps := tt.steps
			var now, wake time.Time
			for range 1000 {
				// Sleep until the next step or until it said to look again.
				switch {
				case len(steps) > 0 && (wake.IsZero() || !zero.Add(secs(steps[0].after)).After(wake)):
					now = zero.Add(secs(steps[0].after))
					steps[0].do(&s, now)
					steps = steps[1:]
				case wake.IsZero():
					t.Fatal("sleeps for ever")
				default:
					now = wake
				}
				var done bool
				if done, wake = s.check(now); done {
					if got := now.Sub(zero); got != secs(tt.want) {
						t.Errorf("settled after %v, want %v", got, secs(tt.want))
					}
					if again, next := s.check(now.Add(time.Hour)); again || !next.IsZero() {
						t.Error("settled twice")
					}
					return
				}
			}
			t.Fatal("never settled")
		})
	}
}

func secs(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// TestSettledIsTold: once, at the right time, and after the routes that came
// before the marker.
func TestSettledIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []string
		events := Events{
			Best:    func([]Change, bool) { heard = append(heard, "routes") },
			Settled: func() { heard = append(heard, "settled") },
		}
		s := New(slog.New(slog.NewTextHandler(io.Discard, nil)), Options{Events: events})
		defer s.Close()
		e := &toy{t: t, fails: func() bool { return false }, is: clone(intent.BGP{})}
		s.begin = func(want intent.BGP, x ears) (engine, error) {
			e.want, e.ears = want, x
			return e, nil
		}
		peer := netip.AddrPortFrom(ten(0, 2), 179)
		want := intent.BGP{ASN: 1, RouterID: ownID, Peers: map[netip.AddrPort]intent.Peer{peer: {ASN: 2}}}
		if err := s.Apply(context.Background(), want); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute) // of the bubble
		e.ears.up(peer, true)
		synctest.Wait()
		if len(heard) != 0 {
			t.Fatalf("heard %v before anything was sent", heard)
		}
		e.ears.best([]Change{{Prefix: netip.MustParsePrefix("10.9.0.0/16"), NextHops: []netip.Addr{peer.Addr()}}}, false)
		e.ears.endOfRIB(peer)
		<-time.After(time.Second)
		e.ears.endOfRIB(peer)
		<-time.After(time.Hour)
		synctest.Wait()
		if len(heard) != 2 || heard[0] != "routes" || heard[1] != "settled" {
			t.Errorf("heard %v", heard)
		}
	})
}
