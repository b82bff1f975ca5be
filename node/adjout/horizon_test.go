package adjout

import (
	"fmt"
	"testing"

	"github.com/calctl/calctl/node/rib"
	"github.com/calctl/calctl/node/wire"
)

// One prefix, three members, two of whom have paths to it: every sequence of
// best paths, and after each step any of four sets of members reading.
func TestSplitHorizon(t *testing.T) {
	steps := 4
	if testing.Short() {
		steps = 3
	}
	total := 1
	for range steps {
		total *= 16
	}
	for _, key := range []Key{reflected(), with(reflected(), func(k *Key) { k.External = true })} {
		for n := range total {
			playHorizon(t, key, n, steps)
		}
	}
}

func playHorizon(t *testing.T, key Key, n, steps int) {
	f := newField(t)
	peers := []*rib.Peer{f.client(1), f.client(2), f.client(3)}
	ears := make([]*ear, 3)
	for i, p := range peers {
		ears[i] = newEar(t, key)
		ears[i].from = f.groups.Join(key, nil, p, ears[i].wake)
	}
	f.commit()
	for _, e := range ears {
		e.askAll(4096)
	}
	dest := []wire.Dest{{Prefix: prefix4(1)}}
	var sets [3]*wire.Attrs
	for i := range sets {
		fields := wire.Fields{NextHop: addr("203.0.113.1"), LocalPref: uint32(100 + i), HasLocalPref: true}
		a, _ := fields.Build()
		sets[i] = interned.Intern(a)
	}
	all := true
	for step := range steps {
		digit := n >> (4 * step) & 15
		// Who has the best path now: nobody, the first, the second, or this node.
		for i, p := range peers[:2] {
			if digit&3 == i+1 {
				f.table.Announce(p, wire.IPv4, sets[step%3], dest)
			} else {
				f.table.Withdraw(p, wire.IPv4, dest)
			}
		}
		if digit&3 == 3 {
			f.table.SetLocal(rib.Kernel, rib.Local{}, dest)
		} else {
			f.table.UnsetLocal(rib.Kernel, dest)
		}
		f.commit()
		readers := digit >> 2 // nobody, all, the first, the two others
		all = all && readers == 1
		for i, e := range ears {
			if readers == 1 || readers == 2 && i == 0 || readers == 3 && i > 0 {
				e.askAll(4096)
			}
		}
	}
	name := fmt.Sprintf("%x", n)
	row, _ := f.table.Lookup(prefix4(1))
	for i, e := range ears {
		e.askAll(4096)
		want := map[wire.Dest]*wire.Attrs{}
		if row.Best.Valid() && row.Best.Peer() != peers[i] {
			a, _ := key.normal().Export(nil, Route{Prefix: prefix4(1), From: row.Best.Peer(), Local: row.Best.Local(), Held: row.Best.Attrs()})
			want[dest[0]] = a
		}
		if list := e.differences(want); len(list) > 0 {
			t.Fatalf("%s: member %d: %v", name, i, list)
		}
		if all && (e.needless > 0 || !key.External && e.repeated > 0) {
			t.Fatalf("%s: member %d heard %d needless withdrawals and %d repetitions although it was never behind", name, i, e.needless, e.repeated)
		}
	}
}
