package adjout

import (
	"testing"

	"github.com/calctl/calctl/node/wire"
)

// What nobody has heard of is not withdrawn, and a peer hears nothing of what
// becomes of its own routes.
func TestNeedlessWithdrawals(t *testing.T) {
	f := newField(t)
	source, other := f.client(1), f.client(2)
	_, es := f.join(reflected(), source)
	f.announce(source, 0, 100)
	es.askAll(4096)
	f.withdraw(source, 0, 100)
	es.askAll(4096)
	if es.announced+es.withdrawn > 0 {
		t.Errorf("the source heard %d announcements and %d withdrawals", es.announced, es.withdrawn)
	}
	mo, eo := f.join(reflected(), other)
	f.announce(source, 0, 100)
	f.withdraw(source, 0, 100)
	if g := mo.group.Load(); g.dead.full > 0 {
		t.Errorf("%d withdrawals wait for those who don't know", g.dead.full)
	}
	eo.askAll(4096)
	es.askAll(4096)
	if eo.withdrawn > 0 || es.withdrawn > 0 {
		t.Errorf("%d and %d withdrawals of what was never told", eo.withdrawn, es.withdrawn)
	}

	// Withdrawals that wait for a deaf member are not for those who come later.
	f.announce(source, 0, 100)
	eo.askAll(4096)
	f.withdraw(source, 0, 50)
	_, late := f.join(reflected(), f.client(3))
	late.askAll(4096)
	if late.withdrawn > 0 || len(late.table) != 50 {
		t.Errorf("a late member heard %d withdrawals and has %d routes", late.withdrawn, len(late.table))
	}
}

// During a refresh, a member still knows what it knew before.
func TestWithdrawalInRefresh(t *testing.T) {
	f := newField(t)
	source := f.client(1)
	m, e := f.join(reflected(), f.client(2))
	const all, gone = 50_000, 1000 // the last of which are in no chunk that is taken at once
	f.announce(source, 0, all)
	e.askAll(4096)
	m.Refresh(true)
	e.ask(0)
	if e.begun != 1 {
		t.Fatal("no BoRR")
	}
	f.withdraw(source, all-gone, gone)
	e.askAll(4096)
	if len(e.table) != all-gone || e.over != 1 || e.withdrawn != gone || e.announced != 2*all-gone {
		t.Errorf("%d routes, %d EoRRs, %d withdrawn, %d announced", len(e.table), e.over, e.withdrawn, e.announced)
	}
	m.Refresh(false)
	if e.askAll(4096); e.begun != 1 || e.over != 1 || e.announced != 3*all-2*gone {
		t.Errorf("%d BoRRs, %d EoRRs, %d announced", e.begun, e.over, e.announced)
	}
}

// Two deaf members, one who knows everything and one who knows nothing: what
// has to be withdrawn is kept for the first.
func TestTwoDeafMembers(t *testing.T) {
	f := newField(t)
	source := f.client(1)
	_, knows := f.join(reflected(), f.client(2))
	f.announce(source, 0, 6000)
	knows.askAll(64 << 10)
	f.withdraw(source, 0, 1000)
	_, fresh := f.join(reflected(), f.client(3))
	f.withdraw(source, 1000, 4000) // so many that the dead are looked through
	f.commit()
	knows.askAll(64 << 10)
	fresh.askAll(64 << 10)
	if len(knows.table) != 1000 || len(fresh.table) != 1000 {
		t.Errorf("%d and %d routes, should be 1000", len(knows.table), len(fresh.table))
	}
}

// A member that has withdrawals to hear stays in its own group until it has.
func TestMoveWhileBehind(t *testing.T) {
	f := newField(t)
	source := f.client(1)
	to := with(reflected(), func(k *Key) { k.Policy = "same" })
	m, e := f.join(reflected(), f.client(2))
	_, stays := f.join(reflected(), f.client(3))
	_, there := f.join(to, f.client(4))
	f.announce(source, 0, 100)
	for _, x := range []*ear{e, stays, there} {
		x.askAll(4096)
	}
	f.withdraw(source, 0, 50)
	f.groups.Move(to, TellAll, m)
	f.commit()
	e.askAll(4096)
	if len(e.table) != 50 || e.repeated > 0 {
		t.Fatalf("%d routes, %d repeated", len(e.table), e.repeated)
	}
	f.commit()
	if list := f.groups.List(); len(list) != 2 || list[0].Members != 2 {
		t.Errorf("groups: %+v", list)
	}
	f.withdraw(source, 50, 50)
	for _, x := range []*ear{e, stays, there} {
		if x.askAll(4096); len(x.table) != 0 {
			t.Errorf("%d routes left", len(x.table))
		}
	}
}

// Groups with add-path become one, too: a path has the same number in all of
// them, also in one that was there before the path was told by the other.
func TestMoveAddPath(t *testing.T) {
	f := newField(t)
	a, b := f.client(1), f.client(2)
	all := with(reflected(), func(k *Key) { k.Builder.AddPath = wire.OnlyIPv4 })
	to := with(all, func(k *Key) { k.Policy = "same" })
	m, e := f.join(all, f.client(3))
	_, stays := f.join(all, f.client(4))
	f.announce(a, 0, 10)
	f.announce(b, 0, 10)
	e.askAll(4096)
	f.withdraw(a, 0, 5)
	_, there := f.join(to, f.client(5))
	f.announce(a, 3, 7)
	f.groups.Move(to, TellAll, m)
	for range 3 {
		f.commit()
		for _, x := range []*ear{e, stays, there} {
			x.askAll(4096)
		}
	}
	if len(e.table) != 17 || len(there.table) != 17 || len(stays.table) != 17 {
		t.Errorf("%d, %d and %d paths, should be 17", len(e.table), len(there.table), len(stays.table))
	}
	// The two that were gone while nobody listened were said again.
	if list := f.groups.List(); len(list) != 2 || list[0].Members != 2 || e.repeated != 2 {
		t.Errorf("%d times the same was said; groups: %+v", e.repeated, list)
	}
	f.withdraw(b, 0, 10)
	f.withdraw(a, 0, 10)
	for _, x := range []*ear{e, stays, there} {
		if x.askAll(4096); len(x.table) != 0 {
			t.Errorf("%d paths left", len(x.table))
		}
	}
}

// Where attributes don't tell sources apart, a change of source concerns the
// sources only, and nobody when they are not here.
func TestSameFromAnother(t *testing.T) {
	f := newField(t)
	a, b := f.client(1), f.client(2)
	key := with(reflected(), func(k *Key) { k.External = true })
	_, e := f.join(key, f.client(3))
	f.join(key, f.client(4)) // deaf: for it, what was encoded is kept
	f.table.Announce(b, wire.IPv4, interned.Intern(f.same()), []wire.Dest{{Prefix: prefix4(20)}})
	f.table.Announce(a, wire.IPv4, interned.Intern(f.same()), []wire.Dest{{Prefix: prefix4(20)}})
	f.commit()
	e.askAll(4096)
	heard := e.announced
	f.table.Down(a, wire.OnlyIPv4)
	f.commit()
	if e.askAll(4096); e.announced != heard || e.table[wire.Dest{Prefix: prefix4(20)}] == nil {
		t.Errorf("%d announcements of the same", e.announced-heard)
	}
	_, eb := f.join(key, b)
	if eb.askAll(4096); len(eb.table) != 0 {
		t.Errorf("a peer heard %d routes of its own", len(eb.table))
	}
}

func (f *field) same() *wire.Attrs {
	fields := wire.Fields{NextHop: addr("203.0.113.1"), LocalPref: 100, HasLocalPref: true}
	a, _ := fields.Build()
	return a
}
