package dir_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/dir"
)

func TestFiles(t *testing.T) {
	d := newFolder(t)
	s := mustOpen(t, d.path)
	p := newPeer("p1", 64513)
	p.Labels = map[string]string{"rack": "1"}
	stored, err := s.Create(t.Context(), p)
	d.must(err)
	m := stored.Meta()
	// People read and edit these files: their look is a promise.
	want := fmt.Sprintf(`apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  creationTimestamp: "%s"
  labels:
    rack: "1"
  name: p1
  uid: %s
spec:
  asNumber: 64513
  peerIP: 192.0.2.1
`, m.CreationTimestamp.Format("2006-01-02T15:04:05Z"), m.UID)
	if got := d.p1(); got != want {
		t.Errorf("the file reads\n%s\nwant\n%s", got, want)
	}
}

// An apply that changes nothing leaves a file written by hand as it is.
func TestCommentsSurvive(t *testing.T) {
	d := newFolder(t)
	s := mustOpen(t, d.path)
	d.must(func() error { _, err := store.Apply(t.Context(), s, newPeer("p1", 1)); return err }())
	text := "# why this peer is here\n" + d.p1()
	d.write("bgppeers/p1.yaml", text)
	before, err := s.Get(t.Context(), peerKey("p1"))
	d.must(err)
	after, err := store.Apply(t.Context(), s, newPeer("p1", 1))
	d.must(err)
	if got := d.p1(); got != text {
		t.Errorf("the file reads\n%s\nwant\n%s", got, text)
	}
	if before.Meta().ResourceVersion != after.Meta().ResourceVersion {
		t.Errorf("the version went from %s to %s", before.Meta().ResourceVersion, after.Meta().ResourceVersion)
	}
}

func TestUpdateOfHandWritten(t *testing.T) {
	d := newFolder(t)
	s := mustOpen(t, d.path)
	d.peer("p1", 1)
	first, err := s.Get(t.Context(), peerKey("p1"))
	d.must(err)
	d.peer("p1", 2)
	p := newPeer("p1", 3)
	p.ResourceVersion = first.Meta().ResourceVersion
	if _, err := s.Update(t.Context(), p); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Update over an edit by hand: %v, want ErrConflict", err)
	}
	stored, err := store.Apply(t.Context(), s, newPeer("p1", 3))
	d.must(err)
	if m := stored.Meta(); m.UID == "" || m.CreationTimestamp == nil {
		t.Errorf("uid %q and creation time %v after an update, want both", m.UID, m.CreationTimestamp)
	}
}

// A broken file is somebody's work: no write replaces or removes it.
func TestWritesRefuseBroken(t *testing.T) {
	d := newFolder(t)
	s := mustOpen(t, d.path)
	d.write("bgppeers/p1.yaml", "half a line")
	var broken *store.BrokenError
	_, err := s.Create(t.Context(), newPeer("p1", 1))
	if !errors.Is(err, store.ErrExists) {
		t.Errorf("Create over a broken file: %v, want ErrExists", err)
	}
	if _, err = store.Apply(t.Context(), s, newPeer("p1", 1)); !errors.As(err, &broken) {
		t.Errorf("Apply over a broken file: %v, want a BrokenError", err)
	}
	if _, err = s.Delete(t.Context(), peerKey("p1"), ""); !errors.As(err, &broken) {
		t.Errorf("Delete of a broken file: %v, want a BrokenError", err)
	}
	if got := d.p1(); got != "half a line" {
		t.Errorf("the broken file reads %q now", got)
	}
}

func TestSecrets(t *testing.T) {
	d := newFolder(t)
	s := mustOpen(t, d.path, alone)
	f := follow(t, s)
	f.until("")
	secret := func(password string) resources.Resource {
		r := &resources.Secret{Metadata: resources.Metadata{Name: "s1"}, Data: map[string][]byte{"password": []byte(password)}}
		r.Default()
		return r
	}
	mode := func(name string, want fs.FileMode) {
		t.Helper()
		info, err := os.Stat(d.at(name))
		d.must(err)
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %04o, want %04o", name, got, want)
		}
	}
	defer syscall.Umask(syscall.Umask(0)) // the modes are ours, not the user's
	_, err := store.Apply(t.Context(), s, secret("one"))
	d.must(err)
	mode("secrets", 0o700)
	mode("secrets/s1.yaml", 0o600)
	f.until("s1=one")

	// Open to others inside a closed folder: harmless. Without the folder: not.
	d.must(os.Chmod(d.at("secrets/s1.yaml"), 0o644))
	d.must(os.Chmod(d.at("secrets"), 0o755))
	snap := f.until("s1=one s1!kept")
	if got, want := snap.Broken[0].Err.Error(), "other users can read this secret (mode 0644): chmod 600 the file or chmod 700 its folder"; got != want {
		t.Errorf("exposed secret: %s, want %s", got, want)
	}
	follow(t, mustOpen(t, d.path)).until("s1!lost") // a process that has not seen it closed
	d.must(os.Chmod(d.at("secrets"), 0o700))
	f.until("s1=one")

	// Applying it again closes it, changed or not.
	d.must(os.Chmod(d.at("secrets"), 0o755))
	f.until("s1=one s1!kept")
	_, err = store.Apply(t.Context(), s, secret("one"))
	d.must(err)
	mode("secrets/s1.yaml", 0o600)
	f.until("s1=one")
	d.must(os.Chmod(d.at("secrets/s1.yaml"), 0o666))
	f.until("s1=one s1!kept")
	_, err = store.Apply(t.Context(), s, secret("two"))
	d.must(err)
	mode("secrets", 0o700)
	mode("secrets/s1.yaml", 0o600)
	f.until("s1=two")
}

func TestNames(t *testing.T) {
	d := newFolder(t)
	d.peer("p1", 1)
	d.must(os.WriteFile(filepath.Join(filepath.Dir(d.path), "outside.yaml"), []byte(peerText("outside", 1)), 0o644))
	s := mustOpen(t, d.path)
	for _, name := range []string{
		"", ".", "..", "../outside", "../../outside", "/etc/passwd", "a/b", "a\x00b", ".hidden", "#a#", "a\n", "P1", "p1.", "-p1",
		strings.Repeat("a", 251), "ä",
	} {
		if _, err := s.Create(t.Context(), newPeer(name, 1)); err == nil {
			t.Errorf("Create stores %q", name)
		}
		if _, err := s.Update(t.Context(), newPeer(name, 1)); err == nil {
			t.Errorf("Update stores %q", name)
		}
		if _, err := s.Get(t.Context(), peerKey(name)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get of %q: %v, want ErrNotFound", name, err)
		}
		if _, err := s.Delete(t.Context(), peerKey(name), ""); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Delete of %q: %v, want ErrNotFound", name, err)
		}
	}
	longest := strings.Repeat("a", 250)
	if _, err := s.Create(t.Context(), newPeer(longest, 1)); err != nil {
		t.Errorf("Create of a name of 250 letters: %v", err)
	}
}

func TestLock(t *testing.T) {
	d := newFolder(t)
	s := mustOpen(t, d.path)
	_, err := s.Create(t.Context(), newPeer("p1", 1))
	d.must(err)
	other, err := os.OpenFile(d.at(dir.LockFile), os.O_RDWR, 0)
	d.must(err)
	defer func() { _ = other.Close() }()
	d.must(syscall.Flock(int(other.Fd()), syscall.LOCK_EX))

	// Readers don't care, writers give up with their context.
	if _, err := s.Get(t.Context(), peerKey("p1")); err != nil {
		t.Errorf("Get while somebody writes: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	for i := range 2 { // one waits for the lock, the other for its turn
		go func() {
			_, err := s.Create(ctx, newPeer(fmt.Sprintf("q%d", i), 1))
			ended <- err
		}()
	}
	cancel()
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Create that was cancelled while waiting: %v", err)
		}
	}
	go func() {
		_, err := s.Create(t.Context(), newPeer("p2", 1))
		ended <- err
	}()
	d.must(other.Close()) // as when its process is killed
	if err := <-ended; err != nil {
		t.Errorf("Create after the lock is free: %v", err)
	}
}

func TestSweep(t *testing.T) {
	d := newFolder(t)
	s := mustOpen(t, d.path)
	d.peer("p1", 1)
	var left []string
	for _, typ := range resources.Types() {
		left = append(left, typ.Plural+"/"+dir.Temporary)
		d.write(typ.Plural+"/"+dir.Temporary, "half a reso")
	}
	_, err := s.Create(t.Context(), newPeer("p2", 1))
	d.must(err)
	for _, name := range left {
		if _, err := os.Stat(d.at(name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range []string{"p1", "..", "../x", "a/b", "node.a", ".lock", "a.yaml", ".calctl.tmp"} {
		f.Add(name)
	}
	s, err := dir.Open(filepath.Join(f.TempDir(), "calctl"))
	if err != nil {
		f.Fatal(err)
	}
	// Whatever the name, it is refused or found again under just that name.
	f.Fuzz(func(t *testing.T, name string) {
		stored, err := s.Create(t.Context(), newPeer(name, 1))
		if err != nil {
			return
		}
		rs, err := s.List(t.Context(), resources.KindBGPPeer)
		if err != nil || len(rs) != 1 || rs[0].Meta().Name != name {
			t.Errorf("stored as %q, %q is listed as %v, %v", stored.Meta().Name, name, rs, err)
		}
		if _, err := s.Delete(t.Context(), peerKey(name), ""); err != nil {
			t.Errorf("Delete(%q): %v", name, err)
		}
	})
}
