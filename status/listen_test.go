package status

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// umask changes the process's umask for one test, which therefore can't be parallel.
func umask(t *testing.T, mask int) {
	t.Helper()
	old := syscall.Umask(mask)
	t.Cleanup(func() { syscall.Umask(old) })
}

func modeOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	file, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return file.Mode()
}

// dead leaves a socket behind that nobody listens on, as a killed daemon does.
func dead(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSocketIsNeverOpenToOthers(t *testing.T) {
	umask(t, 0)
	path := filepath.Join(t.TempDir(), "s")
	l, err := bind(path) // before Listen's chmod
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if got := modeOf(t, path).Perm(); got != 0o660 {
		t.Errorf("mode right after bind is %o, want 660", got)
	}
}

func TestSocketModeDoesNotDependOnUmask(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o077, 0o177} {
		umask(t, mask)
		path := filepath.Join(t.TempDir(), "s")
		l, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := modeOf(t, path); got != os.ModeSocket|0o660 {
			t.Errorf("umask %03o: mode is %v, want srw-rw----", mask, got)
		}
		_ = l.Close()
	}
}

func TestListenMakesFoldersAndCleansUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "calctl", "calctl.sock")
	for range 2 { // the second time the folders and the lock are there already
		l, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after Close the socket is still there: %v", err)
		}
	}
}

func TestListenReplacesADeadSocketOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead(t, path)
	first, err := Listen(path)
	if err != nil {
		t.Fatalf("dead socket: %v", err)
	}
	defer func() { _ = first.Close() }()
	if _, err := Listen(path); !errors.Is(err, ErrInUse) {
		t.Errorf("second daemon: got %v, want ErrInUse", err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the first daemon has lost its socket: %v", err)
	}
	_ = conn.Close()
}

func TestListenLeavesAForeignDaemonAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	foreign, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = foreign.Close() }()
	if _, err := Listen(path); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
}

// Many daemons start at once over a dead socket: one gets it, and keeps it.
func TestListenRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead(t, path)
	var won atomic.Int32
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range 16 {
		wg.Go(func() {
			<-start
			l, err := Listen(path)
			if err == nil {
				won.Add(1)
				t.Cleanup(func() { _ = l.Close() })
			} else if !errors.Is(err, ErrInUse) {
				t.Errorf("loser got %v, want ErrInUse", err)
			}
		})
	}
	close(start)
	wg.Wait()
	if n := won.Load(); n != 1 {
		t.Errorf("%d daemons got the socket, want 1", n)
	}
}

func TestListenRefusals(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(dir, strings.Repeat("x", 108))
	for _, test := range []struct{ name, path, want string }{
		{"empty", "", "the path is empty; give one, such as /run/calctl/calctl.sock"},
		{"too long", long, "the kernel takes at most 107; choose a shorter one"},
		{"regular file", file, "there is a regular file at this path; remove it or choose another path"},
		{"folder", folder, "there is a folder at this path"},
		{"symbolic link", link, "there is a symbolic link at this path"},
		{"below a file", filepath.Join(file, "s"), "cannot make its folder: mkdir " + file + ": not a directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := Listen(test.path)
			if err == nil {
				_ = l.Close()
				t.Fatal("Listen succeeded")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant …%s", err, test.want)
			}
		})
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "precious" {
		t.Errorf("the file in the way was touched: %q, %v", text, err)
	}
}
