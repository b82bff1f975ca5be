package wire

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Notification is why a peer ended the session (RFC 4271 §4.5).
type Notification struct {
	Code, Subcode uint8
	Data          []byte
}

// DecodeNotification reads the body of a NOTIFICATION, which is at least two
// octets long. There is nobody to complain to about a malformed one, so what is
// missing is 0.
func DecodeNotification(body []byte) Notification {
	var n Notification
	if len(body) > 0 {
		n.Code = body[0]
	}
	if len(body) > 1 {
		n.Subcode = body[1]
	}
	if len(body) > 2 {
		n.Data = append([]byte(nil), body[2:]...)
	}
	return n
}

// AppendNotification appends a NOTIFICATION. Data that doesn't fit into a
// message that every peer accepts is cut.
func AppendNotification(dst []byte, n Notification) []byte {
	at := len(dst)
	dst = append(begin(dst, TypeNotification), n.Code, n.Subcode)
	return finish(append(dst, n.Data[:min(len(n.Data), MaxLen-headerLen-2)]...), at)
}

// TooManyPrefixes ends the session of a peer that has told more than limit
// prefixes of a family (RFC 4486 §4: AFI, SAFI and the limit are its data).
func TooManyPrefixes(f Family, limit uint32) *Error {
	data := binary.BigEndian.AppendUint32([]byte{byte(f.AFI() >> 8), byte(f.AFI()), f.SAFI()}, limit)
	return errorf(Cease, MaxPrefixes, data, "more than %d", limit)
}

// Shutdown makes an administrative shutdown or reset (subcode [AdminShutdown]
// or [AdminReset]) with words for the other operator (RFC 9003 §2), of which
// at most 255 octets are sent.
func Shutdown(subcode uint8, words string) Notification {
	n := Notification{Code: Cease, Subcode: subcode}
	if words = strings.ToValidUTF8(words, "\uFFFD"); words == "" {
		return n
	}
	if len(words) > 255 {
		words = words[:255]
		for !utf8.ValidString(words) {
			words = words[:len(words)-1]
		}
	}
	n.Data = append([]byte{byte(len(words))}, words...)
	return n
}

// Hard wraps a notification so that the peer doesn't keep our routes although
// it restarts gracefully (RFC 8538 §3).
func (n Notification) Hard() Notification {
	return Notification{Cease, HardReset, append([]byte{n.Code, n.Subcode}, n.Data...)}
}

// Inner unwraps a hard reset; ok says whether n was one.
func (n Notification) Inner() (inner Notification, ok bool) {
	if n.Code != Cease || n.Subcode != HardReset {
		return n, false
	}
	return DecodeNotification(n.Data), true
}

// Text returns the words that the other operator left, safe to be logged and
// shown: one line, no control characters, "" when there are none or they are
// malformed.
func (n Notification) Text() string {
	if inner, ok := n.Inner(); ok {
		n = inner
	}
	if n.Code != Cease || n.Subcode != AdminShutdown && n.Subcode != AdminReset || len(n.Data) == 0 {
		return ""
	}
	length, words := int(n.Data[0]), n.Data[1:]
	if length > len(words) {
		return ""
	}
	return printable(string(words[:length]))
}

// printable replaces what could move a terminal's cursor, hide text or forge a
// line of a log.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '?'
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s))
}

// String says what the notification says: the RFC's words, a hard reset's own
// reason, and the other operator's text.
func (n Notification) String() string {
	s := Words(n.Code, n.Subcode)
	if inner, ok := n.Inner(); ok && inner.Code != 0 {
		s += ": " + Words(inner.Code, inner.Subcode)
	}
	if t := n.Text(); t != "" {
		s += `: "` + t + `"`
	}
	if n.Code == Cease && n.Subcode == MaxPrefixes && len(n.Data) == 7 {
		s += fmt.Sprintf(" (more than %d)", be32(n.Data[3:]))
	}
	return s
}
