// Package selector reads and evaluates Calico's label selectors: the texts in
// nodeSelector, peerSelector and their like which pick nodes by their labels.
//
// A selector is parsed once and asked often. Parse turns the text into a small
// tree: tests of one label at the leaves, and, or and not above them. Matches
// walks the tree for one set of labels; it allocates nothing. String writes the
// tree back in one spelling, so that two selectors which differ in blanks,
// quotes or the order of a set print the same.
//
// The language, loosest binding first:
//
//	a || b          either
//	a && b          both
//	!a              not; may be repeated
//	(a)             grouping
//	all()           every node, and so does the empty text
//	global()        no node; Calico uses it for objects that belong to none
//	has(k)          the label is there, whatever its value
//	k == 'v'        also !=, contains, starts with, ends with
//	k in {'v','w'}  also not in; the set may be empty, a last comma is fine
//
// Values are quoted with ' or ", and there are no escapes: a value cannot hold
// both kinds of quote. Label names are letters, digits and _ . / -.
//
// What has hurt others here: on a node without the label k, `k != 'v'` and
// `k not in {'v'}` are true, while every other test of k is false. So
// `!(k == 'v')` and `k != 'v'` agree, but `k != 'v'` does not mean has(k).
// Only blanks and tabs separate words: a selector folded over several lines
// of YAML with | instead of > does not parse, in Calico either.
//
// Texts come from users and from the network, so the parser is limited in depth
// and its errors say at which column it stood and what it expected there.
package selector
