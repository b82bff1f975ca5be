package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/calctl/calctl/resources"
)

// A question is what the arguments of a command name: one resource, or all of a
// kind when the name is empty.
type question = resources.Key

// parseNames reads KIND, KIND NAME..., KIND,KIND and KIND/NAME..., each kind by
// any of its names. context starts the error, as calicoctl has it.
func parseNames(context string, args []string) ([]question, error) {
	if strings.Contains(args[0], "/") {
		return parseSlashes(context, args)
	}
	var questions []question
	for _, word := range strings.Split(args[0], ",") {
		t, err := parseKind(context, word)
		if err != nil {
			return nil, err
		}
		if len(args) == 1 {
			questions = append(questions, question{Kind: t})
		}
		for _, name := range args[1:] {
			q, err := named(context, t, name)
			if err != nil {
				return nil, err
			}
			questions = append(questions, q)
		}
	}
	return questions, nil
}

func parseSlashes(context string, args []string) ([]question, error) {
	questions := make([]question, len(args))
	for i, arg := range args {
		word, name, ok := strings.Cut(arg, "/")
		if !ok {
			return nil, usagef("%s'%s' has no kind; with KIND/NAME every argument is of this form", context, arg)
		}
		kind, err := parseKind(context, word)
		if err != nil {
			return nil, err
		}
		if questions[i], err = named(context, kind, name); err != nil {
			return nil, err
		}
	}
	return questions, nil
}

func named(context string, kind resources.Kind, name string) (question, error) {
	switch {
	case name == "":
		return question{}, usagef("%sresource name may not be empty", context)
	case strings.Contains(name, "/"):
		return question{}, usagef("%s'%s' is no name of a %s; write KIND NAME or KIND/NAME", context, name, kind)
	}
	return question{Kind: kind, Name: name}, nil
}

func parseKind(context, word string) (resources.Kind, error) {
	t, ok := resources.Lookup(word)
	if !ok {
		return "", usagef("%sresource type '%s' is not supported; there are %s", context, word, kindWords())
	}
	return t.Kind, nil
}

// kindWords lists the kinds as users type them.
func kindWords() string {
	var words []string
	for _, t := range resources.Types() {
		words = append(words, strings.ToLower(string(t.Kind)))
	}
	slices.Sort(words)
	last := len(words) - 1
	return fmt.Sprintf("%s and %s", strings.Join(words[:last], ", "), words[last])
}
