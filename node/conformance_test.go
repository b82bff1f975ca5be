package node

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestConformanceIsTrue: the files, tests and cases that conformance.md and interop.md
// name exist, so that they can't rot.
func TestConformanceIsTrue(t *testing.T) {
	b, err := os.ReadFile("../docs/reference/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)
	interop, err := os.ReadFile("../docs/reference/interop.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	files := map[string]bool{}
	err = filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "bin" || e.Name() == ".git"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go"):
			return nil
		}
		files[e.Name()], files[strings.TrimPrefix(path, "../node/")], files[strings.TrimPrefix(path, "../")] = true, true, true
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			tests[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, name := range regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w+`).FindAllString(doc+string(interop), -1) {
		if named++; !tests[name] {
			t.Errorf("there is no %s", name)
		}
	}
	for _, m := range regexp.MustCompile("`([\\w/]+\\.go)`").FindAllStringSubmatch(doc+string(interop), -1) {
		if named++; !files[m[1]] {
			t.Errorf("there is no %s", m[1])
		}
	}
	for what, file := range map[string]string{
		"verdicts": "wire/wiretest/verdicts.go", "OPENs": "wire/wiretest/openings.go", "headers": "wire/wiretest/openings.go",
		"rules": "adjout/rules_test.go", "stories": "session/machine_test.go", "TestMalformed": "session/hostile_test.go",
		"TestOrder": "speaker/conformance_test.go", "TestPeerRestarts": "speaker/conformance_test.go", "TestFloods": "speaker/flood_test.go",
		"TestPasswords": "session/tcp_test.go",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(what+`: ([^;|)\n]+)`).FindAllStringSubmatch(doc, -1) {
			for _, words := range strings.Split(m[1], ", ") {
				words = strings.TrimSpace(words)
				if named++; !strings.Contains(string(text), words) && !strings.HasPrefix(words, "all that") {
					t.Errorf("%s has no %q", file, words)
				}
			}
		}
	}
	if named < 300 {
		t.Errorf("only %d names were found", named)
	}
}
