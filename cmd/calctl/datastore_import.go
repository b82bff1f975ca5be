package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calctl/calctl/printers"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
	"github.com/calctl/calctl/resources/store/migration"
)

// importOptions are the flags of datastore migrate import.
type importOptions struct {
	input
	dryRun, merge bool
}

func newImportCmd(a *app) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import -f FILE...",
		Short: "Bring what was exported into the datastore",
		Long: `Bring what was exported into the datastore, and leave it locked.

Everything is checked before the first resource is written: the files, whether they
fit together, and whether the datastore holds anything else, which --merge allows.
What is there already is left as it is, so that an import which broke off goes on when
it is run again, and one more changes nothing.`,
		Example: `  calctl datastore migrate import -f datastore.yaml --dry-run
  calctl datastore migrate import -f datastore.yaml
  calctl datastore migrate import -f datastore.yaml -f secrets/`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), a) },
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and do nothing")
	cmd.Flags().BoolVar(&o.merge, "merge", false, "keep what else the datastore holds, and overwrite what differs")
	return cmd
}

func (o *importOptions) run(ctx context.Context, a *app) error {
	documents, err := o.read(ctx, a)
	if err != nil {
		return err
	}
	v := verb{do: "import", done: "imported"}
	if err := a.checked(v, documents); err != nil {
		return err
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()

	documents = byDependence(documents)
	rs := make([]resources.Resource, len(documents))
	for i, d := range documents {
		rs[i] = d.Resource
	}
	job := migration.NewImport(s, rs)
	would, err := job.Rehearse(ctx)
	if err != nil {
		return err
	}
	if err := o.refused(a, v, documents, would); err != nil {
		return err
	}
	if o.dryRun {
		return a.wouldImport(s, would)
	}
	if would.Count(migration.Unchanged) == len(documents) && !job.Open() {
		_, _ = fmt.Fprintf(a.out, "All %d resource(s) are there already. Nothing was changed.\n", len(documents))
		a.tellMissing(would)
		return nil
	}
	did, err := job.Run(ctx)
	return a.didImport(documents, would, did, err)
}

// refused says what keeps the import from being made.
func (o *importOptions) refused(a *app, v verb, documents []document, would migration.Report) error {
	var bad []string
	for i, d := range documents {
		if err := would.Outcomes[i].Err; err != nil {
			bad = append(bad, outcome{d, err}.explain())
		}
	}
	if bad != nil {
		a.failed(v, "", len(documents), bad, false)
		return errTold
	}
	if len(would.Strangers) == 0 || o.merge {
		return nil
	}
	names := make([]string, 0, mostStrangers+1)
	for i, key := range would.Strangers {
		if i == mostStrangers {
			names = append(names, fmt.Sprintf("%d more", len(would.Strangers)-i))
			break
		}
		names = append(names, key.String())
	}
	return fmt.Errorf("the datastore is not empty: it holds what the import has not, or has otherwise: %s. Nothing was changed. "+
		"Import into an empty one, or with --merge, which keeps what the import has not and overwrites what it has otherwise", strings.Join(names, ", "))
}

// mostStrangers is how many an error names.
const mostStrangers = 10

// wouldImport is the report of a dry run.
func (a *app) wouldImport(s store.Store, would migration.Report) error {
	for _, o := range would.Outcomes {
		switch o.Did {
		case migration.Created:
			_, _ = fmt.Fprintf(a.out, "create %s\n", o.Key)
		case migration.Updated:
			_, _ = fmt.Fprintf(a.out, "update %s\n", o.Key)
		}
	}
	if err := printers.Table(a.out, countColumns, countsOf(would)); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(a.out, "Would import %d resource(s) into %s. Nothing was changed.\n", len(would.Outcomes), s.Health().Location)
	a.tellMissing(would)
	return nil
}

// didImport is the report of an import, which may have broken off.
func (a *app) didImport(documents []document, would, did migration.Report, err error) error {
	if len(did.Outcomes) > 0 {
		if err := printers.Table(a.out, countColumns, countsOf(did)); err != nil {
			return err
		}
	}
	done := len(did.Outcomes) - did.Count(migration.Failed)
	switch {
	case err == nil && did.Count(migration.Failed) > 0:
		last := len(did.Outcomes) - 1
		_, _ = fmt.Fprintf(a.err, "failed to import: %s\n", outcome{documents[last], did.Outcomes[last].Err}.explain())
	case err != nil:
		_, _ = fmt.Fprintf(a.err, "failed to import: %v\n", err)
	default:
		_, _ = fmt.Fprintf(a.out, "Imported %d resource(s). The datastore is locked: 'calctl datastore migrate unlock' has nodes follow it.\n", done)
		a.tellMissing(would)
		return nil
	}
	_, _ = fmt.Fprintf(a.err, "%d of %d resource(s) are there. The datastore stays locked, and nodes don't follow it. Run the import again: it goes on where it ended.\n", done, len(documents))
	return errTold
}

// tellMissing names passwords that have to be written yet.
func (a *app) tellMissing(would migration.Report) {
	for _, m := range would.Missing {
		_, _ = fmt.Fprintln(a.err, m)
	}
	if len(would.Missing) > 0 {
		_, _ = fmt.Fprintln(a.err, "Secrets are not exported: import them with a further -f, or apply them when the datastore is unlocked.")
	}
}

// counts are the numbers of a kind.
type counts struct {
	kind resources.Kind
	did  map[migration.Did]int
}

var countColumns = []printers.Column[counts]{
	{Name: "KIND", Value: func(c counts) string { return string(c.kind) }},
	countColumn("CREATED", migration.Created),
	countColumn("UPDATED", migration.Updated),
	countColumn("UNCHANGED", migration.Unchanged),
}

func countColumn(name string, d migration.Did) printers.Column[counts] {
	return printers.Column[counts]{Name: name, Value: func(c counts) string { return strconv.Itoa(c.did[d]) }}
}

// countsOf counts what has not failed, in the order of the resources.
func countsOf(r migration.Report) (all []counts) {
	for _, o := range r.Outcomes {
		if o.Did == migration.Failed {
			continue
		}
		if len(all) == 0 || all[len(all)-1].kind != o.Kind {
			all = append(all, counts{o.Kind, map[migration.Did]int{}})
		}
		all[len(all)-1].did[o.Did]++
	}
	return all
}
