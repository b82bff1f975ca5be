package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/calctl/calctl/node/trial"
)

// longestQuestion is how long a line may be, in octets.
const longestQuestion = 1 << 20

// runBatch answers questions line by line. Answers are written when no more
// questions are waiting, so that a program at the other end of a pipe may wait for
// them.
func (o *policyTestOptions) runBatch(ctx context.Context, a *app) error {
	from, name := a.in, "stdin"
	if o.batch != "-" {
		file, err := os.Open(o.batch)
		if err != nil {
			return fmt.Errorf("failed to execute command: %w", err)
		}
		defer func() { _ = file.Close() }()
		from, name = file, o.batch
	} else if slices.Contains(o.files, "-") {
		return usagef("standard input can't be both: name a file with -f, or with --batch")
	}
	t, err := o.trials(ctx, a)
	if err != nil {
		return err
	}
	b := batch{app: a, trials: t, name: name, out: bufio.NewWriter(a.out)}
	b.json = json.NewEncoder(b.out)
	b.json.SetEscapeHTML(false)
	if err := b.run(ctx, from); err != nil {
		return err
	}
	return b.outcome()
}

// A batch is questions that are being answered.
type batch struct {
	*app
	trials *trial.Trials
	name   string // of the file, for people
	out    *bufio.Writer
	json   *json.Encoder

	line, asked, unclear, unmet int
}

func (b *batch) run(ctx context.Context, from io.Reader) error {
	// Nothing can wake a read from a terminal, so that an interrupted command
	// leaves it behind.
	lines, failed := make(chan []byte, 1024), make(chan error, 1)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(from)
		s.Buffer(nil, longestQuestion)
		for s.Scan() {
			select {
			case lines <- bytes.Clone(s.Bytes()):
			case <-ctx.Done():
				return
			}
		}
		failed <- s.Err()
	}()
	for {
		if len(lines) == 0 {
			if err := b.out.Flush(); err != nil {
				return err
			}
		}
		select {
		case line, ok := <-lines:
			if ok {
				if err := b.answer(line); err != nil {
					return err
				}
				continue
			}
			if err := b.out.Flush(); err != nil {
				return err
			}
			return b.ended(failed)
		case <-ctx.Done():
			return errors.Join(b.out.Flush(), fmt.Errorf("interrupted after %d questions: %w", b.asked, context.Cause(ctx)))
		}
	}
}

// ended says how the reading has ended.
func (b *batch) ended(failed <-chan error) error {
	switch err := <-failed; {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("%s:%d: the line is longer than %d octets", b.name, b.line+1, longestQuestion)
	case err != nil:
		return fmt.Errorf("%s:%d: %w", b.name, b.line+1, err)
	}
	return nil
}

// answer answers a line. Every question has one, so that answers and questions
// can be laid side by side.
func (b *batch) answer(line []byte) error {
	b.line++
	if line = bytes.TrimSpace(line); len(line) == 0 {
		return nil
	}
	b.asked++
	q, err := trial.Read(line)
	if err == nil {
		var answer trial.Answer
		if answer, err = b.trials.Ask(q); err == nil {
			if len(answer.Unmet) > 0 {
				b.unmet++
				b.tell("%s %s %s: %s; decided by: %s", q.Prefix, cmp.Or(q.Direction, "export"), q.Peer, strings.Join(answer.Unmet, "; "), answer.Rule)
			}
			return b.json.Encode(answer)
		}
	}
	b.unclear++
	b.tell("%v", err)
	return b.json.Encode(struct {
		Error string `json:"error"`
	}{err.Error()})
}

func (b *batch) tell(format string, args ...any) {
	_, _ = fmt.Fprintf(b.err, "%s:%d: %s\n", b.name, b.line, fmt.Sprintf(format, args...))
}

// outcome is errTold when not all is as it should be.
func (b *batch) outcome() error {
	if b.unclear+b.unmet == 0 {
		return nil
	}
	_, _ = fmt.Fprintf(b.err, "of %d routes, %d are not as expected, and %d can't be understood\n", b.asked, b.unmet, b.unclear)
	return errTold
}
