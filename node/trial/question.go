package trial

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/resources"
)

// A Question is a route, and the policy it is to be judged by.
type Question struct {
	Prefix string `json:"prefix"` // address/length
	// Peer is the address of one of the node's peers, with a port if there are
	// several at the address; or "kernel", for what would be installed.
	Peer      string `json:"peer"`
	Direction string `json:"direction,omitempty"` // import or export, the default
	// Source is where a route to be exported comes from: bgp, the default, kernel,
	// direct or static.
	Source string `json:"source,omitempty"`
	// From is the peer that a bgp route was learned from; an eBGP peer that is none
	// of the node's when it is empty.
	From      string `json:"from,omitempty"`
	Interface string `json:"interface,omitempty"` // that leads to the destination, or to the next hop
	// Metric is the route's priority, as the kernel has it: of a bgp route it is
	// another way to write LocalPref, 2147483647 - Metric. Routes of other sources
	// have the normal priority when it is nil.
	Metric           *uint32         `json:"metric,omitempty"`
	LocalPref        *uint32         `json:"localPref,omitempty"` // nil: none, which counts as 100
	MED              *uint32         `json:"med,omitempty"`
	ASPath           []resources.ASN `json:"asPath,omitempty"` // of a route that an eBGP peer tells: its AS, when empty
	Communities      []string        `json:"communities,omitempty"`
	LargeCommunities []string        `json:"largeCommunities,omitempty"`
	Expect           *Expectation    `json:"expect,omitempty"`
}

// A FieldError is a field of a question that can't be understood, or not be
// answered.
type FieldError struct {
	Field, Value string
	Mend         string // what is wrong and how to write it
}

func (e *FieldError) Error() string { return fmt.Sprintf("%s '%s': %s", e.Field, e.Value, e.Mend) }

func bad(field, value, mend string, args ...any) error {
	return &FieldError{field, value, fmt.Sprintf(mend, args...)}
}

// Read reads a question in JSON.
func Read(line []byte) (q Question, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err = d.Decode(&q); err == nil {
		if _, end := d.Token(); !errors.Is(end, io.EOF) {
			return q, errors.New("more than one JSON object: write one to a line")
		}
		return q, nil
	}
	var kind *json.UnmarshalTypeError
	var field *FieldError
	switch name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); {
	case unknown:
		return q, fmt.Errorf("unknown field %s; there are %s", name, fields)
	case errors.As(err, &field):
		return q, field
	case errors.As(err, &kind):
		if kind.Field == "" {
			return q, fmt.Errorf("a JSON %s is no question: write an object", kind.Value)
		}
		return q, bad(kind.Field, strings.TrimPrefix(kind.Value, "number "), "write %s", wanted[strings.TrimPrefix(kind.Type.String(), "*")])
	}
	if errors.As(err, new(*json.SyntaxError)) || errors.Is(err, io.ErrUnexpectedEOF) {
		return q, fmt.Errorf("not JSON: %w", err)
	}
	return q, fmt.Errorf("asPath: %w", err) // what else would have words of its own has them
}

const fields = "prefix, peer, direction, source, from, interface, metric, localPref, med, asPath, communities, largeCommunities and expect"

// wanted says for people what the fields hold, by the types of Go.
var wanted = map[string]string{
	"string": "a string", "uint32": "a number from 0 to 4294967295", "[]string": "a list of strings",
	"[]resources.ASN": "a list of AS numbers",
}

// A Source is where a route comes from.
const (
	sourceBGP    = "bgp"
	sourceKernel = "kernel"
	sourceDirect = "direct"
	sourceStatic = "static"
)

// The directions.
const (
	dirImport = "import"
	dirExport = "export"
)

// kernelPeer as a Question's Peer asks for what would be installed.
const kernelPeer = "kernel"

// read makes the question complete, and says what is wrong with it.
func (q *Question) read() (prefix netip.Prefix, err error) {
	prefix, err = netip.ParsePrefix(q.Prefix)
	switch {
	case err != nil:
		return prefix, bad("prefix", q.Prefix, "write address/length")
	case prefix != prefix.Masked():
		return prefix, bad("prefix", q.Prefix, "has bits set behind its length; write %s", prefix.Masked())
	}
	q.Direction, q.Source = cmp.Or(q.Direction, dirExport), cmp.Or(q.Source, sourceBGP)
	switch {
	case q.Direction != dirImport && q.Direction != dirExport:
		return prefix, bad("direction", q.Direction, "write import or export")
	case !slices.Contains([]string{sourceBGP, sourceKernel, sourceDirect, sourceStatic}, q.Source):
		return prefix, bad("source", q.Source, "write bgp, kernel, direct or static")
	case q.Direction == dirImport && q.Source != sourceBGP:
		return prefix, bad("source", q.Source, "what a peer tells is bgp")
	case q.Direction == dirImport && q.Peer == kernelPeer:
		return prefix, bad("direction", q.Direction, "of peer kernel there is export only: what would be installed")
	case q.From != "" && (q.Direction == dirImport || q.Source != sourceBGP || q.Peer == kernelPeer):
		return prefix, bad("from", q.From, "goes with the export of a bgp route to a peer")
	}
	if q.Source == sourceBGP && q.Metric != nil {
		same := policy.LocalPref(*q.Metric)
		if q.LocalPref != nil && *q.LocalPref != same {
			return prefix, bad("metric", fmt.Sprint(*q.Metric), "is another way to write localPref %d, and localPref is %d; leave one out", same, *q.LocalPref)
		}
		q.LocalPref = &same
	}
	return prefix, nil
}
