package dir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/dir"
)

func TestOpen(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to become somebody else")
	}
	base := t.TempDir()
	d := folder{t, base}
	d.write("file", "x")
	d.must(os.MkdirAll(d.at("closed/calctl"), 0o755))
	d.must(os.Chmod(d.at("closed/calctl"), 0o700))
	// TempDir's parents are closed; what is tested is the last step.
	for p := base; p != "/"; p = filepath.Dir(p) {
		info, err := os.Stat(p)
		d.must(err)
		if info.Mode()&0o055 != 0o055 {
			d.must(os.Chmod(p, info.Mode()|0o055))
			t.Cleanup(func() { _ = os.Chmod(p, info.Mode()) })
		}
	}
	for path, want := range map[string]string{
		"":                      "datastore has no path: name a folder",
		d.at("file"):            "is not a folder: name the folder",
		d.at("file/below"):      "not a directory",
		d.at("closed/calctl"):   "permission denied",
		d.at("closed/calctl/x"): "permission denied",
	} {
		_, err := as(nobody, func() (*dir.Store, error) { return dir.Open(path) })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want %s", path, err, want)
		}
	}
	// Reading what is not there is fine; writing it is not.
	s := mustOpen(t, d.at("closed/new"))
	if rs, err := s.List(t.Context(), resources.KindNode); len(rs) != 0 || err != nil {
		t.Errorf("List of a missing folder: %v, %v", rs, err)
	}
	if _, err := s.Delete(t.Context(), peerKey("p1"), ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Delete in a missing folder: %v, want ErrNotFound", err)
	}
	if _, err := os.Stat(d.at("closed/new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading has made the folder: %v", err)
	}
	if _, err := as(nobody, func() (resources.Resource, error) { return s.Create(t.Context(), newPeer("p1", 1)) }); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Create where we may not write: %v, want permission denied", err)
	}
}

const nobody = 65534

// as runs do with the file permissions of another user.
func as[T any](uid int, do func() (T, error)) (T, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = syscall.Setfsuid(uid)
	defer func() { _ = syscall.Setfsuid(0) }()
	return do()
}
