package dir

import (
	"io/fs"
	"syscall"
	"time"
)

// changed is when a file's content, name or mode changed last. Unlike the time
// of modification nobody can set it: cp -p, rsync and tar like to.
func changed(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return info.ModTime()
}

// disk is the device a file is on: another one after its file system has been
// mounted or unmounted.
func disk(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Dev
	}
	return 0
}
