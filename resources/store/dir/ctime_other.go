//go:build !linux

package dir

import (
	"io/fs"
	"time"
)

// changed is when a file changed last, as far as it is known here.
func changed(info fs.FileInfo) time.Time { return info.ModTime() }

// disk is the device a file is on, as far as it is known here.
func disk(fs.FileInfo) uint64 { return 0 }
