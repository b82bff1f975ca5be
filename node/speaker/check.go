package speaker

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/calctl/calctl/node/intent"
)

// maxPassword is TCP_MD5SIG_MAXKEYLEN of Linux.
const maxPassword = 80

// check takes what can't be spoken out of an intent and says why, per peer.
// The error is about the intent as a whole: nothing of it can be done.
// An engine relies on it.
func check(want intent.BGP) (intent.BGP, map[netip.AddrPort]error, error) {
	if !want.Enabled() {
		return want, nil, nil
	}
	switch {
	case !want.RouterID.Is4() || want.RouterID.IsUnspecified():
		return want, nil, fmt.Errorf("router id %v: must be an IPv4 address other than 0.0.0.0", want.RouterID)
	case want.ASN == 0:
		return want, nil, errors.New("as number 0 is reserved (RFC 7607): give the node another")
	}
	for p := range want.Local {
		if err := checkPrefix(p); err != nil {
			return want, nil, fmt.Errorf("local route: %w", err)
		}
	}
	inside := slices.Concat(want.Export.Reject, want.Export.Blocks, want.Export.Services, want.Export.Accept)
	for _, a := range want.Export.Advertise {
		inside = append(inside, a.CIDR)
	}
	for _, p := range inside {
		if err := checkPrefix(p); err != nil {
			return want, nil, fmt.Errorf("export policy: %w", err)
		}
	}
	for _, p := range slices.Concat(want.Kernel.Services, want.Kernel.Pools) {
		if err := checkPrefix(p); err != nil {
			return want, nil, fmt.Errorf("kernel policy: %w", err)
		}
	}
	want = clone(want)
	bad := map[netip.AddrPort]error{}
	for at, p := range want.Peers {
		if err := checkPeer(at, p); err != nil {
			bad[at] = fmt.Errorf("peer %v (%s): %w", at, p.Name, err)
			delete(want.Peers, at)
		}
	}
	return want, bad, nil
}

func checkPrefix(p netip.Prefix) error {
	if !p.IsValid() || p.Addr().Is4In6() || p.Masked() != p {
		return fmt.Errorf("%v is not a network", p)
	}
	return nil
}

func checkPeer(at netip.AddrPort, p intent.Peer) error {
	addr := at.Addr()
	switch {
	case !addr.IsValid() || addr.Is4In6() || addr.IsUnspecified() || addr.IsMulticast():
		return errors.New("not the address of a host")
	case at.Port() == 0:
		return errors.New("port 0 can't be dialled")
	case p.ASN == 0:
		return errors.New("as number 0 is reserved (RFC 7607)")
	case p.LocalAddress.IsValid() && p.LocalAddress.Is4() != addr.Is4():
		return fmt.Errorf("local address %v is of the other IP version", p.LocalAddress)
	case p.LocalAddress == addr:
		return errors.New("is this node's own address")
	case len(p.Password.Reveal()) > maxPassword:
		return fmt.Errorf("the password is longer than the %d bytes TCP MD5 takes", maxPassword)
	}
	return nil
}
