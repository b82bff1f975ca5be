package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/calctl/calctl/printers"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/migration"
)

func newExportCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "export",
		Short: "Write everything the datastore holds to standard output",
		Long: `Write everything a locked datastore holds to standard output, as YAML that 'import'
takes, and so do apply, validate and node run --dry-run.

Secrets are left out, for files are copied and mailed; those that are needed are
named. What can't be read ends the export before anything is written: half a copy
would pass for a whole one.`,
		Example: "  calctl datastore migrate lock\n  calctl datastore migrate export >datastore.yaml",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.export(cmd.Context()) },
	}
}

func (a *app) export(ctx context.Context) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	lock, err := store.LockOf(ctx, s)
	switch {
	case err != nil:
		return err
	case !lock.Locked:
		a.tellIfMissing(s)
		return errors.New("datastore is not locked. Run the `calctl datastore migrate lock` command in order to begin migration")
	case lock.Importing:
		return errors.New("an import into this datastore has not ended, so what it holds is not complete: run 'calctl datastore migrate import' again")
	}
	c, err := migration.Read(ctx, s)
	if err != nil {
		return err
	}
	if len(c.Broken) > 0 {
		for _, b := range c.Broken {
			_, _ = fmt.Fprintf(a.err, "%s: %v\n", b.Source, b.Err)
		}
		return fmt.Errorf("nothing is exported, for %d resource(s) can't be read or would be refused: mend or delete them first", len(c.Broken))
	}
	text, err := exported(c, s.Health().Location, a.now())
	if err != nil {
		return err
	}
	if _, err := a.out.Write(text); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(a.err, "Exported %d resource(s)%s\n", len(c.Resources), byKind(c.Resources))
	for _, secret := range c.Secrets {
		_, _ = fmt.Fprintln(a.err, leftBehind(secret))
	}
	return nil
}

// exported is the file: a document for each resource.
func exported(c migration.Contents, from string, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# What %s held at %s: %d resource(s), without Secrets.\n", from, at.UTC().Format(time.RFC3339), len(c.Resources))
	show, err := printers.ByName("yaml")
	if err != nil {
		return nil, err
	}
	for i, r := range c.Resources {
		if i > 0 {
			b.WriteString("---\n")
		}
		if err := show(&b, []printers.Result{{Kind: r.Kind(), Items: []resources.Resource{r}}}, printers.Cluster{}); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// byKind says how many there are of each kind: ": 2 BGPPeer, 1 Node".
func byKind(rs []resources.Resource) string {
	count := map[string]int{}
	for _, r := range rs {
		count[string(r.Kind())]++
	}
	var words []string
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		words = append(words, fmt.Sprintf("%d %s", count[kind], kind))
	}
	if words == nil {
		return ""
	}
	return ": " + strings.Join(words, ", ")
}

func leftBehind(s migration.Secret) string {
	text := fmt.Sprintf("Secret(%s) is not exported", s.Name)
	if len(s.Users) == 0 {
		return text + "; nobody takes a password from it"
	}
	users := make([]string, len(s.Users))
	for i, u := range s.Users {
		users[i] = u.String()
	}
	return text + "; write it where you import, for passwords of " + strings.Join(users, ", ")
}
