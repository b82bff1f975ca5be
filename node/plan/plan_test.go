package plan_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/plan"
	"github.com/calctl/calctl/resources"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata")

// An example is a txtar archive: a sentence, resources.yaml, and the answers for
// node a.
func read(t *testing.T, file string) (*txtar.Archive, *resources.Snapshot) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	snap := resources.NewSnapshot()
	for _, f := range archive.Files {
		if f.Name != "resources.yaml" {
			continue
		}
		documents, err := resources.Decode(strings.NewReader(string(f.Data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range documents {
			d.Resource.Default()
			snap.Put(d.Resource)
		}
	}
	return archive, snap
}

func document(t *testing.T, p plan.Plan) string {
	t.Helper()
	text, err := json.MarshalIndent(p.Document(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

func TestExamples(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, snap := read(t, file)
			p := plan.Make(snap, "a", intent.Host{})
			got := map[string]string{"plan.json": document(t, p), "bird.conf": p.BIRD()}
			for i, f := range archive.Files {
				want, ok := got[f.Name]
				if !ok {
					continue
				}
				if diff := cmp.Diff(string(f.Data), want); diff != "" && !*update {
					t.Errorf("%s (-want +got):\n%s", f.Name, diff)
				}
				archive.Files[i].Data = []byte(want)
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			parse(t, p.BIRD())
		})
	}
}

// TestOfAllIntents makes the plans of all nodes in the examples of package intent:
// a real BIRD reads what is rendered, and no password is in it.
func TestOfAllIntents(t *testing.T) {
	files, err := filepath.Glob("../intent/testdata/derive/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	plans, passwords := 0, 0
	for _, file := range files {
		_, snap := read(t, file)
		for _, node := range append(slices.Sorted(maps.Keys(snap.Nodes)), "nobody") {
			p := plan.Make(snap, node, intent.Host{})
			conf := p.BIRD()
			if again := plan.Make(snap, node, intent.Host{}).BIRD(); again != conf {
				t.Errorf("%s, node %s: the same gives another text", file, node)
			}
			parse(t, conf)
			doc := document(t, p)
			for _, q := range p.Peers {
				if !q.Password.IsSet() {
					continue
				}
				passwords++
				if secret := q.Password.Reveal(); strings.Contains(conf, secret) || strings.Contains(doc, secret) {
					t.Errorf("%s, node %s: the password %q is shown", file, node, secret)
				}
			}
			plans++
		}
	}
	if plans < 100 || passwords < 5 {
		t.Errorf("%d plans, %d passwords", plans, passwords)
	}
}

// parse has BIRD 2 read a configuration.
func parse(t *testing.T, conf string) {
	t.Helper()
	if _, err := exec.LookPath("bird"); err != nil {
		if testing.Short() {
			return
		}
		t.Fatal("this test needs BIRD 2: run `make deps`")
	}
	file := filepath.Join(t.TempDir(), "bird.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("bird", "-p", "-c", file).CombinedOutput(); err != nil {
		t.Errorf("BIRD: %v: %s\n%s", err, out, conf)
	}
}

// What a resource says stays in the comment it is told in.
func TestRemarksStayRemarks(t *testing.T) {
	snap := resources.NewSnapshot()
	snap.Put(&resources.Node{Metadata: resources.Metadata{Name: "a"}, Spec: resources.NodeSpec{BGP: &resources.NodeBGPSpec{IPv4Address: "10.0.0.1"}}})
	snap.Put(&resources.BGPPeer{Metadata: resources.Metadata{Name: "x"}, Spec: resources.BGPPeerSpec{PeerIP: "1.2.3.4\n} protocol \r\x00 \x1b[2J"}})
	p := plan.Make(snap, "a", intent.Host{})
	if len(p.Problems) == 0 {
		t.Fatal("no problem to tell")
	}
	for line := range strings.Lines(p.BIRD()) {
		if strings.ContainsAny(strings.TrimRight(line, "\n"), "\r\x00\x1b") || strings.HasPrefix(strings.TrimSpace(line), "} protocol") {
			t.Errorf("%q", line)
		}
	}
}
