package fib

import (
	"fmt"
	"math/bits"

	"golang.org/x/sys/unix"
)

// allEvents are the groups of everything a Scan reads.
var allEvents = []int{
	unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
	unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_NEXTHOP,
}

// openEvents subscribes to what changes in the kernel, except by our own
// hand: writing a million routes would drown everything else.
func openEvents(ours uint32, buffer int, groups ...int) (*socket, error) {
	s, err := openSocket(unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	s.receiveBuffer(buffer)
	// First the filter, then the subscription, so that nothing slips in between.
	if err := s.filter(ours); err != nil {
		s.close()
		return nil, err
	}
	for _, group := range groups {
		err := s.option(unix.NETLINK_ADD_MEMBERSHIP, group)
		if err != nil && group != unix.RTNLGRP_NEXTHOP { // which kernels without such objects don't know
			s.close()
			return nil, fmt.Errorf("netlink subscription: %w", err)
		}
	}
	return s, nil
}

// filter makes the kernel drop, before it queues them, events that carry our
// writing socket's port (nlmsg_pid is the requester's in route notifications)
// and routes of other tables.
func (s *socket) filter(ours uint32) error {
	const (
		typeAt  = 4  // nlmsghdr.nlmsg_type
		pidAt   = 12 // nlmsghdr.nlmsg_pid
		tableAt = 20 // rtmsg.rtm_table
		drop    = 0
		pass    = 0xffffffff
	)
	prog := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: pidAt},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: network32(ours), Jt: 5},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: typeAt},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: network16(unix.RTM_NEWROUTE), Jt: 1},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: network16(unix.RTM_DELROUTE), Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: tableAt},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.RT_TABLE_MAIN, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: drop},
		{Code: unix.BPF_RET | unix.BPF_K, K: pass},
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	if err := unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog); err != nil {
		return fmt.Errorf("netlink filter: %w", err)
	}
	return nil
}

// BPF loads words in network order; netlink writes them in the host's.
func network32(v uint32) uint32 {
	if native.Uint16([]byte{1, 0}) == 1 {
		return bits.ReverseBytes32(v)
	}
	return v
}

func network16(v uint16) uint32 {
	if native.Uint16([]byte{1, 0}) == 1 {
		return uint32(bits.ReverseBytes16(v))
	}
	return uint32(v)
}
