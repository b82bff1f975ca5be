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

// Error writes one line per fault.
func (e *DecodeError) Error() string { return strings.Join(e.Faults(""), "\n") }

// Faults writes each fault on a line of its own. It starts with calicoctl's
// words, which scripts may look for; where it happened follows in brackets:
//
//	what is wrong (rack1.yaml:12, BGPPeer(rack1), spec.peerIp = '192.0.2.1')
//
// For an input without a name the place is the document and the line.
func (e *DecodeError) Faults(file string) []string {
	faults := e.Fields
	if len(faults) == 0 {
		faults = Invalid{{Reason: e.Reason, Line: e.Line}}
	}
	var lines []string
	for _, f := range faults {
		where := fmt.Sprintf("%s:%d", file, f.Line)
		if file == "" {
			where = fmt.Sprintf("document %d, line %d", e.Document, f.Line)
		}
		if e.Key.Kind != "" {
			where += ", " + e.Key.String()
		}
		if f.Path != "" {
			where += ", " + f.place()
		}
		lines = append(lines, printable(f.Reason+" ("+where+")"))
	}
	return lines
}

// DecodeErrors are the errors of several documents, in the order of the input.
type DecodeErrors []*DecodeError

// Error writes one line per fault of each document.
func (e DecodeErrors) Error() string { return strings.Join(e.Faults(""), "\n") }

// Faults is DecodeError's Faults for all of them.
func (e DecodeErrors) Faults(file string) []string {
	var lines []string
	for _, d := range e {
		lines = append(lines, d.Faults(file)...)
	}
	return lines
}

// Unwrap lets errors.As find the first DecodeError.
func (e DecodeErrors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, d := range e {
		errs[i] = d
	}
	return errs
}
