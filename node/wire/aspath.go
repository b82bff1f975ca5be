package wire

import (
	"encoding/binary"
	"iter"
	"strconv"
	"strings"
)

// ASTrans stands for an AS that does not fit in two octets (RFC 6793).
const ASTrans = 23456

// A SegmentType is the kind of one part of an AS path (RFC 4271 §4.3, RFC 5065).
type SegmentType uint8

// The segment types.
const (
	ASSet          SegmentType = 1
	ASSequence     SegmentType = 2
	ConfedSequence SegmentType = 3
	ConfedSet      SegmentType = 4
)

// An ASPath is the value of an AS_PATH in its four-octet encoding. As a string
// it can't be changed, can be compared with ==, and costs nothing to share.
// The empty path is "". Values made from messages are well-formed.
type ASPath string

// NewASPath returns a path of one sequence, the nearest AS first.
func NewASPath(sequence ...uint32) ASPath { return ASPath("").Prepend(sequence...) }

// A Segment is one part of an AS path.
type Segment struct {
	Type SegmentType
	asns string
}

// Len returns how many AS numbers the segment has.
func (s Segment) Len() int { return len(s.asns) / 4 }

// AS returns the i-th number of the segment.
func (s Segment) AS(i int) uint32 { return be32(s.asns[4*i:]) }

// Segments returns the parts of the path, the nearest first.
func (p ASPath) Segments() iter.Seq[Segment] {
	return func(yield func(Segment) bool) {
		for len(p) >= 2 {
			end := 2 + 4*int(p[1])
			if end > len(p) || !yield(Segment{SegmentType(p[0]), string(p[2:end])}) {
				return
			}
			p = p[end:]
		}
	}
}

// Len returns the length that the decision process compares: every AS of a
// sequence counts one, a set counts one, confederation segments nothing
// (RFC 4271 §9.1.2.2, RFC 5065 §5.3).
func (p ASPath) Len() int {
	n := 0
	for s := range p.Segments() {
		switch s.Type {
		case ASSequence:
			n += s.Len()
		case ASSet:
			n++
		}
	}
	return n
}

// First returns the nearest AS, whose MEDs may be compared. It is 0 when the
// path is empty or doesn't begin with a sequence; confederation segments
// before it are passed over (RFC 5065 §5.3).
func (p ASPath) First() uint32 {
	for s := range p.Segments() {
		switch s.Type {
		case ConfedSequence, ConfedSet:
			continue
		case ASSequence:
			if s.Len() > 0 {
				return s.AS(0)
			}
		}
		return 0
	}
	return 0
}

// Origin returns the farthest AS, 0 when the path is empty or ends in a set.
func (p ASPath) Origin() uint32 {
	var as uint32
	for s := range p.Segments() {
		as = 0
		if s.Type == ASSequence && s.Len() > 0 {
			as = s.AS(s.Len() - 1)
		}
	}
	return as
}

// Count returns how often an AS occurs, in segments of every type. That is
// what loop detection asks (RFC 4271 §9.1.2, RFC 5065 §5.3).
func (p ASPath) Count(as uint32) int {
	n := 0
	for s := range p.Segments() {
		for i := range s.Len() {
			if s.AS(i) == as {
				n++
			}
		}
	}
	return n
}

// HasPrefix says whether the path begins with these numbers, sequences only.
func (p ASPath) HasPrefix(sequence ...uint32) bool {
	for s := range p.Segments() {
		if len(sequence) == 0 {
			return true
		}
		if s.Type != ASSequence {
			return false
		}
		for i := range s.Len() {
			if len(sequence) == 0 {
				return true
			}
			if s.AS(i) != sequence[0] {
				return false
			}
			sequence = sequence[1:]
		}
	}
	return len(sequence) == 0
}

// Prepend returns the path with the given numbers in front, in their order
// (RFC 4271 §5.1.2: into the leading sequence while that has room).
func (p ASPath) Prepend(sequence ...uint32) ASPath {
	b := make([]byte, 0, len(p)+4*len(sequence)+4)
	for len(sequence) > 0 {
		// The last numbers join the leading sequence; the rest becomes
		// segments before it.
		room, rest := 255, p
		if len(p) >= 2 && SegmentType(p[0]) == ASSequence && p[1] < 255 {
			room, rest = 255-int(p[1]), p[2:]
		}
		take := min(room, len(sequence))
		b = append(b[:0], byte(ASSequence), byte(255-room+take))
		for _, as := range sequence[len(sequence)-take:] {
			b = binary.BigEndian.AppendUint32(b, as)
		}
		sequence = sequence[:len(sequence)-take]
		p = ASPath(append(b, rest...))
	}
	return p
}

// String writes the path as operators read it: "65001 65002 {65003 65004}",
// confederation segments in brackets: "(65005)" and "[65006]".
func (p ASPath) String() string {
	var b strings.Builder
	for s := range p.Segments() {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		open, shut := "", ""
		switch s.Type {
		case ASSet:
			open, shut = "{", "}"
		case ConfedSequence:
			open, shut = "(", ")"
		case ConfedSet:
			open, shut = "[", "]"
		}
		b.WriteString(open)
		for i := range s.Len() {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(strconv.FormatUint(uint64(s.AS(i)), 10))
		}
		b.WriteString(shut)
	}
	return b.String()
}

// be32 reads four octets of a string or slice.
func be32[T ~string | ~[]byte](b T) uint32 {
	_ = b[3]
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func be16[T ~string | ~[]byte](b T) uint16 {
	_ = b[1]
	return uint16(b[0])<<8 | uint16(b[1])
}
