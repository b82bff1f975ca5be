package dir

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/calctl/calctl/resources"
)

// What a watch sees from look to look, without the events that make it look.
func TestLooks(t *testing.T) {
	t.Run("young files", func(t *testing.T) { testLooks(t, 2*time.Second) })
	t.Run("old files", func(t *testing.T) { testLooks(t, 0) }) // old enough at once
}

func testLooks(t *testing.T, settled time.Duration) {
	path := filepath.Join(t.TempDir(), "calctl")
	file := filepath.Join(path, "bgppeers", "p1.yaml")
	key := resources.Key{Kind: resources.KindBGPPeer, Name: "p1"}
	text := func(asn string) string {
		return "apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: p1}\nspec: {peerIP: 192.0.2.1, asNumber: " + asn + "}\n"
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// rewrite changes the file in place and puts its time back: the worst an
	// editor, or a coarse clock, can do.
	var last time.Time
	rewrite := func(text string, at time.Time) {
		t.Helper()
		for before := last; ; { // the clock of the file system must have moved
			must(os.WriteFile(file, []byte(text), 0o644))
			must(os.Chtimes(file, at, at))
			info, err := os.Stat(file)
			must(err)
			if last = changed(info); settled > 0 || !last.Equal(before) {
				return
			}
		}
	}
	long := time.Now().Add(-time.Hour)
	v := newView(path)
	v.settled = settled
	for _, step := range []struct {
		what string
		do   func()
		some bool // look at the file only, as after an event
		want sight
		asn  uint32 // in force after it, 0 for none
	}{
		{"nothing there, first look", func() {}, false, sight{changed: true}, 0},
		{"nothing there", func() {}, false, sight{}, 0},
		{"folder appears", func() { must(os.MkdirAll(filepath.Dir(file), 0o755)) }, false, sight{}, 0},
		{"file appears", func() { rewrite(text("1"), long) }, true, sight{changed: true}, 1},
		{"no change, event", func() {}, true, sight{}, 1},
		{"no change", func() {}, false, sight{}, 1},
		{"touched", func() { must(os.Chtimes(file, time.Now(), time.Now())) }, false, sight{}, 1},
		{"changed within the clock's grain", func() {
			info, err := os.Stat(file)
			must(err)
			rewrite(text("2"), info.ModTime())
		}, false, sight{changed: true}, 2},
		{"removed", func() { must(os.Remove(file)) }, true, sight{missing: true}, 2},
		{"back as it was", func() { rewrite(text("2"), long) }, true, sight{}, 2},
		{"removed again", func() { must(os.Remove(file)) }, false, sight{missing: true}, 2},
		{"back with a change", func() { rewrite(text("3"), long) }, false, sight{changed: true}, 3},
		{"broken", func() { rewrite("{", long) }, false, sight{changed: true}, 3},
		{"broken still", func() {}, false, sight{}, 3},
		{"mended as it was", func() { rewrite(text("3"), long) }, false, sight{changed: true}, 3},
		{"removed for good", func() { must(os.Remove(file)) }, true, sight{missing: true}, 3},
		{"gone", func() {}, true, sight{changed: true}, 0},
		{"gone still", func() {}, true, sight{}, 0},
	} {
		step.do()
		some := map[string]resources.Key{}
		if step.some {
			some[file] = key
		}
		if got := v.look(!step.some, some); got != step.want {
			t.Errorf("%s: saw %+v, want %+v", step.what, got, step.want)
		}
		asn := uint32(0)
		if p := v.snapshot().Peers["p1"]; p != nil {
			asn = uint32(p.Spec.ASNumber)
		}
		if asn != step.asn {
			t.Errorf("%s: AS number %d in force, want %d", step.what, asn, step.asn)
		}
	}
}
