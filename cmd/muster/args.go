package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// arguments is how many arguments a verb takes. What is missing is named as its Use
// line names it.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		named := strings.TrimPrefix(cmd.Use, cmd.Name()+" ")
		switch {
		case len(args) < least:
			return usage("%s is missing. Write: muster%s %s", named, strings.TrimPrefix(cmd.CommandPath(), "muster"), named)
		case len(args) > most:
			return usage("%q is one argument too many. Write: muster%s %s", args[most], strings.TrimPrefix(cmd.CommandPath(), "muster"), named)
		}
		return nil
	}
}

// subverb refuses what is no verb of a group of verbs, and names those that are like it.
func subverb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("%s: there is no verb %s.", cmd.CommandPath(), args[0])
	cmd.SuggestionsMinimumDistance = 2
	near := cmd.SuggestionsFor(args[0])
	if len(near) == 0 {
		for _, sub := range cmd.Commands() {
			if !sub.Hidden {
				near = append(near, sub.Name())
			}
		}
		return usage("%s There are %s", text, strings.Join(near, ", "))
	}
	return usage("%s Did you mean %s?", text, strings.Join(near, " or "))
}

// flagError words a value that a flag cannot take.
func flagError(_ *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	if !errors.As(err, &bad) {
		return err
	}
	f := bad.GetFlag()
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand
	}
	wanted := map[string]string{"int": "a whole number", "duration": "a time with its unit, such as 30s or 5m", "bool": "true or false"}[f.Value.Type()]
	if wanted == "" {
		return err
	}
	return usage("%s %s: write %s", name, bad.GetValue(), wanted)
}
