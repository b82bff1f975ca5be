package resources_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/calctl/calctl/resources"
)

// FuzzDecode: whatever comes in, what is decoded can be encoded and is the same
// when decoded again; and nothing a file holds makes the other steps fall over.
func FuzzDecode(f *testing.F) {
	samples, err := filepath.Glob("testdata/full/*.yaml")
	if err != nil || len(samples) == 0 {
		f.Fatal("no samples: ", err)
	}
	for _, name := range samples {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{
		"", "---\n...\n---", "- {}\n- []\n", "\xef\xbb\xbf# x\r\n--- {kind: List, apiVersion: v1, items: [{}]}",
		`{"kind":"BGPPeerList","apiVersion":"projectcalico.org/v3","items":[{"metadata":{"name":"a"},"spec":{"peerIP":"::1","asNumber":"1.1"}}]}{}`,
		head + "spec: {<<: &a {peerIP: 1}, asNumber: 1.0, filters: [a, ~]}\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		docs, err := resources.Decode(bytes.NewReader(in))
		if err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		for _, d := range docs {
			d.LineOf("spec.exportV4[0].cidr")
			check(t, d.Resource)
		}
	})
}

func check(t *testing.T, r resources.Resource) {
	t.Helper()
	var text bytes.Buffer
	if err := resources.Encode(&text, r); err != nil {
		t.Fatalf("%s does not encode: %v", resources.KeyOf(r), err)
	}
	again, err := resources.Decode(bytes.NewReader(text.Bytes()))
	if err != nil || len(again) != 1 {
		t.Fatalf("%s decodes to %d resources (%v) from:\n%s", resources.KeyOf(r), len(again), err, &text)
	}
	// An empty list or map is left out when encoded, and means the same.
	if diff := cmp.Diff(r, again[0].Resource, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s is another after encoding (-before +after):\n%s", resources.KeyOf(r), diff)
	}
	if diff := cmp.Diff(r, resources.Clone(r)); diff != "" {
		t.Fatalf("the clone of %s differs:\n%s", resources.KeyOf(r), diff)
	}
	r.Default()
	if err := r.Validate(); err != nil && err.Error() == "" {
		t.Error("an error without words")
	}
}
