package fib

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ownerName is the socket whose holder writes the routes of a network
// namespace. Abstract names (unix(7)) are one namespace's own, like its routes,
// and the kernel frees them with their process, however it ends.
const ownerName = "@calctl/fib"

// ownerPatience is how long a process that was just killed may take to be gone.
const ownerPatience = time.Second

// own makes this process the one that writes the routes of the network
// namespace, until the returned socket is closed. Two at once would delete
// each other's routes for ever.
func own(log *slog.Logger) (*net.UnixListener, error) {
	for deadline := time.Now().Add(ownerPatience); ; {
		l, err := new(net.ListenConfig).Listen(context.Background(), "unix", ownerName)
		if err == nil {
			socket := l.(*net.UnixListener)
			go answer(socket)
			return socket, nil
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			return nil, fmt.Errorf("claim the routes of this network namespace: %w", err)
		}
		if time.Now().After(deadline) {
			return nil, taken(log)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// answer empties the queue of those who ask for the owner's pid, which they
// get from the kernel: a full one would turn the next away.
func answer(l *net.UnixListener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			<-time.After(time.Second) // no file descriptors left, perhaps
			continue
		}
		_ = c.Close()
	}
}

// taken says who holds the name. It is nil when that is nobody who could write
// routes for calctl: any user may take any abstract name, and must not be able
// to keep a router from starting.
func taken(log *slog.Logger) error {
	who, err := owner()
	switch {
	case err != nil: // a calctl answers
		log.Warn("somebody holds the name that keeps a second calctl out of this network namespace, going on without it",
			"name", ownerName, "error", err)
		return nil
	case who.Uid != 0 && int(who.Uid) != os.Geteuid():
		log.Warn("somebody holds the name that keeps a second calctl out of this network namespace, going on without it",
			"name", ownerName, "pid", who.Pid, "uid", who.Uid)
		return nil
	case who.Pid == 0: // of a pid namespace we don't see
		return errors.New("another calctl writes the routes of this network namespace: stop it first")
	}
	return fmt.Errorf("another calctl writes the routes of this network namespace (pid %d): stop it first", who.Pid)
}

// owner asks the kernel who holds the name.
func owner() (*unix.Ucred, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: ownerName}); err != nil {
		return nil, err
	}
	return unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
}
