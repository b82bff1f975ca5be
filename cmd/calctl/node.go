package main

import (
	"github.com/spf13/cobra"

	"github.com/calctl/calctl/status"
)

const socketEnv = "CALCTL_SOCKET"

func newNodeCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "node",
		Short:   "Run the node on this machine, or ask how it does",
		Example: "  calctl node run\n  calctl node status",
		Args:    noArgs,
		RunE:    showHelp,
	}
	cmd.AddCommand(newNodeRunCmd(a), newNodeStatusCmd(a))
	return cmd
}

// socketUsage describes --socket, which all node commands have.
func socketUsage(what string) string {
	return "`path` of the unix socket " + what + " (default $" + socketEnv + ", else " + status.DefaultSocket + ")"
}

func (a *app) socket(flag string) string { return a.setting(flag, socketEnv, status.DefaultSocket) }
