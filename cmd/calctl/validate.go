package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newValidateCmd(a *app) *cobra.Command {
	var in input
	cmd := &cobra.Command{
		Use:   "validate -f FILE...",
		Short: "Check resource files without a datastore",
		Long: `Check that files hold resources which can be applied. No datastore is needed,
so whether a resource fits those that are stored is not checked.`,
		Example: `  calctl validate -f rack1.yaml
  calctl validate -R -f cluster/`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.validate(cmd.Context(), &in) },
	}
	in.addFlags(cmd.Flags())
	return cmd
}

func (a *app) validate(ctx context.Context, in *input) error {
	documents, err := in.read(ctx, a)
	if err != nil {
		return err
	}
	var outcomes []outcome
	for i, err := range examined(documents) {
		outcomes = append(outcomes, outcome{documents[i], err})
	}
	return a.told(verb{do: "validate", done: "validated"}, outcomes)
}
