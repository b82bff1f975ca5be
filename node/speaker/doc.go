// Package speaker makes a BGP speaker match an intent and tells what it learns.
package speaker
