package speaker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
)

// news is what an UPDATE says of one prefix.
type news struct {
	prefix netip.Prefix
	gone   bool
	said   announcement
}

// readUpdate reads what a speaker of ours has said, by RFC 4271 and RFC 4760
// and nothing of the engine. What it finds wrong it says in words.
func readUpdate(body []byte, old bool) (list []news, fault string) {
	defer func() {
		if why := recover(); why != nil {
			fault = fmt.Sprintf("UPDATE %x: %v", body, why)
		}
	}()
	body = bytes.Clone(body)
	cut := func(b []byte, n int) ([]byte, []byte) { return b[:n], b[n:] }
	withdrawn, rest := cut(body[2:], int(binary.BigEndian.Uint16(body)))
	attrs, nlri := cut(rest[2:], int(binary.BigEndian.Uint16(rest)))
	for _, p := range networks(withdrawn, false) {
		list = append(list, news{prefix: p, gone: true})
	}
	a := announcement{med: -1, localPref: -1, origin: -1}
	var six []netip.Prefix
	var path4 [][]uint32
	var aggregator4 []byte
	last := uint8(0)
	for len(attrs) > 0 {
		flags, kind := attrs[0], attrs[1]
		size, head := int(attrs[2]), 3
		if flags&0x10 != 0 {
			size, head = int(binary.BigEndian.Uint16(attrs[2:])), 4
		}
		var v []byte
		v, attrs = cut(attrs[head:], size)
		if kind <= last && kind != 14 && kind != 15 {
			fault = fmt.Sprintf("attribute %d comes after %d", kind, last)
		}
		if kind != 14 && kind != 15 {
			last = kind
		}
		switch kind {
		case 1:
			a.origin = int(v[0])
		case 2:
			a.path = hopsIn(v, map[bool]int{true: 2, false: 4}[old])
		case 3:
			a.nextHop, _ = netip.AddrFromSlice(v)
		case 4:
			a.med = int64(binary.BigEndian.Uint32(v))
		case 5:
			a.localPref = int64(binary.BigEndian.Uint32(v))
		case 8:
			a.communities = numbersIn(v)
		case 9:
			a.originator, _ = netip.AddrFromSlice(v)
		case 10:
			a.clusters = numbersIn(v)
		case 14:
			hop := int(v[3])
			a.nextHop, _ = netip.AddrFromSlice(v[4:20])
			six = networks(v[4+hop+1:], true)
		case 15:
			for _, p := range networks(v[3:], true) {
				list = append(list, news{prefix: p, gone: true})
			}
		case 17:
			path4 = hopsIn(v, 4)
		case 18:
			aggregator4 = v
		case 7:
			if old {
				v = slices.Concat([]byte{0, 0}, v)
			}
			a.extra = append(a.extra, extra{flags &^ 0x10, kind, v})
		default:
			a.extra = append(a.extra, extra{flags &^ 0x10, kind, v})
		}
	}
	if !old && (path4 != nil || aggregator4 != nil) {
		fault = "AS4 attributes to a four-octet speaker"
	}
	if path4 != nil {
		a.path = slices.Concat(a.path[:len(a.path)-len(path4)], path4)
	}
	for i := range a.extra {
		if x := &a.extra[i]; x.Type == 7 && aggregator4 != nil && binary.BigEndian.Uint32(x.Value) == 23456 {
			x.Value = aggregator4
		}
	}
	for _, p := range append(networks(nlri, false), six...) {
		if a.origin < 0 || !a.nextHop.IsValid() {
			fault = fmt.Sprintf("%v without ORIGIN or next hop", p)
		}
		list = append(list, news{prefix: p, said: a})
	}
	return list, fault
}

func networks(b []byte, v6 bool) (list []netip.Prefix) {
	for len(b) > 0 {
		n := (int(b[0]) + 7) / 8
		octets := make([]byte, map[bool]int{true: 16, false: 4}[v6])
		copy(octets, b[1:1+n])
		a, _ := netip.AddrFromSlice(octets)
		list = append(list, netip.PrefixFrom(a, int(b[0])))
		b = b[1+n:]
	}
	return list
}

func numbersIn(b []byte) (list []uint32) {
	for ; len(b) > 0; b = b[4:] {
		list = append(list, binary.BigEndian.Uint32(b))
	}
	return list
}

// hopsIn are the hops of a path: the ASes of sequences, and sets.
func hopsIn(b []byte, octets int) (path [][]uint32) {
	for len(b) > 0 {
		kind, n := b[0], int(b[1])
		var list []uint32
		for i := range n {
			at := b[2+i*octets:]
			if octets == 2 {
				list = append(list, uint32(binary.BigEndian.Uint16(at)))
			} else {
				list = append(list, binary.BigEndian.Uint32(at))
			}
		}
		if kind == 1 {
			path = append(path, list)
		} else {
			for _, as := range list {
				path = append(path, []uint32{as})
			}
		}
		b = b[2+n*octets:]
	}
	return path
}
