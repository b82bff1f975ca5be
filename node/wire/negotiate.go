package wire

import "time"

// Agreed is what two OPENs have in common.
type Agreed struct {
	Families        Families
	FourOctetAS     bool
	Refresh         bool // we may ask for a refresh: the peer can answer
	EnhancedRefresh bool // and both mark where it begins and ends
	ExtendedNextHop bool
	AddPathSend     Families // we send path identifiers
	AddPathReceive  Families // the peer does
	HoldTime        time.Duration
	Keepalive       time.Duration // a third of it; 0 with a hold time of 0
	MaxSend         int           // octets of a message
	MaxReceive      int

	// What the peer said of its restarts, if both are able to.
	GracefulRestart bool
	PeerRestart     GracefulRestart // families among the agreed ones only
	Notification    bool            // a NOTIFICATION doesn't end graceful restart, unless a hard reset (RFC 8538)
	LongLived       bool            // both know long-lived stale routes (RFC 9494)
	PeerLongLived   []LongLived     // families among the agreed ones only
}

// Negotiate compares what we said with what the peer said. It fails when the
// two can't have a session: nothing in common to talk about (the NOTIFICATION
// lists what we miss, RFC 5492 §3), or an internal peer with our identifier
// (RFC 6286 §2.2). theirs must have passed [DecodeOpen].
func Negotiate(mine, theirs Open) (Agreed, *Error) {
	if mine.AS == theirs.AS && mine.ID == theirs.ID {
		return Agreed{}, errorf(OpenError, BadIdentifier, nil, "%v is our own (RFC 6286 §2.2)", theirs.ID)
	}
	a := Agreed{
		Families:        mine.speaks() & theirs.speaks(),
		FourOctetAS:     mine.HasFourOctetAS && theirs.HasFourOctetAS,
		Refresh:         mine.Refresh && theirs.Refresh,
		EnhancedRefresh: mine.EnhancedRefresh && theirs.EnhancedRefresh,
		HoldTime:        min(mine.HoldTime, theirs.HoldTime),
		MaxSend:         MaxLen,
		MaxReceive:      MaxLen,
	}
	if a.Families == 0 {
		want := Capabilities{Families: mine.speaks()}
		return Agreed{}, errorf(OpenError, UnsupportedCapability, want.append(nil, 0), "no address family in common")
	}
	a.Keepalive = (a.HoldTime / 3).Truncate(time.Second)
	a.ExtendedNextHop = mine.ExtendedNextHop && theirs.ExtendedNextHop && a.Families.Has(IPv4)
	a.AddPathSend = mine.AddPathSend & theirs.AddPathReceive & a.Families
	a.AddPathReceive = mine.AddPathReceive & theirs.AddPathSend & a.Families
	if mine.ExtendedMessage {
		a.MaxReceive = MaxExtended
		if theirs.ExtendedMessage {
			a.MaxSend = MaxExtended
		}
	}
	if mine.GracefulRestart != nil && theirs.GracefulRestart != nil {
		a.restart(*mine.GracefulRestart, *theirs.GracefulRestart, theirs.LongLived)
		a.LongLived = mine.HasLongLived && theirs.HasLongLived
	}
	return a, nil
}

func (a *Agreed) restart(mine, theirs GracefulRestart, longLived []LongLived) {
	a.GracefulRestart = true
	theirs.Families &= a.Families
	theirs.Forwarding &= a.Families
	a.PeerRestart = theirs
	a.Notification = mine.Notification && theirs.Notification
	for _, l := range longLived {
		if a.Families.Has(l.Family) {
			a.PeerLongLived = append(a.PeerLongLived, l)
		}
	}
}

// speaks is the families of an OPEN: IPv4 unicast where it says nothing
// (RFC 4760 §8 leaves that to RFC 4271).
func (c *Capabilities) speaks() Families {
	if c.Families == 0 && !c.Multiprotocol {
		return OnlyIPv4
	}
	return c.Families
}

// Rules are those of a decoder for the session.
func (a Agreed) Rules(localAS, peerAS uint32) Rules {
	return Rules{
		LocalAS: localAS, PeerAS: peerAS, FourOctetAS: a.FourOctetAS,
		Families: a.Families, AddPath: a.AddPathReceive, ExtendedNextHop: a.ExtendedNextHop,
	}
}

// Builder is one for messages to the peer.
func (a Agreed) Builder() Builder {
	return Builder{FourOctetAS: a.FourOctetAS, AddPath: a.AddPathSend, MaxLen: a.MaxSend}
}
