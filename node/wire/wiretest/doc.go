// Package wiretest knows what is malformed: Verdicts lists UPDATEs, octet by octet, and
// what the RFCs say of each. The tests of the decoder, of a session and of a whole
// speaker go through the same list, so that what one of them decides is what the
// next one sees, and what a peer sees on the wire.
//
// It is test support. It doesn't know node/wire, whose tests need it.
package wiretest
