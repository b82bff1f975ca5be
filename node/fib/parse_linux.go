package fib

import (
	"bytes"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// A message is one netlink message in a buffer.
type message struct {
	kind, flags uint16
	seq         uint32
	body        []byte
}

// nextMessage takes the first message off b. It is not ok when there is none,
// or when b isn't what the kernel would send.
func nextMessage(b []byte) (m message, rest []byte, ok bool) {
	if len(b) < unix.SizeofNlMsghdr {
		return m, nil, false
	}
	n := int(native.Uint32(b))
	if n < unix.SizeofNlMsghdr || n > len(b) {
		return m, nil, false
	}
	m = message{
		kind:  native.Uint16(b[4:]),
		flags: native.Uint16(b[6:]),
		seq:   native.Uint32(b[8:]),
		body:  b[unix.SizeofNlMsghdr:n],
	}
	return m, b[min(align(n), len(b)):], true
}

func align(n int) int { return (n + 3) &^ 3 }

// nextAttr takes the first attribute off b.
func nextAttr(b []byte) (kind uint16, val, rest []byte, ok bool) {
	if len(b) < 4 {
		return 0, nil, nil, false
	}
	n := int(native.Uint16(b))
	if n < 4 || n > len(b) {
		return 0, nil, nil, false
	}
	kind = native.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
	return kind, b[4:n], b[min(align(n), len(b)):], true
}

// parseError reads NLMSG_ERROR: the errno, 0 for an acknowledgement, and the
// kernel's words.
func parseError(m message) (errno syscall.Errno, words string, ok bool) {
	if len(m.body) < 4+unix.SizeofNlMsghdr {
		return 0, "", false
	}
	errno = syscall.Errno(-int32(native.Uint32(m.body)))
	if m.flags&unix.NLM_F_ACK_TLVS == 0 {
		return errno, "", true
	}
	skip := 4 + unix.SizeofNlMsghdr
	if m.flags&unix.NLM_F_CAPPED == 0 { // the request is repeated whole
		n := int(native.Uint32(m.body[4:]))
		if n < unix.SizeofNlMsghdr || n > len(m.body)-4 {
			return errno, "", true
		}
		skip = min(4+align(n), len(m.body))
	}
	for b := m.body[skip:]; ; {
		kind, val, rest, more := nextAttr(b)
		if !more {
			return errno, words, true
		}
		if kind == unix.NLMSGERR_ATTR_MSG {
			words = string(bytes.TrimRight(val, "\x00"))
		}
		b = rest
	}
}

// parseEvent turns a message into an Event; ok is false for what is none of
// our business. The hops of ev are used again.
func parseEvent(m message, ev *Event) (ok bool) {
	ev.Gone = m.kind == unix.RTM_DELLINK || m.kind == unix.RTM_DELADDR || m.kind == unix.RTM_DELROUTE
	ev.Replaced = m.flags&unix.NLM_F_REPLACE != 0
	switch m.kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		ev.Kind = LinkEvent
		return parseLink(m.body, &ev.Link)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		ev.Kind = AddrEvent
		return parseAddr(m.body, &ev.Addr)
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		ev.Kind = RouteEvent
		return parseRoute(m.body, &ev.Route)
	}
	return false
}

func parseLink(b []byte, l *Link) bool {
	// A bridge says RTM_DELLINK with a family of its own when a port leaves
	// it: the link is still there.
	if len(b) < unix.SizeofIfInfomsg || b[0] != unix.AF_UNSPEC {
		return false
	}
	*l = Link{Index: int(int32(native.Uint32(b[4:]))), Up: native.Uint32(b[8:])&unix.IFF_UP != 0,
		Carrier: native.Uint32(b[8:])&(unix.IFF_RUNNING|unix.IFF_LOWER_UP) != 0}
	for b = b[unix.SizeofIfInfomsg:]; ; {
		kind, val, rest, more := nextAttr(b)
		if !more {
			return l.Index > 0
		}
		switch kind {
		case unix.IFLA_IFNAME:
			l.Name = string(bytes.TrimRight(val, "\x00"))
		case unix.IFLA_LINKINFO:
			l.VRF = string(attr(val, unix.IFLA_INFO_SLAVE_KIND)) == "vrf\x00"
		}
		b = rest
	}
}

// attr is the value of the first attribute of a kind.
func attr(b []byte, wanted uint16) []byte {
	for {
		kind, val, rest, more := nextAttr(b)
		if !more || kind == wanted {
			return val
		}
		b = rest
	}
}

func parseAddr(b []byte, a *Addr) bool {
	if len(b) < unix.SizeofIfAddrmsg {
		return false
	}
	bits := int(b[1])
	a.Link = int(native.Uint32(b[4:]))
	var address, local netip.Addr
	for b = b[unix.SizeofIfAddrmsg:]; ; {
		kind, val, rest, more := nextAttr(b)
		if !more {
			break
		}
		switch kind {
		case unix.IFA_ADDRESS:
			address, _ = netip.AddrFromSlice(val)
		case unix.IFA_LOCAL: // on point-to-point links IFA_ADDRESS is the other end's
			local, _ = netip.AddrFromSlice(val)
		}
		b = rest
	}
	if !local.IsValid() {
		local = address
	}
	if a.Far = (netip.Prefix{}); address.IsValid() && address != local {
		a.Far = netip.PrefixFrom(address, bits).Masked()
	}
	a.Prefix = netip.PrefixFrom(local, bits)
	return a.Prefix.IsValid()
}

// parseRoute reads a route of the main table. Routes that depend on more than
// the destination (type of service, incoming interface, source), and entries
// of the route cache, decide nothing for us.
func parseRoute(b []byte, r *KernelRoute) bool {
	if len(b) < unix.SizeofRtMsg {
		return false
	}
	family, bits, srcBits, tos, table := b[0], int(b[1]), b[2], b[3], uint32(b[4])
	flags := native.Uint32(b[8:])
	hops := r.Hops[:0]
	*r = KernelRoute{Foreign: Foreign{Protocol: b[5], Type: RouteType(b[7])}}
	if srcBits != 0 || tos != 0 || flags&unix.RTM_F_CLONED != 0 {
		return false
	}
	one := Hop{Onlink: flags&unix.RTNH_F_ONLINK != 0}
	var addr netip.Addr
	switch family {
	case unix.AF_INET:
		addr = netip.IPv4Unspecified()
	case unix.AF_INET6:
		addr = netip.IPv6Unspecified()
	default:
		return false
	}
	for b = b[unix.SizeofRtMsg:]; ; {
		kind, val, rest, more := nextAttr(b)
		if !more {
			break
		}
		switch kind {
		case unix.RTA_DST:
			a, ok := netip.AddrFromSlice(val)
			if !ok || a.Is4() != addr.Is4() {
				return false
			}
			addr = a
		case unix.RTA_TABLE:
			if len(val) == 4 {
				table = native.Uint32(val)
			}
		case unix.RTA_PRIORITY:
			if len(val) == 4 {
				r.Metric = native.Uint32(val)
			}
		case unix.RTA_OIF:
			if len(val) == 4 {
				one.Link = int(native.Uint32(val))
			}
		case unix.RTA_GATEWAY:
			one.Gateway, _ = netip.AddrFromSlice(val)
		case unix.RTA_VIA:
			one.Gateway = parseVia(val)
		case unix.RTA_MULTIPATH:
			hops = parseMultipath(val, hops, r)
		case rtaNHID:
			if len(val) == 4 {
				r.Object = native.Uint32(val)
			}
		case unix.RTA_IIF:
			return false
		case unix.RTA_PREFSRC, unix.RTA_ENCAP, unix.RTA_METRICS:
			r.Odd = true
		}
		b = rest
	}
	if table != unix.RT_TABLE_MAIN {
		return false
	}
	if one.Link != 0 && r.Type == Unicast { // IPv6 has blackholes on lo
		hops = append(hops, one)
	}
	if r.Protocol == Protocol && isDeadEnd(r.Type) {
		hops = append(hops[:0], Hop{Dead: r.Type})
	}
	r.Hops = canonical(hops)
	r.Odd = r.Odd || len(r.Hops) == 0 && r.Object == 0
	dst := netip.PrefixFrom(addr, bits)
	r.Dst = dst.Masked()
	return dst.IsValid()
}

func parseMultipath(b []byte, hops []Hop, r *KernelRoute) []Hop {
	for len(b) >= unix.SizeofRtNexthop {
		n := int(native.Uint16(b))
		if n < unix.SizeofRtNexthop || n > len(b) {
			return hops
		}
		if b[3] != 0 {
			r.Odd = true // a weight
		}
		h := Hop{Onlink: b[2]&unix.RTNH_F_ONLINK != 0, Link: int(int32(native.Uint32(b[4:])))}
		for a := b[unix.SizeofRtNexthop:n]; ; {
			kind, val, rest, more := nextAttr(a)
			if !more {
				break
			}
			switch kind {
			case unix.RTA_GATEWAY:
				h.Gateway, _ = netip.AddrFromSlice(val)
			case unix.RTA_VIA:
				h.Gateway = parseVia(val)
			}
			a = rest
		}
		hops = append(hops, h)
		b = b[min(align(n), len(b)):]
	}
	return hops
}

// parseVia reads struct rtvia: a family and an address of it.
func parseVia(b []byte) netip.Addr {
	if len(b) < 2 {
		return netip.Addr{}
	}
	a, _ := netip.AddrFromSlice(b[2:])
	return a
}
