package fib

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Netlink messages are in the byte order of the host, and every one is built
// by hand into a buffer that is used again: a route costs no allocation.

var native = binary.NativeEndian

// appendOp appends the message that carries out op, by the next-hop object
// with this id unless it is 0.
func appendOp(b []byte, op *Op, object, seq uint32) []byte {
	start := len(b)
	kind, flags, scope, kindOfRoute := uint16(unix.RTM_NEWROUTE), uint16(unix.NLM_F_REQUEST), byte(unix.RT_SCOPE_UNIVERSE), byte(unix.RTN_UNICAST)
	switch op.Kind {
	case Add:
		flags |= unix.NLM_F_CREATE | unix.NLM_F_EXCL
	case Replace:
		flags |= unix.NLM_F_CREATE | unix.NLM_F_REPLACE
	case Remove:
		// Whatever its type and scope: our protocol and metric say which one.
		kind, scope, kindOfRoute = unix.RTM_DELROUTE, unix.RT_SCOPE_NOWHERE, unix.RTN_UNSPEC
	}
	family := byte(unix.AF_INET)
	if op.Dst.Addr().Is6() {
		family = unix.AF_INET6
	}
	deadEnd := dead(op.Hops)
	if deadEnd {
		kindOfRoute = byte(op.Hops[0].Dead)
	}
	b = appendHeader(b, kind, flags, seq)
	b = append(b, family, byte(op.Dst.Bits()), 0, 0, unix.RT_TABLE_MAIN, Protocol, scope, kindOfRoute)
	one := op.Kind != Remove && object == 0 && len(op.Hops) == 1 && !deadEnd
	if one && op.Hops[0].Onlink {
		b = native.AppendUint32(b, unix.RTNH_F_ONLINK)
	} else {
		b = native.AppendUint32(b, 0)
	}
	b = appendAddrAttr(b, unix.RTA_DST, op.Dst.Addr())
	b = appendUint32Attr(b, unix.RTA_PRIORITY, op.Metric)
	switch {
	case op.Kind == Remove, deadEnd:
	case object != 0:
		b = appendUint32Attr(b, rtaNHID, object)
	case one:
		b = appendGateway(b, family, op.Hops[0].Gateway)
		b = appendUint32Attr(b, unix.RTA_OIF, uint32(op.Hops[0].Link))
	default:
		b = appendMultipath(b, family, op.Hops)
	}
	native.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// appendMultipath appends one struct rtnexthop a hop, each with its gateway.
func appendMultipath(b []byte, family byte, hops []Hop) []byte {
	attr := len(b)
	b = append(b, 0, 0, 0, 0)
	for _, h := range hops {
		hop := len(b)
		var flags byte
		if h.Onlink {
			flags = unix.RTNH_F_ONLINK
		}
		b = append(b, 0, 0, flags, 0) // length, flags, weight-1
		b = native.AppendUint32(b, uint32(h.Link))
		b = appendGateway(b, family, h.Gateway)
		native.PutUint16(b[hop:], uint16(len(b)-hop))
	}
	native.PutUint16(b[attr:], uint16(len(b)-attr))
	native.PutUint16(b[attr+2:], unix.RTA_MULTIPATH)
	return b
}

// appendGateway appends a gateway, as RTA_VIA when an IPv4 route goes through
// an IPv6 router (RFC 8950).
func appendGateway(b []byte, family byte, a netip.Addr) []byte {
	switch {
	case !a.IsValid():
		return b
	case family == unix.AF_INET && a.Is6():
		b = native.AppendUint16(b, 4+2+16)
		b = native.AppendUint16(b, unix.RTA_VIA)
		b = native.AppendUint16(b, unix.AF_INET6)
		v := a.As16()
		return append(append(b, v[:]...), 0, 0)
	}
	return appendAddrAttr(b, unix.RTA_GATEWAY, a)
}

func appendAddrAttr(b []byte, kind uint16, a netip.Addr) []byte {
	if a.Is4() {
		b = native.AppendUint16(b, 8)
		b = native.AppendUint16(b, kind)
		v := a.As4()
		return append(b, v[:]...)
	}
	b = native.AppendUint16(b, 20)
	b = native.AppendUint16(b, kind)
	v := a.As16()
	return append(b, v[:]...)
}

func appendUint32Attr(b []byte, kind uint16, v uint32) []byte {
	b = native.AppendUint16(b, 8)
	b = native.AppendUint16(b, kind)
	return native.AppendUint32(b, v)
}

// appendHeader appends a struct nlmsghdr; the length is filled in later.
func appendHeader(b []byte, kind, flags uint16, seq uint32) []byte {
	b = append(b, 0, 0, 0, 0)
	b = native.AppendUint16(b, kind)
	b = native.AppendUint16(b, flags)
	b = native.AppendUint32(b, seq)
	return append(b, 0, 0, 0, 0) // the kernel knows who we are
}

// appendDump appends a request for all links, addresses or routes. The rest of
// the header has to be as long as the kernel's struct (NETLINK_GET_STRICT_CHK).
func appendDump(b []byte, kind uint16, family byte, seq uint32) []byte {
	start := len(b)
	b = appendHeader(b, kind, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, seq)
	switch kind {
	case unix.RTM_GETLINK:
		b = append(b, make([]byte, unix.SizeofIfInfomsg)...)
	case unix.RTM_GETADDR:
		b = append(b, make([]byte, unix.SizeofIfAddrmsg)...)
	case unix.RTM_GETNEXTHOP:
		b = append(b, make([]byte, sizeofNhmsg)...)
	default:
		b = append(b, make([]byte, unix.SizeofRtMsg)...)
		b[start+unix.SizeofNlMsghdr+4] = unix.RT_TABLE_MAIN
	}
	b[start+unix.SizeofNlMsghdr] = family
	native.PutUint32(b[start:], uint32(len(b)-start))
	return b
}
