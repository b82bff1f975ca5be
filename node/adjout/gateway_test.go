package adjout

import (
	"testing"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// TestNotByThePeerItself: a route of our own by way of a router that is a member
// isn't told to that one, whenever it comes and goes, and is told to the others
// once (RFC 4271 §5.1.3).
func TestNotByThePeerItself(t *testing.T) {
	t.Run("best", func(t *testing.T) { notByThePeerItself(t, reflected()) })
	t.Run("add-path", func(t *testing.T) {
		notByThePeerItself(t, with(reflected(), func(k *Key) { k.Builder.AddPath = wire.OnlyIPv4 }))
	})
}

func notByThePeerItself(t *testing.T, k Key) {
	f := newField(t)
	router, other := f.client(1), f.client(2)
	dest := []wire.Dest{{Prefix: prefix4(1)}}
	by := func(p *rib.Peer) {
		f.table.SetLocal(rib.Kernel, rib.Local{Gateway: p.Address}, dest)
		f.commit()
	}
	by(router)
	_, eo := f.join(k, other)
	f.commit()
	eo.askAll(4096)
	m, er := f.join(k, router)
	f.commit()
	check := func(when string, routers, others int) {
		t.Helper()
		er.askAll(4096)
		eo.askAll(4096)
		if len(er.table) != routers || len(eo.table) != others {
			t.Errorf("%s: the router knows %d routes, want %d; the other %d, want %d", when, len(er.table), routers, len(eo.table), others)
		}
	}
	check("the router joined last", 0, 1)
	by(other)
	check("by way of the other", 1, 0)
	by(router)
	check("and back", 0, 1)
	if m.Standing().Routes != 0 {
		t.Errorf("the router is said to know %d routes", m.Standing().Routes)
	}
	m.Leave()
	f.commit()
	again := f.client(3) // a peer that may have the router's place in the table by now
	_, er = f.join(k, again)
	f.commit()
	check("another instead of the router", 1, 1)
	if er.withdrawn+eo.needless > 0 {
		t.Errorf("%d and %d needless withdrawals", er.withdrawn, eo.needless)
	}
}
