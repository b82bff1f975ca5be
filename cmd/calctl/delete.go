package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// deleteOptions are the flags of delete.
type deleteOptions struct {
	input
	skipNotExists bool
}

func newDeleteCmd(a *app) *cobra.Command {
	var o deleteOptions
	cmd := &cobra.Command{
		Use:   "delete (KIND NAME... | KIND/NAME... | -f FILE...)",
		Short: "Delete resources",
		Long: `Delete resources by name, or those that files name. If a file has a
metadata.resourceVersion it must be that of the stored resource.`,
		Example: `  calctl delete bgppeer rack1 rack2
  calctl delete bgppeer/rack1 ippool/pods
  calctl delete --skip-not-exists -f rack1.yaml`,
		ValidArgsFunction: a.completeNames,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), a, args) },
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().BoolVarP(&o.skipNotExists, "skip-not-exists", "s", false, "count resources that don't exist as deleted")
	return cmd
}

// A victim is a resource to delete, if it is still at version; "" is any.
type victim struct {
	key     resources.Key
	version string
}

func (o *deleteOptions) run(ctx context.Context, a *app, args []string) error {
	victims, err := o.victims(ctx, a, args)
	if err != nil {
		return err
	}
	if len(victims) == 0 {
		_, _ = fmt.Fprintln(a.out, "No resources specified")
		return nil
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()

	deleted := 0
	batch := store.NewBatch(s)
	defer batch.Close()
	var failures []string
	for i, v := range victims {
		if !errors.Is(err, store.ErrNoAnswer) { // once is enough to wait
			_, err = batch.Delete(ctx, v.key, v.version)
		}
		if errors.Is(err, store.ErrLocked) && i == 0 {
			return err // once is enough to say it
		}
		if err == nil || o.skipNotExists && errors.Is(err, store.ErrNotFound) {
			deleted++
			continue
		}
		failures = append(failures, fmt.Sprintf("Failed to delete '%s' resource: %v", v.key.Kind, err))
	}
	if deleted > 0 {
		_, _ = fmt.Fprintf(a.out, "Successfully deleted %d %sresource(s)\n", deleted, oneKind(victims))
	}
	if len(failures) == 0 {
		return nil
	}
	for _, f := range failures {
		_, _ = fmt.Fprintln(a.err, f)
	}
	_, _ = fmt.Fprintln(a.err) // calicoctl's
	return errTold
}

// victims finds what to delete. From files, what refers to others goes first.
func (o *deleteOptions) victims(ctx context.Context, a *app, args []string) ([]victim, error) {
	switch {
	case len(args) > 0 && len(o.files) > 0:
		return nil, usagef("give either -f or resources by name, not both")
	case len(args) == 0 && len(o.files) == 0:
		return nil, usagef("nothing to delete: give KIND NAME, KIND/NAME or -f FILE")
	}
	var victims []victim
	if len(args) == 0 {
		documents, err := o.read(ctx, a)
		if err != nil {
			return nil, err
		}
		for _, d := range slices.Backward(byDependence(documents)) {
			victims = append(victims, victim{resources.KeyOf(d.Resource), d.Resource.Meta().ResourceVersion})
		}
		return victims, nil
	}
	questions, err := parseNames("failed to delete resources: ", args)
	if err != nil {
		return nil, err
	}
	for _, q := range questions {
		if q.Name == "" {
			return nil, usagef("no name given: 'calctl delete %s NAME...' deletes by name", args[0])
		}
		victims = append(victims, victim{key: q})
	}
	return victims, nil
}

// oneKind is the quoted kind of the victims when all are of the same.
func oneKind(victims []victim) string {
	for _, v := range victims {
		if v.key.Kind != victims[0].key.Kind {
			return ""
		}
	}
	return "'" + string(victims[0].key.Kind) + "' "
}
