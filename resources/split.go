package resources

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxDocument is the most bytes one document may have, as in calicoctl. It
// keeps a wrong file name from filling the memory.
const maxDocument = 10 << 20

// A chunk is the text of one document, and the line of the input it starts on.
type chunk struct {
	text []byte
	line int
}

// split cuts an input at the lines which start with `---` or `...`. Line ends
// become \n, a byte order mark is dropped, and so are documents of nothing but
// blank lines, comments and YAML directives.
func split(r io.Reader) ([]chunk, error) {
	var (
		in     = bufio.NewReader(r)
		chunks []chunk
		cur    = chunk{line: 1}
		line   = 0
	)
	if err := skipMark(in); err != nil {
		return nil, err
	}
	end := func(next int) {
		if !blank(cur.text) {
			chunks = append(chunks, cur)
		}
		cur = chunk{line: next}
	}
	for {
		text, err := readLine(in, maxDocument-len(cur.text))
		if errors.Is(err, errTooLong) {
			return nil, &DecodeError{Document: len(chunks) + 1, Line: cur.line,
				Reason: fmt.Sprintf("the document is larger than %d MB; is this the right file?", maxDocument>>20)}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if len(text) > 0 {
			line++
			switch rest, sep := separator(text); {
			case sep && rest == nil:
				end(line + 1)
			case sep:
				end(line)
				cur.text = append(cur.text, rest...)
			default:
				cur.text = append(cur.text, text...)
			}
		}
		if err != nil {
			end(line + 1)
			return chunks, nil
		}
	}
}

// separator tells whether a line parts two documents. What else stands on the
// line, if it is no comment, belongs to the document that follows.
func separator(text []byte) (rest []byte, sep bool) {
	trimmed := bytes.TrimRight(text, " \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("---")):
		rest = bytes.TrimLeft(trimmed, "-")
		rest = bytes.TrimLeft(rest, " \t")
		if len(rest) == 0 || rest[0] == '#' {
			return nil, true
		}
		return append(bytes.Clone(rest), '\n'), true
	case bytes.Equal(trimmed, []byte("...")), bytes.HasPrefix(text, []byte("... ")):
		return nil, true
	}
	return nil, false
}

// blank tells whether a document says nothing.
func blank(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}

var errTooLong = errors.New("too long")

// readLine reads one line with its end, which it turns into \n. It gives up
// with errTooLong once the line has more than limit bytes.
func readLine(in *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > limit {
			return nil, errTooLong
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if bytes.HasSuffix(line, []byte("\r\n")) {
			line = append(line[:len(line)-2], '\n')
		}
		return line, err
	}
}

// skipMark reads a UTF-8 byte order mark. Some Windows tools write UTF-16,
// which would otherwise fail with a riddle about control characters.
func skipMark(in *bufio.Reader) error {
	mark, err := in.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if bytes.HasPrefix(mark, []byte{0xFF, 0xFE}) || bytes.HasPrefix(mark, []byte{0xFE, 0xFF}) {
		return &DecodeError{Document: 1, Line: 1, Reason: "the text is UTF-16; save it as UTF-8"}
	}
	if bytes.Equal(mark, []byte{0xEF, 0xBB, 0xBF}) {
		_, err = in.Discard(3)
		return err
	}
	return nil
}
