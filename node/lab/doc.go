// Package lab builds small networks for tests out of real parts: a network
// namespace for every host, veth pairs between them, a real BIRD, the real
// calctl. It needs root and the programs of `make deps`; without root a test
// that asks for a lab fails and says so.
//
// Everything a lab starts or makes is taken down when its test ends, whatever
// happened. When a test fails, the output of every process goes to its log.
//
// Tests wait for conditions with Until, never for time to pass.
package lab
