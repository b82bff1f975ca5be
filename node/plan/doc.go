// Package plan says what a node would do, without doing it: as a [Document] for
// scripts, and as a configuration of BIRD 2 that does the same.
//
//	Snapshot, node, Host ─▶ Make ─▶ Plan ─┬─ Document ─▶ JSON, YAML
//	                                      └─ BIRD ─────▶ bird.conf
//
// Make asks package intent, so a plan can't differ from what the daemon makes of
// the same resources. Everything here is a pure function: no clock, no file and
// no network, and the same input gives the same text.
//
// # The document
//
// Its JSON names are an interface for scripts, described in
// docs/reference/dry-run.md: they stay, new ones may come.
//
// # The BIRD configuration
//
// It is what confd renders for calico-node, in one file for both families and in
// the syntax of BIRD 2: for people who come from there or go back, for reviews,
// and for tests that put calctl and BIRD in one place and compare. BIRD 2 is not
// the BIRD 1.6 of calico-node. Where it would behave otherwise, the configuration
// has it do what Calico means:
//
//   - BIRD 1.6 puts its own AS in front of the path before the export filter runs,
//     BIRD 2 afterwards. A peer whose filters look at the path, or change it, is
//     made a route server's client, to whom BIRD adds nothing, and the filter
//     begins by adding the AS.
//   - BIRD 1.6 tells external peers a MED of 0 in place of another's, BIRD 2 none.
//   - BIRD 1.6 with `next hop keep` tells external peers a kernel route's gateway,
//     BIRD 2 itself.
//   - BIRD 1.6 leaves a route's metric in the kernel alone, BIRD 2 has 32 for all
//     unless told not to.
//   - BIRD 1.6 keeps networks on interfaces out of the kernel, BIRD 2 doesn't.
//
// Secrets never get into a plan. A password is a definition at the head of the
// file, to be filled in there: until that is done the session can't come up, as
// the two ends have different passwords, and it never comes up without one.
package plan
