package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/calctl/calctl/node/wire/wiretest"
)

var message = wiretest.Message

func TestHeader(t *testing.T) {
	for _, tt := range wiretest.Headers {
		t.Run(tt.Name, func(t *testing.T) {
			_, length, err := Header(tt.Message, tt.Longest)
			if tt.Code == 0 {
				if err != nil || length != int(binary.BigEndian.Uint16(tt.Message[16:])) {
					t.Fatalf("length %d, %v", length, err)
				}
				return
			}
			if err == nil || err.Code != tt.Code || err.Subcode != tt.Subcode || !bytes.Equal(err.Data, tt.Data) {
				t.Fatalf("%v, data %x, want %s", err, err.Data, Words(tt.Code, tt.Subcode))
			}
		})
	}
}

// TestReader: however the octets arrive, the messages are the same.
func TestReader(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	var stream []byte
	var want [][]byte
	for range 2000 {
		b := make([]byte, 4+rnd.IntN([]int{10, 4000, 60000}[rnd.IntN(3)]))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		at := len(stream)
		stream = finish(append(begin(stream, TypeUpdate), b...), at)
		want = append(want, b)
		if rnd.IntN(3) == 0 {
			stream = AppendKeepalive(stream)
			want = append(want, nil)
		}
		if len(stream) > 8<<20 {
			break
		}
	}
	for name, from := range map[string]io.Reader{
		"at once":       bytes.NewReader(stream),
		"by halves":     iotest.HalfReader(bytes.NewReader(stream)),
		"with the EOF":  iotest.DataErrReader(bytes.NewReader(stream)),
		"in odd pieces": &pieces{bytes.NewReader(stream), 777},
		"octets":        iotest.OneByteReader(bytes.NewReader(stream[:100000])),
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(from)
			r.SetMax(MaxExtended)
			for i := range want {
				typ, body, err := r.Next()
				if name == "octets" && errors.Is(err, io.ErrUnexpectedEOF) && i > 3 {
					return
				}
				if err != nil {
					t.Fatal(i, err)
				}
				if typ == TypeKeepalive != (want[i] == nil) || !bytes.Equal(body, want[i]) {
					t.Fatalf("message %d differs", i)
				}
			}
			if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
				t.Fatal("after the end:", err)
			}
		})
	}
}

type pieces struct {
	from io.Reader
	n    int
}

func (p *pieces) Read(b []byte) (int, error) { return p.from.Read(b[:min(len(b), p.n)]) }

func TestReaderEnds(t *testing.T) {
	whole := AppendKeepalive(nil)
	for n := 1; n < len(whole); n++ {
		if _, _, err := NewReader(bytes.NewReader(whole[:n])).Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d octets of a message: %v", n, err)
		}
	}
	update := message(0xff, 100, 2, 1, 2, 3)
	if _, _, err := NewReader(bytes.NewReader(update)).Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("a header and a little: %v", err)
	}
	if _, _, err := NewReader(bytes.NewReader(nil)).Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("nothing: %v", err)
	}
	boom := errors.New("boom")
	if _, _, err := NewReader(iotest.ErrReader(boom)).Next(); !errors.Is(err, boom) {
		t.Fatalf("%v", err)
	}
	if _, _, err := NewReader(stuck{}).Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Fatalf("%v", err)
	}
	var bad *Error
	if _, _, err := NewReader(bytes.NewReader(message(0, 19, 4))).Next(); !errors.As(err, &bad) || bad.Subcode != NotSynchronized {
		t.Fatalf("%v", err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// TestReaderBuffer: the buffer grows for a peer with much to say and shrinks
// for one that has become silent.
func TestReaderBuffer(t *testing.T) {
	src := &switchable{much: finish(append(begin(nil, TypeUpdate), make([]byte, 4000)...), 0), few: AppendKeepalive(nil)}
	r := NewReader(src)
	for range 500 {
		if _, _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.buf) != largestBuffer {
		t.Errorf("a peer with much to say: %d octets", len(r.buf))
	}
	src.silent = true
	for range 1000 {
		if _, _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.buf) != smallestBuffer {
		t.Errorf("a silent peer: %d octets", len(r.buf))
	}
	if r.Ready() {
		t.Error("a message is ready that nobody has sent")
	}
	two := NewReader(bytes.NewReader(append(AppendKeepalive(nil), AppendKeepalive(nil)...)))
	if _, _, err := two.Next(); err != nil || !two.Ready() {
		t.Error("the second message is not ready", err)
	}
}

// switchable fills every read with messages, or gives one at a time.
type switchable struct {
	much, few []byte
	silent    bool
	at        int
}

func (s *switchable) Read(b []byte) (int, error) {
	if s.silent && s.at == 0 {
		return copy(b, s.few), nil
	}
	n := 0
	for n < len(b) {
		c := copy(b[n:], s.much[s.at:])
		s.at = (s.at + c) % len(s.much)
		if n += c; s.silent && s.at == 0 {
			break
		}
	}
	return n, nil
}
