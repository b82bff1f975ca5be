package printers

import (
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
)

// A Column is a heading and how to fill the cells below it.
type Column[T any] struct {
	Name  string
	Value func(T) string
	Wide  bool // shown with -o wide only
}

// Table writes a table, with an empty line below it.
func Table[T any](w io.Writer, columns []Column[T], items []T) error {
	return aligned(w, rows(columns, items, false))
}

// rows gives the headings and the cells of a table, without control characters.
func rows[T any](columns []Column[T], items []T, wide bool) [][]string {
	var shown []Column[T]
	for _, c := range columns {
		if wide || !c.Wide {
			shown = append(shown, c)
		}
	}
	table := make([][]string, 0, len(items)+1)
	head := make([]string, len(shown))
	for i, c := range shown {
		head[i] = c.Name
	}
	table = append(table, head)
	for _, item := range items {
		row := make([]string, len(shown))
		for i, c := range shown {
			row[i] = printable(c.Value(item))
		}
		table = append(table, row)
	}
	return table
}

// aligned writes a table as calicoctl does: cells padded to the width of their
// column and three blanks, the last column too, then an empty line.
func aligned(w io.Writer, table [][]string) error {
	tw := tabwriter.NewWriter(w, 5, 1, 3, ' ', 0)
	for _, row := range table {
		for _, cell := range row {
			if _, err := io.WriteString(tw, cell+"\t"); err != nil {
				return err
			}
		}
		if _, err := io.WriteString(tw, "\n"); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(tw, "\n"); err != nil {
		return err
	}
	return tw.Flush()
}

// printable makes blanks of what would break a line or speak to the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}
