package resources

import (
	"bytes"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A source finds fields in the text of a document: their line, and how they
// are written. It parses the text a second time, and only when first asked:
// values come from sigs.k8s.io/yaml, which reads YAML as Calico does but
// forgets where it read it.
type source struct {
	chunk
	parsed bool
	root   *yaml.Node
}

// find returns the node a path leads to, or the nearest one above it.
func (s *source) find(path string) (n *yaml.Node, exact bool) {
	if !s.parsed {
		s.parsed = true
		var doc yaml.Node
		if yaml.Unmarshal(s.text, &doc) == nil && len(doc.Content) == 1 {
			s.root = doc.Content[0]
		}
	}
	if s.root == nil {
		return nil, false
	}
	return descend(s.root, path)
}

// lineOf returns the line of the input a field is on, or of what encloses it.
func (s *source) lineOf(path string) int {
	if n, _ := s.find(path); n != nil {
		return s.line + n.Line - 1
	}
	return s.line
}

// textOf returns a scalar as it is written, without its quotes.
func (s *source) textOf(path string) (string, bool) {
	n, exact := s.find(path)
	if !exact || n.Kind != yaml.ScalarNode {
		return "", false
	}
	return n.Value, true
}

// mayHaveFraction tells whether the number n may be written with a fraction,
// such as 1.0 for 1. It spares almost every document a second parsing.
func (s *source) mayHaveFraction(n string) bool {
	return strings.Contains(n, ".") || bytes.Contains(s.text, []byte(n+"."))
}

func descend(n *yaml.Node, path string) (*yaml.Node, bool) {
	for path != "" {
		var step string
		step, path = nextStep(path)
		next := child(n, step)
		if next == nil {
			return n, false
		}
		n = next
	}
	return n, true
}

// nextStep takes the first field or [index] off a path.
func nextStep(path string) (step, rest string) {
	if strings.HasPrefix(path, "[") {
		step, rest, _ = strings.Cut(path[1:], "]")
		return step, strings.TrimPrefix(rest, ".")
	}
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return path[:i], strings.TrimPrefix(path[i:], ".")
	}
	return path, ""
}

func child(n *yaml.Node, step string) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return keyed(n.Content[i], n.Content[i+1])
			}
		}
	}
	return nil
}

// keyed is the value of a mapping on the line of its key: that is where a
// reader looks for a field whose value is a block below.
func keyed(key, value *yaml.Node) *yaml.Node {
	at := *value
	at.Line = key.Line
	return &at
}

// joinPath appends a step to a path. Keys that would not read well with dots,
// such as example.com/rack, go into brackets.
func joinPath(path, step string) string {
	if strings.ContainsAny(step, "./[] ") {
		return path + "[" + step + "]"
	}
	if path == "" {
		return step
	}
	return path + "." + step
}

func indexPath(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
