package adjout

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/calctl/calctl/node/wire"
)

// An ear is the other end of a session: it asks a source as a session does,
// decodes what comes, and keeps the table that it makes of it.
type ear struct {
	t       testing.TB
	family  wire.Family
	from    interface{ Fill([]byte) []byte }
	woken   atomic.Bool
	bell    chan struct{} // rung by wake
	decoder *wire.Decoder
	table   map[wire.Dest]*wire.Attrs

	ended       int // End-of-RIBs
	begun, over int // BoRRs and EoRRs
	again       map[wire.Dest]bool
	octets      int
	messages    int
	announced   int // routes
	withdrawn   int
	needless    int // withdrawals of what it did not know
	repeated    int // announcements of what it knew like that
}

var interned wire.Table

func newEar(t testing.TB, k Key) *ear {
	e := &ear{t: t, family: k.Family, table: map[wire.Dest]*wire.Attrs{}, bell: make(chan struct{}, 1)}
	rules := wire.Rules{LocalAS: 65099, PeerAS: k.LocalAS, FourOctetAS: k.Builder.FourOctetAS, Families: wire.Both, AddPath: k.Builder.AddPath, ExtendedNextHop: k.ExtendedNextHop}
	if !k.External {
		rules.LocalAS = k.LocalAS
	}
	e.decoder = wire.NewDecoder(rules, &interned)
	e.woken.Store(true)
	return e
}

func (e *ear) wake() {
	e.woken.Store(true)
	select {
	case e.bell <- struct{}{}:
	default:
	}
}

// ask calls Fill once, if there may be something, and says whether there was.
func (e *ear) ask(room int) bool {
	if !e.woken.Swap(false) {
		return false
	}
	b := e.from.Fill(make([]byte, 0, room))
	if len(b) == 0 {
		return false
	}
	e.woken.Store(true) // a session asks again
	e.hear(b)
	return true
}

func (e *ear) askAll(room int) {
	for e.ask(room) {
	}
}

func (e *ear) hear(b []byte) {
	e.octets += len(b)
	for len(b) > 0 {
		kind, n, err := wire.Header(b, wire.MaxExtended)
		if err != nil || n > len(b) {
			e.t.Fatalf("message of %d octets, %d there: %v", n, len(b), err)
		}
		e.messages++
		switch body := b[19:n]; kind {
		case wire.TypeUpdate:
			e.update(body)
		case wire.TypeRefresh:
			e.mark(body)
		default:
			e.t.Fatalf("a %v among the updates", kind)
		}
		b = b[n:]
	}
}

func (e *ear) update(body []byte) {
	u, err := e.decoder.Decode(body)
	if err != nil || u.Verdict != wire.OK {
		e.t.Fatalf("update: %v %v %v", err, u.Verdict, u.Notes)
	}
	if u.EndOfRIB != 0 {
		e.ended++
	}
	for _, list := range u.Withdrawn {
		for d := range list.All() {
			e.withdrawn++
			if e.table[d] == nil {
				e.needless++
			}
			delete(e.table, d)
			delete(e.again, d)
		}
	}
	for _, r := range u.Reach {
		for d := range r.All() {
			e.announced++
			if e.table[d] == r.Attrs {
				e.repeated++
			}
			e.table[d] = r.Attrs
			if e.again != nil {
				e.again[d] = true
			}
		}
	}
}

// mark checks what RFC 7313 promises: between the marks comes everything.
func (e *ear) mark(body []byte) {
	r, err := wire.DecodeRefresh(body)
	if err != nil || r.Family != e.family {
		e.t.Fatalf("refresh: %v %v", r, err)
	}
	switch r.Subtype {
	case wire.RefreshBegin:
		e.begun++
		e.again = map[wire.Dest]bool{}
	case wire.RefreshEnd:
		e.over++
		for d := range e.table {
			if !e.again[d] {
				e.t.Fatalf("%v was not told again in a refresh", d)
			}
		}
		e.again = nil
	}
}

// differences lists what the table should be and isn't.
func (e *ear) differences(want map[wire.Dest]*wire.Attrs) (list []string) {
	for d, a := range want {
		switch have := e.table[d]; {
		case have == nil:
			list = append(list, fmt.Sprintf("%v %d is missing", d.Prefix, d.PathID))
		case !have.Equal(a):
			list = append(list, fmt.Sprintf("%v %d: is %v, should be %v", d.Prefix, d.PathID, say(have), say(a)))
		}
	}
	for d := range e.table {
		if want[d] == nil {
			list = append(list, fmt.Sprintf("%v %d should not be there", d.Prefix, d.PathID))
		}
	}
	return list
}

func say(a *wire.Attrs) string {
	pref, _ := a.LocalPref()
	med, has := a.MED()
	return fmt.Sprintf("path [%v] next hop %v pref %d med %d/%v communities %v originator %v clusters %x",
		a.ASPath(), a.NextHop(), pref, med, has, a.Communities(), a.OriginatorID(), string(a.ClusterList()))
}

func prefix4(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10 + byte(n>>16), byte(n >> 8), byte(n), 0}), 24)
}

func prefix6(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, byte(n >> 16), byte(n >> 8), byte(n)}), 64)
}

// told says whether a group has decided right, whatever was said of it.
func (e *ear) told(m *Member, want map[wire.Dest]*wire.Attrs) []string {
	other := &ear{table: map[wire.Dest]*wire.Attrs{}}
	m.Told(func(d wire.Dest, a *wire.Attrs) { other.table[d] = a })
	return other.differences(want)
}
