package selector

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep parentheses may nest: more than Calico's longest
// selector has room for, and little enough for any stack.
const maxDepth = 2048

// maxLabel is the longest name of a label, in bytes, as in Calico.
const maxLabel = 512

// A SyntaxError says where a selector stops making sense.
type SyntaxError struct {
	Column int    // in characters, from 1
	Want   string // what should stand there
	Found  string // what stands there
}

// Error names the column, what was expected, and what was there.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("column %d: expected %s, found %s", e.Column, e.Want, e.Found)
}

// Parse reads a selector. The empty text selects everything, like all(). The
// error is a *SyntaxError.
func Parse(text string) (*Selector, error) {
	p := parser{text: text}
	p.blanks()
	if p.atEnd() {
		return &Selector{root: everything{}}, nil
	}
	root, err := p.any()
	if err != nil {
		return nil, err
	}
	if !p.atEnd() {
		return nil, p.expected("&&, || or the end")
	}
	return &Selector{root: root}, nil
}

// A parser reads a text from left to right; every method leaves it behind the
// blanks that follow what it read.
type parser struct {
	text  string
	pos   int
	depth int
}

func (p *parser) rest() string { return p.text[p.pos:] }
func (p *parser) atEnd() bool  { return p.pos == len(p.text) }

func (p *parser) blanks() {
	for !p.atEnd() && (p.text[p.pos] == ' ' || p.text[p.pos] == '\t') {
		p.pos++
	}
}

// accept reads exactly token, if it comes next.
func (p *parser) accept(token string) bool {
	if !strings.HasPrefix(p.rest(), token) {
		return false
	}
	p.pos += len(token)
	p.blanks()
	return true
}

// expected is the error for anything but what at the present column.
func (p *parser) expected(what string) error {
	found := "the end"
	if !p.atEnd() {
		found = p.next()
	}
	return &SyntaxError{Column: utf8.RuneCountInString(p.text[:p.pos]) + 1, Want: what, Found: found}
}

// next is the word or character that comes next, for errors.
func (p *parser) next() string {
	word := p.rest()
	if n := labelLength(word); n > 0 {
		return short(word[:n])
	}
	r, size := utf8.DecodeRuneInString(word)
	if r == '\n' || r == '\r' {
		return "a line break"
	}
	return strings.Trim(fmt.Sprintf("%q", word[:size]), `"`)
}

func short(word string) string {
	if len(word) > 40 {
		return word[:40] + "..."
	}
	return word
}

// any reads parts joined by ||.
func (p *parser) any() (node, error) {
	var parts anyOf
	for {
		part, err := p.all()
		if err != nil {
			return nil, err
		}
		if parts = append(parts, part); !p.accept("||") {
			break
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return parts, nil
}

// all reads parts joined by &&.
func (p *parser) all() (node, error) {
	var parts allOf
	for {
		part, err := p.negatable()
		if err != nil {
			return nil, err
		}
		if parts = append(parts, part); !p.accept("&&") {
			break
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return parts, nil
}

// negatable reads any number of ! and what they stand before.
func (p *parser) negatable() (node, error) {
	negated := false
	for p.accept("!") {
		negated = !negated
	}
	n, err := p.term()
	if err != nil || !negated {
		return n, err
	}
	return not{n}, nil
}

// term reads a group, a function or a test of a label.
func (p *parser) term() (node, error) {
	if p.accept("(") {
		if p.depth++; p.depth > maxDepth {
			return nil, p.expected(fmt.Sprintf("at most %d parentheses inside one another", maxDepth))
		}
		n, err := p.any()
		if err != nil {
			return nil, err
		}
		if !p.accept(")") {
			return nil, p.expected("&&, || or )")
		}
		p.depth--
		return n, nil
	}
	switch rest := p.rest(); {
	case strings.HasPrefix(rest, "all("):
		return p.function("all(", everything{})
	case strings.HasPrefix(rest, "global("):
		return p.function("global(", nothing{})
	case strings.HasPrefix(rest, "has("):
		p.accept("has(")
		label, err := p.label("the name of a label")
		if err != nil {
			return nil, err
		}
		if !p.accept(")") {
			return nil, p.expected(")")
		}
		return has{label}, nil
	}
	label, err := p.label("a label, all(), has(...), ! or (")
	if err != nil {
		return nil, err
	}
	return p.test(label)
}

func (p *parser) function(open string, n node) (node, error) {
	p.accept(open)
	if !p.accept(")") {
		return nil, p.expected(")")
	}
	return n, nil
}

// test reads an operator and what it compares label with.
func (p *parser) test(label string) (node, error) {
	for _, op := range []operator{equal, notEqual, contains, startsWith, endsWith} {
		if !p.operator(string(op)) {
			continue
		}
		value, err := p.value("a quoted value such as 'rack1'")
		if err != nil {
			return nil, err
		}
		return compare{label, op, value}, nil
	}
	for _, op := range []string{"not in", "in"} {
		if !p.operator(op) {
			continue
		}
		values, err := p.set()
		if err != nil {
			return nil, err
		}
		return oneOf{label, values, op == "not in"}, nil
	}
	return nil, p.expected("==, !=, in, not in, contains, starts with or ends with")
}

// operator reads an operator of one or two words, if it comes next. Calico
// does not ask for blanks around or inside the words: notin is as good.
func (p *parser) operator(op string) bool {
	start := p.pos
	for word := range strings.FieldsSeq(op) {
		if !p.accept(word) {
			p.pos = start
			return false
		}
	}
	return true
}

// set reads values in braces. They come back sorted, each once.
func (p *parser) set() ([]string, error) {
	if !p.accept("{") {
		return nil, p.expected("{ and a set of quoted values such as {'a', 'b'}")
	}
	var values []string
	for !p.accept("}") {
		value, err := p.value("a quoted value or }")
		if err != nil {
			return nil, err
		}
		values = append(values, value)
		if !p.accept(",") && !strings.HasPrefix(p.rest(), "}") {
			return nil, p.expected(", or }")
		}
	}
	slices.Sort(values)
	return slices.Compact(values), nil
}

// value reads a text in quotes.
func (p *parser) value(want string) (string, error) {
	if p.atEnd() || p.text[p.pos] != '\'' && p.text[p.pos] != '"' {
		return "", p.expected(want)
	}
	quote := p.text[p.pos]
	n := strings.IndexByte(p.text[p.pos+1:], quote)
	if n < 0 {
		p.pos = len(p.text)
		return "", p.expected("a closing " + string(quote))
	}
	value := p.text[p.pos+1 : p.pos+1+n]
	p.pos += n + 2
	p.blanks()
	return value, nil
}

// label reads the name of a label.
func (p *parser) label(want string) (string, error) {
	n := labelLength(p.rest())
	if n == 0 {
		return "", p.expected(want)
	}
	if n > maxLabel {
		return "", p.expected(fmt.Sprintf("a label name of at most %d characters", maxLabel))
	}
	label := p.text[p.pos : p.pos+n]
	p.pos += n
	p.blanks()
	return label, nil
}

// labelLength counts the characters at the start of text that can be part of
// the name of a label.
func labelLength(text string) int {
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_./-", c) >= 0 {
			continue
		}
		return i
	}
	return len(text)
}
