package rib

import "math/bits"

// A slab holds things by number, in chunks that never move and go back to the
// collector when they are empty. Numbers are given out lowest first and stay
// small; 0 is never given out, so that it can stand for none. A slab of things
// without pointers costs the collector nothing.
type slab[T any] struct {
	items  []*[chunkLen]T
	used   []usage
	spare  *[chunkLen]T // an empty chunk, so that one thing more or less doesn't cost a chunk each time
	lowest int          // no chunk before this has room
}

// chunkLen times the things' sizes (4, 12, 16, 24) is what Go's allocator has a
// size of, without a rest.
const chunkLen = 1024

type usage struct {
	bits [chunkLen / 64]uint64
	live int
}

func (s *slab[T]) at(i uint32) *T { return &s.items[i/chunkLen][i%chunkLen] }

// has says whether a number is given out.
func (s *slab[T]) has(i uint32) bool {
	c := int(i / chunkLen)
	return c < len(s.used) && s.used[c].bits[i%chunkLen/64]>>(i%64)&1 != 0 && i != 0
}

// add gives out a number. The thing there is whatever was left of an earlier one.
func (s *slab[T]) add() uint32 {
	for s.lowest < len(s.used) && s.used[s.lowest].live == chunkLen {
		s.lowest++
	}
	c := s.lowest
	if c == len(s.items) {
		s.items, s.used = append(s.items, nil), append(s.used, usage{})
		if c == 0 {
			s.used[0] = usage{bits: [chunkLen / 64]uint64{1}, live: 1}
		}
	}
	if s.items[c] == nil {
		if s.items[c], s.spare = s.spare, nil; s.items[c] == nil {
			s.items[c] = new([chunkLen]T)
		}
	}
	u := &s.used[c]
	for w := range u.bits {
		if n := bits.TrailingZeros64(^u.bits[w]); n < 64 {
			u.bits[w] |= 1 << n
			u.live++
			return uint32(c*chunkLen + w*64 + n)
		}
	}
	panic("rib: chunk with room is full") // live counts the bits
}

// drop takes a number back and says whether its whole chunk went.
func (s *slab[T]) drop(i uint32) (chunk bool) {
	c := int(i / chunkLen)
	u := &s.used[c]
	u.bits[i%chunkLen/64] &^= 1 << (i % 64)
	u.live--
	s.lowest = min(s.lowest, c)
	if u.live > 0 {
		return false
	}
	s.spare, s.items[c] = s.items[c], nil
	return true
}

// next returns the first number in use from i on, or 0.
func (s *slab[T]) next(i uint32) uint32 {
	i = max(i, 1)
	for c := int(i / chunkLen); c < len(s.used); c++ {
		u := &s.used[c]
		if u.live > 0 {
			for w := int(i % chunkLen / 64); w < len(u.bits); w++ {
				if rest := u.bits[w] >> (i % 64); rest != 0 {
					return i + uint32(bits.TrailingZeros64(rest))
				}
				i = uint32(c*chunkLen + (w+1)*64)
			}
		}
		i = uint32((c + 1) * chunkLen)
	}
	return 0
}
