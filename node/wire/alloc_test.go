//go:build !race

package wire

import (
	"bytes"
	"io"
	"testing"
)

// TestNoGarbage: in the steady state, messages cost no memory.
func TestNoGarbage(t *testing.T) {
	for _, family := range []Family{IPv4, IPv6} {
		bodies := feed(t, family, 100, 50)
		d := NewDecoder(external(), new(Table))
		list := make([]Dest, 0, 1000)
		total := 0
		read := func() {
			for _, body := range bodies {
				var u Update
				err := Safely(func() (err *Error) {
					u, err = d.Decode(body)
					return err
				})
				if err != nil || u.Verdict != OK {
					t.Fatal(err, u.Notes)
				}
				for _, r := range u.Reach {
					list = r.Append(list[:0])
					for dest := range r.All() {
						total += dest.Prefix.Bits()
					}
				}
			}
		}
		read()
		if n := testing.AllocsPerRun(20, read); n != 0 {
			t.Errorf("%v: reading 100 messages: %v allocations", family, n)
		}

		u, _ := d.Decode(bodies[0])
		attrs := u.Reach[0].Attrs
		list = u.Reach[0].Append(list[:0])
		for len(list) < 1000 {
			list = append(list, list[0])
		}
		buf := make([]byte, 0, 64<<10)
		for _, b := range []Builder{{FourOctetAS: true}, {}, {AddPath: Both}, {FourOctetAS: true, MaxLen: MaxExtended}} {
			write := func() {
				out, err := b.Reach(buf[:0], family, attrs, list)
				if err != nil {
					t.Fatal(err)
				}
				b.EndOfRIB(b.Withdraw(out[:0], family, list), family)
			}
			if n := testing.AllocsPerRun(20, write); n != 0 {
				t.Errorf("%v: %+v writes with %v allocations", family, b, n)
			}
		}
	}
	var stream []byte
	for range 1000 {
		stream = AppendKeepalive(stream)
	}
	src := bytes.NewReader(stream)
	r := NewReader(src)
	n := testing.AllocsPerRun(20, func() {
		_, _ = src.Seek(0, io.SeekStart)
		for range 1000 {
			if _, _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n > 1 { // the buffer may change its size
		t.Errorf("reading: %v allocations for 1000 messages", n)
	}
}
