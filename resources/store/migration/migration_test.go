package migration_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/dir"
	"github.com/calctl/calctl/resources/store/migration"
)

const (
	peer   = "{kind: BGPPeer, apiVersion: projectcalico.org/v3, metadata: {name: one}, spec: {peerIP: 192.0.2.1, asNumber: 64513, filters: [f], password: {secretKeyRef: {name: s, key: k}}}}"
	other  = "{kind: BGPPeer, apiVersion: projectcalico.org/v3, metadata: {name: one}, spec: {peerIP: 192.0.2.9, asNumber: 64513}}"
	alien  = "{kind: BGPPeer, apiVersion: projectcalico.org/v3, metadata: {name: foreign}, spec: {peerIP: 192.0.2.8, asNumber: 64513}}"
	filter = "{kind: BGPFilter, apiVersion: projectcalico.org/v3, metadata: {name: f}, spec: {exportV4: [{action: Accept}]}}"
	pool   = "{kind: IPPool, apiVersion: projectcalico.org/v3, metadata: {name: p}, spec: {cidr: 10.1.0.0/16}}"
	wider  = "{kind: IPPool, apiVersion: projectcalico.org/v3, metadata: {name: wider}, spec: {cidr: 10.0.0.0/8}}"
	node   = "{kind: Node, apiVersion: projectcalico.org/v3, metadata: {name: r1, labels: {rack: '1'}}, spec: {bgp: {ipv4Address: 10.0.0.1/24}}}"
	secret = "{kind: Secret, apiVersion: v1, metadata: {name: s}, stringData: {k: geheim}}"
)

var whole = []string{pool, filter, node, peer}

func folder(t *testing.T) (*dir.Store, string) {
	t.Helper()
	path := t.TempDir()
	s, err := dir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, path
}

func decode(t *testing.T, documents ...string) (rs []resources.Resource) {
	t.Helper()
	docs, err := resources.Decode(strings.NewReader(strings.Join(documents, "\n---\n")))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		d.Resource.Default()
		rs = append(rs, d.Resource)
	}
	return rs
}

func fill(t *testing.T, s store.Store, documents ...string) {
	t.Helper()
	for _, r := range decode(t, documents...) {
		if _, err := store.Apply(t.Context(), s, r); err != nil {
			t.Fatal(err)
		}
	}
}

// files are what a folder holds, but for its locks.
func files(t *testing.T, path string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, ".lock") || strings.Contains(name, "clusterinformations") {
			return err
		}
		text, err := os.ReadFile(name)
		fmt.Fprintf(&b, "%s\n%s\n", name, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// contents are what another datastore would be given.
func contents(t *testing.T, s store.Store) []resources.Resource {
	t.Helper()
	c, err := migration.Read(t.Context(), s)
	if err != nil || c.Broken != nil {
		t.Fatal(err, c.Broken)
	}
	return c.Resources
}

func said(r migration.Report) (lines []string) {
	for _, o := range r.Outcomes {
		line := fmt.Sprintf("%s %s", [...]string{"failed", "created", "updated", "unchanged"}[o.Did], o.Key)
		if o.Err != nil {
			line += ": " + o.Err.Error()
		}
		lines = append(lines, line)
	}
	for _, key := range r.Strangers {
		lines = append(lines, "stranger "+key.String())
	}
	return append(lines, r.Missing...)
}

func importing(t *testing.T, s store.Store) bool {
	t.Helper()
	lock, err := store.LockOf(t.Context(), s)
	if err != nil || !lock.Locked {
		t.Fatalf("the datastore is not locked: %v, %v", lock, err)
	}
	return lock.Importing
}

// What a rehearsal says is what is done, and done again it is nothing.
func TestImport(t *testing.T) {
	for _, test := range []struct {
		name      string
		has       []string
		want      []string // of the rehearsal
		forbidden bool     // something in it fails
	}{
		{"into nothing", nil, []string{"created IPPool(p)", "created BGPFilter(f)", "created Node(r1)", "created BGPPeer(one)",
			"BGPPeer(one) takes its password from Secret(s), which is not there"}, false},
		{"beside a secret", []string{secret}, []string{"created IPPool(p)", "created BGPFilter(f)", "created Node(r1)", "created BGPPeer(one)"}, false},
		{"the secret has another key", []string{strings.Replace(secret, "k:", "l:", 1), pool}, []string{"unchanged IPPool(p)", "created BGPFilter(f)", "created Node(r1)", "created BGPPeer(one)",
			"BGPPeer(one) takes its password from Secret(s), which has no key 'k'"}, false},
		{"all there", append([]string{secret}, whole...), []string{"unchanged IPPool(p)", "unchanged BGPFilter(f)", "unchanged Node(r1)", "unchanged BGPPeer(one)"}, false},
		{"others there", []string{secret, alien, other}, []string{"created IPPool(p)", "created BGPFilter(f)", "created Node(r1)", "updated BGPPeer(one)",
			"stranger BGPPeer(foreign)", "stranger BGPPeer(one)"}, false},
		{"a pool in the way", []string{secret, wider}, []string{
			"failed IPPool(p): error with field spec.cidr = '10.1.0.0/16' (IPPool(p) CIDR overlaps with IPPool(wider) CIDR 10.0.0.0/8)",
			"created BGPFilter(f)", "created Node(r1)", "created BGPPeer(one)", "stranger IPPool(wider)"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, path := folder(t)
			fill(t, s, test.has...)
			before := files(t, path)
			job := migration.NewImport(s, decode(t, whole...))
			would, err := job.Rehearse(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, said(would)); diff != "" {
				t.Errorf("the rehearsal (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, files(t, path)); diff != "" {
				t.Errorf("the rehearsal has changed files:\n%s", diff)
			}
			if test.forbidden {
				return
			}
			did, err := job.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(would.Outcomes, did.Outcomes); diff != "" {
				t.Errorf("what was done is not what was rehearsed:\n%s", diff)
			}
			if importing(t, s) {
				t.Error("the import is not ended")
			}
			after := files(t, path)
			again := migration.NewImport(s, decode(t, whole...))
			would, err = again.Rehearse(t.Context())
			if err != nil || would.Count(migration.Unchanged) != len(whole) || again.Open() {
				t.Errorf("once more: %v, %v", said(would), err)
			}
			if _, err := again.Run(t.Context()); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(after, files(t, path)); diff != "" {
				t.Errorf("once more has changed files:\n%s", diff)
			}
		})
	}
}

// breaking is a datastore that stops taking writes after some.
type breaking struct {
	store.Store
	left int
}

func (s *breaking) Create(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	if s.left == 0 {
		return nil, store.ErrNoAnswer
	}
	s.left--
	return s.Store.Create(ctx, r)
}

// An import that broke off, anywhere, goes on when it is run again, and until then
// is known to be half of one.
func TestImportGoesOn(t *testing.T) {
	for n := range len(whole) + 1 {
		s, _ := folder(t)
		job := migration.NewImport(&breaking{s, n}, decode(t, whole...))
		if _, err := job.Rehearse(t.Context()); err != nil {
			t.Fatal(err)
		}
		did, err := job.Run(t.Context())
		if n == 0 { // not even the lock
			if err == nil {
				t.Error("it can't be locked, and nobody says so")
			}
			continue
		}
		if err != nil || did.Count(migration.Failed) != 1 || len(did.Outcomes) != n || !importing(t, s) {
			t.Fatalf("broken off after %d: %v, %v", n, said(did), err)
		}
		again := migration.NewImport(s, decode(t, whole...))
		would, err := again.Rehearse(t.Context())
		if err != nil || !again.Open() || would.Count(migration.Unchanged) != n-1 || len(would.Strangers) > 0 {
			t.Fatalf("after %d again: %v, %v", n, said(would), err)
		}
		if did, err = again.Run(t.Context()); err != nil || did.Count(migration.Failed) > 0 || importing(t, s) {
			t.Fatalf("after %d again: %v, %v", n, said(did), err)
		}
		if diff := cmp.Diff(decode(t, whole...), contents(t, s)); diff != "" {
			t.Errorf("after %d again:\n%s", n, diff)
		}
	}
}

// Whoever interrupts it has half of an import, too.
func TestImportIsInterrupted(t *testing.T) {
	s, _ := folder(t)
	ctx, stop := context.WithCancel(t.Context())
	job := migration.NewImport(&stopping{s, stop}, decode(t, whole...))
	did, err := job.Run(ctx)
	if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "interrupted at BGPFilter(f): ") || did.Count(migration.Created) != 1 || !importing(t, s) {
		t.Errorf("%v, %v", said(did), err)
	}
}

type stopping struct {
	store.Store
	stop context.CancelFunc
}

func (s *stopping) Create(ctx context.Context, r resources.Resource) (resources.Resource, error) {
	if r.Kind() == resources.KindBGPFilter {
		s.stop()
	}
	return s.Store.Create(ctx, r)
}

func TestRead(t *testing.T) {
	s, path := folder(t)
	fill(t, s, append([]string{secret, strings.Replace(secret, "name: s", "name: unused", 1)}, whole...)...)
	for name, text := range map[string]string{
		"bgppeers/torn.yaml": "kind: BGPPeer\n",
		"bgppeers/odd.yaml":  "{kind: BGPPeer, apiVersion: projectcalico.org/v3, metadata: {name: odd}, spec: {peerIP: 192.0.2.300, asNumber: 1}}",
	} {
		if err := os.WriteFile(path+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.SetLock(t.Context(), s, resources.Lock{Locked: true}); err != nil {
		t.Fatal(err)
	}
	c, err := migration.Read(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decode(t, whole...), c.Resources); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]migration.Secret{{Name: "s", Users: []resources.Key{{Kind: resources.KindBGPPeer, Name: "one"}}}, {Name: "unused"}}, c.Secrets); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
	var broken []string
	for _, b := range c.Broken {
		broken = append(broken, b.Key.String())
	}
	if diff := cmp.Diff([]string{"BGPPeer(torn)", "BGPPeer(odd)"}, broken); diff != "" {
		t.Errorf("broken (-want +got):\n%s", diff)
	}
}
