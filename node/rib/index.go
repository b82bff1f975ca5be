package rib

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"

	"github.com/calctl/calctl/node/wire"
)

// A key is a prefix in numbers: of an IPv4 one, the address is in hi.
type key struct {
	hi, lo uint64
	bits   uint8
}

// keyOf returns the key of a prefix, host bits cleared, and whether it is one
// of the family.
func (x *index) keyOf(p netip.Prefix) (key, bool) {
	n, a := p.Bits(), p.Addr()
	if n < 0 || a.Is4() == x.wide {
		return key{}, false
	}
	if !x.wide {
		b := a.As4()
		return key{hi: uint64(binary.BigEndian.Uint32(b[:]) & uint32(^uint64(0)<<(32-n))), bits: uint8(n)}, true
	}
	b := a.As16()
	k := key{hi: binary.BigEndian.Uint64(b[:8]), lo: binary.BigEndian.Uint64(b[8:]), bits: uint8(n)}
	if n <= 64 {
		k.hi, k.lo = k.hi&(^uint64(0)<<(64-n)), 0
	} else {
		k.lo &= ^uint64(0) << (128 - n)
	}
	return k, true
}

// An index finds the number of a prefix in a hash table with linear probing,
// and a prefix by its number. A slot has some bits of the hash beside the
// number: looking for something doesn't touch the keys of others, and neither
// does growing. BenchmarkIndex: 22 octets and 114 ns to enter a prefix, when
// there are a million; Go's map takes 38 and 153.
type index struct {
	wide   bool // IPv6
	seed   [2]uint64
	slots  []slot // a power of two, at most 3/4 in use
	count  int
	read   uint32              // by warm; means nothing
	narrow []*[chunkLen]uint32 // the addresses, by number
	long   []*[chunkLen][2]uint64
	bits   []*[chunkLen]uint8
}

type slot struct{ hash, ref uint32 }

const fewestSlots = 64

func newIndex(wide bool) index {
	// Peers choose prefixes; the seed keeps them from choosing collisions.
	return index{wide: wide, seed: [2]uint64{rand.Uint64() | 1, rand.Uint64() | 1}, slots: make([]slot, fewestSlots)}
}

func (x *index) hash(k key) uint32 {
	hi, lo := bits.Mul64(k.hi^x.seed[0], k.lo^uint64(k.bits)<<57^x.seed[1])
	return uint32((hi ^ lo) >> 32)
}

func (x *index) key(ref uint32) key {
	c, i := ref/chunkLen, ref%chunkLen
	if x.wide {
		a := &x.long[c][i]
		return key{a[0], a[1], x.bits[c][i]}
	}
	return key{uint64(x.narrow[c][i]), 0, x.bits[c][i]}
}

// prefix returns the prefix with a number.
func (x *index) prefix(ref uint32) netip.Prefix {
	k := x.key(ref)
	if !x.wide {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(k.hi))
		return netip.PrefixFrom(netip.AddrFrom4(b), int(k.bits))
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], k.hi)
	binary.BigEndian.PutUint64(b[8:], k.lo)
	return netip.PrefixFrom(netip.AddrFrom16(b), int(k.bits))
}

// find returns the number of a prefix, or 0.
func (x *index) find(k key) uint32 {
	h, mask := x.hash(k), uint32(len(x.slots)-1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := x.slots[i]
		if s.ref == 0 || s.hash == h && x.key(s.ref) == k {
			return s.ref
		}
	}
}

// warm reads the slots in which the next prefixes of a message will be looked
// for, now and then. The lookups themselves wait for memory one after the
// other; these reads don't wait for each other. A large table loads a third
// faster by it.
func (x *index) warm(message []wire.Dest, at int) {
	if at%ahead != 0 || len(x.slots) < 1<<15 { // small ones are in the cache anyway
		return
	}
	mask, sum := uint32(len(x.slots)-1), uint32(0)
	for i := range message[at:min(at+ahead, len(message))] {
		if k, ok := x.keyOf(message[at+i].Prefix); ok {
			sum += x.slots[x.hash(k)&mask].ref
		}
	}
	x.read = sum // else the compiler could leave the reads out
}

const ahead = 128

// put enters a prefix that isn't there, with its number.
func (x *index) put(k key, ref uint32) {
	c, i := int(ref/chunkLen), ref%chunkLen
	for c >= len(x.bits) {
		x.bits, x.narrow, x.long = append(x.bits, nil), append(x.narrow, nil), append(x.long, nil)
	}
	if x.bits[c] == nil {
		x.bits[c] = new([chunkLen]uint8)
		if x.wide {
			x.long[c] = new([chunkLen][2]uint64)
		} else {
			x.narrow[c] = new([chunkLen]uint32)
		}
	}
	x.bits[c][i] = k.bits
	if x.wide {
		x.long[c][i] = [2]uint64{k.hi, k.lo}
	} else {
		x.narrow[c][i] = uint32(k.hi)
	}
	if x.count++; x.count > len(x.slots)/4*3 {
		x.resize(2 * len(x.slots))
	}
	x.enter(slot{x.hash(k), ref})
}

func (x *index) enter(s slot) {
	mask := uint32(len(x.slots) - 1)
	i := s.hash & mask
	for x.slots[i].ref != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = s
}

func (x *index) resize(n int) {
	old := x.slots
	x.slots = make([]slot, n)
	for _, s := range old {
		if s.ref != 0 {
			x.enter(s)
		}
	}
}

// cut forgets a prefix, and with chunk the whole chunk of its number. Those
// behind it that would not be found any more move up.
func (x *index) cut(ref uint32, chunk bool) {
	mask := uint32(len(x.slots) - 1)
	i := x.hash(x.key(ref)) & mask
	for x.slots[i].ref != ref {
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; x.slots[j].ref != 0; j = (j + 1) & mask {
		if home := x.slots[j].hash & mask; (j-home)&mask >= (j-i)&mask {
			x.slots[i], i = x.slots[j], j
		}
	}
	x.slots[i] = slot{}
	if x.count--; x.count < len(x.slots)/8 && len(x.slots) > fewestSlots {
		x.resize(len(x.slots) / 2)
	}
	if c := ref / chunkLen; chunk {
		x.bits[c], x.narrow[c], x.long[c] = nil, nil, nil
	}
}
