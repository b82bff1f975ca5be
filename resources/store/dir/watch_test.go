package dir_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/dir"
	"github.com/calctl/calctl/resources/store/storetest"
)

// alone makes sure that only events lead to a look.
var alone = dir.Patrol(time.Hour)

func TestHandEdits(t *testing.T) {
	d := newFolder(t)
	f := follow(t, mustOpen(t, d.path, alone))
	f.until("")
	d.peer("p1", 1)
	first := f.until("p1=1")
	if p := first.Peers["p1"]; p.ResourceVersion == "" || p.UID != "" {
		t.Errorf("hand-written peer has version %q and uid %q, want a version and no uid", p.ResourceVersion, p.UID)
	}

	d.write("bgppeers/p1.yaml", "kind: BGPPeer\n\tnonsense")
	snap := f.until("p1=1 p1!kept")
	if got, want := snap.Broken[0].Source, d.at("bgppeers/p1.yaml"); got != want {
		t.Errorf("broken file is %s, want %s", got, want)
	}
	if snap.Peers["p1"] != first.Peers["p1"] {
		t.Error("the version in force is not the very resource of before")
	}
	d.peer("p2", 2)
	f.until("p1=1 p2=2 p1!kept")
	d.write("bgppeers/p3.yaml", "")
	f.until("p1=1 p2=2 p1!kept p3!lost")
	d.write("bgppeers/p2.yaml", strings.Replace(peerText("p2", 3), "192.0.2.1", "bad", 1)) // reads well, but is invalid
	f.until("p1=1 p2=2 p1!kept p2!kept p3!lost")
	d.peer("p1", 4)
	d.peer("p2", 5)
	d.peer("p3", 6)
	f.until("p1=4 p2=5 p3=6")

	// Deleting a broken file deletes what was in force.
	d.write("bgppeers/p1.yaml", "{")
	f.until("p1=4 p2=5 p3=6 p1!kept")
	d.must(os.Remove(d.at("bgppeers/p1.yaml")))
	f.until("p2=5 p3=6")
	d.must(os.RemoveAll(d.at("bgppeers")))
	f.until("")
	d.peer("p1", 7)
	f.until("p1=7")
}

// Saving is never seen as deleting, however an editor does it.
func TestEditors(t *testing.T) {
	const file = "bgppeers/p1.yaml"
	for name, save := range map[string]func(d folder, text string){
		"write in place": func(d folder, text string) { d.write(file, text) },
		"truncate, then write in pieces": func(d folder, text string) {
			f, err := os.Create(d.at(file))
			d.must(err)
			for _, b := range []byte(text) {
				_, err := f.Write([]byte{b})
				d.must(err)
			}
			d.must(f.Close())
		},
		"rename over": func(d folder, text string) {
			d.write("bgppeers/.p1.yaml.new", text)
			d.must(os.Rename(d.at("bgppeers/.p1.yaml.new"), d.at(file)))
		},
		"vi, with a backup": func(d folder, text string) {
			d.write("bgppeers/.p1.yaml.swp", "b0VIM")
			d.write("bgppeers/4913", "")
			d.must(os.Remove(d.at("bgppeers/4913")))
			d.must(os.Rename(d.at(file), d.at(file+"~")))
			d.write(file, text)
			d.must(os.Remove(d.at(file + "~")))
			d.must(os.Remove(d.at("bgppeers/.p1.yaml.swp")))
		},
		"emacs": func(d folder, text string) {
			d.write("bgppeers/#p1.yaml#", text)
			d.must(os.Symlink("user@host.1:2", d.at("bgppeers/.#p1.yaml")))
			d.must(os.Rename(d.at(file), d.at(file+"~")))
			d.write(file, text)
			d.must(os.Remove(d.at("bgppeers/#p1.yaml#")))
			d.must(os.Remove(d.at("bgppeers/.#p1.yaml")))
		},
		"remove, then write": func(d folder, text string) {
			d.must(os.Remove(d.at(file)))
			d.write(file, text)
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			d := newFolder(t)
			d.peer("p1", 100)
			f := follow(t, mustOpen(t, d.path, alone))
			f.until("p1=100")
			for asn := 1; asn <= 10; asn++ {
				save(d, peerText("p1", asn))
				f.until(fmt.Sprintf("p1=%d", asn))
			}
			for i, snap := range f.seen() {
				if snap.Peers["p1"] == nil {
					t.Errorf("snapshot %d has no peer", i)
				}
			}
		})
	}
}

func TestNotOurs(t *testing.T) {
	d := newFolder(t)
	for _, name := range []string{
		".git/config", ".git/index.yaml", "README.md", "notes.yaml", "bgppeers/README", "bgppeers/.p1.yaml.swp",
		"bgppeers/p1.yaml~", "bgppeers/4913", "bgppeers/#p1.yaml#", "bgppeers/p1.yaml.orig", "bgppeers/.calctl.tmp",
		"bgppeers/.hidden.yaml", "others/p1.yaml", "bgppeers/sub/p1.yaml",
	} {
		d.write(name, "nonsense: [")
	}
	d.peer("p1", 1)
	s := mustOpen(t, d.path)
	follow(t, s).until("p1=1")
	rs, err := s.List(t.Context(), resources.KindBGPPeer)
	if err != nil || len(rs) != 1 {
		t.Errorf("List returns %d peers, %v; want the only one", len(rs), err)
	}
}

func TestBroken(t *testing.T) {
	for _, test := range []struct{ file, text, want string }{
		{"bgppeers/p1.yaml", peerText("p2", 1), "holds BGPPeer(p2): rename the file to p2.yaml, or set metadata.name to p1"},
		{"nodes/p1.yaml", peerText("p1", 1), "holds a BGPPeer in the folder of Nodes: move it to bgppeers"},
		{"bgppeers/p1.yaml", "", "is empty: write the resource into it or remove it"},
		{"bgppeers/p1.yaml", "# nothing but a comment\n", "is empty: write the resource into it or remove it"},
		{"bgppeers/p1.yaml", peerText("p1", 1) + "---\n" + peerText("p2", 1), "holds 2 resources: keep each in a file of its own"},
		{"bgppeers/p1.yml", peerText("p1", 1), "is not read: rename it to p1.yaml"},
		{"bgppeers/p1.json", "{}", "is not read: rename it to p1.yaml"},
		{"bgppeers/P1.yaml", peerText("P1", 1), "name 'P1' can't be a file name: use lower case letters, digits, '-' and '.'"},
		{"bgppeers/p1.yaml", "kind: BGPPeer\nmetadata: {name: p1}\n", "unknown resource type (BGPPeer) and/or version ()"},
		{"bgppeers/p1.yaml", "apiVersion: projectcalico.org/v3\nmetadata: {name: p1}\n", "the field kind is missing"},
		{"bgppeers/p1.yaml", strings.Replace(peerText("p1", 1), "peerIP", "peerIp", 1), "did you mean peerIP?"},
		{"bgppeers/p1.yaml", peerText("p1", 1) + "kind: BGPPeer\n", `key "kind" already set in map`},
	} {
		d := newFolder(t)
		d.write(test.file, test.text)
		s := mustOpen(t, d.path)
		kind := resources.KindBGPPeer
		if strings.HasPrefix(test.file, "nodes") {
			kind = resources.KindNode
		}
		_, err := s.List(t.Context(), kind)
		var broken *store.BrokenError
		if !errors.As(err, &broken) {
			t.Errorf("List with a broken %s: %v, want a BrokenError", test.file, err)
			continue
		}
		listed := broken.Entries[0]
		if listed.Source != d.at(test.file) || !strings.Contains(listed.Err.Error(), test.want) {
			t.Errorf("List of %s: %s: %v\nwant: %s", test.file, listed.Source, listed.Err, test.want)
		}
		if strings.HasSuffix(test.file, "p1.yaml") {
			if _, err := s.Get(t.Context(), resources.Key{Kind: kind, Name: "p1"}); !errors.As(err, &broken) {
				t.Errorf("Get of %s: %v, want a BrokenError", test.file, err)
			}
		}
		name := strings.TrimSuffix(filepath.Base(test.file), filepath.Ext(test.file))
		got := follow(t, s).until(name + "!lost").Broken[0]
		if d := cmp.Diff(listed, got, cmp.Transformer("text", error.Error)); d != "" {
			t.Errorf("watch and List differ about %s:\n%s", test.file, d)
		}
	}
}

func TestFolderGoes(t *testing.T) {
	d := newFolder(t)
	d.peer("p1", 1)
	d.peer("p2", 2)
	s := mustOpen(t, d.path, alone)
	f := follow(t, s)
	f.until("p1=1 p2=2")
	d.must(os.Rename(d.path, d.path+".away"))
	await(t, "health reports that the folder is gone", func() bool {
		err := s.Health().Err
		return err != nil && strings.Contains(err.Error(), "is gone: its last state stays in force")
	})
	if n := len(f.seen()); n != 1 {
		t.Errorf("%d snapshots after the folder went, want none but the first", n)
	}
	d.must(os.Rename(d.path+".away", d.path))
	d.peer("p1", 3)
	f.until("p1=3 p2=2")
	await(t, "health is good again", func() bool { return s.Health().Err == nil })

	// Another one in its place, as a deployment does it, again and again.
	for asn := 1; asn <= 10; asn++ {
		next := folder{t, fmt.Sprintf("%s.%d", d.path, asn)}
		next.peer("p4", asn)
		d.must(os.Rename(d.path, fmt.Sprintf("%s.old.%d", d.path, asn)))
		d.must(os.Rename(next.path, d.path))
		f.until(fmt.Sprintf("p4=%d", asn))
		d.peer("p5", asn) // the new folder is heard
		f.until(fmt.Sprintf("p4=%d p5=%d", asn, asn))
	}
}

func TestFolderRemovedAndMade(t *testing.T) {
	d := newFolder(t)
	f := follow(t, mustOpen(t, d.path, alone))
	f.until("")
	for asn := 1; asn <= 10; asn++ {
		d.peer("p1", asn) // file systems like to give the new folder the inode of the old
		f.until(fmt.Sprintf("p1=%d", asn))
		d.must(os.RemoveAll(d.at("bgppeers")))
		f.until("")
		d.peer("p2", asn)
		f.until(fmt.Sprintf("p2=%d", asn))
		d.must(os.RemoveAll(d.path))
	}
}

func TestGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git here")
	}
	d := newFolder(t)
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", d.path, "-c", "user.name=t", "-c", "user.email=t@example.net"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	d.peer("p1", 1)
	d.peer("p2", 2)
	git("init", "-q", "-b", "one")
	git("add", ".")
	git("commit", "-qm", "one")
	git("checkout", "-q", "-b", "two")
	d.peer("p1", 3)
	d.must(os.Remove(d.at("bgppeers/p2.yaml")))
	d.peer("p3", 4)
	git("add", ".")
	git("commit", "-qm", "two")
	git("checkout", "-q", "-b", "none")
	git("rm", "-qr", "bgppeers")
	git("commit", "-qm", "none")
	f := follow(t, mustOpen(t, d.path, alone))
	f.until("")
	for range 5 {
		git("checkout", "-q", "one")
		f.until("p1=1 p2=2")
		git("checkout", "-q", "two")
		f.until("p1=3 p3=4")
		git("checkout", "-q", "none")
		f.until("")
	}
}

// Without inotify all is found as well, later.
func TestUnwatchable(t *testing.T) {
	var free atomic.Bool
	d := newFolder(t)
	s := mustOpen(t, d.path, alone, dir.Unwatchable(func() error {
		if free.Load() {
			return nil
		}
		return syscall.EMFILE
	}))
	f := follow(t, s)
	f.until("")
	err := s.Health().Err
	if want := "raise fs.inotify.max_user_instances"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("health without inotify is %v, want %s", err, want)
	}
	d.peer("p1", 1)
	f.until("p1=1")
	d.peer("p1", 2)
	f.until("p1=2")
	free.Store(true)
	await(t, "health is good again", func() bool { return s.Health().Err == nil })
	d.peer("p1", 3)
	f.until("p1=3")
}

// When more happens than the kernel can tell us about, we look for ourselves.
func TestLostEvents(t *testing.T) {
	queue := 16384
	if text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events"); err == nil {
		_, _ = fmt.Sscan(string(text), &queue)
	}
	if queue > 1<<17 {
		t.Skipf("the queue holds %d events: too many to fill", queue)
	}
	d := newFolder(t)
	d.peer("p1", 1)
	f := follow(t, mustOpen(t, d.path, alone))
	f.until("p1=1")
	hold := make(chan struct{})
	f.mu.Lock()
	f.hold = hold
	f.mu.Unlock()
	d.peer("p2", 2)
	f.until("p1=1 p2=2") // and now Watch is stuck
	// Equal events in a row are merged, so take turns. What fsnotify has read
	// already is not in the queue any more.
	for i := range queue/2 + 8192 {
		name := d.at("bgppeers/a~")
		if i%2 == 1 {
			name = d.at("bgppeers/b~")
		}
		d.must(os.WriteFile(name, []byte("x"), 0o644))
	}
	d.peer("p1", 3) // nobody hears this
	f.mu.Lock()
	f.hold = nil
	f.mu.Unlock()
	close(hold)
	f.until("p1=3 p2=2")
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	late := time.After(storetest.Patience)
	for !ok() {
		select {
		case <-time.After(time.Millisecond):
		case <-late:
			t.Fatalf("it does not come to be that %s", what)
		}
	}
}
