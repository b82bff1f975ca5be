package wire

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// An Open is what a speaker says of itself (RFC 4271 §4.2) and can do (RFC 5492).
type Open struct {
	AS       uint32        // all four octets of it, where the capability says them (RFC 6793)
	HoldTime time.Duration // whole seconds; 0: no keepalives
	ID       netip.Addr    // the BGP identifier
	Capabilities
}

// What an OPEN can hold besides capabilities.
const (
	openVersion      = 4
	openFixed        = 10  // octets before the optional parameters
	parameterCaps    = 2   // RFC 5492 §4
	extendedLengths  = 255 // RFC 9072 §2, as length and as type
	smallestHoldTime = 3 * time.Second
)

// DecodeOpen reads the body of an OPEN. Whether the AS is the one expected is
// for the session to say; here it has to be one at all.
func DecodeOpen(body []byte) (Open, *Error) {
	if len(body) < openFixed {
		return Open{}, badLength(headerLen+len(body), "an OPEN has at least 29 octets")
	}
	if body[0] != openVersion {
		return Open{}, errorf(OpenError, UnsupportedVersion, []byte{0, openVersion}, "version %d", body[0])
	}
	o := Open{
		AS:       uint32(be16(body[1:])),
		HoldTime: time.Duration(be16(body[3:])) * time.Second,
		ID:       addr4(be32(body[5:])),
	}
	if err := o.parameters(body[9:]); err != nil {
		return Open{}, err
	}
	switch {
	case o.AS == 0 || o.HasFourOctetAS && o.FourOctetAS == 0:
		return Open{}, errorf(OpenError, BadPeerAS, nil, "AS 0 (RFC 7607 §2)")
	case o.HasFourOctetAS:
		o.AS = o.FourOctetAS
	case o.AS == ASTrans:
		return Open{}, errorf(OpenError, BadPeerAS, nil, "AS %d is nobody's (RFC 6793 §9)", ASTrans)
	}
	if o.ID == addr4(0) {
		return Open{}, errorf(OpenError, BadIdentifier, nil, "0.0.0.0 (RFC 6286 §2.2)")
	}
	if o.HoldTime > 0 && o.HoldTime < smallestHoldTime {
		return Open{}, errorf(OpenError, UnacceptableHoldTime, nil, "%v, neither 0 nor 3 s and more", o.HoldTime)
	}
	return o, nil
}

func malformedOpen(format string, args ...any) *Error {
	return errorf(OpenError, 0, nil, format, args...)
}

// parameters reads the optional parameters, from their length on. RFC 9072
// lets lengths have two octets; the first parameter then looks like one of
// type 255.
func (o *Open) parameters(b []byte) *Error {
	length, list, octets := int(b[0]), b[1:], 1
	if length != 0 && len(list) >= 3 && list[0] == extendedLengths {
		length, list, octets = int(be16(list[1:])), list[3:], 2
	}
	if length != len(list) {
		return malformedOpen("the optional parameters say they have %d octets and have %d", length, len(list))
	}
	for len(list) > 0 {
		if len(list) < 1+octets {
			return malformedOpen("%d octets after the last optional parameter", len(list))
		}
		n := int(list[1])
		if octets == 2 {
			n = int(be16(list[1:]))
		}
		if 1+octets+n > len(list) {
			return malformedOpen("an optional parameter of %d octets where %d are left", n, len(list)-1-octets)
		}
		if list[0] != parameterCaps {
			return errorf(OpenError, UnsupportedParameter, nil, "optional parameter of type %d", list[0])
		}
		if err := o.Capabilities.decode(list[1+octets : 1+octets+n]); err != nil {
			return err
		}
		list = list[1+octets+n:]
	}
	return nil
}

// AppendOpen appends an OPEN. All capabilities go into one parameter (RFC 5492
// §4 recommends it), with lengths of two octets only when they are needed.
func AppendOpen(dst []byte, o Open) []byte {
	at := len(dst)
	dst = append(begin(dst, TypeOpen), openVersion)
	dst = binary.BigEndian.AppendUint16(dst, narrowAS(o.AS))
	dst = binary.BigEndian.AppendUint16(dst, uint16(o.HoldTime/time.Second))
	dst = binary.BigEndian.AppendUint32(dst, num4(o.ID))
	caps := o.Capabilities.append(nil, o.AS)
	switch n := len(caps); {
	case n == 0:
		dst = append(dst, 0)
	case n+2 <= 254:
		dst = append(dst, byte(n+2), parameterCaps, byte(n))
	default:
		dst = append(dst, extendedLengths, extendedLengths, byte((n+3)>>8), byte(n+3), parameterCaps, byte(n>>8), byte(n))
	}
	return finish(append(dst, caps...), at)
}
