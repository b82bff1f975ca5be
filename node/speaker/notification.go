package speaker

import "fmt"

// errorNames are the names of NOTIFICATION codes and subcodes (RFC 4271, 4.5;
// RFC 4486; RFC 6608; RFC 7313; RFC 8538; RFC 9384), in the form they take in
// a sentence.
var errorNames = map[uint8]struct {
	name string
	subs []string // from subcode 1 on
}{
	1: {"message header error", []string{"connection not synchronized", "bad message length", "bad message type"}},
	2: {"OPEN message error", []string{
		"unsupported version number", "bad peer AS number", "bad BGP identifier", "unsupported optional parameter",
		"authentication failure", "unacceptable hold time", "unsupported capability",
	}},
	3: {"UPDATE message error", []string{
		"malformed attribute list", "unrecognized well-known attribute", "missing well-known attribute",
		"attribute flags error", "attribute length error", "invalid ORIGIN", "AS routing loop", "invalid NEXT_HOP",
		"optional attribute error", "invalid network field", "malformed AS_PATH",
	}},
	4: {"hold timer expired", nil},
	5: {"finite state machine error", []string{
		"unexpected message in OpenSent", "unexpected message in OpenConfirm", "unexpected message in Established",
	}},
	6: {"Cease", []string{
		"maximum number of prefixes reached", "administrative shutdown", "peer de-configured", "administrative reset",
		"connection rejected", "other configuration change", "connection collision resolution", "out of resources",
		"hard reset", "BFD down",
	}},
	7: {"ROUTE-REFRESH message error", []string{"invalid message length"}},
}

// errorName names a NOTIFICATION: "Cease: administrative shutdown (6/2)".
func errorName(code, sub uint8) string {
	n, ok := errorNames[code]
	switch {
	case !ok:
		return fmt.Sprintf("unknown error (%d/%d)", code, sub)
	case sub > 0 && int(sub) <= len(n.subs):
		return fmt.Sprintf("%s: %s (%d/%d)", n.name, n.subs[sub-1], code, sub)
	}
	return fmt.Sprintf("%s (%d/%d)", n.name, code, sub)
}
