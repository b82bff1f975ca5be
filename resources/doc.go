// Package resources knows what users write: Calico's BGP resources and the
// Secrets their passwords come from. It has their types, their defaults, the
// rules they must keep, and the way between them and YAML. It does no I/O and
// knows nothing of datastores, routers or kernels.
//
// A resource goes through four steps, each a function of its own:
//
//	Decode    text → values, with nothing added; unknown fields are errors
//	Default   fills in what the user left out, as Calico's clients do
//	Validate  names every bad field of this one resource
//	Encode    values → YAML, secrets included
//
// Whether resources fit one another (does this filter exist, do these pools
// overlap) is asked where all of them are known: store.Check and
// intent.Derive. After Validate the accessors (BGPPeer.PeerAddr, Node.IPv4,
// IPPool.Prefix) give parsed values and have nothing left to fail on.
//
// Adding a kind takes one file with its type, Default and Validate, and one
// line in types.go: nothing else lists the kinds.
//
// How decoding works. split.go cuts the input into documents. tree.go turns each
// into plain maps and lists with sigs.k8s.io/yaml, because that reads YAML
// exactly as Calico does. fill.go walks these along the Go types and notes
// every unknown field and every wrong value, not just the first. locate.go
// finds the lines, by parsing once more, only when somebody wants one.
//
// Messages start with calicoctl's words wherever those are known, since scripts
// look for them; what calicoctl leaves out (line, resource, field, value, the
// way to mend it) comes after.
//
// What has hurt others here: YAML reads asNumber: 1.10 as the number 1.1, and
// rack: 010 as 8; both are errors that ask for quotes, not another AS or
// another rack. calicoctl takes exportv4 for exportV4 without a word, and of
// exprotV4 it says only that it does not know it; here case matters, and the
// right spelling is part of the error. A blank document between two `---`
// stopped calicoctl; here it is skipped. And no error, and nothing but Encode,
// ever shows the value of a Secret.
package resources
