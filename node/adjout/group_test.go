package adjout

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

func (f *field) join(k Key, p *rib.Peer) (*Member, *ear) {
	e := newEar(f.t, k)
	m := f.groups.Join(k, nil, p, e.wake)
	e.from = m
	return m, e
}

// A member that never reads costs no more than the table did when it stopped.
func TestDeafMember(t *testing.T) {
	f := newField(t)
	source, deaf, keen := f.client(1), f.client(2), f.client(3)
	md, ed := f.join(reflected(), deaf)
	_, ek := f.join(reflected(), keen)
	f.announce(source, 0, 1000)
	ed.ask(4096) // then never again
	ek.askAll(64 << 10)
	g := md.group.Load()
	for i := range 300 {
		f.announce(source, 2000+i*1000, 1000)
		ek.askAll(64 << 10)
		f.withdraw(source, 2000+i*1000, 1000)
		ek.askAll(64 << 10)
		// And what both know flaps.
		f.announce(source, 0, 1000)
		f.groups.Work(0)
		if live, dead := len(g.live.order), len(g.dead.order); live > 12000 || dead > 8000 {
			t.Fatalf("round %d: %d and %d places for a table of 1000", i, live, dead)
		}
		if pages := len(g.nodes); pages > 32 {
			t.Fatalf("round %d: %d pages", i, pages)
		}
		if o := f.groups.List()[0].Octets; o > 4<<20 {
			t.Fatalf("round %d: %d octets kept", i, o)
		}
	}
	if ek.needless > 0 {
		t.Errorf("the keen member heard %d needless withdrawals", ek.needless)
	}
	ed.askAll(64 << 10)
	if len(ed.table) != 1000 || len(ek.table) != 1000 {
		t.Errorf("%d and %d routes, should be 1000", len(ed.table), len(ek.table))
	}
	// Everyone has read: nothing is kept.
	if list := f.groups.List(); list[0].Octets != 0 {
		t.Errorf("%d octets kept for nobody", list[0].Octets)
	}
}

// Octets are the same for all, and made once.
func TestSharedChunks(t *testing.T) {
	f := newField(t)
	source := f.client(0)
	var ears []*ear
	var members []*Member
	for i := range 20 {
		m, e := f.join(reflected(), f.client(i+1))
		members, ears = append(members, m), append(ears, e)
	}
	f.announce(source, 0, 50_000)
	first := members[0].take(false)
	first = members[0].take(false) && first
	for _, m := range members {
		for m.take(true) {
		}
	}
	if !first || len(members[0].rest) == 0 {
		t.Fatal("nothing to say")
	}
	for _, m := range members[1:] {
		for i, b := range m.rest[:len(m.rest)-1] {
			if &b[0] != &members[0].rest[i][0] {
				t.Fatal("members have octets of their own")
			}
		}
	}
	for _, e := range ears {
		e.askAll(64 << 10)
		if len(e.table) != 50_000 || e.ended != 1 || e.repeated > 0 || e.needless > 0 {
			t.Fatalf("%d routes, %d End-of-RIBs, %d repeated, %d needless", len(e.table), e.ended, e.repeated, e.needless)
		}
		if e.messages > 50_000/250+10 {
			t.Fatalf("%d messages for 200 attribute sets", e.messages)
		}
	}
}

// While we restart, nothing is said, then everything, then End-of-RIB.
func TestHold(t *testing.T) {
	f := newField(t)
	f.groups = New(Options{Table: f.table, Attrs: &interned, Hold: true})
	_, e := f.join(reflected(), f.client(1))
	f.announce(f.client(2), 0, 100)
	if e.askAll(4096); e.octets > 0 {
		t.Fatalf("%d octets said while held", e.octets)
	}
	f.groups.Release(wire.OnlyIPv6)
	if e.askAll(4096); e.octets > 0 {
		t.Fatal("IPv4 was released with IPv6")
	}
	f.groups.Release(wire.OnlyIPv4)
	if e.askAll(4096); len(e.table) != 100 || e.ended != 1 {
		t.Fatalf("%d routes, %d End-of-RIBs", len(e.table), e.ended)
	}
	_, late := f.join(reflected(), f.client(3))
	f.groups.Work(0)
	if late.askAll(4096); len(late.table) != 100 || late.ended != 1 {
		t.Fatalf("late: %d routes, %d End-of-RIBs", len(late.table), late.ended)
	}
}

// End-of-RIB waits for the walk through the table, also when that takes many steps.
func TestEndOfRIBComesLast(t *testing.T) {
	f := newField(t)
	f.announce(f.client(1), 0, 1000)
	m, e := f.join(reflected(), f.client(2))
	for f.groups.Work(100) {
		e.askAll(4096)
		if e.ended > 0 {
			t.Fatal("End-of-RIB before the end of the table")
		}
	}
	e.askAll(4096)
	if len(e.table) != 1000 || e.ended != 1 || !m.Standing().Ended {
		t.Fatalf("%d routes, %d End-of-RIBs", len(e.table), e.ended)
	}
}

// A changed policy sends the differences and nothing else.
func TestPolicyDifferences(t *testing.T) {
	f := newField(t)
	source := f.client(1)
	none := func(n int) Policy {
		return func(r Route) *wire.Attrs {
			if int(r.Prefix.Addr().As4()[2]) < n {
				return nil
			}
			return r.Attrs
		}
	}
	e := newEar(t, reflected())
	m := f.groups.Join(reflected(), none(10), f.client(2), e.wake)
	e.from = m
	f.announce(source, 0, 100)
	e.askAll(4096)
	if len(e.table) != 90 {
		t.Fatalf("%d routes", len(e.table))
	}
	f.groups.SetPolicy("", none(15))
	f.commit()
	if e.askAll(4096); len(e.table) != 85 || e.withdrawn != 5 || e.announced != 90 {
		t.Fatalf("%d routes, %d withdrawn, %d announced", len(e.table), e.withdrawn, e.announced)
	}
	f.groups.SetPolicy("", none(12))
	f.commit()
	if e.askAll(4096); len(e.table) != 88 || e.withdrawn != 5 || e.announced != 93 {
		t.Fatalf("%d routes, %d withdrawn, %d announced", len(e.table), e.withdrawn, e.announced)
	}
	f.groups.Reconsider()
	f.commit()
	if e.askAll(4096); e.withdrawn != 5 || e.announced != 93 {
		t.Fatal("nothing changed, and something was said")
	}
}

// Members that move hear the differences, and come together again.
func TestMove(t *testing.T) {
	f := newField(t)
	source := f.client(0)
	prepend := func(r Route) *wire.Attrs {
		if r.Prefix.Addr().As4()[2]%2 == 0 {
			return r.Attrs
		}
		return r.Attrs.Prepend(65100)
	}
	var members []*Member
	var ears []*ear
	for i := range 4 {
		m, e := f.join(reflected(), f.client(i+1))
		members, ears = append(members, m), append(ears, e)
	}
	f.announce(source, 0, 100)
	for _, e := range ears {
		e.askAll(4096)
	}
	to := with(reflected(), func(k *Key) { k.Policy = "prepend" })
	for _, m := range members[:3] { // one by one: worse than it should be
		f.groups.Move(to, prepend, m)
		f.commit()
	}
	for i, e := range ears {
		e.askAll(4096)
		want := 150
		if i == 3 {
			want = 100
		}
		if len(e.table) != 100 || e.announced != want || e.withdrawn != 0 {
			t.Errorf("member %d: %d routes, %d announced, %d withdrawn", i, len(e.table), e.announced, e.withdrawn)
		}
	}
	f.commit()
	if list := f.groups.List(); len(list) != 2 || list[0].Members != 3 || list[1].Members != 1 {
		t.Errorf("groups: %+v", list)
	}
	f.announce(source, 50, 100)
	for i, e := range ears {
		e.askAll(4096)
		if len(e.table) != 150 || members[i].Key().Policy != []string{"prepend", "prepend", "prepend", ""}[i] {
			t.Errorf("member %d: %d routes, key %+v", i, len(e.table), members[i].Key())
		}
	}
}

// Groups that came to be alike become one also when the first of them has
// gone another way meanwhile.
func TestMoveOnBeforeTheOthersHaveCome(t *testing.T) {
	f := newField(t)
	var members []*Member
	var ears []*ear
	for i := range 4 {
		m, e := f.join(reflected(), f.client(i+1))
		members, ears = append(members, m), append(ears, e)
	}
	f.announce(f.client(0), 0, 10)
	named := func(name string) Key { return with(reflected(), func(k *Key) { k.Policy = name }) }
	for _, m := range members[:3] {
		f.groups.Move(named("p"), TellAll, m)
	}
	f.groups.Move(named("q"), TellAll, members[0])
	f.commit()
	for _, e := range ears {
		e.askAll(4096)
	}
	f.commit()
	if list := f.groups.List(); len(list) != 3 || list[0].Members != 2 || list[0].Key.Policy != "p" {
		t.Errorf("groups: %+v", list)
	}
}

// All paths are told, each by a number that it keeps.
func TestAddPath(t *testing.T) {
	f := newField(t)
	a, b := f.client(1), f.client(2)
	key := with(reflected(), func(k *Key) { k.Builder.AddPath = wire.OnlyIPv4 })
	_, e := f.join(key, f.client(3))
	_, ea := f.join(key, a)
	f.announce(a, 0, 10)
	f.announce(b, 0, 10)
	e.askAll(4096)
	ea.askAll(4096)
	if len(e.table) != 20 || len(ea.table) != 10 {
		t.Fatalf("%d and %d paths", len(e.table), len(ea.table))
	}
	f.announce(b, 0, 10) // nothing new
	f.withdraw(a, 0, 10)
	e.askAll(4096)
	ea.askAll(4096)
	if len(e.table) != 10 || e.withdrawn != 10 || e.announced != 20 || e.needless > 0 || ea.withdrawn > 0 {
		t.Fatalf("%d paths, %d withdrawn, %d announced", len(e.table), e.withdrawn, e.announced)
	}
	f.announce(a, 0, 10)
	e.askAll(4096)
	if len(e.table) != 20 {
		t.Fatalf("%d paths", len(e.table))
	}
}

// The members of one session take turns; whole messages come whatever the room.
func TestSource(t *testing.T) {
	f := newField(t)
	v6 := with(reflected(), func(k *Key) { k.Family, k.Self = wire.IPv6, addr("2001:db8::1") })
	p := f.client(1)
	e := newEar(t, reflected())
	m4, m6 := f.groups.Join(reflected(), nil, p, e.wake), f.groups.Join(v6, nil, p, e.wake)
	s := Sources(m4, m6)
	e.from = s
	f.announce(f.client(2), 0, 5000)
	if out := s.Fill([]byte("before")); string(out[:6]) != "before" || len(out) == 6 {
		t.Fatal("Fill doesn't append")
	} else {
		e.hear(out[6:])
	}
	e.askAll(0)
	if len(e.table) != 5000 || e.ended != 2 {
		t.Fatalf("%d routes, %d End-of-RIBs", len(e.table), e.ended)
	}
	m4.Leave()
	m4.Leave()
	m4.Refresh(true)
	if s.Fill(nil) != nil || m4.Key() != (Key{}) || m4.Standing() != (Standing{}) {
		t.Error("who has left has something to say")
	}
	m4.Told(func(wire.Dest, *wire.Attrs) { t.Error("who has left is told something") })
}

// What no message can carry is not told, and what was told is withdrawn.
func TestTooLarge(t *testing.T) {
	f := newField(t)
	source := f.client(1)
	_, e := f.join(reflected(), f.client(2))
	f.announce(source, 0, 2)
	e.askAll(4096)
	long := make([]uint32, 1200)
	for i := range long {
		long[i] = uint32(i)
	}
	fields := wire.Fields{NextHop: addr("203.0.113.1"), Communities: wire.NewCommunities(long...)}
	a, err := fields.Build()
	if err != nil {
		t.Fatal(err)
	}
	f.table.Announce(source, wire.IPv4, interned.Intern(a), []wire.Dest{{Prefix: prefix4(0)}})
	f.commit()
	if e.askAll(4096); len(e.table) != 1 {
		t.Fatalf("%d routes", len(e.table))
	}
}

// Sessions ask from goroutines of their own while the owner works. The race
// detector looks on; at the end everyone knows what they should.
func TestConcurrent(t *testing.T) {
	for seed := range uint64(6) {
		w := newWorld(t, 1000+seed)
		w.live = true
		for range 2 {
			for range 400 {
				w.step()
			}
			for _, p := range w.peers {
				p.silence()
			}
			w.quiet()
			for _, p := range w.peers {
				p.listen()
			}
		}
		for _, p := range w.peers {
			p.silence()
		}
		w.empty()
	}
}

// listen asks like a session.
func (p *player) listen() {
	for i, m := range p.members {
		if m == nil {
			continue
		}
		e, stop, done := p.ears[i], make(chan struct{}), make(chan struct{})
		r := rand.New(rand.NewPCG(uint64(p.peer.Index), uint64(i)))
		go func() {
			defer close(done)
			for {
				if e.ask(r.IntN(70000)) {
					m.Standing()
					continue
				}
				select {
				case <-stop:
					return
				case <-e.bell:
				}
			}
		}()
		p.stop[i] = sync.OnceFunc(func() { close(stop); <-done })
	}
}

func (p *player) silence() {
	for i, stop := range p.stop {
		if stop != nil {
			stop()
			p.stop[i] = nil
		}
	}
}
