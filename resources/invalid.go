package resources

import "strings"

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
	s := "error with field " + e.Path
	if e.Value != "" {
		s += " = '" + e.Value + "'"
	}
	return s + " (" + e.Reason + ")"
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
