package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// Wrong input gets an exact message and exit status, and changes nothing. The
// archives in testdata/bad-input are tables of it: a section "N: calctl ARGS #
// WHAT" is a command, its exit status N, and what it prints to stderr; the
// sections before it are files it finds. Besides there are an empty folder
// called folder, and a socket called dead.sock that nobody listens on.
// go test -run BadInput -update writes the messages anew.
func TestBadInput(t *testing.T) {
	command := regexp.MustCompile(`^(\d): calctl (.*?) # (.*)$`)
	archives, err := filepath.Glob("testdata/bad-input/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	inputs := 0
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var files []txtar.File
		for i, section := range archive.Files {
			m := command.FindStringSubmatch(section.Name)
			if m == nil {
				files = append(files, section)
				continue
			}
			inputs++
			t.Run(m[3], func(t *testing.T) {
				status, message := try(t, files, m[2])
				if strconv.Itoa(status) != m[1] {
					t.Errorf("exit status %d, want %s", status, m[1])
				}
				if *rewrite {
					archive.Files[i].Data = []byte(message)
				} else if diff := cmp.Diff(string(section.Data), message); diff != "" {
					t.Errorf("message (-want +got):\n%s", diff)
				}
			})
			files = nil
		}
		if *rewrite {
			if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if inputs < 25 {
		t.Errorf("only %d wrong inputs", inputs)
	}
}

// try runs one command among the files it finds.
func try(t *testing.T, files []txtar.File, args string) (status int, message string) {
	t.Helper()
	t.Chdir(t.TempDir())
	work, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for variable, value := range map[string]string{
		"CALCTL_DATASTORE": "store", "CALCTL_SOCKET": "none.sock", "CALCTL_LOG_LEVEL": "", "CALCTL_LOG_FORMAT": "",
		"NODENAME": "", "IP": "", "IP6": "", "AS": "", "IP_AUTODETECTION_METHOD": "", "IP6_AUTODETECTION_METHOD": "",
	} {
		t.Setenv(variable, value)
	}
	if err := os.Mkdir("folder", 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: "dead.sock", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	for _, f := range files {
		if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	words := strings.Fields(args)
	for i, word := range words {
		if word == "''" {
			words[i] = ""
		}
	}
	var errs bytes.Buffer
	status = run(t.Context(), words, strings.NewReader(""), io.Discard, &errs)
	if _, err := os.Stat("store"); err == nil {
		t.Error("something was written to the datastore")
	}
	return status, strings.ReplaceAll(errs.String(), work, "$WORK")
}
