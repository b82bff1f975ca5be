package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/calctl/calctl/printers"
	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

// getOptions are the flags of get.
type getOptions struct {
	input
	output string
}

func newGetCmd(a *app) *cobra.Command {
	var o getOptions
	cmd := &cobra.Command{
		Use:   "get (KIND [NAME...] | KIND,KIND... | KIND/NAME... | -f FILE...)",
		Short: "Show resources",
		Long: `Show resources: all of a kind, some by name, or those that files name.
Secrets are never shown. What is missing is an error on stderr and exit status
1; what was found is printed all the same.`,
		Example: `  calctl get bgppeers
  calctl get node r1 -o yaml
  calctl get bgppeer/rack1 ippool/pods -o json
  calctl get ippools,bgpfilters -o name`,
		ValidArgsFunction: a.completeNames,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), a, args) },
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "`format`: "+printers.Formats)
	completeWords(cmd, "output", printers.Formats)
	return cmd
}

func (o *getOptions) run(ctx context.Context, a *app, args []string) error {
	show, err := printers.ByName(o.output)
	if err != nil {
		return usageError{err}
	}
	questions, err := o.questions(ctx, a, args)
	if err != nil {
		return err
	}
	if len(questions) == 0 {
		_, _ = fmt.Fprintln(a.out, "No resources specified")
		return nil
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()

	var results []printers.Result
	var failures []error
	for _, q := range questions {
		result, err := ask(ctx, s, q)
		if err != nil {
			failures = append(failures, err)
		}
		if result.List || len(result.Items) > 0 {
			results = append(results, result)
		}
		if errors.Is(err, store.ErrNoAnswer) {
			break // nor will it answer the others
		}
	}
	if len(results) > 0 {
		cluster := printers.Cluster{DefaultASN: func() string { return defaultASN(ctx, s) }}
		if err := show(a.out, results, cluster); err != nil {
			return err
		}
	}
	a.tellIfMissing(s)
	if len(failures) == 0 {
		return nil
	}
	for _, err := range failures {
		_, _ = fmt.Fprintln(a.err, err)
	}
	return errTold
}

// questions are what the arguments or the files name.
func (o *getOptions) questions(ctx context.Context, a *app, args []string) ([]question, error) {
	switch {
	case len(args) > 0 && len(o.files) > 0:
		return nil, usagef("give either -f or resources by name, not both")
	case len(args) > 0:
		return parseNames("failed to get resources: ", args)
	case len(o.files) == 0:
		return nil, usagef("nothing to get: give KIND, KIND NAME, KIND/NAME or -f FILE; kinds are %s", kindWords())
	}
	documents, err := o.read(ctx, a)
	if err != nil {
		return nil, err
	}
	var questions []question
	for _, d := range documents {
		questions = append(questions, resources.KeyOf(d.Resource))
	}
	return questions, nil
}

// ask answers one question. A list may come with an error: what could be read
// of it is worth showing.
func ask(ctx context.Context, s store.Store, q question) (printers.Result, error) {
	if q.Name != "" {
		r, err := s.Get(ctx, q)
		if err != nil {
			return printers.Result{}, err
		}
		return printers.Result{Kind: q.Kind, Items: []resources.Resource{r}}, nil
	}
	items, err := s.List(ctx, q.Kind)
	broken := errors.As(err, new(*store.BrokenError))
	return printers.Result{Kind: q.Kind, List: err == nil || broken, Items: items}, err
}

// defaultASN is the AS number of nodes that have none of their own.
func defaultASN(ctx context.Context, s store.Store) string {
	r, err := s.Get(ctx, resources.Key{Kind: resources.KindBGPConfiguration, Name: "default"})
	switch config, ok := r.(*resources.BGPConfiguration); {
	case errors.Is(err, store.ErrNotFound), ok && config.Spec.ASNumber == nil:
		return "64512" // Calico's
	case err != nil || !ok:
		return "unknown"
	default:
		return fmt.Sprint(*config.Spec.ASNumber)
	}
}
