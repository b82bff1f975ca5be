package fib

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// rtaNHID is RTA_NH_ID (linux/rtnetlink.h): a route goes by an object.
const rtaNHID = 0x1e

// Lengths of struct nhmsg and struct nexthop_grp (linux/nexthop.h).
const (
	sizeofNhmsg      = 8
	sizeofNexthopGrp = 8
)

// appendObject appends the message that makes or replaces an object: a group
// if it has parts, else a hop.
func appendObject(b []byte, flags uint16, id uint32, h Hop, parts []uint32) []byte {
	b = appendObjectID(b, unix.RTM_NEWNEXTHOP, flags, id)
	b[unix.SizeofNlMsghdr+2] = Protocol
	if parts != nil {
		b = native.AppendUint16(b, uint16(4+sizeofNexthopGrp*len(parts)))
		b = native.AppendUint16(b, unix.NHA_GROUP)
		for _, part := range parts {
			b = native.AppendUint32(b, part)
			b = append(b, 0, 0, 0, 0) // weight-1
		}
	} else {
		b[unix.SizeofNlMsghdr] = unix.AF_INET
		if h.Gateway.Is6() {
			b[unix.SizeofNlMsghdr] = unix.AF_INET6
		}
		if h.Onlink {
			native.PutUint32(b[unix.SizeofNlMsghdr+4:], unix.RTNH_F_ONLINK)
		}
		b = appendUint32Attr(b, unix.NHA_OIF, uint32(h.Link))
		b = appendAddrAttr(b, unix.NHA_GATEWAY, h.Gateway)
	}
	native.PutUint32(b, uint32(len(b)))
	return b
}

// appendObjectID appends a message about the object with this id.
func appendObjectID(b []byte, kind, flags uint16, id uint32) []byte {
	start := len(b)
	b = appendHeader(b, kind, unix.NLM_F_REQUEST|flags, 0)
	b = append(b, make([]byte, sizeofNhmsg)...)
	b = appendUint32Attr(b, unix.NHA_ID, id)
	native.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// parseObject reads an object; id is 0 if there is none.
func parseObject(b []byte) (id uint32, x *object) {
	x = &object{}
	if len(b) < sizeofNhmsg {
		return 0, x
	}
	h := Hop{Onlink: native.Uint32(b[4:])&unix.RTNH_F_ONLINK != 0}
	protocol := b[2]
	for b = b[sizeofNhmsg:]; ; {
		kind, val, rest, more := nextAttr(b)
		if !more {
			break
		}
		switch {
		case kind == unix.NHA_ID && len(val) == 4:
			id = native.Uint32(val)
		case kind == unix.NHA_OIF && len(val) == 4:
			h.Link = int(int32(native.Uint32(val)))
		case kind == unix.NHA_GATEWAY:
			h.Gateway, _ = netip.AddrFromSlice(val)
		case kind == unix.NHA_GROUP:
			x.group = true
			for ; len(val) >= sizeofNexthopGrp; val = val[sizeofNexthopGrp:] {
				x.ids = append(x.ids, native.Uint32(val))
			}
		}
		b = rest
	}
	if h.Link != 0 {
		x.hops = []Hop{h}
	}
	x.ours = protocol == Protocol && id >= objectsFirst && id <= objectsLast
	return id, x
}
