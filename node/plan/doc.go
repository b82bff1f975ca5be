// Package plan says what a node would do, without doing it: as a [Document] for
// scripts.
//
//	Snapshot, node, Host ─▶ Make ─▶ Plan ─▶ Document ─▶ JSON, YAML
//
// Make asks package intent, so a plan can't differ from what the daemon makes of
// the same resources. Everything here is a pure function: no clock, no file and
// no network, and the same input gives the same text. Its JSON names are an
// interface, described in docs/reference/dry-run.md: they stay, new ones may come.
// Secrets never get into a plan.
package plan
