package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/calctl/calctl/resources"
)

// input is where a command finds its resources.
type input struct {
	files     []string
	recursive bool
	skipEmpty bool
}

func (in *input) addFlags(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&in.files, "filename", "f", nil, "`file` or folder to read resources from, - for standard input; may be repeated")
	flags.BoolVarP(&in.recursive, "recursive", "R", false, "read the folders below a folder too")
	flags.BoolVar(&in.skipEmpty, "skip-empty", false, "don't fail when a file or folder holds no resources")
}

// A document is a resource and the file it was read from.
type document struct {
	resources.Document
	file string
}

// where names the place of a field, or of the resource when path is empty.
func (d document) where(path string) string {
	line := d.Line
	if path != "" {
		line = d.LineOf(path)
	}
	return fmt.Sprintf("%s:%d", d.file, line)
}

// read reads every document of every file, in order. If any of them is bad it
// fails with all that is wrong, and calicoctl's words for it.
func (in *input) read(ctx context.Context, a *app) ([]document, error) {
	if len(in.files) == 0 {
		return nil, usagef("no file given; name one with -f, or - for standard input")
	}
	var all []document
	var bad []string
	for _, name := range in.files {
		if name == "" {
			return nil, usagef("the file name after -f is empty; name a file or folder, or - for standard input")
		}
		documents, faults, err := in.readOne(ctx, a, name)
		if err != nil {
			return nil, err
		}
		all = append(all, documents...)
		bad = append(bad, faults...)
	}
	if len(bad) > 0 {
		return nil, fmt.Errorf("failed to execute command: %s", strings.Join(bad, "\n"))
	}
	return all, nil
}

// readOne reads one -f.
func (in *input) readOne(ctx context.Context, a *app, name string) (documents []document, faults []string, err error) {
	files, what := []string{name}, "file"
	if name != "-" {
		info, err := os.Stat(name)
		if err != nil {
			return nil, nil, fmt.Errorf("failed to execute command: %w", asOpen(err))
		}
		if info.IsDir() {
			what = "directory"
			if files, err = listFiles(name, in.recursive); err != nil {
				return nil, nil, fmt.Errorf("failed to execute command: %w", err)
			}
		}
	}
	for _, file := range files {
		text, shown, err := readFile(ctx, a, file)
		if err != nil {
			return nil, nil, fmt.Errorf("failed to execute command: %w", err)
		}
		decoded, err := resources.Decode(bytes.NewReader(text))
		faults = append(faults, describe(err, shown)...)
		for _, d := range decoded {
			documents = append(documents, document{d, shown})
		}
	}
	if len(documents) == 0 && len(faults) == 0 && !in.skipEmpty {
		return nil, nil, fmt.Errorf("no resources specified in %s %s", what, name)
	}
	return documents, faults, nil
}

// asOpen says "open", as calicoctl does: how we looked is of no interest.
func asOpen(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		path.Op = "open"
	}
	return err
}

// listFiles gives the YAML and JSON files of a folder, in lexical order.
func listFiles(folder string, recursive bool) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		switch {
		case entry.IsDir():
			if !recursive {
				continue
			}
			below, err := listFiles(path, recursive)
			if err != nil {
				return nil, err
			}
			files = append(files, below...)
		case slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(path))):
			files = append(files, path)
		}
	}
	return files, nil
}

// readFile reads a file, or standard input for -, and says how to name it.
func readFile(ctx context.Context, a *app, file string) (text []byte, shown string, err error) {
	if file != "-" {
		text, err = os.ReadFile(file)
		return text, file, err
	}
	// Nothing can wake a read from a terminal, so that an interrupted command
	// leaves it behind.
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := io.ReadAll(a.in)
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, "stdin", r.err
	case <-ctx.Done():
		return nil, "stdin", fmt.Errorf("interrupted while reading standard input: %w", context.Cause(ctx))
	}
}

// describe lists the faults Decode found in a file.
func describe(err error, file string) []string {
	type faulty interface {
		error
		Faults(file string) []string
	}
	if bad, ok := errors.AsType[faulty](err); ok {
		return bad.Faults(file)
	}
	if err != nil {
		return []string{fmt.Sprintf("%v (%s)", err, file)}
	}
	return nil
}
