// Package autodetect finds out what a machine can say about itself: which of
// its addresses it speaks BGP from, and under which name it is known.
//
// The methods, their names and their quirks are those of Calico's node, so
// that a machine which changes over keeps its address:
//
//	first-found            the first address on an interface that is not one of
//	                       those containers, bridges and tunnels are made of
//	interface=R,R          the first address on an interface whose name matches
//	skip-interface=R,R     first-found, with more interfaces left out
//	cidr=C,C               the first address inside one of the networks
//	can-reach=HOST         the address packets to HOST would be sent from
//
// Parse reads a method, Find applies it to a list of interfaces: a pure
// function, but for can-reach, which asks the kernel. Interfaces reads the
// list from the kernel, in Calico's order: the interface added last comes first.
// On a machine with one uplink the order does not matter; on others name the
// interface.
//
// What has hurt others here: a pattern is a regular expression that matches
// anywhere in the name (interface=eth1 takes eth10 too, write ^eth1$); a method
// that falls back to another address when the network is late at boot. Find never
// guesses: no address is an error, and whoever calls may try again.
package autodetect
