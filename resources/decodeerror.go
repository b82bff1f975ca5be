package resources

import (
	"fmt"
	"strings"
)

// A DecodeError is everything wrong with one document of an input, or with one
// resource of a list in it.
type DecodeError struct {
	Document int // counted from 1; 0 when unknown
	Line     int // of the first fault, counted from 1 through the whole input
	Key      Key // as far as it could be read
	Reason   string
	Fields   Invalid // the bad fields; empty when Reason tells it all
}

// Error writes one line per fault. It starts with calicoctl's words, which
// scripts may look for; where it happened follows in brackets.
func (e *DecodeError) Error() string {
	var lines []string
	for _, f := range e.faults() {
		where := fmt.Sprintf("document %d, line %d", e.Document, f.Line)
		if e.Key.Kind != "" {
			where += ", " + e.Key.String()
		}
		if f.Path != "" {
			where += ", " + f.place()
		}
		lines = append(lines, printable(f.Reason+" ("+where+")"))
	}
	return strings.Join(lines, "\n")
}

// In writes the error the way compilers do, for an input with a name:
// rack1.yaml:12: BGPPeer(rack1): what is wrong (spec.peerIp = '192.0.2.1').
func (e *DecodeError) In(file string) string {
	var lines []string
	for _, f := range e.faults() {
		s := fmt.Sprintf("%s:%d: ", file, f.Line)
		if e.Key.Kind != "" {
			s += e.Key.String() + ": "
		}
		s += f.Reason
		if f.Path != "" {
			s += " (" + f.place() + ")"
		}
		lines = append(lines, printable(s))
	}
	return strings.Join(lines, "\n")
}

func (e *DecodeError) faults() Invalid {
	if len(e.Fields) > 0 {
		return e.Fields
	}
	return Invalid{{Reason: e.Reason, Line: e.Line}}
}

// DecodeErrors are the errors of several documents, in the order of the input.
type DecodeErrors []*DecodeError

// Error writes one line per fault of each document.
func (e DecodeErrors) Error() string {
	lines := make([]string, len(e))
	for i, d := range e {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// In is DecodeError's In for all of them.
func (e DecodeErrors) In(file string) string {
	lines := make([]string, len(e))
	for i, d := range e {
		lines[i] = d.In(file)
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the first DecodeError.
func (e DecodeErrors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, d := range e {
		errs[i] = d
	}
	return errs
}
