// Package printers turns resources and status reports into what people and
// scripts read.
//
// `calctl get` prints Results: each is the answer to one question, a resource
// by name or all of a kind. ByName finds the Printer for an -o flag. A table is
// made of Columns; a Column is a heading and a function from the resource to
// its cell, so that what a table shows can be read, and tested, as a list.
// `calctl node status` prints a status.Report; StatusByName finds its printer.
//
// The layouts are calicoctl's, to the byte, because scripts cut them up: `get`
// aligns with text/tabwriter, ends every cell with a tab (so every line ends in
// blanks) and every table with an empty line; `node status` draws boxes.
//
// What has hurt others, and what is done about it here:
//
//   - calicoctl fills its tables with text templates behind an injection
//     detector, and panics when a cell contains ": " or a filter has a rule.
//     Cells here are plain functions. Control characters in them become blanks,
//     so no resource can break a table's lines or speak to the terminal.
//   - Tables that wrap cells at 30 columns can be neither read nor cut up.
//     Ours never wrap.
//   - Passwords end up in terminals, logs and bug reports. Nothing here prints
//     a secret: every resource that can is asked for its redacted form first,
//     whatever the format.
//
// JSON ends with a newline and leaves &, < and > as they are, because selectors
// are full of them; both differ from calicoctl and mean the same to a parser.
package printers
