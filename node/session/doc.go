// Package session speaks BGP with one peer (RFC 4271): state machine, timers,
// capabilities, sockets, reading and writing. It knows messages, not routes.
package session
