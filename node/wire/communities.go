package wire

import (
	"encoding/binary"
	"iter"
	"strconv"
	"strings"
)

// The well-known communities that every speaker obeys (RFC 1997, 8326, 9494).
const (
	NoExport          uint32 = 0xffffff01
	NoAdvertise       uint32 = 0xffffff02
	NoExportSubconfed uint32 = 0xffffff03
	GracefulShutdown  uint32 = 0xffff0000
	LLGRStale         uint32 = 0xffff0006
	NoLLGR            uint32 = 0xffff0007
	Blackhole         uint32 = 0xffff029a
)

// Communities is the value of a COMMUNITIES attribute (RFC 1997), in the order
// it came. A string, so that it can be shared and compared.
type Communities string

// NewCommunities encodes a list of communities.
func NewCommunities(list ...uint32) Communities { return Communities("").With(list...) }

// Len returns how many there are.
func (c Communities) Len() int { return len(c) / 4 }

// At returns the i-th.
func (c Communities) At(i int) uint32 { return be32(c[4*i:]) }

// All returns each community.
func (c Communities) All() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for i := range c.Len() {
			if !yield(c.At(i)) {
				return
			}
		}
	}
}

// Has says whether a community is there.
func (c Communities) Has(want uint32) bool {
	for i := range c.Len() {
		if c.At(i) == want {
			return true
		}
	}
	return false
}

// With returns the list with those added that it doesn't have.
func (c Communities) With(add ...uint32) Communities {
	for _, v := range add {
		if !c.Has(v) {
			c += Communities(binary.BigEndian.AppendUint32(make([]byte, 0, 4), v))
		}
	}
	return c
}

// Without returns the list without a community.
func (c Communities) Without(drop uint32) Communities {
	if !c.Has(drop) {
		return c
	}
	b := make([]byte, 0, len(c))
	for v := range c.All() {
		if v != drop {
			b = binary.BigEndian.AppendUint32(b, v)
		}
	}
	return Communities(b)
}

// String writes the list as "65001:10 65001:20".
func (c Communities) String() string {
	words := make([]string, 0, c.Len())
	for v := range c.All() {
		words = append(words, strconv.Itoa(int(v>>16))+":"+strconv.Itoa(int(v&0xffff)))
	}
	return strings.Join(words, " ")
}

// A LargeCommunity is one value of RFC 8092: administrator and two of its numbers.
type LargeCommunity [3]uint32

// String writes the value as "4200000000:1:2".
func (l LargeCommunity) String() string {
	return strconv.FormatUint(uint64(l[0]), 10) + ":" + strconv.FormatUint(uint64(l[1]), 10) + ":" + strconv.FormatUint(uint64(l[2]), 10)
}

// LargeCommunities is the value of a LARGE_COMMUNITY attribute, free of
// duplicates (RFC 8092 §5).
type LargeCommunities string

// NewLargeCommunities encodes a list.
func NewLargeCommunities(list ...LargeCommunity) LargeCommunities {
	return LargeCommunities("").With(list...)
}

// Len returns how many there are.
func (c LargeCommunities) Len() int { return len(c) / 12 }

// At returns the i-th.
func (c LargeCommunities) At(i int) LargeCommunity {
	v := c[12*i:]
	return LargeCommunity{be32(v), be32(v[4:]), be32(v[8:])}
}

// All returns each large community.
func (c LargeCommunities) All() iter.Seq[LargeCommunity] {
	return func(yield func(LargeCommunity) bool) {
		for i := range c.Len() {
			if !yield(c.At(i)) {
				return
			}
		}
	}
}

// Has says whether a large community is there.
func (c LargeCommunities) Has(want LargeCommunity) bool {
	for i := range c.Len() {
		if c.At(i) == want {
			return true
		}
	}
	return false
}

// With returns the list with those added that it doesn't have.
func (c LargeCommunities) With(add ...LargeCommunity) LargeCommunities {
	for _, v := range add {
		if !c.Has(v) {
			b := make([]byte, 0, 12)
			for _, part := range v {
				b = binary.BigEndian.AppendUint32(b, part)
			}
			c += LargeCommunities(b)
		}
	}
	return c
}

// String writes the list, separated by spaces.
func (c LargeCommunities) String() string {
	words := make([]string, 0, c.Len())
	for v := range c.All() {
		words = append(words, v.String())
	}
	return strings.Join(words, " ")
}

// ExtCommunities is the value of an EXTENDED COMMUNITIES attribute (RFC 4360).
// We carry them and don't interpret them.
type ExtCommunities string

// Len returns how many there are.
func (c ExtCommunities) Len() int { return len(c) / 8 }

// All returns each extended community as its eight octets.
func (c ExtCommunities) All() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for i := 0; i+8 <= len(c); i += 8 {
			if !yield(uint64(be32(c[i:]))<<32 | uint64(be32(c[i+4:]))) {
				return
			}
		}
	}
}

// Transitive returns those that may leave the AS (RFC 4360 §2, bit T).
func (c ExtCommunities) Transitive() ExtCommunities {
	var b []byte
	dropped := false
	for v := range c.All() {
		if v&(1<<62) != 0 {
			dropped = true
			continue
		}
		b = binary.BigEndian.AppendUint64(b, v)
	}
	if !dropped {
		return c
	}
	return ExtCommunities(b)
}

// A ClusterList names the clusters a reflected route has passed, the last
// first (RFC 4456 §8).
type ClusterList string

// Len returns how many clusters the route has passed.
func (c ClusterList) Len() int { return len(c) / 4 }

// All returns each cluster id.
func (c ClusterList) All() iter.Seq[uint32] { return Communities(c).All() }

// Has says whether the route has passed a cluster.
func (c ClusterList) Has(id uint32) bool { return Communities(c).Has(id) }

// Prepend returns the list with a cluster in front.
func (c ClusterList) Prepend(id uint32) ClusterList {
	return ClusterList(binary.BigEndian.AppendUint32(make([]byte, 0, 4), id)) + c
}
