package main

import "testing"

func TestReadOnlyPages(t *testing.T) {
	for line, want := range map[string]bool{
		"00400000-00d38000 r-xp 00000000 fe:00 10020593                           /usr/bin/calctl":           true,
		"00d38000-017b3000 r--p 00938000 fe:00 10020593                           /usr/bin/calctl":           true,
		"017b3000-0184b000 rw-p 013b3000 fe:00 10020593                           /usr/bin/calctl":           false, // ours alone: its content is nowhere else
		"7f0000000000-7f0000001000 r--p 00000000 fe:00 1                          /usr/lib/libc.so.6":        false,
		"7f0000000000-7f0000001000 r--p 00000000 fe:00 1                          /usr/bin/calctl (deleted)": false,
		"7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]":                   false,
		"": false,
	} {
		from, to, ok := readOnly(line, "/usr/bin/calctl")
		if ok != want || ok && (from == 0 || to <= from) {
			t.Errorf("%q: %v (%x-%x)", line, ok, from, to)
		}
	}
}
