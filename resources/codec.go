package resources

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// A Document is one resource of an input, and where it was read.
type Document struct {
	Resource Resource
	// Index counts the documents of the input from 1. Blank ones don't count.
	Index int
	// Line is where in the input the resource starts, from 1.
	Line int

	source *source
	base   string
}

// LineOf returns the line of the input a field is on, for the paths Validate
// uses (spec.exportV4[0].cidr). For a field that is not there it is the line of
// what would enclose it.
func (d Document) LineOf(path string) int {
	if d.source == nil {
		return d.Line
	}
	f := filler{source: d.source, base: d.base}
	return d.source.lineOf(f.inDocument(path))
}

// Decode reads every resource of a YAML or JSON input: several documents,
// lists (BGPPeerList, List, or a bare sequence) are taken apart. Blank
// documents are skipped. Unknown and duplicate fields are errors. Nothing is
// defaulted or validated.
//
// One bad document does not hide the faults of the next: the error is a
// *DecodeError, or DecodeErrors when several documents are bad, and the good
// documents are returned beside it. Other errors are those of r.
func Decode(r io.Reader) ([]Document, error) {
	chunks, err := split(r)
	if err != nil {
		return nil, err
	}
	var d decoder
	for _, c := range chunks {
		trees, bad := parse(c)
		if bad != nil {
			d.index++
			d.fail(bad)
		}
		for _, t := range trees {
			d.index++
			d.take(t, t.value, "", listOf{})
		}
	}
	switch len(d.errs) {
	case 0:
		return d.docs, nil
	case 1:
		return d.docs, d.errs[0]
	}
	return d.docs, d.errs
}

// Encode writes r as one YAML document, with its secrets: it is what a
// datastore keeps. Printers redact first. Objects built in code must be
// defaulted before, else their kind is missing.
func Encode(w io.Writer, r Resource) error {
	text, err := yaml.Marshal(r)
	if err != nil {
		return fmt.Errorf("%s: %w", KeyOf(r), err)
	}
	_, err = w.Write(text)
	return err
}

// A decoder collects the resources and the errors of an input.
type decoder struct {
	index int
	docs  []Document
	errs  DecodeErrors
}

func (d *decoder) fail(e *DecodeError) {
	e.Document = d.index
	d.errs = append(d.errs, e)
}

// listOf is what a typed list says about its items, which may leave it out.
type listOf struct {
	kind       Kind // "" when the items may be of any
	apiVersion string
	depth      int // how many lists are around
}

// maxListDepth is how deep lists may nest. One is usual, kubectl prints two.
const maxListDepth = 8

// take adds the resource, or the resources, in a value found at base.
func (d *decoder) take(t *tree, x any, base string, in listOf) {
	line := t.source.line
	if base != "" && in.depth <= maxListDepth {
		line = t.source.lineOf(base)
	}
	bad := func(format string, args ...any) {
		d.fail(&DecodeError{Line: line, Reason: fmt.Sprintf(format, args...)})
	}
	if in.depth > maxListDepth {
		bad("there are more than %d lists inside one another", maxListDepth)
		return
	}
	switch x := x.(type) {
	case []any:
		in.depth++
		for i, item := range x {
			d.take(t, item, indexPath(base, i), in)
		}
	case map[string]any:
		kind, apiVersion := headOf(x, in)
		switch itemKind, isList := listKind(kind); {
		case isList:
			d.takeList(t, x, base, listOf{itemKind, apiVersion, in.depth})
		case kind == "":
			bad("error unmarshaling JSON: while decoding JSON: json: cannot unmarshal object into Go value of type []unstructured.Unstructured; the field kind is missing, write one of %s", kindNames())
		default:
			typ, ok := typeNamed(kind)
			if !ok || typ.APIVersion != apiVersion {
				bad("unknown resource type (%s) and/or version (%s)%s", kind, apiVersion, headHint(kind, typ, ok))
				return
			}
			d.takeResource(t, x, base, typ, line)
		}
	default:
		bad("error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into Go value of type []unstructured.Unstructured; a resource has the fields apiVersion, kind, metadata and spec", jsonWord(x))
	}
}

func (d *decoder) takeResource(t *tree, x map[string]any, base string, typ Type, line int) {
	r := typ.New()
	f := filler{source: t.source, base: base, root: reflect.TypeOf(r).Elem(), secret: typ.Kind == KindSecret}
	f.fill(reflect.ValueOf(r).Elem(), x, "", "")
	setHead(r)
	if len(f.faults) > 0 {
		slices.SortStableFunc(f.faults, func(a, b FieldError) int { return cmp.Compare(a.Line, b.Line) })
		d.fail(&DecodeError{Line: f.faults[0].Line, Key: KeyOf(r), Fields: f.faults})
		return
	}
	d.docs = append(d.docs, Document{Resource: r, Index: d.index, Line: line, source: t.source, base: base})
}

// takeList takes a list apart: BGPPeerList, or Kubernetes' own List.
func (d *decoder) takeList(t *tree, x map[string]any, base string, in listOf) {
	var faults Invalid
	for _, name := range slices.Sorted(maps.Keys(x)) {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "items"}, name) {
			at := joinPath(base, name)
			faults = append(faults, FieldError{Path: at, Value: scalarText(x[name]), Reason: unknownField + name, Line: t.source.lineOf(at)})
		}
	}
	items, ok := x["items"].([]any)
	if !ok && x["items"] != nil {
		at := joinPath(base, "items")
		faults = append(faults, FieldError{Path: at, Value: scalarText(x["items"]), Reason: "items must be a list of resources", Line: t.source.lineOf(at)})
	}
	if len(faults) > 0 {
		d.fail(&DecodeError{Line: faults[0].Line, Fields: faults})
		return
	}
	if in.kind == "" {
		in.apiVersion = "" // v1 is the List's own
	}
	d.take(t, items, joinPath(base, "items"), in)
}

// headOf reads kind and apiVersion, falling back to what a list says.
func headOf(x map[string]any, in listOf) (kind Kind, apiVersion string) {
	k, _ := x["kind"].(string)
	v := scalarText(x["apiVersion"])
	return Kind(cmp.Or(k, string(in.kind))), cmp.Or(v, in.apiVersion)
}

// listKind returns the kind of the items of a list, "" when they may be of any.
func listKind(kind Kind) (item Kind, isList bool) {
	if kind == "List" {
		return "", true
	}
	name, ok := strings.CutSuffix(string(kind), "List")
	if !ok {
		return "", false
	}
	_, known := typeNamed(Kind(name))
	return Kind(name), known
}

func typeNamed(kind Kind) (Type, bool) {
	for _, t := range types {
		if t.Kind == kind {
			return t, true
		}
	}
	return Type{}, false
}

// headHint says how to mend a kind or version nobody knows.
func headHint(kind Kind, typ Type, known bool) string {
	if known {
		return "; a " + string(kind) + " has apiVersion: " + typ.APIVersion
	}
	for _, t := range types {
		if strings.EqualFold(string(t.Kind), string(kind)) {
			return "; did you mean kind: " + string(t.Kind) + "?"
		}
	}
	if t, ok := Lookup(string(kind)); ok {
		return "; did you mean kind: " + string(t.Kind) + "?"
	}
	return "; calctl knows " + kindNames()
}

func kindNames() string {
	names := make([]string, 0, len(types))
	for _, t := range types {
		names = append(names, string(t.Kind))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
