package wire

import (
	"encoding/binary"
	"time"
)

// Capabilities are what a speaker can do beyond RFC 4271.
type Capabilities struct {
	Families        Families // multiprotocol (RFC 4760), those we speak
	OtherFamilies   []Family // and those we don't; only read
	Multiprotocol   bool     // the capability was there at all; without it, IPv4 unicast is meant; only read
	Refresh         bool     // RFC 2918
	EnhancedRefresh bool     // RFC 7313
	HasFourOctetAS  bool     // RFC 6793
	FourOctetAS     uint32   // the AS that the capability says; only read, Open.AS is sent
	ExtendedMessage bool     // RFC 8654
	ExtendedNextHop bool     // IPv4 unicast by IPv6 next hops (RFC 8950)
	AddPathSend     Families // RFC 7911
	AddPathReceive  Families
	GracefulRestart *GracefulRestart // nil: not able to
	HasLongLived    bool             // RFC 9494: knows what long-lived stale routes are; means nothing without GracefulRestart
	LongLived       []LongLived      // and keeps them, in these families
	Unknown         []Capability     // ignored (RFC 5492 §3), kept to be shown
}

// GracefulRestart is what a speaker says of its restarts (RFC 4724 §3).
type GracefulRestart struct {
	Restarting   bool          // bit R: it has just restarted
	Notification bool          // bit N: a NOTIFICATION doesn't end it (RFC 8538 §2)
	Time         time.Duration // whole seconds, at most 4095
	Families     Families      // whose routes are kept
	Forwarding   Families      // bit F: whose forwarding went on while it restarted
}

// LongLived is how long a peer's stale routes may be kept after the restart
// time (RFC 9494 §3).
type LongLived struct {
	Family     Family
	Forwarding bool
	Time       time.Duration
}

// A Capability is one that we don't know.
type Capability struct {
	Code  uint8
	Value []byte
}

// The capability codes we know.
const (
	capMultiprotocol   = 1
	capRefresh         = 2
	capExtendedNextHop = 5
	capExtendedMessage = 6
	capGracefulRestart = 64
	capFourOctetAS     = 65
	capAddPath         = 69
	capEnhancedRefresh = 70
	capLongLived       = 71
)

// maxUnknown bounds what one OPEN can make us keep.
const maxUnknown = 32

// decode reads a list of capabilities. What is malformed is refused as a
// malformed optional parameter (RFC 4271 §6.2), unspecific.
func (c *Capabilities) decode(list []byte) *Error {
	for len(list) > 0 {
		if len(list) < 2 || 2+int(list[1]) > len(list) {
			return malformedOpen("a capability reaches past the end of its list")
		}
		code, v := list[0], list[2:2+int(list[1])]
		if !c.one(code, v) {
			return malformedOpen("capability %d: %d octets can't be right", code, len(v))
		}
		list = list[2+len(v):]
	}
	return nil
}

// one reads a capability and says whether it was well-formed.
func (c *Capabilities) one(code uint8, v []byte) bool {
	switch code {
	case capMultiprotocol:
		if len(v) != 4 {
			return false
		}
		c.Multiprotocol = true
		c.family(NewFamily(be16(v), v[3]))
	case capRefresh:
		c.Refresh = true
		return len(v) == 0
	case capEnhancedRefresh:
		c.EnhancedRefresh = true
		return len(v) == 0
	case capExtendedMessage:
		c.ExtendedMessage = true
		return len(v) == 0
	case capFourOctetAS:
		if len(v) != 4 {
			return false
		}
		c.HasFourOctetAS, c.FourOctetAS = true, be32(v)
	case capExtendedNextHop:
		for ; len(v) >= 6; v = v[6:] {
			if be16(v) == IPv4.AFI() && be16(v[2:]) == uint16(IPv4.SAFI()) && be16(v[4:]) == IPv6.AFI() {
				c.ExtendedNextHop = true
			}
		}
		return len(v) == 0
	case capAddPath:
		return c.addPath(v)
	case capGracefulRestart:
		return c.gracefulRestart(v)
	case capLongLived:
		c.HasLongLived, c.LongLived = true, nil // the last one counts
		for ; len(v) >= 7; v = v[7:] {
			f := NewFamily(be16(v), v[2])
			if f.set() != 0 {
				t := time.Duration(be32(v[3:])&0xffffff) * time.Second
				c.LongLived = append(c.LongLived, LongLived{f, v[3]&0x80 != 0, t})
			}
		}
		return len(v) == 0
	default:
		if len(c.Unknown) < maxUnknown {
			c.Unknown = append(c.Unknown, Capability{code, append([]byte(nil), v...)})
		}
	}
	return true
}

func (c *Capabilities) family(f Family) {
	c.Families |= f.set()
	if f.set() == 0 && len(c.OtherFamilies) < maxUnknown {
		c.OtherFamilies = append(c.OtherFamilies, f)
	}
}

// addPath reads families and what the peer does with them: 1 receives, 2
// sends, 3 both. With another value the capability is taken as not understood
// (RFC 7911 §4).
func (c *Capabilities) addPath(v []byte) bool {
	if len(v)%4 != 0 {
		return false
	}
	var receive, send Families
	for ; len(v) > 0; v = v[4:] {
		f, how := NewFamily(be16(v), v[2]).set(), v[3]
		if how < 1 || how > 3 {
			return true
		}
		if how&1 != 0 {
			receive |= f
		}
		if how&2 != 0 {
			send |= f
		}
	}
	c.AddPathReceive, c.AddPathSend = receive, send
	return true
}

// gracefulRestart reads the capability; of several the last counts (RFC 4724 §3).
func (c *Capabilities) gracefulRestart(v []byte) bool {
	if len(v)%4 != 2 {
		return false
	}
	head := be16(v)
	g := &GracefulRestart{
		Restarting:   head&0x8000 != 0,
		Notification: head&0x4000 != 0,
		Time:         time.Duration(head&0x0fff) * time.Second,
	}
	for v = v[2:]; len(v) > 0; v = v[4:] {
		f := NewFamily(be16(v), v[2]).set()
		g.Families |= f
		if v[3]&0x80 != 0 {
			g.Forwarding |= f
		}
	}
	c.GracefulRestart = g
	return true
}

// append writes the capabilities in the order of their codes; as is what the
// four-octet capability says.
func (c *Capabilities) append(b []byte, as uint32) []byte {
	for _, f := range c.Families.List() {
		b = appendCap(b, capMultiprotocol, byte(f.AFI()>>8), byte(f.AFI()), 0, f.SAFI())
	}
	if c.Refresh {
		b = appendCap(b, capRefresh)
	}
	if c.ExtendedNextHop {
		b = appendCap(b, capExtendedNextHop, 0, 1, 0, 1, 0, 2)
	}
	if c.ExtendedMessage {
		b = appendCap(b, capExtendedMessage)
	}
	if c.GracefulRestart != nil {
		b = appendCap(b, capGracefulRestart, c.GracefulRestart.append(nil)...)
	}
	if c.HasFourOctetAS {
		b = appendCap(b, capFourOctetAS, byte(as>>24), byte(as>>16), byte(as>>8), byte(as))
	}
	if c.AddPathReceive|c.AddPathSend != 0 {
		var v []byte
		for _, f := range (c.AddPathReceive | c.AddPathSend).List() {
			how := byte(0)
			if c.AddPathReceive.Has(f) {
				how |= 1
			}
			if c.AddPathSend.Has(f) {
				how |= 2
			}
			v = append(v, byte(f.AFI()>>8), byte(f.AFI()), f.SAFI(), how)
		}
		b = appendCap(b, capAddPath, v...)
	}
	if c.EnhancedRefresh {
		b = appendCap(b, capEnhancedRefresh)
	}
	if c.HasLongLived {
		var v []byte
		for _, l := range c.LongLived {
			t := uint32(l.Time / time.Second)
			v = append(v, byte(l.Family.AFI()>>8), byte(l.Family.AFI()), l.Family.SAFI(), flag(l.Forwarding), byte(t>>16), byte(t>>8), byte(t))
		}
		b = appendCap(b, capLongLived, v...)
	}
	for _, u := range c.Unknown {
		b = appendCap(b, u.Code, u.Value...)
	}
	return b
}

func (g *GracefulRestart) append(v []byte) []byte {
	head := uint16(min(g.Time/time.Second, 0x0fff))
	if g.Restarting {
		head |= 0x8000
	}
	if g.Notification {
		head |= 0x4000
	}
	v = binary.BigEndian.AppendUint16(v, head)
	for _, f := range g.Families.List() {
		v = append(v, byte(f.AFI()>>8), byte(f.AFI()), f.SAFI(), flag(g.Forwarding.Has(f)))
	}
	return v
}

func flag(set bool) byte {
	if set {
		return 0x80
	}
	return 0
}

func appendCap(b []byte, code uint8, value ...byte) []byte {
	return append(append(b, code, byte(len(value))), value...)
}
