package wire

import (
	"net/netip"
)

// countNLRI checks a field of prefixes and counts them. RFC 7606 §5.3 calls it
// incorrect when a prefix is longer than its family's addresses, or the last
// one longer than what is left of the field.
func countNLRI(raw []byte, family Family, ids bool) (int, bool) {
	head, longest := 1, family.bits()
	if ids {
		head = 5
	}
	n := 0
	for at := 0; at < len(raw); n++ {
		if len(raw)-at < head {
			return n, false
		}
		bits := int(raw[at+head-1])
		at += head + (bits+7)>>3
		if bits > longest || at > len(raw) {
			return n, false
		}
	}
	return n, true
}

// next takes one prefix off a checked field. The bits after the prefix's
// length mean nothing on the wire (RFC 4271 §4.3) and are cleared.
func next(raw []byte, family Family, ids bool) (Dest, []byte) {
	var id uint32
	if ids {
		id, raw = be32(raw), raw[4:]
	}
	bits := int(raw[0])
	octets := (bits + 7) >> 3
	if family == IPv4 {
		var v uint32
		if len(raw) >= 5 {
			v = be32(raw[1:5])
		} else {
			for i := range octets {
				v |= uint32(raw[1+i]) << (24 - 8*i)
			}
		}
		v &= ^uint32(0) << (32 - bits)
		return Dest{netip.PrefixFrom(addr4(v), bits), id}, raw[1+octets:]
	}
	var a [16]byte
	copy(a[:], raw[1:1+octets])
	if bits&7 != 0 {
		a[octets-1] &= 0xff << (8 - bits&7)
	}
	return Dest{netip.PrefixFrom(netip.AddrFrom16(a), bits), id}, raw[1+octets:]
}

// appendNLRI writes one prefix.
func appendNLRI(b []byte, d Dest, ids bool) []byte {
	if ids {
		b = append(b, byte(d.PathID>>24), byte(d.PathID>>16), byte(d.PathID>>8), byte(d.PathID))
	}
	bits := d.Prefix.Bits()
	octets := (bits + 7) >> 3
	b = append(b, byte(bits))
	if d.Prefix.Addr().Is4() {
		a := d.Prefix.Addr().As4()
		return append(b, a[:octets]...)
	}
	a := d.Prefix.Addr().As16()
	return append(b, a[:octets]...)
}

// Martian says whether a prefix can't be a destination of unicast routing:
// multicast, loopback, link-local, the "this network" block, class E. A route
// to one is to be ignored and logged (RFC 4271 §6.3); the session is not at
// fault. The default routes are none.
func Martian(p netip.Prefix) bool {
	if p.Bits() == 0 {
		return false
	}
	a := p.Addr()
	if a.Is4() {
		switch o := a.As4(); {
		case o[0] == 0 || o[0] == 127 || o[0] >= 224:
			return true
		case o[0] == 169 && o[1] == 254 && p.Bits() >= 16:
			return true
		}
		return false
	}
	return a.IsMulticast() || a.IsLinkLocalUnicast() || p.Bits() == 128 && (a.IsLoopback() || a.IsUnspecified())
}
