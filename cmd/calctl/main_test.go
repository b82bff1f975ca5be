package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/calctl/calctl/status"
)

var rewrite = flag.Bool("update", false, "write the files that scripts compare with anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"calctl": main})
}

// Each script is a page about one thing calctl does. Besides testscript's own
// commands they have
//
//	exits STATUS PROGRAM ARGS...   run to the end and expect this exit status
//	node FILE                      answer at $CALCTL_SOCKET with the report in FILE
//	await PROGRAM ARGS...          run again and again until the exit status is 0
//	open DIR                       let everybody look into $WORK and DIR
//
// Write the files that cmp compares anew with: go test -run Script -update
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		UpdateScripts:       *rewrite,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("CALCTL_DATASTORE", filepath.Join(env.WorkDir, "store"))
			env.Setenv("CALCTL_SOCKET", filepath.Join(env.WorkDir, "calctl.sock"))
			env.Setenv("TZ", "UTC")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else every command takes a second
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, errors.New("unknown condition " + cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"await": await,
			"node":  serveReport,
			"open":  openToAll,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("%s: exit status %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: await PROGRAM ARGS...")
	}
	limit := time.After(20 * time.Second)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for ts.Exec(args[0], args[1:]...) != nil {
		select {
		case <-again.C:
		case <-limit:
			ts.Fatalf("%s: still failing after 20 s", strings.Join(args, " "))
		}
	}
}

// serveReport is a node that always says the same.
func serveReport(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: node FILE")
	}
	var report status.Report
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &report))
	l, err := status.Listen(ts.Getenv("CALCTL_SOCKET"))
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- status.Serve(ctx, l, func() status.Report { return report }) }()
	ts.Defer(func() {
		cancel()
		ts.Check(<-done)
	})
}

// openToAll lets other users reach a folder below the test's private one.
func openToAll(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: open DIR")
	}
	for dir := ts.MkAbs(args[0]); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		ts.Check(os.Chmod(dir, 0o755))
	}
}

// Every command says what it is for and shows how it is used, every flag says
// what it does: that is the documentation most people ever see.
func TestCommandTree(t *testing.T) {
	root := newRootCmd(&app{})
	root.InitDefaultHelpFlag()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: Short is %q, want a phrase without a full stop", path, cmd.Short)
		}
		generated := strings.HasPrefix(path, "calctl completion")
		if cmd.Example == "" && !generated {
			t.Errorf("%s: there is no Example", path)
		}
		for _, line := range strings.Split(cmd.Example, "\n") {
			if !generated && !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: the example %q is not indented by two blanks", path, line)
			}
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s has no usage text", path, f.Name)
			}
		})
		if !cmd.Runnable() && !generated {
			t.Errorf("%s: it can't be run, so a mistyped subcommand is not noticed", path)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
}
