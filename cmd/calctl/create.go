package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

func newCreateCmd(a *app) *cobra.Command {
	var in input
	var skipExists bool
	cmd := &cobra.Command{
		Use:   "create -f FILE...",
		Short: "Create resources that don't exist yet",
		Long: `Create the resources in files. It is an error if one exists already, unless
--skip-exists is given: then it is left as it is.`,
		Example: `  calctl create -f rack1.yaml
  calctl create --skip-exists -f defaults/`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			create := func(b *store.Batch, ctx context.Context, r resources.Resource) (resources.Resource, error) {
				created, err := b.Create(ctx, r)
				if skipExists && errors.Is(err, store.ErrExists) {
					return r, nil
				}
				return created, err
			}
			return a.write(cmd.Context(), &in, verb{do: "create", done: "created"}, create)
		},
	}
	in.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&skipExists, "skip-exists", false, "leave resources that exist as they are and count them as created")
	return cmd
}
