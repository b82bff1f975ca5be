package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/calctl/calctl/resources/store/etcd"
)

// The exit statuses of calctl.
const (
	exitOK     = 0
	exitFailed = 1 // the work could not be done, or not all of it
	exitUsage  = 2 // the command was not understood; nothing was done
)

// app is what every command may use.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	now      func() time.Time

	args      []string
	datastore string // --datastore
	config    string // --config
	timeout   string // --timeout
	began     bool   // arguments were understood: what fails now is not wrong usage
}

// usageError is a command that was not understood.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errTold is a failure whose message has been printed already.
var errTold = errors.New("failed")

// run is the program: arguments and streams in, exit status out. SIGINT and
// SIGTERM end what it does in good order; a second one ends it at once.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	checked := &checkedWriter{w: out}
	a := &app{args: args, in: in, out: checked, err: errs, env: os.Getenv, now: time.Now}
	root := newRootCmd(a)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(checked)
	root.SetErr(errs)

	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		err = checked.err
	case !a.began && !errors.As(err, new(usageError)):
		err = usageError{err}
	}
	return a.exit(cmd, err)
}

// exit prints an error, once, and gives the exit status for it.
func (a *app) exit(cmd *cobra.Command, err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errTold):
		return exitFailed
	case errors.As(err, new(usageError)):
		_, _ = fmt.Fprintf(a.err, "%v\nRun '%s --help' for usage.\n", err, cmd.CommandPath())
		return exitUsage
	default:
		_, _ = fmt.Fprintln(a.err, err)
		return exitFailed
	}
}

// newRootCmd builds the command tree. New commands get a file of their own and
// a line here.
func newRootCmd(a *app) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "calctl",
		Short: "Store Calico's routing resources and run the BGP node they ask for",
		Long: `calctl stores Calico's routing resources and runs the BGP node they ask for.

It is calicoctl, confd and BIRD in one program: 'calctl apply' stores
resources in a datastore, 'calctl node run' speaks BGP and keeps the kernel's
routes as the resources say, 'calctl node status' shows how it goes.`,
		Example: `  calctl apply -f cluster.yaml
  calctl node run --ip autodetect
  calctl node status`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if version {
				return a.versionLine()
			}
			return showHelp(cmd, args)
		},
		PersistentPreRun: func(*cobra.Command, []string) {
			a.began = true
		},
	}
	root.PersistentFlags().StringVar(&a.datastore, "datastore", "", "`folder` that holds the resources (default $"+datastoreEnv+", else "+defaultDatastore+")")
	root.PersistentFlags().StringVarP(&a.config, "config", "c", "", "`file` that says where the datastore is, as calicoctl reads it (default "+defaultConfig+", if it is there)")
	root.PersistentFlags().StringVar(&a.timeout, "timeout", "", "`time` a request to etcd or Kubernetes may take, connecting included (default $"+timeoutEnv+", else "+etcd.DefaultTimeout.String()+")")
	root.Flags().BoolVarP(&version, "version", "v", false, "show the version of calctl")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if word := a.mistyped(cmd); word != "" {
			return unknownCommand(cmd, word)
		}
		return err
	})
	root.AddCommand(
		newApplyCmd(a),
		newCreateCmd(a),
		newReplaceCmd(a),
		newDeleteCmd(a),
		newGetCmd(a),
		newValidateCmd(a),
		newNodeCmd(a),
		newPolicyCmd(a),
		newDatastoreCmd(a),
		newCRDsCmd(a),
		newVersionCmd(a),
	)
	root.SetHelpCommand(newHelpCmd())
	root.InitDefaultCompletionCmd() // made only for roots that have commands
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			// Without it cobra shows help, and exit status 0, for a shell it doesn't know.
			cmd.Args, cmd.RunE = noArgs, showHelp
			cmd.Example = "  source <(calctl completion bash)\n  calctl completion zsh >~/.zfunc/_calctl"
		}
	}
	return root
}

// showHelp is what commands that only have subcommands do.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// noArgs is cobra.NoArgs with calicoctl's words for a command nobody knows.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		return unknownCommand(cmd, args[0])
	default:
		return usagef("'%s' takes no arguments, got %q", cmd.CommandPath(), args[0])
	}
}

// unknownCommand says that cmd has no such command, and which it may be.
func unknownCommand(cmd *cobra.Command, word string) error {
	hint := ""
	cmd.SuggestionsMinimumDistance = min(2, (len(word)+1)/3) // letters: all short words are alike
	if like := cmd.SuggestionsFor(word); len(like) > 0 {
		hint = "; did you mean " + strings.Join(like, " or ") + "?"
	}
	return usagef("unknown command %q for %q%s", word, cmd.CommandPath(), hint)
}

// mistyped is the word that stands where cmd expects one of its commands, empty
// when there is none. A flag of the command that was meant is unknown to cmd,
// and would be blamed instead of the word.
func (a *app) mistyped(cmd *cobra.Command) string {
	if !cmd.HasSubCommands() {
		return ""
	}
	_, rest, _ := cmd.Root().Find(a.args)
	for i := 0; i < len(rest); i++ {
		switch arg := rest[i]; {
		case !strings.HasPrefix(arg, "-"):
			return arg
		case strings.Contains(arg, "="), isSwitch(cmd, arg):
		default:
			i++ // its value, as far as anybody can know
		}
	}
	return ""
}

// isSwitch tells whether a flag of cmd takes no value.
func isSwitch(cmd *cobra.Command, arg string) bool {
	f := cmd.Flags().Lookup(strings.TrimPrefix(arg, "--"))
	if len(arg) == 2 {
		f = cmd.Flags().ShorthandLookup(arg[1:])
	}
	return f != nil && f.NoOptDefVal != ""
}

// newHelpCmd is cobra's, except that help for what does not exist is an error.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show help for a command",
		Example: "  calctl help apply\n  calctl help node run",
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("there is no help for %q", args)
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}

// setting is the value of a flag, else of an environment variable, else a default.
func (a *app) setting(flag, variable, otherwise string) string {
	if flag != "" {
		return flag
	}
	if v := a.env(variable); variable != "" && v != "" {
		return v
	}
	return otherwise
}

// checkedWriter remembers the first error, so that output which never arrived
// does not end in exit status 0.
type checkedWriter struct {
	w   io.Writer
	err error
}

func (c *checkedWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if err != nil && c.err == nil {
		c.err = err
	}
	return n, err
}
