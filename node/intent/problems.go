package intent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/calctl/calctl/resources"
)

// Subject says what a Problem is about, for people: the resource, or the place
// in the datastore when there is no telling which resource it holds.
func (p Problem) Subject() string {
	if p.Resource.Kind == "" {
		return p.Source
	}
	return p.Resource.String()
}

// problems are what a derivation has found so far.
type problems struct{ found []Problem }

// about notes a Problem of a resource and returns its text. Messages are one
// line each: they end up in a table.
func (p *problems) about(key resources.Key, format string, args ...any) string {
	return p.add(Problem{Resource: key, Text: fmt.Sprintf(format, args...)})
}

func (p *problems) add(q Problem) string {
	q.Text = oneLine(q.Text)
	p.found = append(p.found, q)
	return q.Text
}

// broken notes what the datastore holds but could not be read.
func (p *problems) broken(entries []resources.Broken) {
	for _, b := range entries {
		kept := "it is as if it were not there"
		switch {
		case b.Kept:
			kept = "the last good version stays in force"
		case b.Key.Kind == resources.KindBGPFilter:
			kept = "until it can be read, no route passes it"
		}
		text := fmt.Sprintf("%v; %s", b.Err, kept)
		if b.Key.Kind != "" && b.Source != "" {
			text = b.Source + ": " + text
		}
		p.add(Problem{Resource: b.Key, Source: b.Source, Text: text})
	}
}

// sorted returns the Problems in an order that does not depend on how they
// were found, each once.
func (p *problems) sorted() []Problem {
	slices.SortFunc(p.found, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.Resource.Kind, b.Resource.Kind),
			cmp.Compare(a.Resource.Name, b.Resource.Name),
			cmp.Compare(a.Source, b.Source),
			cmp.Compare(a.Text, b.Text),
		)
	})
	return slices.Compact(p.found)
}

func oneLine(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, " ")
}
