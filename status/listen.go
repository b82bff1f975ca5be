package status

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrInUse is returned by Listen when another daemon has the socket.
var ErrInUse = errors.New("another daemon answers there")

// socketMode lets root and the socket's group ask.
const socketMode = 0o660

// maxSocketPath is the size of sockaddr_un.sun_path without its closing NUL (unix(7)).
const maxSocketPath = 107

// probeTimeout is how long Listen waits for whoever may live at the socket. A
// connect to a unix socket is answered by the kernel, so this is generous.
const probeTimeout = time.Second

// Listen makes the socket at path, with mode 0660 from its first moment, and
// the folders above it. A socket nobody listens on any more is replaced. Listen
// fails with ErrInUse when a daemon has the socket already, and with a sentence
// about what to do when something that is not a socket is in the way or the
// path is longer than the kernel takes. Closing the listener removes the socket.
func Listen(path string) (net.Listener, error) {
	if err := checkSocketPath(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("status socket %s: cannot make its folder: %w", path, err)
	}
	lock, err := lockSocket(path)
	if err != nil {
		return nil, err
	}
	if err := removeDead(path); err != nil {
		_ = lock.Close()
		return nil, err
	}
	l, err := bind(path)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("status socket %s: %w", path, err)
	}
	made := &listener{Listener: l, lock: lock}
	if err := os.Chmod(path, socketMode); err != nil { // gives back what the umask took
		_ = made.Close()
		return nil, fmt.Errorf("status socket %s: %w", path, err)
	}
	return made, nil
}

// checkSocketPath refuses what the kernel would call an invalid argument.
func checkSocketPath(path string) error {
	switch {
	case path == "":
		return errors.New("status socket: the path is empty; give one, such as " + DefaultSocket)
	case len(path) > maxSocketPath:
		return fmt.Errorf("status socket %s: the path is %d bytes long, the kernel takes at most %d; choose a shorter one", path, len(path), maxSocketPath)
	}
	return nil
}

// lockSocket takes the lock beside the socket, which makes looking at the
// socket and replacing it one step. The kernel gives it back when the process ends.
func lockSocket(path string) (*os.File, error) {
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("status socket %s: cannot lock it: %w", path, err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, inUse(path)
		}
		return nil, fmt.Errorf("status socket %s: cannot lock it: %w", path, err)
	}
	return lock, nil
}

func inUse(path string) error {
	return fmt.Errorf("status socket %s: %w; stop it first or choose another socket", path, ErrInUse)
}

// removeDead removes a socket at path if nobody listens on it. That somebody
// may not be a calctl that knows of the lock, so we knock even though we hold it.
func removeDead(path string) error {
	file, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("status socket %s: %w", path, err)
	}
	if file.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("status socket %s: there is %s at this path; remove it or choose another path", path, fileType(file.Mode()))
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		_ = conn.Close()
		return inUse(path)
	}
	// Anything but "refused" means that somebody may be there: too busy to
	// accept, say. Only a socket that is surely dead is removed.
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return inUse(path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("status socket %s: cannot remove the dead one: %w", path, err)
	}
	return nil
}

func fileType(mode os.FileMode) string {
	switch mode.Type() {
	case 0:
		return "a regular file"
	case os.ModeDir:
		return "a folder"
	case os.ModeSymlink:
		return "a symbolic link"
	default:
		return "something that is not a socket"
	}
}

// bind makes the socket's file with no more rights than socketMode whatever the
// umask is: the file gets the mode of the socket's inode, less the umask.
func bind(path string) (net.Listener, error) {
	restrict := func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) { failed = syscall.Fchmod(int(fd), socketMode) })
		return errors.Join(err, failed)
	}
	return (&net.ListenConfig{Control: restrict}).Listen(context.Background(), "unix", path)
}

// listener is a socket and the lock that makes it ours.
type listener struct {
	net.Listener
	lock *os.File
}

// Close removes the socket, then gives back the lock: never the other way round.
func (l *listener) Close() error {
	err := l.Listener.Close()
	_ = l.lock.Close()
	return err
}
