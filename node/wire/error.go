package wire

import (
	"fmt"
	"runtime/debug"
)

// An Error ends a session: it is the NOTIFICATION to send (RFC 4271 §6), and
// why, for our own log. Functions here return it as *Error, so compare that
// with nil before it becomes an error.
type Error struct {
	Code, Subcode uint8
	Data          []byte
	Why           string // for us; the peer doesn't hear it
}

// The codes of a NOTIFICATION (RFC 4271 §4.5, RFC 7313 §5).
const (
	HeaderError  uint8 = 1
	OpenError    uint8 = 2
	UpdateError  uint8 = 3
	HoldExpired  uint8 = 4
	FSMError     uint8 = 5
	Cease        uint8 = 6
	RefreshError uint8 = 7
)

// The subcodes of a header error (RFC 4271 §6.1).
const (
	NotSynchronized uint8 = 1
	BadLength       uint8 = 2
	BadType         uint8 = 3
)

// The subcodes of an OPEN error (RFC 4271 §6.2, RFC 5492 §5). Zero is unspecific.
const (
	UnsupportedVersion    uint8 = 1
	BadPeerAS             uint8 = 2
	BadIdentifier         uint8 = 3
	UnsupportedParameter  uint8 = 4
	UnacceptableHoldTime  uint8 = 6
	UnsupportedCapability uint8 = 7
)

// The subcodes of an UPDATE error (RFC 4271 §6.3).
const (
	MalformedAttributes  uint8 = 1
	UnknownWellKnown     uint8 = 2
	MissingWellKnown     uint8 = 3
	AttributeFlags       uint8 = 4
	AttributeLength      uint8 = 5
	InvalidOrigin        uint8 = 6
	InvalidNextHop       uint8 = 8
	OptionalAttribute    uint8 = 9
	InvalidNetwork       uint8 = 10
	MalformedASPath      uint8 = 11
	InvalidRefreshLength uint8 = 1 // of a ROUTE-REFRESH error (RFC 7313 §5)
)

// The subcodes of an FSM error (RFC 6608).
const (
	UnexpectedInOpenSent    uint8 = 1
	UnexpectedInOpenConfirm uint8 = 2
	UnexpectedInEstablished uint8 = 3
)

// The subcodes of a Cease (RFC 4486, 8538, 9384).
const (
	MaxPrefixes        uint8 = 1
	AdminShutdown      uint8 = 2
	Deconfigured       uint8 = 3
	AdminReset         uint8 = 4
	ConnectionRejected uint8 = 5
	ConfigChange       uint8 = 6
	Collision          uint8 = 7
	OutOfResources     uint8 = 8
	HardReset          uint8 = 9
	BFDDown            uint8 = 10
)

// Error says what the NOTIFICATION says, and why.
func (e *Error) Error() string {
	if e.Why == "" {
		return Words(e.Code, e.Subcode)
	}
	return Words(e.Code, e.Subcode) + ": " + e.Why
}

// Notification is what the peer gets to see of the error.
func (e *Error) Notification() Notification { return Notification{e.Code, e.Subcode, e.Data} }

func errorf(code, subcode uint8, data []byte, format string, args ...any) *Error {
	return &Error{code, subcode, data, fmt.Sprintf(format, args...)}
}

// Safely calls f behind a barrier: a panic in it becomes an error that ends
// this session and no other. The peer is told Cease, out of resources: the
// fault is ours and not in its message, and with graceful restart it keeps
// our routes meanwhile (RFC 8538), which a code that blames it would not let it.
func Safely(f func() *Error) (err *Error) {
	defer func() {
		if p := recover(); p != nil {
			err = errorf(Cease, OutOfResources, nil, "a fault of our own, please report it: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}
