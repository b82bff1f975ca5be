// Package trial says what a node's policies do with routes, without a node: for
// `calctl policy test`.
//
//	Snapshot, node ─▶ New ─▶ Trials ─ Ask(Question) ─▶ Answer
//
// Nothing is decided here. Who the peers are and what their policies say is
// package intent's, and what becomes of a route package speaker's: by the very
// functions that the daemon runs on routes of its sessions. This package reads
// questions, says which resource the decision came from, and compares answers with
// what was expected.
//
// A Question has no more than its route: where several routes lead to a prefix,
// which of them is best is another question.
//
// Questions come from people and from their scripts by the hundred thousand, so
// that all that can be made once is: peers are remembered by the name they are
// asked for.
package trial
