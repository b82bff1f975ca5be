package fib

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// An index finds the number of a destination in a hash table with linear
// probing. The destinations themselves are in the entries; a slot has some
// bits of the hash beside the number, so that looking and growing rarely touch
// them. A million destinations take 16 octets each, in Go's map they take 48.
type index struct {
	seed  [2]uint64
	slots []slot // a power of two, at most 3/4 in use
	count int
}

type slot struct{ hash, id uint32 }

const fewestSlots = 64

func newIndex() index {
	// Peers choose destinations; the seed keeps them from choosing collisions.
	return index{seed: [2]uint64{rand.Uint64() | 1, rand.Uint64() | 1}, slots: make([]slot, fewestSlots)}
}

func (x *index) hash(d *dst) uint32 {
	a, b := binary.LittleEndian.Uint64(d[:]), binary.LittleEndian.Uint64(d[8:])
	hi, lo := bits.Mul64(a^x.seed[0], b^uint64(d[16])<<48^uint64(d[17])<<56^x.seed[1])
	return uint32((hi ^ lo) >> 32)
}

// find returns the number of a destination, or 0.
func (t *table) find(d dst) uint32 {
	x := &t.index
	h, mask := x.hash(&d), uint32(len(x.slots)-1)
	for i := h & mask; ; i = (i + 1) & mask {
		p := x.slots[i]
		if p.id == 0 || p.hash == h && t.at(p.id).dst == d {
			return p.id
		}
	}
}

// put enters a destination that isn't there, with its number.
func (x *index) put(d *dst, id uint32) {
	if x.count++; x.count > len(x.slots)/4*3 {
		x.resize(2 * len(x.slots))
	}
	x.enter(slot{x.hash(d), id})
}

func (x *index) enter(p slot) {
	mask := uint32(len(x.slots) - 1)
	i := p.hash & mask
	for x.slots[i].id != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = p
}

func (x *index) resize(n int) {
	old := x.slots
	x.slots = make([]slot, n)
	for _, p := range old {
		if p.id != 0 {
			x.enter(p)
		}
	}
}

// cut forgets a destination. Those behind it that would not be found any more
// move up.
func (x *index) cut(d *dst, id uint32) {
	mask := uint32(len(x.slots) - 1)
	i := x.hash(d) & mask
	for x.slots[i].id != id {
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; x.slots[j].id != 0; j = (j + 1) & mask {
		if home := x.slots[j].hash & mask; (j-home)&mask >= (j-i)&mask {
			x.slots[i], i = x.slots[j], j
		}
	}
	x.slots[i] = slot{}
	if x.count--; x.count < len(x.slots)/8 && len(x.slots) > fewestSlots {
		x.resize(len(x.slots) / 2)
	}
}
