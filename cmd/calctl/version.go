package main

import (
	"cmp"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// build is what calctl knows about itself. The JSON names are for scripts.
type build struct {
	Version string `json:"clientVersion"`
	Commit  string `json:"gitCommit"`
	Date    string `json:"commitDate"`
	Go      string `json:"goVersion"`
}

func newVersionCmd(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Show the version of calctl",
		Example: "  calctl version\n  calctl version -o json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			return a.version(buildOf(info), output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "`format`: yaml, json")
	completeWords(cmd, "output", "yaml, json")
	return cmd
}

func (a *app) version(b build, output string) error {
	switch output {
	case "":
		_, err := fmt.Fprintf(a.out, "Client Version:    %s\nGit commit:        %s\nCommit date:       %s\nGo version:        %s\n",
			b.Version, b.Commit, b.Date, b.Go)
		return err
	case "yaml", "yml":
		text, err := yaml.Marshal(b)
		if err != nil {
			return err
		}
		_, err = a.out.Write(text)
		return err
	case "json":
		_, err := fmt.Fprintf(a.out, "{\n  %q: %q,\n  %q: %q,\n  %q: %q,\n  %q: %q\n}\n",
			"clientVersion", b.Version, "gitCommit", b.Commit, "commitDate", b.Date, "goVersion", b.Go)
		return err
	default:
		return usagef("unrecognized output format '%s'; there are yaml, json", output)
	}
}

// versionLine is all that -v shows.
func (a *app) versionLine() error {
	info, _ := debug.ReadBuildInfo()
	_, err := fmt.Fprintln(a.out, "calctl", buildOf(info).Version)
	return err
}

// buildOf reads what the Go toolchain writes into every binary.
func buildOf(info *debug.BuildInfo) build {
	if info == nil {
		return build{"unknown", "unknown", "unknown", "unknown"}
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	commit := cmp.Or(settings["vcs.revision"], "unknown")
	if settings["vcs.modified"] == "true" {
		commit += " (modified)"
	}
	return build{
		Version: cmp.Or(info.Main.Version, "unknown"),
		Commit:  commit,
		Date:    cmp.Or(settings["vcs.time"], "unknown"),
		Go:      cmp.Or(info.GoVersion, "unknown"),
	}
}
