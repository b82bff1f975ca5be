package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

func newApplyCmd(a *app) *cobra.Command {
	var in input
	cmd := &cobra.Command{
		Use:   "apply -f FILE...",
		Short: "Create resources, or replace those that exist",
		Long: `Create the resources in files, or replace those that exist.

Labels, annotations and spec of an existing resource become those of the file.
If the file has a metadata.resourceVersion it must be that of the stored
resource. All files are read and validated before the first is written.`,
		Example: `  calctl apply -f rack1.yaml
  calctl apply -R -f cluster/
  generate-peers | calctl apply -f -`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.write(cmd.Context(), &in, verb{do: "apply", done: "applied"}, (*store.Batch).Apply)
		},
	}
	in.addFlags(cmd.Flags())
	return cmd
}

// write is what apply, create and replace have in common.
func (a *app) write(ctx context.Context, in *input, v verb, each func(*store.Batch, context.Context, resources.Resource) (resources.Resource, error)) error {
	documents, err := in.read(ctx, a)
	if err != nil {
		return err
	}
	if err := a.checked(v, documents); err != nil {
		return err
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()

	batch := store.NewBatch(s)
	var outcomes []outcome
	for _, d := range byDependence(documents) {
		if !errors.Is(err, store.ErrNoAnswer) { // once is enough to wait
			_, err = each(batch, ctx, d.Resource)
		}
		if errors.Is(err, store.ErrLocked) && len(outcomes) == 0 {
			batch.Close()
			return err // once is enough to say it
		}
		outcomes = append(outcomes, outcome{d, err})
	}
	batch.Close() // before anything is told: who reads it may be slow
	return a.told(v, outcomes)
}
