package resources

import "io"

// A Document is one resource of an input, and where it was read.
type Document struct {
	Resource Resource
	// Index counts the documents of the input from 1.
	Index int
	// Line is where in the input the document starts, from 1.
	Line int
}

// Decode reads every resource of a YAML or JSON input: several documents,
// lists (BGPPeerList, or a bare sequence) are taken apart. Blank documents are
// skipped. Unknown and duplicate fields are errors; they name document, line,
// resource and field. Nothing is defaulted or validated.
func Decode(r io.Reader) ([]Document, error) { return nil, nil }

// Encode writes r as one YAML document, with its secrets: it is what a
// datastore keeps. Printers redact first.
func Encode(w io.Writer, r Resource) error { return nil }
