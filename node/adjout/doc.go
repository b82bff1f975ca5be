// Package adjout keeps, for each group of peers that hear the same, what they
// still have to hear: decided, packed and encoded once.
package adjout
