// Package wire turns bytes into BGP messages and messages into bytes, and says
// by RFC 7606 what is to be done about those that are malformed.
package wire
