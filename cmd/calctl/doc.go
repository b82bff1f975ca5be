// Calctl stores Calico's routing resources and runs the BGP node they ask for.
//
// This package is the command line and nothing more. There is a file for each
// command; a command parses its flags into a struct of options, calls the
// packages that do the work, and prints what came of it. What commands share:
//
//   - root.go: the app value every command gets, the tree, how an error becomes
//     a line on stderr and an exit status;
//   - input.go: -f FILE, DIR or -, with the file and line of everything read;
//   - outcome.go: "Successfully applied 2 'BGPPeer' resource(s)" and the rest;
//   - names.go: KIND, KIND/NAME and KIND,KIND on the command line;
//   - complete.go: what the shell offers after a tab;
//   - datastore.go: from a flag to an open store. Only it knows the backends.
//
// There are no globals: the app holds the streams, the environment and the
// clock, so that a test can be a process (testdata/script) or a function call.
//
// Words and tables are calicoctl's, because scripts know them. A success line
// is the same to the byte; an error contains calicoctl's text and continues
// with the file, line, resource and remedy. Exit statuses are 0, 1 when the
// work failed, and 2 when the command was not understood. What calicoctl does
// to surprise people is left out: it panics without arguments, creates an
// empty resource for `create bgppeer x`, gives up on a blank document, and
// says "Partial success" when nothing was done.
//
// Before the first write all documents of all files are decoded and validated:
// one bad document means that nothing is written. Then they are written in an
// order in which what is referred to comes first (filters before peers), so
// that a folder of files can be applied in one go.
package main
