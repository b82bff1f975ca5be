package wiretest

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// A Header is a message whose header is right or wrong, and the NOTIFICATION for it.
type Header struct {
	Name          string // with its RFC and section
	Message       []byte
	Longest       int   // that the session allows
	Code, Subcode uint8 // 0: it is right
	Data          []byte
}

// An Opening is the body of an OPEN from AS 65001 whose identifier is 10.0.0.1, right or
// wrong, and the NOTIFICATION for it.
type Opening struct {
	Name          string // with its RFC and section
	Body          []byte
	Code, Subcode uint8 // 0: it is right
	Data          []byte
}

// Message is a message with a given header, right or wrong.
func Message(markerByte byte, length int, t byte, body ...byte) []byte {
	b := bytes.Repeat([]byte{markerByte}, 16)
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	return append(append(b, t), body...)
}

func halfMarker() []byte {
	b := Message(0xff, 19, 4)
	b[15] = 0xfe
	return b
}

// Open is the body of an OPEN whose optional parameters are given with their
// length.
func Open(params ...byte) []byte {
	return append([]byte{4, 0xfd, 0xe9, 0, 90, 10, 0, 0, 1}, params...)
}

// Caps are optional parameters with a list of capabilities.
func Caps(list ...[]byte) []byte {
	v := Join(list...)
	return append([]byte{byte(len(v) + 2), 2, byte(len(v))}, v...)
}

// Cap is a capability.
func Cap(code byte, value ...byte) []byte { return Join([]byte{code, byte(len(value))}, value) }

func change(b []byte, at int, v ...byte) []byte {
	b = slices.Clone(b)
	copy(b[at:], v)
	return b
}

var plain = Open(0)

// Headers are the ways in which a header can be wrong, and some right ones.
var Headers = []Header{
	{"KEEPALIVE", Message(0xff, 19, 4), 4096, 0, 0, nil},
	{"marker of zeros (4271 §6.1)", Message(0, 19, 4), 4096, 1, 1, nil},
	{"last octet of the marker", halfMarker(), 4096, 1, 1, nil},
	{"marker and length wrong: the marker counts", Message(0, 0, 4), 4096, 1, 1, nil},
	{"length 0", Message(0xff, 0, 4), 4096, 1, 2, []byte{0, 0}},
	{"length 18", Message(0xff, 18, 4), 4096, 1, 2, []byte{0, 18}},
	{"length 4097", Message(0xff, 4097, 2), 4096, 1, 2, []byte{0x10, 1}},
	{"length 65535", Message(0xff, 65535, 2), 4096, 1, 2, []byte{0xff, 0xff}},
	{"length 4096", Message(0xff, 4096, 2), 4096, 0, 0, nil},
	{"length 65535, agreed (8654 §4)", Message(0xff, 65535, 2), 65535, 0, 0, nil},
	{"NOTIFICATION of 65535, agreed", Message(0xff, 65535, 3), 65535, 0, 0, nil},
	{"OPEN of 4097, agreed (8654 §4)", Message(0xff, 4097, 1), 65535, 1, 2, []byte{0x10, 1}},
	{"OPEN of 28", Message(0xff, 28, 1), 4096, 1, 2, []byte{0, 28}},
	{"OPEN of 29", Message(0xff, 29, 1), 4096, 0, 0, nil},
	{"UPDATE of 22", Message(0xff, 22, 2), 4096, 1, 2, []byte{0, 22}},
	{"UPDATE of 23", Message(0xff, 23, 2), 4096, 0, 0, nil},
	{"NOTIFICATION of 20", Message(0xff, 20, 3), 4096, 1, 2, []byte{0, 20}},
	{"NOTIFICATION of 21", Message(0xff, 21, 3), 4096, 0, 0, nil},
	{"KEEPALIVE of 20", Message(0xff, 20, 4), 4096, 1, 2, []byte{0, 20}},
	{"ROUTE-REFRESH of 22 (2918 §3)", Message(0xff, 22, 5), 4096, 1, 2, []byte{0, 22}},
	{"ROUTE-REFRESH of 23", Message(0xff, 23, 5), 4096, 0, 0, nil},
	{"type 0", Message(0xff, 19, 0), 4096, 1, 3, []byte{0}},
	{"type 6", Message(0xff, 19, 6), 4096, 1, 3, []byte{6}},
	{"type 77", Message(0xff, 19, 77), 4096, 1, 3, []byte{77}},
	{"type 255", Message(0xff, 4096, 255), 4096, 1, 3, []byte{255}},
	{"length and type wrong: the length counts", Message(0xff, 5, 77), 4096, 1, 2, []byte{0, 5}},
}

// Opens are the ways in which an OPEN can be wrong whoever it comes from, and some
// right ones.
var Opens = []Opening{
	{"plain", plain, 0, 0, nil},
	{"9 octets (4271 §6.1)", plain[:9], 1, 2, []byte{0, 28}},
	{"nothing (4271 §6.1)", nil, 1, 2, []byte{0, 19}},
	{"version 3 (4271 §6.2)", change(plain, 0, 3), 2, 1, []byte{0, 4}},
	{"version 5 (4271 §6.2)", change(plain, 0, 5), 2, 1, []byte{0, 4}},
	{"AS 0 (7607 §2)", change(plain, 1, 0, 0), 2, 2, nil},
	{"AS 0 and a good one of four octets (7607 §2)", change(Open(Caps(Cap(65, 0, 1, 0x11, 0x70))...), 1, 0, 0), 2, 2, nil},
	{"four-octet AS 0 (7607 §2)", Open(Caps(Cap(65, 0, 0, 0, 0))...), 2, 2, nil},
	{"AS_TRANS alone (6793 §9)", change(plain, 1, 0x5b, 0xa0), 2, 2, nil},
	{"AS_TRANS and four octets (6793 §4.1)", change(Open(Caps(Cap(65, 0, 1, 0x11, 0x70))...), 1, 0x5b, 0xa0), 0, 0, nil},
	{"identifier 0.0.0.0 (6286 §2.2)", change(plain, 5, 0, 0, 0, 0), 2, 3, nil},
	{"identifier 255.255.255.255 (6286 §2.1)", change(plain, 5, 255, 255, 255, 255), 0, 0, nil},
	{"hold time 1 (4271 §6.2)", change(plain, 3, 0, 1), 2, 6, nil},
	{"hold time 2 (4271 §6.2)", change(plain, 3, 0, 2), 2, 6, nil},
	{"hold time 0", change(plain, 3, 0, 0), 0, 0, nil},
	{"hold time 3", change(plain, 3, 0, 3), 0, 0, nil},
	{"parameters longer than the message (4271 §6.2)", Open(10, 2, 0), 2, 0, nil},
	{"octets after the parameters (4271 §6.2)", Open(0, 2, 0), 2, 0, nil},
	{"a parameter cut off (4271 §6.2)", Open(1, 2), 2, 0, nil},
	{"a parameter too long (4271 §6.2)", Open(3, 2, 2, 0), 2, 0, nil},
	{"authentication (4271 §6.2)", Open(2, 1, 0), 2, 4, nil},
	{"parameter 77 (4271 §6.2)", Open(3, 77, 1, 0), 2, 4, nil},
	{"parameter 255 later (9072 §2)", Open(4, 2, 0, 255, 0), 2, 4, nil},
	{"a parameter without capabilities", Open(2, 2, 0), 0, 0, nil},
	{"a capability cut off (5492 §4)", Open(3, 2, 1, 1), 2, 0, nil},
	{"a capability too long (5492 §4)", Open(6, 2, 4, 1, 4, 0, 1), 2, 0, nil},
	{"unknown capabilities (5492 §3)", Open(Caps(Cap(99), Cap(128), Cap(73, 1, 'a', 0))...), 0, 0, nil},
	{"multiprotocol of 3 octets", Open(Caps(Cap(1, 0, 1, 0))...), 2, 0, nil},
	{"multiprotocol of 5 octets", Open(Caps(Cap(1, 0, 1, 0, 1, 0))...), 2, 0, nil},
	{"multiprotocol of an unknown family (4760 §8)", Open(Caps(Cap(1, 0, 25, 0, 70))...), 0, 0, nil},
	{"route refresh of 1 octet", Open(Caps(Cap(2, 0))...), 2, 0, nil},
	{"enhanced route refresh of 1 octet", Open(Caps(Cap(70, 0))...), 2, 0, nil},
	{"extended message of 1 octet", Open(Caps(Cap(6, 0))...), 2, 0, nil},
	{"extended next hop of 5 octets", Open(Caps(Cap(5, 0, 1, 0, 1, 0))...), 2, 0, nil},
	{"graceful restart empty", Open(Caps(Cap(64))...), 2, 0, nil},
	{"graceful restart of 3 octets", Open(Caps(Cap(64, 0, 0, 0))...), 2, 0, nil},
	{"four-octet AS of 2 octets", Open(Caps(Cap(65, 0, 1))...), 2, 0, nil},
	{"add-path of 3 octets", Open(Caps(Cap(69, 0, 1, 1))...), 2, 0, nil},
	{"add-path with value 9 (7911 §4)", Open(Caps(Cap(69, 0, 1, 1, 9))...), 0, 0, nil},
	{"long-lived graceful restart of 6 octets", Open(Caps(Cap(71, 0, 1, 1, 0, 0, 0))...), 2, 0, nil},
	{"extended parameters (9072 §2)", Open(255, 255, 0, 5, 2, 0, 2, 70, 0), 0, 0, nil},
	{"extended parameters, length 1 (9072 §2)", Open(1, 255, 0, 5, 2, 0, 2, 70, 0), 0, 0, nil},
	{"extended parameters too long (9072 §2)", Open(255, 255, 0, 9, 2, 0, 2, 70, 0), 2, 0, nil},
	{"extended parameters cut off (9072 §2)", Open(255, 255, 0), 2, 0, nil},
	{"extended parameters, length 0 (9072 §2)", Open(0, 255, 0, 5, 2, 0, 2, 70, 0), 2, 0, nil},
	{"an extended parameter cut off (9072 §2)", Open(255, 255, 0, 2, 2, 0), 2, 0, nil},
	{"an extended parameter too long (9072 §2)", Open(255, 255, 0, 3, 2, 1, 0), 2, 0, nil},
}
