package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// forgetStart gives back the pages of the program that only its start has needed:
// most of its packages are for commands and datastores that a node does not use, and
// each has something to set up; a thousand resources are read once. What is needed again
// comes back from the file.
func forgetStart() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if from, to, ok := readOnly(lines.Text(), program); ok {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}

// readOnly takes a line of maps (proc_pid_maps(5)) and says where the program is
// mapped by it; not ok are other files, and what can be written to.
func readOnly(line, program string) (from, to uintptr, ok bool) {
	var mode string
	if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil {
		return 0, 0, false
	}
	return from, to, strings.HasSuffix(line, " "+program) && strings.HasPrefix(mode, "r-") && to > from
}
