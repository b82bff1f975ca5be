package resources

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// parse turns a chunk into generic values: map[string]any, []any, string,
// json.Number, bool and nil. A YAML document is one value; JSON text may hold
// several, one after the other.
func parse(c chunk) ([]*tree, *DecodeError) {
	text := bytes.TrimLeft(c.text, " \t\n")
	if len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		if trees, ok, bad := parseJSON(c); ok {
			return trees, bad
		}
		// Not JSON, then: YAML has braces too.
	}
	raw, err := yaml.YAMLToJSONStrict(c.text)
	if err != nil {
		return nil, syntaxError(c, err)
	}
	v, err := readJSON(raw)
	if err != nil {
		return nil, syntaxError(c, err)
	}
	return []*tree{{source: &source{chunk: c}, value: v}}, nil
}

// A tree is the values of a document, and its text for looking up lines.
type tree struct {
	source *source
	value  any
}

// parseJSON reads one JSON value after the other; ok is false when the text is
// no JSON.
func parseJSON(c chunk) (trees []*tree, ok bool, bad *DecodeError) {
	dec := json.NewDecoder(bytes.NewReader(c.text))
	line, counted := c.line, 0
	for {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err == io.EOF {
			return trees, true, nil
		} else if err != nil {
			return nil, false, nil
		}
		start := int(dec.InputOffset()) - len(raw)
		line += bytes.Count(c.text[counted:start], []byte("\n"))
		counted = start
		part := chunk{text: raw, line: line}
		v, err := readJSON(raw)
		if err != nil {
			return nil, true, syntaxError(part, err)
		}
		trees = append(trees, &tree{source: &source{chunk: part}, value: v})
	}
}

// readJSON is json.Unmarshal which keeps numbers as they are and refuses an
// object with the same key twice.
func readJSON(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return readValue(dec, raw)
}

func readValue(dec *json.Decoder, raw []byte) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := readValue(dec, raw)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = dec.Token()
		return list, err
	case json.Delim('{'):
		object := map[string]any{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			name, _ := key.(string)
			if _, twice := object[name]; twice {
				line := 1 + bytes.Count(raw[:dec.InputOffset()], []byte("\n"))
				return nil, fmt.Errorf("line %d: key %q already set in map", line, name)
			}
			if object[name], err = readValue(dec, raw); err != nil {
				return nil, err
			}
		}
		_, err = dec.Token()
		return object, err
	}
	return tok, nil
}

// quotedInError matches what a parser repeats of the text, in a document that
// may hold secrets: `password: *x` makes it complain about the anchor 'x'.
var quotedInError = regexp.MustCompile("'[^']*'|`[^`]*`")

var lineInError = regexp.MustCompile(`\bline (\d+)`)

// syntaxError wraps a parser's error; lines it names become those of the
// input. The first words are calicoctl's.
func syntaxError(c chunk, err error) *DecodeError {
	e := &DecodeError{Line: c.line}
	text := strings.Join(strings.Fields(err.Error()), " ")
	text = lineInError.ReplaceAllStringFunc(text, func(m string) string {
		n, _ := strconv.Atoi(m[len("line "):])
		n += c.line - 1
		if e.Line == c.line {
			e.Line = n
		}
		return "line " + strconv.Itoa(n)
	})
	if bytes.Contains(c.text, []byte(KindSecret)) {
		text = quotedInError.ReplaceAllString(text, redacted)
	}
	e.Reason = "error converting YAML to JSON: " + text
	if strings.Contains(text, "cannot start any token") && bytes.Contains(c.text, []byte("\t")) {
		e.Reason += "; YAML is indented with blanks, not with tabs"
	}
	return e
}
