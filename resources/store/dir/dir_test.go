package dir_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/dir"
	"github.com/calctl/calctl/resources/store/storetest"
)

func TestStore(t *testing.T) {
	where := map[store.Store]string{}
	open := func(t *testing.T, path string) store.Store {
		s := mustOpen(t, path)
		where[s] = path
		return s
	}
	storetest.Run(t,
		func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "calctl")) },
		func(t *testing.T, s store.Store) store.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, where[s])
		})
}

func mustOpen(t *testing.T, path string, opts ...dir.Option) *dir.Store {
	t.Helper()
	s, err := dir.Open(path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A follower runs a Watch and keeps the snapshots.
type follower struct {
	t    *testing.T
	news chan struct{}

	mu    sync.Mutex
	snaps []*resources.Snapshot
	hold  chan struct{} // while not nil, Watch's calls block on it
}

func follow(t *testing.T, s *dir.Store) *follower {
	t.Helper()
	f := &follower{t: t, news: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Watch(ctx, f.take); err != nil {
			t.Errorf("Watch: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return f
}

func (f *follower) take(snap *resources.Snapshot) {
	f.mu.Lock()
	f.snaps = append(f.snaps, snap)
	hold := f.hold
	f.mu.Unlock()
	select {
	case f.news <- struct{}{}:
	default:
	}
	if hold != nil {
		<-hold
	}
}

func (f *follower) seen() []*resources.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*resources.Snapshot(nil), f.snaps...)
}

// until waits for the newest snapshot to read want, in the words of brief.
func (f *follower) until(want string) *resources.Snapshot {
	f.t.Helper()
	late := time.After(storetest.Patience)
	for {
		got := "nothing yet"
		if seen := f.seen(); len(seen) > 0 {
			if got = brief(seen[len(seen)-1]); got == want {
				return seen[len(seen)-1]
			}
		}
		select {
		case <-f.news:
		case <-late:
			f.t.Fatalf("watch shows %q, want %q", got, want)
		}
	}
}

// brief writes the peers of a snapshot with their AS numbers, and its broken
// entries: "p1=64513 p2!kept p3!lost".
func brief(snap *resources.Snapshot) string {
	out := ""
	add := func(format string, args ...any) {
		if out != "" {
			out += " "
		}
		out += fmt.Sprintf(format, args...)
	}
	for i := range 10 {
		name := fmt.Sprintf("p%d", i)
		if p := snap.Peers[name]; p != nil {
			add("%s=%d", name, p.Spec.ASNumber)
		}
	}
	for i := range 10 {
		name := fmt.Sprintf("s%d", i)
		if s := snap.Secrets[name]; s != nil {
			v, _ := s.Value("password")
			add("%s=%s", name, v)
		}
	}
	for _, b := range snap.Broken {
		fate := "lost"
		if b.Kept {
			fate = "kept"
		}
		add("%s!%s", b.Key.Name, fate)
	}
	return out
}

// peerText is a peer as somebody writes it by hand.
func peerText(name string, asn int) string {
	return fmt.Sprintf("# by hand\napiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: %s}\nspec: {peerIP: 192.0.2.1, asNumber: %d}\n", name, asn)
}

// folder is a datastore's folder, edited by hand.
type folder struct {
	t    *testing.T
	path string
}

func newFolder(t *testing.T) folder {
	return folder{t, filepath.Join(t.TempDir(), "calctl")}
}

func (d folder) at(name string) string { return filepath.Join(d.path, name) }

func (d folder) write(name, text string) {
	d.t.Helper()
	d.must(os.MkdirAll(filepath.Dir(d.at(name)), 0o755))
	d.must(os.WriteFile(d.at(name), []byte(text), 0o644))
}

func (d folder) peer(name string, asn int) {
	d.t.Helper()
	d.write("bgppeers/"+name+".yaml", peerText(name, asn))
}

// p1 is what the file of the peer p1 reads.
func (d folder) p1() string {
	d.t.Helper()
	text, err := os.ReadFile(d.at("bgppeers/p1.yaml"))
	d.must(err)
	return string(text)
}

func (d folder) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func peerKey(name string) resources.Key {
	return resources.Key{Kind: resources.KindBGPPeer, Name: name}
}

func newPeer(name string, asn uint32) *resources.BGPPeer {
	p := &resources.BGPPeer{Metadata: resources.Metadata{Name: name}}
	p.Spec.PeerIP, p.Spec.ASNumber = "192.0.2.1", resources.ASN(asn)
	p.Default()
	return p
}
