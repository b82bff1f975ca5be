package resources

import (
	"strconv"
	"strings"
	"unicode"
)

// A FieldError is one thing wrong with one field of a resource.
type FieldError struct {
	Path   string // as in the file: spec.exportV4[0].cidr
	Value  string // what the file says, empty if nothing or a secret
	Reason string // what is wrong and how to mend it
	Line   int    // of the input, where Decode found it; 0 when unknown
}

// Error writes the field, its value and the reason on one line, in calicoctl's
// frame: error with field spec.peerIP = 'bad' (reason).
func (e FieldError) Error() string {
	return printable("error with field " + e.place() + " (" + e.Reason + ")")
}

// maxShown is the most an error shows of a value, in bytes.
const maxShown = 200

// place is the field and its value: spec.peerIP = 'bad'.
func (e FieldError) place() string {
	if e.Value == "" {
		return e.Path
	}
	value := e.Value
	if len(value) > maxShown {
		value = strings.ToValidUTF8(value[:maxShown], "") + "..."
	}
	return e.Path + " = '" + value + "'"
}

// printable writes line breaks and terminal commands as \n and \x1b: what
// files hold must not change what the error looks like.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// Invalid is everything wrong with one resource.
type Invalid []FieldError

// Error is the one line of a single FieldError, or calicoctl's list of several.
func (e Invalid) Error() string {
	if len(e) == 1 {
		return e[0].Error()
	}
	var b strings.Builder
	b.WriteString("error with the following fields:\n")
	for _, f := range e {
		b.WriteString("-  " + strings.TrimPrefix(f.Error(), "error with field ") + "\n")
	}
	return b.String()
}

// Add notes that the field at path holds value, which is wrong for reason.
func (e *Invalid) Add(path, value, reason string) {
	*e = append(*e, FieldError{Path: path, Value: value, Reason: reason})
}

// Err returns e as an error: nil when nothing is wrong.
func (e Invalid) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}
