package main

import (
	"github.com/spf13/cobra"

	"github.com/calctl/calctl/resources/store"
)

func newReplaceCmd(a *app) *cobra.Command {
	var in input
	cmd := &cobra.Command{
		Use:   "replace -f FILE...",
		Short: "Replace resources that exist",
		Long: `Replace labels, annotations and spec of existing resources by those in files.
It is an error if one does not exist.`,
		Example: `  calctl replace -f rack1.yaml
  calctl get bgppeer rack1 -o yaml | sed s/64512/64513/ | calctl replace -f -`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.write(cmd.Context(), &in, verb{do: "replace", done: "replaced", bare: true}, (*store.Batch).Replace)
		},
	}
	in.addFlags(cmd.Flags())
	return cmd
}
