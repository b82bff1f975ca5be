package main

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/calctl/calctl/resources"
)

// A verb is what a command does to resources, in the two forms messages need.
type verb struct {
	do, done string
	// bare: calicoctl's replace has a form of message of its own.
	bare bool
}

// An outcome is what came of one resource: done, unless err says why not.
type outcome struct {
	document
	err error
}

// told writes what calicoctl's users expect to read about outcomes, and
// returns errTold unless all of them are good.
func (a *app) told(v verb, outcomes []outcome) error {
	var good []outcome
	var bad []string
	kinds := map[resources.Kind]bool{}
	for _, o := range outcomes {
		kinds[o.Resource.Kind()] = true
		if o.err == nil {
			good = append(good, o)
		} else {
			bad = append(bad, o.explain())
		}
	}
	kind := ""
	if len(kinds) == 1 {
		kind = "'" + string(outcomes[0].Resource.Kind()) + "' "
	}
	switch {
	case len(outcomes) == 0:
		_, _ = fmt.Fprintln(a.out, "No resources specified")
		return nil
	case len(bad) == 0:
		_, _ = fmt.Fprintf(a.out, "Successfully %s %d %sresource(s)\n", v.done, len(good), kind)
		return nil
	}
	if len(good) > 0 {
		// "the first" is calicoctl's word for it, and wrong: so we name them.
		_, _ = fmt.Fprintf(a.out, "Partial success: %s the first %d out of %d %sresources:\n", v.done, len(good), len(outcomes), kind)
		for _, o := range good {
			_, _ = fmt.Fprintf(a.out, "  %s\n", resources.KeyOf(o.Resource))
		}
	}
	a.failed(v, kind, len(outcomes), bad, len(good) > 0)
	return errTold
}

// failed writes calicoctl's frame around the reasons why things failed.
func (a *app) failed(v verb, kind string, asked int, bad []string, partly bool) {
	reasons := "[" + strings.Join(bad, "\n") + "]"
	switch {
	case v.bare:
		_, _ = fmt.Fprintf(a.err, "hit error: %s\n", strings.Join(bad, "\n"))
	case partly:
		_, _ = fmt.Fprintf(a.err, "hit error: %s\n", reasons)
	case asked == 1:
		_, _ = fmt.Fprintf(a.err, "failed to %s %sresource: %s\n", v.do, kind, reasons)
	default:
		_, _ = fmt.Fprintf(a.err, "failed to %s any %sresources: %s\n", v.do, kind, reasons)
	}
}

// explain is the error, followed by where the resource stands in the input.
func (o outcome) explain() string {
	key := resources.KeyOf(o.Resource).String()
	invalid, ok := errors.AsType[resources.Invalid](o.err)
	if !ok {
		text := o.err.Error()
		if strings.Contains(text, key) {
			return text + " (" + o.where("") + ")"
		}
		return text + " (" + o.where("") + ", " + key + ")"
	}
	lines := make([]string, len(invalid))
	for i, f := range invalid {
		lines[i] = f.Error() + " (" + o.where(f.Path) + ", " + key + ")"
	}
	if len(lines) == 1 {
		return lines[0]
	}
	text := "error with the following fields:\n"
	for _, line := range lines {
		text += "-  " + strings.TrimPrefix(line, "error with field ") + "\n"
	}
	return text
}

// examined fills in defaults and says what is wrong with each document, nil
// where nothing is. Two documents about one resource must say the same: which of
// them is meant nobody can know.
func examined(documents []document) []error {
	errs := make([]error, len(documents))
	first := map[resources.Key]document{}
	for i, d := range documents {
		d.Resource.Default()
		if errs[i] = d.Resource.Validate(); errs[i] != nil {
			continue
		}
		key := resources.KeyOf(d.Resource)
		other, again := first[key]
		if !again {
			first[key] = d
		} else if !reflect.DeepEqual(other.Resource, d.Resource) {
			errs[i] = fmt.Errorf("%s is in %s too, and says something else there: keep one of them", key, other.where(""))
		}
	}
	return errs
}

// checked examines all documents, so that nothing is written when one of them
// is wrong. It tells what is wrong.
func (a *app) checked(v verb, documents []document) error {
	var bad []string
	kinds := map[resources.Kind]bool{}
	for i, err := range examined(documents) {
		kinds[documents[i].Resource.Kind()] = true
		if err != nil {
			bad = append(bad, outcome{documents[i], err}.explain())
		}
	}
	if len(bad) == 0 {
		return nil
	}
	kind := ""
	if len(kinds) == 1 {
		kind = "'" + string(documents[0].Resource.Kind()) + "' "
	}
	a.failed(v, kind, len(documents), bad, false)
	return errTold
}

// byDependence sorts documents so that what is referred to comes first; the
// order in the files decides among those of a kind.
func byDependence(documents []document) []document {
	rank := map[resources.Kind]int{}
	for i, t := range resources.Types() {
		rank[t.Kind] = i
	}
	return slices.SortedStableFunc(slices.Values(documents), func(x, y document) int {
		return cmp.Compare(rank[x.Resource.Kind()], rank[y.Resource.Kind()])
	})
}
