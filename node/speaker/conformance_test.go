package speaker

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/wire"
)

// What docs/reference/conformance.md says of the whole speaker.

// TestOffers: what our OPEN offers, and what it says of a restart until that is
// over (RFC 2918 §2, 4724 §3, 6793 §3, 7313 §3, 8654 §3).
func TestOffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStand(t, Options{Restarting: true}, bgpWith(), "10.0.0.2", "10.0.0.3")
		offers := func(p *player, restarting bool) {
			t.Helper()
			c := p.open.Capabilities
			want := wire.GracefulRestart{Restarting: restarting, Time: 120 * time.Second, Families: wire.OnlyIPv4, Forwarding: wire.OnlyIPv4}
			if !c.Refresh || !c.EnhancedRefresh || !c.ExtendedMessage || c.FourOctetAS != ownASN || c.Families != wire.OnlyIPv4 || c.GracefulRestart == nil {
				t.Fatalf("the OPEN offers %+v", c)
			}
			want.Notification = c.GracefulRestart.Notification
			if d := cmp.Diff(want, *c.GracefulRestart); d != "" {
				t.Error(d)
			}
		}
		offers(s.call("10.0.0.2"), true)
		pass(deferral + time.Second)
		offers(s.call("10.0.0.3"), false)
	})
}

// TestFirstStart: a speaker that never forwarded by its routes doesn't claim to
// have kept them (RFC 4724 §3).
func TestFirstStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStand(t, Options{}, bgpWith(), "10.0.0.2")
		if g := s.call("10.0.0.2").open.GracefulRestart; g == nil || g.Restarting || g.Forwarding != 0 {
			t.Errorf("%+v", g)
		}
	})
}

// TestRestartedSpeakerWaits: after a restart it tells nothing until its peers
// have told theirs, or ten seconds are over (RFC 4724 §4.1).
func TestRestartedSpeakerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStand(t, Options{Restarting: true}, bgpWith(), "10.0.0.2")
		p := s.call("10.0.0.2", restarts(time.Minute, wire.GracefulRestart{Families: wire.OnlyIPv4}))
		p.say(tells("10.9.0.0/24", "10.0.0.2"))
		pass(deferral - time.Second)
		if got := p.since(); got != "" {
			t.Errorf("told %s", got)
		}
		pass(2 * time.Second)
		if got, want := p.since(), "+172.16.1.0/24 End-of-RIB"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

// TestFirstTable: the routes, then End-of-RIB, also if there are none
// (RFC 4724 §2).
func TestFirstTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := bgpWith()
		s := onStand(t, Options{}, want, "10.0.0.2", "10.0.0.3")
		if got, want := s.call("10.0.0.2").since(), "+172.16.1.0/24 End-of-RIB"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		want := bgpWith()
		want.Local = nil
		s := onStand(t, Options{}, want, "10.0.0.2")
		if got := s.call("10.0.0.2").since(); got != "End-of-RIB" {
			t.Errorf("told %q", got)
		}
	})
}

// TestRefreshed: a request is answered with the whole Adj-RIB-Out (RFC 2918
// §4), between marks for a peer that knows them (RFC 7313 §4).
func TestRefreshed(t *testing.T) {
	for _, test := range []struct {
		enhanced bool
		want     string
	}{{false, "+172.16.1.0/24"}, {true, "BoRR +172.16.1.0/24 EoRR"}} {
		synctest.Test(t, func(t *testing.T) {
			s := onStand(t, Options{}, bgpWith(), "10.0.0.2")
			p := s.call("10.0.0.2", func(o *wire.Open) { o.EnhancedRefresh = test.enhanced })
			p.since()
			p.say(wire.AppendRefresh(nil, wire.Refresh{Family: wire.IPv4}))
			if got := p.since(); got != test.want {
				t.Errorf("enhanced %v: told %q, want %q", test.enhanced, got, test.want)
			}
		})
	}
}

// TestRefreshedAfterTheFirstTable: a refresh that is asked for earlier begins
// after End-of-RIB (RFC 7313 §4).
func TestRefreshedAfterTheFirstTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStand(t, Options{Restarting: true}, bgpWith(), "10.0.0.2")
		p := s.call("10.0.0.2", func(o *wire.Open) { o.EnhancedRefresh = true })
		p.say(wire.AppendRefresh(nil, wire.Refresh{Family: wire.IPv4}))
		pass(deferral + time.Second)
		if got, want := p.since(), "+172.16.1.0/24 End-of-RIB BoRR +172.16.1.0/24 EoRR"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

// TestRefreshByThePeer: what a peer doesn't tell again between BoRR and EoRR
// goes (RFC 7313 §4).
func TestRefreshByThePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStand(t, Options{}, bgpWith(), "10.0.0.2")
		p := s.call("10.0.0.2", func(o *wire.Open) { o.EnhancedRefresh = true })
		p.say(tells("10.8.0.0/24", "10.0.0.2"), tells("10.9.0.0/24", "10.0.0.2"))
		mark := func(kind uint8) []byte {
			return wire.AppendRefresh(nil, wire.Refresh{Family: wire.IPv4, Subtype: kind})
		}
		p.say(mark(wire.RefreshBegin), tells("10.9.0.0/24", "10.0.0.2"))
		s.has(t, "until EoRR", "10.8.0.0/24 10.9.0.0/24")
		p.say(mark(wire.RefreshEnd))
		s.has(t, "after EoRR", "10.9.0.0/24")
	})
}

// has checks which prefixes the speaker has told of.
func (s *stand) has(t *testing.T, when, prefixes string) {
	t.Helper()
	got := ""
	for _, p := range s.all() {
		if got != "" {
			got += " "
		}
		got += p.String()
	}
	if got != prefixes {
		t.Errorf("%s: routes %q, want %q", when, got, prefixes)
	}
}

// TestOrder: of what one peer says of a prefix the last counts, within an
// UPDATE the announcement (RFC 4271 §3.1, §4.3, §9.1.4).
func TestOrder(t *testing.T) {
	both := func() []byte {
		up, down := tells("10.9.0.0/24", "10.0.0.2"), untells("10.9.0.0/24")
		n := len(down) - 23 // octets of withdrawn routes
		m := append([]byte(nil), up...)
		m = append(m[:19:19], 0, byte(n))
		m = append(append(m, down[21:21+n]...), up[21:]...)
		m[16], m[17] = byte(len(m)>>8), byte(len(m))
		return m
	}
	for _, test := range []struct {
		name string
		says [][]byte
		want string // next hop
	}{
		{"replaced", [][]byte{tells("10.9.0.0/24", "10.0.0.2"), tells("10.9.0.0/24", "10.0.0.7")}, "10.0.0.7"},
		{"withdrawn", [][]byte{tells("10.9.0.0/24", "10.0.0.2"), untells("10.9.0.0/24")}, ""},
		{"withdrawn, and told again", [][]byte{tells("10.9.0.0/24", "10.0.0.2"), untells("10.9.0.0/24"), tells("10.9.0.0/24", "10.0.0.7")}, "10.0.0.7"},
		{"in both lists", [][]byte{both()}, "10.0.0.2"},
		{"in both lists, known before", [][]byte{tells("10.9.0.0/24", "10.0.0.7"), both()}, "10.0.0.2"},
		{"malformed counts as withdrawn", [][]byte{tells("10.9.0.0/24", "10.0.0.2"), tells("10.9.0.0/24", "127.0.0.1")}, ""},
		{"our AS in the path replaces, and is not used", [][]byte{tells("10.9.0.0/24", "10.0.0.2"),
			tells("10.9.0.0/24", "10.0.0.2", func(f *wire.Fields) { f.ASPath = wire.NewASPath(64513, ownASN) })}, ""},
		{"by way of us", [][]byte{tells("10.9.0.0/24", ourAddr.String())}, ""},
	} {
		for _, apart := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				s := onStand(t, Options{}, bgpWith(), "10.0.0.2")
				p := s.call("10.0.0.2")
				if apart {
					for _, m := range test.says {
						p.say(m)
					}
				} else {
					p.say(test.says...)
				}
				if got := s.route("10.9.0.0/24"); got != test.want {
					t.Errorf("%s, apart %v: by way of %q, want %q", test.name, apart, got, test.want)
				}
			})
		}
	}
}

// TestPassedOn: what one external peer tells goes to the other, never back, and
// when it goes so does what was passed on (RFC 4271 §9.2, §9.4).
func TestPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := bgpWith()
		want.Export.Accept = append(want.Export.Accept, netip.MustParsePrefix("10.0.0.0/8"))
		s := onStand(t, Options{}, want, "10.0.0.2", "10.0.0.3")
		p, q := s.call("10.0.0.2"), s.call("10.0.0.3")
		p.since()
		q.since()
		p.say(tells("10.9.0.0/24", "10.0.0.2", func(f *wire.Fields) {
			f.Origin, f.MED, f.HasMED, f.AtomicAggregate = wire.OriginEGP, 7, true, true
			f.Aggregator = wire.Aggregator{AS: 70_000, ID: netip.MustParseAddr("192.0.2.9")}
			f.Communities = wire.NewCommunities(7)
			f.Unknown = []wire.RawAttr{{Flags: 0xe0, Type: 99, Value: "x"}}
		}))
		if got := p.since(); got != "" {
			t.Errorf("its own came back: %s", got)
		}
		if got := q.since(); got != "+10.9.0.0/24" {
			t.Fatalf("told %q", got)
		}
		a := q.routes[netip.MustParsePrefix("10.9.0.0/24")]
		if _, pref := a.LocalPref(); pref || a.ASPath().String() != "64512 64513" || a.NextHop() != ourAddr {
			t.Errorf("told %v via %v, LOCAL_PREF %v", a.ASPath(), a.NextHop(), pref)
		}
		// What is nobody's to change.
		f := a.Fields()
		if f.Origin != wire.OriginEGP || !f.AtomicAggregate || f.Aggregator.AS != 70_000 || f.Communities != wire.NewCommunities(7) || len(f.Unknown) != 1 || f.Unknown[0].Flags != 0xe0 {
			t.Errorf("told %+v", f)
		}
		p.say(wire.AppendNotification(nil, wire.Shutdown(wire.AdminShutdown, "")))
		if got := q.since(); got != "-10.9.0.0/24" {
			t.Errorf("told %q", got)
		}
	})
}

// TestPeerRestarts: what becomes of the routes of a peer whose session ends, and
// of one that comes back (RFC 4724 §4.2).
func TestPeerRestarts(t *testing.T) {
	const after = 100 * time.Second
	four := wire.GracefulRestart{Families: wire.OnlyIPv4}
	kept := wire.GracefulRestart{Restarting: true, Families: wire.OnlyIPv4, Forwarding: wire.OnlyIPv4}
	able := restarts(after, four)
	hangUp := func(p *player) { p.hangUp() }
	type later struct {
		wait time.Duration
		has  string
	}
	for _, test := range []struct {
		name  string
		first func(*wire.Open)
		end   func(*player)
		then  []later          // with the peer gone
		again func(*wire.Open) // it comes back, if not nil, with 10.8.0.0/24
		has   string           // when it is up
		final string           // after its End-of-RIB
	}{
		{"not able", func(*wire.Open) {}, hangUp, []later{{0, ""}}, nil, "", ""},
		{"able, and stays away", able, hangUp, []later{{0, "10.8.0.0/24 10.9.0.0/24"}, {after - time.Second, "10.8.0.0/24 10.9.0.0/24"}, {2 * time.Second, ""}}, nil, "", ""},
		{"able for no time", restarts(0, four), hangUp, []later{{0, ""}}, nil, "", ""},
		{"able for no family", restarts(after, wire.GracefulRestart{}), hangUp, []later{{0, ""}}, nil, "", ""},
		{"NOTIFICATION", able, func(p *player) { p.say(wire.AppendNotification(nil, wire.Notification{Code: wire.Cease})) }, []later{{0, ""}}, nil, "", ""},
		{"a malformed message", able, func(p *player) { p.say(make([]byte, 19)) }, []later{{0, ""}}, nil, "", ""},
		{"comes back, has kept its routes", able, hangUp, []later{{after / 2, "10.8.0.0/24 10.9.0.0/24"}}, restarts(after, kept), "10.8.0.0/24 10.9.0.0/24", "10.8.0.0/24"},
		{"comes back, has lost them", able, hangUp, []later{{after / 2, "10.8.0.0/24 10.9.0.0/24"}}, restarts(after, four), "10.8.0.0/24", "10.8.0.0/24"},
		{"comes back and is not able any more", able, hangUp, []later{{after / 2, "10.8.0.0/24 10.9.0.0/24"}}, func(*wire.Open) {}, "10.8.0.0/24", "10.8.0.0/24"},
		{"comes back without the family", able, hangUp, []later{{after / 2, "10.8.0.0/24 10.9.0.0/24"}}, restarts(after, wire.GracefulRestart{}), "10.8.0.0/24", "10.8.0.0/24"},
		{"comes back before we noticed", able, func(*player) {}, []later{{time.Minute, "10.8.0.0/24 10.9.0.0/24"}}, restarts(after, kept), "10.8.0.0/24 10.9.0.0/24", "10.8.0.0/24"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := onStand(t, Options{}, bgpWith(), "10.0.0.2")
				p := s.call("10.0.0.2", test.first)
				p.say(tells("10.8.0.0/24", "10.0.0.2"), tells("10.9.0.0/24", "10.0.0.2"), endOfRIB)
				s.has(t, "at first", "10.8.0.0/24 10.9.0.0/24")
				test.end(p)
				for _, l := range test.then {
					pass(l.wait)
					s.has(t, "with the peer gone", l.has)
				}
				if test.again == nil {
					return
				}
				p = s.call("10.0.0.2", test.again)
				pass(4 * time.Second) // for who comes before we noticed: it has to be seen whether the other is alive
				p.say(tells("10.8.0.0/24", "10.0.0.2"))
				s.has(t, "before End-of-RIB", test.has)
				pass(after)
				s.has(t, "while it tells", test.has)
				p.say(endOfRIB)
				s.has(t, "in the end", test.final)
			})
		})
	}
}

// TestRestartsAgain: what is stale already when a peer's session falls once more goes
// at once, and only what it has told since is kept (RFC 4724 §4.2).
func TestRestartsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStand(t, Options{}, bgpWith(), "10.0.0.2")
		kept := restarts(time.Minute, wire.GracefulRestart{Families: wire.OnlyIPv4, Forwarding: wire.OnlyIPv4})
		p := s.call("10.0.0.2", kept)
		p.say(tells("10.8.0.0/24", "10.0.0.2"), tells("10.9.0.0/24", "10.0.0.2"), endOfRIB)
		p.hangUp()
		s.has(t, "after the first fall", "10.8.0.0/24 10.9.0.0/24")
		p = s.call("10.0.0.2", kept)
		p.say(tells("10.8.0.0/24", "10.0.0.2"))
		s.has(t, "before End-of-RIB", "10.8.0.0/24 10.9.0.0/24")
		p.hangUp()
		s.has(t, "after the second fall", "10.8.0.0/24")
		pass(time.Minute + time.Second)
		s.has(t, "when it stays away", "")
	})
}

// TestNeverTellsAgain: a peer that is back and never says End-of-RIB has its
// stale routes kept for six minutes.
func TestNeverTellsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStand(t, Options{}, bgpWith(), "10.0.0.2")
		kept := restarts(time.Minute, wire.GracefulRestart{Families: wire.OnlyIPv4, Forwarding: wire.OnlyIPv4})
		p := s.call("10.0.0.2", kept)
		p.say(tells("10.9.0.0/24", "10.0.0.2"), endOfRIB)
		p.hangUp()
		s.call("10.0.0.2", kept)
		pass(staleLimit - time.Second)
		s.has(t, "before six minutes", "10.9.0.0/24")
		pass(2 * time.Second)
		s.has(t, "after six minutes", "")
	})
}

// TestRemoved: a peer that is removed, or has other settings, hears so, and what
// it told goes (RFC 4271 §6.7, RFC 4486 §4).
func TestRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStand(t, Options{}, bgpWith(), "10.0.0.2")
		p := s.call("10.0.0.2")
		p.say(tells("10.9.0.0/24", "10.0.0.2"))
		p.since()
		s.apply(bgpWith())
		synctest.Wait()
		if got := p.since(); got != "Cease/Peer De-configured" {
			t.Errorf("told %q", got)
		}
		s.has(t, "without the peer", "")

		s = onStand(t, Options{}, bgpWith(), "10.0.0.2")
		p = s.call("10.0.0.2")
		p.since()
		want := bgpWith()
		want.Peers[netip.MustParseAddrPort("10.0.0.2:179")] = intent.Peer{Name: "10.0.0.2", ASN: 64999, LocalAddress: ourAddr, Passive: true}
		s.apply(want)
		synctest.Wait()
		if got := p.since(); got != "Cease/Other Configuration Change" {
			t.Errorf("told %q", got)
		}
	})
}
