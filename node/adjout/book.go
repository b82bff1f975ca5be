package adjout

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
)

// A book knows the prefix of each number of one family's nodes, for those who
// may not ask the table. All groups share it.
//
// Its owner writes an entry before a group says anything of that number, and
// only if it differs: then no group has the number in use. So it needs no lock
// but those of the groups.
type book struct {
	narrow atomic.Pointer[[]*[pageLen]uint64] // IPv4: address and length
	wide   atomic.Pointer[[]*[pageLen]wide]
}

type wide struct {
	addr [16]byte
	bits uint8
}

const (
	pageBits = 10
	pageLen  = 1 << pageBits
)

func (b *book) write(n uint32, p netip.Prefix) {
	if p.Addr().Is4() {
		a := p.Addr().As4()
		put(&b.narrow, n, uint64(binary.BigEndian.Uint32(a[:]))<<8|uint64(p.Bits()))
		return
	}
	put(&b.wide, n, wide{p.Addr().As16(), uint8(p.Bits())})
}

func put[E comparable](to *atomic.Pointer[[]*[pageLen]E], n uint32, e E) {
	page := int(n >> pageBits)
	dir := to.Load()
	if dir == nil || page >= len(*dir) || (*dir)[page] == nil {
		var grown []*[pageLen]E
		if dir != nil {
			grown = *dir
		}
		// Readers may hold the old directory: it is copied.
		grown = append(make([]*[pageLen]E, 0, max(page+1, len(grown))), grown...)
		for len(grown) <= page {
			grown = append(grown, nil)
		}
		grown[page] = new([pageLen]E)
		dir = &grown
		to.Store(dir)
	}
	if at := &(*dir)[page][n%pageLen]; *at != e {
		*at = e
	}
}

func (b *book) prefix(n uint32, v4 bool) netip.Prefix {
	if v4 {
		e := (*b.narrow.Load())[n>>pageBits][n%pageLen]
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], uint32(e>>8))
		return netip.PrefixFrom(netip.AddrFrom4(a), int(uint8(e)))
	}
	e := &(*b.wide.Load())[n>>pageBits][n%pageLen]
	return netip.PrefixFrom(netip.AddrFrom16(e.addr), int(e.bits))
}
