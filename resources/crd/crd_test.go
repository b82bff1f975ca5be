package crd_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/calctl/calctl/resources/crd"
)

var update = flag.Bool("update", false, "write the golden files anew")

func printed(t *testing.T, group crd.Group) string {
	t.Helper()
	var b bytes.Buffer
	for _, d := range crd.Definitions(group) {
		text, err := yaml.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("---\n")
		b.Write(text)
	}
	return b.String()
}

func TestDefinitions(t *testing.T) {
	const golden = "testdata/v3.yaml"
	got := printed(t, crd.V3)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-%s +got):\n%s", golden, diff)
	}
}

// The groups differ in their names, and in a text of Calico's that is true or false.
func TestClassicDefinitions(t *testing.T) {
	want := strings.NewReplacer(
		"projectcalico.org", "crd.projectcalico.org", "name: v3\n", "name: v1\n",
		"deleted:\n                type: boolean\n", "deleted:\n                enum:\n                - \"\"\n                - \"false\"\n                - \"true\"\n                type: string\n",
	).Replace(printed(t, crd.V3))
	if diff := cmp.Diff(want, printed(t, crd.Classic)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
