package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/trial"
	"github.com/calctl/calctl/printers"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

func newPolicyCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "policy",
		Short:   "Try out what policies do with routes",
		Example: "  calctl policy test 10.1.2.0/26 --node r1 --peer 192.0.2.1",
		Args:    noArgs,
		RunE:    showHelp,
	}
	cmd.AddCommand(newPolicyTestCmd(a))
	return cmd
}

// policyTestOptions are the flags of policy test.
type policyTestOptions struct {
	input
	node, batch, output    string
	localPref, metric, med uint32
	communities            []string
	asPath                 string
	question               trial.Question // the flags that need no reading
}

const policyFormats = "table, " + printers.PlanFormats

func newPolicyTestCmd(a *app) *cobra.Command {
	var o policyTestOptions
	cmd := &cobra.Command{
		Use:   "test (PREFIX --peer PEER | --batch FILE)",
		Short: "Say what a node's policy does with a route",
		Long: `Say what a node's policy does with a route: whether it is accepted, with which
attributes, and which rule decides. It is what the node would do, by the resources
of the datastore or of files alone; no node needs to run.

--peer names one of the node's peers by its address, with a port if there are
several at that address; 'kernel' asks what would be installed.

--batch reads questions from a file, or from standard input if it is -: a JSON
object a line, with the fields prefix, peer, direction, source, from, interface,
metric, localPref, med, asPath, communities, largeCommunities and expect. It writes
the answers, one a line. The exit status is 1 when an answer is not what its
question expects, or when a question can't be understood.`,
		Example: `  calctl policy test 10.1.2.0/26 --node r1 --peer 192.0.2.1 --source kernel --metric 512
  calctl policy test 0.0.0.0/0 --node r1 --peer 192.0.2.1 --direction import --as-path "65001 65002"
  calctl policy test 10.1.2.0/26 --node r1 --peer kernel -f cluster.yaml -o json
  calctl policy test --node r1 -f cluster.yaml --batch expectations.jsonl`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, a, args) },
	}
	o.addFlags(cmd.Flags())
	flags, q := cmd.Flags(), &o.question
	flags.Lookup("filename").Usage += ", in place of the datastore"
	flags.StringVar(&o.node, "node", "", "`name` of the Node whose policy it is (default $NODENAME, else the host name)")
	flags.StringVar(&q.Peer, "peer", "", "`address` of the peer, or kernel")
	flags.StringVar(&q.Direction, "direction", "export", "`direction` of the route: export, to the peer, or import, from it")
	flags.StringVar(&q.Source, "source", "bgp", "where a route to be exported comes `from`: bgp, kernel, direct or static")
	flags.StringVar(&q.From, "from", "", "`address` of the peer that a route to be exported was learned from (default a router of another AS)")
	flags.StringVar(&q.Interface, "interface", "", "`name` of the interface that leads to the destination, or to the next hop")
	flags.Uint32Var(&o.localPref, "local-pref", 0, "`number`: LOCAL_PREF of the route (default none, which counts as 100)")
	flags.Uint32Var(&o.metric, "metric", 0, "`number`: the route's metric in the kernel; of a bgp route 2147483647 - LOCAL_PREF (default the normal route priority)")
	flags.Uint32Var(&o.med, "med", 0, "`number`: MULTI_EXIT_DISC of the route (default none)")
	flags.StringArrayVar(&o.communities, "community", nil, "`community` of the route, aa:nn or aa:nn:mm; may be repeated")
	flags.StringVar(&o.asPath, "as-path", "", "AS `numbers` of its path, such as \"65001 65002\" (default none; from an eBGP peer its AS)")
	flags.StringVar(&o.batch, "batch", "", "`file` of questions, - for standard input")
	flags.StringVarP(&o.output, "output", "o", "table", "`format`: "+policyFormats)
	completeWords(cmd, "direction", "export, import")
	completeWords(cmd, "source", "bgp, kernel, direct, static")
	completeWords(cmd, "output", policyFormats)
	complete := func(flag string, of func(context.Context, *app) []string) {
		_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return beginning(of(cmd.Context(), a), begun), cobra.ShellCompDirectiveNoFileComp
		})
	}
	complete("node", o.nodes)
	complete("peer", o.peers)
	complete("from", o.peers)
	return cmd
}

// policyBatchExcludes are the flags that describe one route.
var policyBatchExcludes = []string{"peer", "direction", "source", "from", "interface", "local-pref", "metric", "med", "community", "as-path", "output"}

func (o *policyTestOptions) run(cmd *cobra.Command, a *app, args []string) error {
	if o.batch != "" {
		for _, flag := range policyBatchExcludes {
			if cmd.Flags().Changed(flag) {
				return usagef("--%s doesn't go with --batch: every line says it of its own route", flag)
			}
		}
		if len(args) > 0 {
			return usagef("give either a prefix or --batch, not both")
		}
		return o.runBatch(cmd.Context(), a)
	}
	show := printers.PlanByName(o.output)
	switch {
	case o.output == "table":
		show = answerTable
	case show == nil:
		return usagef("unrecognized output format '%s'; there are %s", o.output, policyFormats)
	}
	q, err := o.ask(cmd, args)
	if err != nil {
		return err
	}
	t, err := o.trials(cmd.Context(), a)
	if err != nil {
		return err
	}
	answer, err := t.Ask(q)
	if err != nil {
		return inFlags(err)
	}
	return show(a.out, answer)
}

// ask makes a question of the flags.
func (o *policyTestOptions) ask(cmd *cobra.Command, args []string) (trial.Question, error) {
	q := o.question
	switch {
	case len(args) != 1:
		return q, usagef("give one prefix, or questions with --batch; got %d arguments", len(args))
	case q.Peer == "":
		return q, usagef("no peer given; name one with --peer, or kernel")
	}
	q.Prefix = args[0]
	q.Communities = o.communities
	for flag, number := range map[string]struct {
		to   **uint32
		from *uint32
	}{
		"local-pref": {&q.LocalPref, &o.localPref}, "metric": {&q.Metric, &o.metric}, "med": {&q.MED, &o.med},
	} {
		if cmd.Flags().Changed(flag) {
			*number.to = number.from
		}
	}
	for _, word := range strings.Fields(o.asPath) {
		as, err := resources.ParseASN(word)
		if err != nil {
			return q, usagef("--as-path '%s': %w", o.asPath, err)
		}
		q.ASPath = append(q.ASPath, as)
	}
	return q, nil
}

// flagOf are the flags that say what fields of a question do, by another name.
var flagOf = map[string]string{"prefix": "PREFIX", "localPref": "--local-pref", "communities": "--community"}

// inFlags says what is wrong with a question in terms of flags.
func inFlags(err error) error {
	field, ok := errors.AsType[*trial.FieldError](err)
	if !ok {
		return err
	}
	flag := flagOf[field.Field]
	if flag == "" {
		flag = "--" + field.Field
	}
	err = fmt.Errorf("%s '%s': %s", flag, field.Value, field.Mend)
	if field.Field == "peer" || field.Field == "from" {
		return err
	}
	return usageError{err}
}

// trials are those of the node, by the resources that are asked for.
func (o *policyTestOptions) trials(ctx context.Context, a *app) (*trial.Trials, error) {
	name, err := nodeName(a, o.node)
	if err != nil {
		return nil, err
	}
	var environment intent.Environment
	if len(o.files) == 0 { // with files, nothing of this machine has a part in it
		if environment, err = a.nodeEnvironment(); err != nil {
			return nil, usageError{err}
		}
	}
	snap, err := o.snapshot(ctx, a)
	if err != nil {
		return nil, err
	}
	return trial.New(snap, name, environment)
}

func (o *policyTestOptions) snapshot(ctx context.Context, a *app) (*resources.Snapshot, error) {
	if len(o.files) > 0 {
		return a.snapshot(ctx, &o.input)
	}
	s, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	a.tellIfMissing(s)
	return store.Snapshot(ctx, s)
}

// nodes and peers are what the shell offers.
func (o *policyTestOptions) nodes(ctx context.Context, a *app) (names []string) {
	snap, err := o.snapshot(ctx, a)
	if err != nil {
		return nil
	}
	for name := range snap.Nodes {
		names = append(names, name)
	}
	return names
}

func (o *policyTestOptions) peers(ctx context.Context, a *app) []string {
	t, err := o.trials(ctx, a)
	if err != nil {
		return nil
	}
	return t.Peers()
}

// answerTable writes an answer for people.
func answerTable(w io.Writer, answer any) error {
	r, ok := answer.(trial.Answer)
	if !ok {
		return fmt.Errorf("not an answer: %T", answer)
	}
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "%-19s%v\n", name+":", value) }
	number := func(name string, n *uint32) {
		if n != nil {
			line(name, *n)
		}
	}
	line("Action", r.Action)
	line("Rule", r.Rule)
	number("LOCAL_PREF", r.LocalPref)
	number("Metric", r.Metric)
	number("MED", r.MED)
	if r.Action == "accept" {
		line("AS path", strings.Trim(fmt.Sprint(r.ASPath), "[]"))
		line("Communities", strings.Join(r.Communities, " "))
		line("Large communities", strings.Join(r.LargeCommunities, " "))
	}
	_, err := io.WriteString(w, trimLines(b.String()))
	return err
}

// trimLines takes the blanks off the ends of lines.
func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}
