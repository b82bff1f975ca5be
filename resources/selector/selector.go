package selector

import (
	"slices"
	"strings"
)

// A Selector is a parsed selector. It never changes and may be used by many
// goroutines.
type Selector struct{ root node }

// Matches reports whether something with these labels is selected.
func (s *Selector) Matches(labels map[string]string) bool { return s.root.matches(labels) }

// String writes the selector in its one canonical spelling, which parses to
// the same selector.
func (s *Selector) String() string {
	var b strings.Builder
	s.root.write(&b)
	return b.String()
}

// A node is a part of the tree. All nodes but anyOf and allOf can stand
// anywhere without parentheses of its own.
type node interface {
	matches(labels map[string]string) bool
	write(b *strings.Builder)
}

// everything is all(), nothing is global().
type (
	everything struct{}
	nothing    struct{}
)

func (everything) matches(map[string]string) bool { return true }
func (nothing) matches(map[string]string) bool    { return false }
func (everything) write(b *strings.Builder)       { b.WriteString("all()") }
func (nothing) write(b *strings.Builder)          { b.WriteString("global()") }

// anyOf is || of two or more, allOf is && of two or more.
type (
	anyOf []node
	allOf []node
)

func (n anyOf) matches(labels map[string]string) bool {
	for _, part := range n {
		if part.matches(labels) {
			return true
		}
	}
	return false
}

func (n allOf) matches(labels map[string]string) bool {
	for _, part := range n {
		if !part.matches(labels) {
			return false
		}
	}
	return true
}

func (n anyOf) write(b *strings.Builder) { writeAll(b, n, " || ") }
func (n allOf) write(b *strings.Builder) { writeAll(b, n, " && ") }

func writeAll(b *strings.Builder, parts []node, between string) {
	for i, part := range parts {
		if i > 0 {
			b.WriteString(between)
		}
		writeGrouped(b, part)
	}
}

// writeGrouped puts parentheses around what holds together less tightly than
// its surroundings may need.
func writeGrouped(b *strings.Builder, n node) {
	switch n.(type) {
	case anyOf, allOf:
		b.WriteByte('(')
		n.write(b)
		b.WriteByte(')')
	default:
		n.write(b)
	}
}

type not struct{ of node }

func (n not) matches(labels map[string]string) bool { return !n.of.matches(labels) }

func (n not) write(b *strings.Builder) {
	b.WriteByte('!')
	writeGrouped(b, n.of)
}

type has struct{ label string }

func (n has) matches(labels map[string]string) bool {
	_, ok := labels[n.label]
	return ok
}

func (n has) write(b *strings.Builder) { b.WriteString("has(" + n.label + ")") }

// An operator compares a label with one value.
type operator string

const (
	equal      operator = "=="
	notEqual   operator = "!="
	contains   operator = "contains"
	startsWith operator = "starts with"
	endsWith   operator = "ends with"
)

type compare struct {
	label string
	op    operator
	value string
}

func (n compare) matches(labels map[string]string) bool {
	have, ok := labels[n.label]
	if !ok {
		return n.op == notEqual
	}
	switch n.op {
	case equal:
		return have == n.value
	case notEqual:
		return have != n.value
	case contains:
		return strings.Contains(have, n.value)
	case startsWith:
		return strings.HasPrefix(have, n.value)
	default:
		return strings.HasSuffix(have, n.value)
	}
}

func (n compare) write(b *strings.Builder) {
	b.WriteString(n.label + " " + string(n.op) + " " + quote(n.value))
}

// oneOf is `in`, or `not in` when negated. The values are sorted.
type oneOf struct {
	label   string
	values  []string
	negated bool
}

func (n oneOf) matches(labels map[string]string) bool {
	have, ok := labels[n.label]
	if !ok {
		return n.negated
	}
	_, found := slices.BinarySearch(n.values, have)
	return found != n.negated
}

func (n oneOf) write(b *strings.Builder) {
	b.WriteString(n.label)
	if n.negated {
		b.WriteString(" not")
	}
	b.WriteString(" in {")
	for i, v := range n.values {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quote(v))
	}
	b.WriteByte('}')
}

// quote uses the quotes the value does not hold; it cannot hold both.
func quote(value string) string {
	if strings.Contains(value, "'") {
		return `"` + value + `"`
	}
	return "'" + value + "'"
}
