// Package rib holds all paths to all prefixes and decides which are best, and
// why the others lost.
package rib
