package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calctl/calctl/resources"
)

// completeNames is what the shell offers for KIND NAME...: kinds first, then
// the names of the resources the datastore has of that kind.
func (a *app) completeNames(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		var kinds []cobra.Completion
		for _, t := range resources.Types() {
			if kind := strings.ToLower(string(t.Kind)); strings.HasPrefix(kind, begun) {
				kinds = append(kinds, kind)
			}
		}
		return kinds, cobra.ShellCompDirectiveNoFileComp
	}
	t, ok := resources.Lookup(args[0])
	if !ok {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s, err := a.open(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer func() { _ = s.Close() }()
	items, _ := s.List(cmd.Context(), t.Kind) // what can be read of it
	var names []string
	for _, item := range items {
		names = append(names, item.Meta().Name)
	}
	return beginning(names, begun), cobra.ShellCompDirectiveNoFileComp
}

// beginning are the words that begin with what is there already, sorted.
func beginning(words []string, begun string) []cobra.Completion {
	words = slices.DeleteFunc(slices.Sorted(slices.Values(words)), func(w string) bool { return !strings.HasPrefix(w, begun) })
	return words
}

// completeWords offers the words of a list such as "table, wide, yaml" for a flag.
func completeWords(cmd *cobra.Command, flag, list string) {
	// It fails for a flag that does not exist: the tests of completion would see it.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(strings.Split(list, ", "), cobra.ShellCompDirectiveNoFileComp))
}
