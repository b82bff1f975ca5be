package fib

import (
	"fmt"
	"log/slog"
)

// Here reads what the kernel has besides our routes, once, and writes nothing:
// a running Syncer of the same host is not disturbed.
func Here() (Host, error) {
	silent := slog.New(slog.DiscardHandler)
	kernel, err := openToRead(silent)
	if err != nil {
		return Host{}, fmt.Errorf("open the kernel's routing table: %w", err)
	}
	defer kernel.Close()
	s, err := NewSyncer(kernel, silent)
	if err != nil {
		return Host{}, err
	}
	return s.Host(), nil
}
