package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/calctl/calctl/node"
	"github.com/calctl/calctl/node/plan"
	"github.com/calctl/calctl/printers"
	"github.com/calctl/calctl/resources"
)

// dryRun are the flags of node run that go with --dry-run.
type dryRun struct {
	input
	asked          bool
	output         string
	failOnProblems bool
}

const planFormats = printers.PlanFormats + ", bird"

// dryRunOnly are the flags that mean nothing to a node that runs.
var dryRunOnly = []string{"filename", "recursive", "skip-empty", "output", "fail-on-problems"}

func (d *dryRun) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&d.asked, "dry-run", false, "say what the node would do, and do nothing")
	d.input.addFlags(flags)
	flags.Lookup("filename").Usage = "with --dry-run: " + flags.Lookup("filename").Usage + ", in place of the datastore and this machine"
	flags.StringVarP(&d.output, "output", "o", "yaml", "with --dry-run: `format`: "+planFormats)
	flags.BoolVar(&d.failOnProblems, "fail-on-problems", false, "with --dry-run: exit with status 1 when not all can be done that resources ask for")
	completeWords(cmd, "output", planFormats)
}

// unasked is an error when a flag was given without --dry-run that needs it.
func (d *dryRun) unasked(flags *pflag.FlagSet) error {
	for _, name := range dryRunOnly {
		if flags.Changed(name) {
			return usagef("--%s goes with --dry-run", name)
		}
	}
	return nil
}

// foresee says what the node would do.
func (o *nodeRunOptions) foresee(ctx context.Context, a *app) error {
	show, err := planPrinter(o.dry.output)
	if err != nil {
		return err
	}
	name, err := nodeName(a, o.name)
	if err != nil {
		return err
	}
	var p plan.Plan
	if len(o.dry.files) > 0 {
		p, err = o.foreseeFrom(ctx, a, name)
	} else {
		p, err = o.foreseeHere(ctx, a, name)
	}
	if err != nil {
		return err
	}
	if err := show(a.out, p); err != nil {
		return err
	}
	if n := len(p.Problems); n > 0 && o.dry.failOnProblems {
		return fmt.Errorf("not all can be done that resources ask for; problems: %d, the first: %s: %s", n, p.Problems[0].Subject(), p.Problems[0].Text)
	}
	return nil
}

// planPrinter finds what writes a plan in a format.
func planPrinter(format string) (func(io.Writer, plan.Plan) error, error) {
	if format == "bird" {
		return func(w io.Writer, p plan.Plan) error {
			_, err := io.WriteString(w, p.BIRD())
			return err
		}, nil
	}
	show := printers.PlanByName(format)
	if show == nil {
		return nil, usagef("unrecognized output format '%s'; there are %s", format, planFormats)
	}
	return func(w io.Writer, p plan.Plan) error { return show(w, p.Document()) }, nil
}

// foreseeHere asks the datastore and this machine.
func (o *nodeRunOptions) foreseeHere(ctx context.Context, a *app, name string) (plan.Plan, error) {
	identity, err := o.identity(a)
	if err != nil {
		return plan.Plan{}, usageError{err}
	}
	environment, err := a.nodeEnvironment()
	if err != nil {
		return plan.Plan{}, usageError{err}
	}
	s, err := a.open(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	defer func() { _ = s.Close() }()
	a.tellIfMissing(s)
	return node.Foresee(ctx, node.Config{Name: name, Store: s, Identity: identity, Environment: environment})
}

// foreseeFrom asks files alone.
func (o *nodeRunOptions) foreseeFrom(ctx context.Context, a *app, name string) (plan.Plan, error) {
	if cmp.Or(o.ipMethod, o.ip6Method) != "" || o.ip == "autodetect" || o.ip6 == "autodetect" {
		return plan.Plan{}, usagef("with -f nothing of this machine is looked at, so no address can be detected: name it with --ip or --ip6")
	}
	// Flags speak of the node in question, the environment of this machine.
	elsewhere := *a
	elsewhere.env = func(string) string { return "" }
	identity, err := o.identity(&elsewhere)
	if err != nil {
		return plan.Plan{}, usageError{err}
	}
	snap, err := a.snapshot(ctx, &o.dry.input)
	if err != nil {
		return plan.Plan{}, err
	}
	return node.ForeseeFrom(snap, name, identity)
}

// snapshot is what files hold, as a datastore would if it held nothing else.
func (a *app) snapshot(ctx context.Context, in *input) (*resources.Snapshot, error) {
	documents, err := in.read(ctx, a)
	if err != nil {
		return nil, err
	}
	if err := a.checked(verb{do: "read", done: "read"}, documents); err != nil {
		return nil, err
	}
	snap := resources.NewSnapshot()
	for _, d := range documents {
		snap.Put(d.Resource)
	}
	return snap, nil
}
