package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

func newDatastoreCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "datastore",
		Short:   "Work on the datastore as a whole",
		Example: "  calctl datastore migrate export >datastore.yaml",
		Args:    noArgs,
		RunE:    showHelp,
	}
	cmd.AddCommand(newMigrateCmd(a))
	return cmd
}

func newMigrateCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Move everything from one datastore to another",
		Long: `Move everything from one datastore to another: folder, etcd, in either direction.

While a datastore is locked, other commands don't write to it, and nodes don't
follow it: they keep their sessions and routes as they are. Calico's own programs
know the lock too (datastoreReady of the ClusterInformation default).

Each step can be done again; what is done already is left as it is.`,
		Example: `  calctl datastore migrate lock
  calctl datastore migrate export >datastore.yaml
  calctl datastore migrate import -f datastore.yaml --datastore /var/lib/calctl
  calctl datastore migrate unlock --datastore /var/lib/calctl`,
		Args: noArgs,
		RunE: showHelp,
	}
	cmd.AddCommand(newExportCmd(a), newImportCmd(a), newLockCmd(a), newUnlockCmd(a))
	return cmd
}

func newLockCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "lock",
		Short: "Lock the datastore, so that nobody writes to it",
		Long: `Lock the datastore: until it is unlocked other commands don't write to it, and
nodes don't follow it. Sessions and routes stay as they are.`,
		Example: "  calctl datastore migrate lock",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.setLock(cmd.Context(), "Datastore locked.", func(old resources.Lock) (resources.Lock, error) {
				if !old.Locked {
					old = resources.Lock{Locked: true, Since: a.now()}
				}
				return old, nil
			})
		},
	}
}

func newUnlockCmd(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "unlock",
		Short: "Unlock the datastore, so that nodes follow it again",
		Long: `Unlock the datastore. Nodes act upon what it holds, at once. One that holds half
of an import is not unlocked, unless --force is given.`,
		Example: "  calctl datastore migrate unlock",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.setLock(cmd.Context(), "Datastore unlocked.", func(old resources.Lock) (resources.Lock, error) {
				if old.Importing && !force {
					return old, errors.New("an import into this datastore has not ended, so what it holds is not complete: run 'calctl datastore migrate import' again, or unlock it as it is with --force")
				}
				return resources.Lock{}, nil
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "unlock a datastore that holds half of an import")
	return cmd
}

// setLock changes the lock of the datastore and says done.
func (a *app) setLock(ctx context.Context, done string, next func(old resources.Lock) (resources.Lock, error)) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	old, err := store.LockOf(ctx, s)
	if err != nil {
		return err
	}
	lock, err := next(old)
	if err != nil {
		return err
	}
	if lock != old {
		if err := store.SetLock(ctx, s, lock); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintln(a.out, done)
	return nil
}
