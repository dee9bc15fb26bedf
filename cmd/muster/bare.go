package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster/playbooks/library"
)

// bare is muster without a verb: what was probably meant.
func (a *app) bare(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	word := args[0]
	if strings.HasSuffix(word, ".hcl") || slices.Contains(library.Names(), word) {
		return usage("a verb is missing. Did you mean this?\n  muster apply %s", strings.Join(a.args, " "))
	}
	text := "there is no verb " + word + "."
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		text += " Did you mean " + strings.Join(near, " or ") + "?"
	}
	return usage("%s See: muster help", text)
}
