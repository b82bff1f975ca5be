package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// message makes one with a given header, right or wrong.
func message(markerByte byte, length int, t byte, body ...byte) []byte {
	b := bytes.Repeat([]byte{markerByte}, 16)
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	return append(append(b, t), body...)
}

func TestHeader(t *testing.T) {
	halfMarker := message(0xff, 19, 4)
	halfMarker[15] = 0xfe
	for _, tt := range []struct {
		name          string
		b             []byte
		longest       int
		code, subcode uint8
		data          []byte
	}{
		{"KEEPALIVE", message(0xff, 19, 4), MaxLen, 0, 0, nil},
		{"marker of zeros (4271 §6.1)", message(0, 19, 4), MaxLen, 1, 1, nil},
		{"last octet of the marker", halfMarker, MaxLen, 1, 1, nil},
		{"marker and length wrong: the marker counts", message(0, 0, 4), MaxLen, 1, 1, nil},
		{"length 0", message(0xff, 0, 4), MaxLen, 1, 2, []byte{0, 0}},
		{"length 18", message(0xff, 18, 4), MaxLen, 1, 2, []byte{0, 18}},
		{"length 4097", message(0xff, 4097, 2), MaxLen, 1, 2, []byte{0x10, 1}},
		{"length 65535", message(0xff, 65535, 2), MaxLen, 1, 2, []byte{0xff, 0xff}},
		{"length 4096", message(0xff, 4096, 2), MaxLen, 0, 0, nil},
		{"length 65535, agreed (8654 §4)", message(0xff, 65535, 2), MaxExtended, 0, 0, nil},
		{"NOTIFICATION of 65535, agreed", message(0xff, 65535, 3), MaxExtended, 0, 0, nil},
		{"OPEN of 4097, agreed (8654 §4)", message(0xff, 4097, 1), MaxExtended, 1, 2, []byte{0x10, 1}},
		{"OPEN of 28", message(0xff, 28, 1), MaxLen, 1, 2, []byte{0, 28}},
		{"OPEN of 29", message(0xff, 29, 1), MaxLen, 0, 0, nil},
		{"UPDATE of 22", message(0xff, 22, 2), MaxLen, 1, 2, []byte{0, 22}},
		{"UPDATE of 23", message(0xff, 23, 2), MaxLen, 0, 0, nil},
		{"NOTIFICATION of 20", message(0xff, 20, 3), MaxLen, 1, 2, []byte{0, 20}},
		{"NOTIFICATION of 21", message(0xff, 21, 3), MaxLen, 0, 0, nil},
		{"KEEPALIVE of 20", message(0xff, 20, 4), MaxLen, 1, 2, []byte{0, 20}},
		{"ROUTE-REFRESH of 22 (2918 §3)", message(0xff, 22, 5), MaxLen, 1, 2, []byte{0, 22}},
		{"ROUTE-REFRESH of 23", message(0xff, 23, 5), MaxLen, 0, 0, nil},
		{"type 0", message(0xff, 19, 0), MaxLen, 1, 3, []byte{0}},
		{"type 6", message(0xff, 19, 6), MaxLen, 1, 3, []byte{6}},
		{"type 77", message(0xff, 19, 77), MaxLen, 1, 3, []byte{77}},
		{"type 255", message(0xff, 4096, 255), MaxLen, 1, 3, []byte{255}},
		{"length and type wrong: the length counts", message(0xff, 5, 77), MaxLen, 1, 2, []byte{0, 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, length, err := Header(tt.b, tt.longest)
			if tt.code == 0 {
				if err != nil || length != int(binary.BigEndian.Uint16(tt.b[16:])) {
					t.Fatalf("length %d, %v", length, err)
				}
				return
			}
			if err == nil || err.Code != tt.code || err.Subcode != tt.subcode || !bytes.Equal(err.Data, tt.data) {
				t.Fatalf("%v, data %x, want %s", err, err.Data, Words(tt.code, tt.subcode))
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
