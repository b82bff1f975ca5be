package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A Type is the kind of a message (RFC 4271 §4.1, RFC 2918).
type Type uint8

// The message types.
const (
	TypeOpen         Type = 1
	TypeUpdate       Type = 2
	TypeNotification Type = 3
	TypeKeepalive    Type = 4
	TypeRefresh      Type = 5
)

// String names the type as RFC 4271 writes it.
func (t Type) String() string {
	switch t {
	case TypeOpen:
		return "OPEN"
	case TypeUpdate:
		return "UPDATE"
	case TypeNotification:
		return "NOTIFICATION"
	case TypeKeepalive:
		return "KEEPALIVE"
	case TypeRefresh:
		return "ROUTE-REFRESH"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// The lengths of messages, header included.
const (
	headerLen   = 19
	MaxLen      = 4096  // RFC 4271 §4.1
	MaxExtended = 65535 // RFC 8654 §3
)

// shortest is each type's minimum length (RFC 4271 §6.1, RFC 2918 §3).
func (t Type) shortest() int {
	switch t {
	case TypeOpen:
		return 29
	case TypeUpdate, TypeRefresh:
		return 23
	case TypeNotification:
		return 21
	}
	return headerLen
}

// longest is each type's maximum; an OPEN and a KEEPALIVE come before and
// beside what is agreed (RFC 8654 §4).
func (t Type) longest(agreed int) int {
	switch t {
	case TypeKeepalive:
		return headerLen
	case TypeOpen:
		return MaxLen
	}
	return agreed
}

// A Reader cuts a stream of bytes into messages. It reads as much at once as
// comes; its buffer grows while the peer has much to say and shrinks when it
// has not, because most peers are silent most of the time.
type Reader struct {
	from       io.Reader
	buf        []byte
	begin, end int // what of buf is read and not yet given out
	max        int
	quiet      int // reads in a row that needed little of the buffer
}

const (
	smallestBuffer = 512
	largestBuffer  = 256 << 10
	longQuiet      = 32
)

// NewReader makes a reader of messages of at most MaxLen octets.
func NewReader(from io.Reader) *Reader { return &Reader{from: from, max: MaxLen} }

// SetMax allows messages of a length, [MaxExtended] after both sides agreed.
func (r *Reader) SetMax(length int) { r.max = length }

// Next returns the next message: its type and what follows the header, valid
// until the next call. The error is an [*Error] when the peer broke the framing
// (RFC 4271 §6.1), io.EOF when it closed the connection between messages, and
// otherwise what reading said.
func (r *Reader) Next() (Type, []byte, error) {
	if err := r.fill(headerLen); err != nil {
		return 0, nil, err
	}
	t, length, bad := Header(r.buf[r.begin:], r.max)
	if bad != nil {
		return 0, nil, bad
	}
	if err := r.fill(length); err != nil {
		return 0, nil, err
	}
	body := r.buf[r.begin+headerLen : r.begin+length]
	r.begin += length
	return t, body, nil
}

// Ready says whether Next will return without reading: a batch can go on.
func (r *Reader) Ready() bool {
	have := r.buf[r.begin:r.end]
	return len(have) >= headerLen && len(have) >= int(be16(have[16:]))
}

// Coming returns the type of the message that Next will return without
// reading, and 0 when it would have to read.
func (r *Reader) Coming() Type {
	if !r.Ready() {
		return 0
	}
	return Type(r.buf[r.begin+headerLen-1])
}

var marker = bytes.Repeat([]byte{0xff}, 16)

// Header checks the header of a message (RFC 4271 §6.1), of which b has at
// least the 19 octets, and returns its type and whole length.
func Header(b []byte, longest int) (Type, int, *Error) {
	if !bytes.Equal(b[:16], marker) {
		return 0, 0, errorf(HeaderError, NotSynchronized, nil, "the marker is not all ones")
	}
	length, t := int(be16(b[16:])), Type(b[18])
	switch {
	case length < headerLen || length > longest:
		return t, length, badLength(length, fmt.Sprintf("a message has %d to %d octets", headerLen, longest))
	case t < TypeOpen || t > TypeRefresh:
		return t, length, errorf(HeaderError, BadType, []byte{byte(t)}, "%v", t)
	case length < t.shortest() || length > t.longest(longest):
		return t, length, badLength(length, fmt.Sprintf("a message of type %v has %d to %d octets", t, t.shortest(), t.longest(longest)))
	}
	return t, length, nil
}

func badLength(length int, why string) *Error {
	return errorf(HeaderError, BadLength, []byte{byte(length >> 8), byte(length)}, "%d octets; %s", length, why)
}

// fill reads until the buffer has n octets of one piece.
func (r *Reader) fill(n int) error {
	if r.end-r.begin >= n {
		return nil
	}
	r.makeRoom(n)
	for empty := 0; r.end-r.begin < n; {
		got, err := r.from.Read(r.buf[r.end:])
		r.end += got
		r.pace(got)
		if r.end-r.begin >= n {
			return nil // an error, if there was one, comes again
		}
		if errors.Is(err, io.EOF) && r.end > r.begin {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if empty++; got > 0 {
			empty = 0
		} else if empty == 100 {
			return io.ErrNoProgress
		}
	}
	return nil
}

// pace notes how well the buffer fits what comes.
func (r *Reader) pace(got int) {
	if got < len(r.buf)/8 {
		r.quiet++
	} else {
		r.quiet = 0
	}
}

// makeRoom moves what is left to the front of a buffer of the right size.
func (r *Reader) makeRoom(n int) {
	left := r.buf[r.begin:r.end]
	size := max(len(r.buf), smallestBuffer)
	switch {
	case r.end == len(r.buf) && len(r.buf) > 0 && r.quiet == 0:
		size = min(2*size, largestBuffer) // the last read could have brought more
	case r.quiet >= longQuiet:
		size, r.quiet = max(size/2, smallestBuffer), 0
	}
	for size < max(n, len(left)) {
		size *= 2
	}
	if size == len(r.buf) {
		copy(r.buf, left)
	} else {
		buf := make([]byte, size)
		copy(buf, left)
		r.buf = buf
	}
	r.begin, r.end = 0, len(left)
}

// begin appends a header whose length finish fills in.
func begin(dst []byte, t Type) []byte {
	return append(append(dst, marker...), 0, 0, byte(t))
}

// finish writes the length of the message that began at dst[at].
func finish(dst []byte, at int) []byte {
	n := len(dst) - at
	dst[at+16], dst[at+17] = byte(n>>8), byte(n)
	return dst
}

// AppendKeepalive appends a KEEPALIVE.
func AppendKeepalive(dst []byte) []byte { return finish(begin(dst, TypeKeepalive), len(dst)) }
