package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSetting(t *testing.T) {
	a := &app{env: func(name string) string { return map[string]string{"SET": "from the environment"}[name] }}
	for _, test := range []struct{ flag, variable, want string }{
		{"from the flag", "SET", "from the flag"},
		{"", "SET", "from the environment"},
		{"", "UNSET", "from nowhere"},
	} {
		if got := a.setting(test.flag, test.variable, "from nowhere"); got != test.want {
			t.Errorf("setting(%q, %q) = %q, want %q", test.flag, test.variable, got, test.want)
		}
	}
}

// terminal is a standard input on which nobody types anything.
type terminal struct{ asked chan struct{} }

func (s terminal) Read([]byte) (int, error) {
	close(s.asked)
	select {}
}

// Ctrl-C ends a command that waits for its input.
func TestInterruptedWhileReading(t *testing.T) {
	t.Setenv(datastoreEnv, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	in := terminal{asked: make(chan struct{})}
	go func() {
		<-in.asked
		cancel()
	}()
	var errs bytes.Buffer
	if status := run(ctx, []string{"apply", "-f", "-"}, in, io.Discard, &errs); status != exitFailed {
		t.Errorf("exit status %d, want %d", status, exitFailed)
	}
	want := "failed to execute command: interrupted while reading standard input: context canceled\n"
	if errs.String() != want {
		t.Errorf("got %q, want %q", errs.String(), want)
	}
}

func TestLog(t *testing.T) {
	for _, test := range []struct {
		level, format string
		want          string // the first characters of the log of one warning
	}{
		{"info", "auto", `{"time":`}, // a buffer is no terminal
		{"warn", "json", `{"time":`},
		{"warning", "text", `time=`},
		{"debug", "text", `time=`},
		{"error", "text", ""},
		{"panic", "json", ""},
	} {
		var b bytes.Buffer
		level, follows, err := logLevel(test.level)
		if err != nil || follows {
			t.Fatal(follows, err)
		}
		log, err := newLog(&b, level, test.format)
		if err != nil {
			t.Fatal(err)
		}
		log.Warn("x", slog.String("k", "v"))
		if !strings.HasPrefix(b.String(), test.want) || (test.want == "") != (b.Len() == 0) {
			t.Errorf("--log-level %s --log-format %s: got %q", test.level, test.format, b.String())
		}
	}
}

func TestIsTerminal(t *testing.T) {
	file, err := os.Open(os.DevNull) // a device, but no terminal
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if isTerminal(file) {
		t.Error("/dev/null passes for a terminal")
	}
}

func TestBuild(t *testing.T) {
	for _, test := range []struct {
		name string
		info *debug.BuildInfo
		want build
	}{
		{"released", &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v0.1.0"}, Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123abc"}, {Key: "vcs.time", Value: "2026-08-01T10:00:00Z"}, {Key: "vcs.modified", Value: "false"},
		}}, build{"v0.1.0", "0123abc", "2026-08-01T10:00:00Z", "go1.26.8"}},
		{"from a changed tree", &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123abc"}, {Key: "vcs.modified", Value: "true"},
		}}, build{"(devel)", "0123abc (modified)", "unknown", "go1.26.8"}},
		{"without version control", &debug.BuildInfo{}, build{"unknown", "unknown", "unknown", "unknown"}},
		{"without build information", nil, build{"unknown", "unknown", "unknown", "unknown"}},
	} {
		if diff := cmp.Diff(test.want, buildOf(test.info)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}
