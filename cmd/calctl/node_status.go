package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/calctl/calctl/printers"
	"github.com/calctl/calctl/status"
)

// nodeStatusOptions are the flags of node status.
type nodeStatusOptions struct {
	socket     string
	output     string
	failOnDown bool
}

func newNodeStatusCmd(a *app) *cobra.Command {
	var o nodeStatusOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the BGP sessions of the node on this machine",
		Long: `Show the BGP sessions of the node on this machine, and what is wrong, if
anything is. Root and the members of the socket's group may ask.

Exit status 0 says that the node answered, whatever the state of its sessions,
unless --fail-on-down is given.`,
		Example: `  calctl node status
  calctl node status -o wide
  calctl node status -o json | jq '.peers[] | select(.state != "up")'
  calctl node status --fail-on-down >/dev/null || page-somebody`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), a) },
	}
	cmd.Flags().StringVar(&o.socket, "socket", "", socketUsage("to ask at"))
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "`format`: "+printers.StatusFormats)
	completeWords(cmd, "output", printers.StatusFormats)
	cmd.Flags().BoolVar(&o.failOnDown, "fail-on-down", false, "exit with status 1 when a session is not established")
	return cmd
}

func (o *nodeStatusOptions) run(ctx context.Context, a *app) error {
	show, err := printers.StatusByName(o.output)
	if err != nil {
		return usageError{err}
	}
	socket := a.socket(o.socket)
	report, err := status.Client{Socket: socket}.Report(ctx)
	if errors.Is(err, status.ErrNotRunning) {
		_, _ = fmt.Fprintf(a.err, "Calico process is not running. No daemon answers at %s; start it with 'calctl node run'.\n", socket)
		return errTold
	}
	if err != nil {
		return err
	}
	if err := show(a.out, report, a.now()); err != nil {
		return err
	}
	if down := downPeers(report); o.failOnDown && down > 0 {
		return fmt.Errorf("%d of %d sessions are not established", down, len(report.Peers))
	}
	return nil
}

func downPeers(r status.Report) int {
	down := 0
	for _, p := range r.Peers {
		if p.State != status.StateUp {
			down++
		}
	}
	return down
}
