//go:build !linux

package fib

import (
	"context"
	"errors"
	"log/slog"
)

// Netlink is Linux's; elsewhere there is none, so that the rest of the program builds.
type Netlink struct{}

var _ Kernel = (*Netlink)(nil)

var errNotLinux = errors.New("routes can only be written on Linux")

// Open fails.
func Open(*slog.Logger) (*Netlink, error) { return nil, errNotLinux }

func openToRead(*slog.Logger) (*Netlink, error) { return nil, errNotLinux }

// Close does nothing.
func (*Netlink) Close() {}

// Apply refuses everything.
func (*Netlink) Apply(ops []Op, errs []error) {
	for i := range ops {
		errs[i] = errNotLinux
	}
}

// Turn fails.
func (*Netlink) Turn([]Hop, []Hop) error { return errNotLinux }

// Tidy does nothing.
func (*Netlink) Tidy() {}

// Scan fails.
func (*Netlink) Scan(func(*Event)) error { return errNotLinux }

// Changes fails.
func (*Netlink) Changes(func(*Event)) error { return errNotLinux }

// Wait fails.
func (*Netlink) Wait(context.Context) error { return errNotLinux }
