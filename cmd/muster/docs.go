package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"muster/inventory/lang"
	"muster/modules"
	"muster/modules/all"
	"muster/playbooks"
	"muster/playbooks/library"
)

func (a *app) docsVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "docs [MODULE | PLAYBOOK]",
		Short: "Describe a module, or print a playbook that muster ships (default: list them)",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			a.noEvents()
			if len(args) == 0 {
				return a.listDocs()
			}
			return a.describe(args[0])
		},
	}
}

func (a *app) listDocs() error {
	fmt.Fprintln(a.out, "Modules:")
	for _, m := range all.Modules() {
		fmt.Fprintf(a.out, "  %-18s %s\n", m.Name, firstSentence(m.Doc))
	}
	fmt.Fprintln(a.out, "\nPlaybooks:")
	for _, name := range library.Names() {
		text, err := library.Read(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "  %-18s %s\n", name, opening(text))
	}
	return nil
}

// opening is the first sentence of the comment that a playbook begins with.
func opening(text []byte) string {
	var words []string
	for line := range strings.Lines(string(text)) {
		comment, ok := strings.CutPrefix(line, "#")
		if !ok {
			break
		}
		words = append(words, strings.Fields(comment)...)
	}
	sentence, _, _ := strings.Cut(strings.Join(words, " ")+" ", ". ")
	return strings.TrimSpace(sentence)
}

func firstSentence(doc string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(doc), "\n")
	return line
}

func (a *app) describe(name string) error {
	list := all.Modules()
	if i := slices.IndexFunc(list, func(m modules.Module) bool { return m.Name == name }); i >= 0 {
		fmt.Fprint(a.out, playbooks.DescribeModule(list[i]))
		return nil
	}
	if text, err := library.Read(name); err == nil {
		_, err = a.out.Write(text)
		return err
	}
	known := library.Names()
	for _, m := range list {
		known = append(known, m.Name)
	}
	return usage("there is no module and no playbook %q.%s", name, nearNames(name, known))
}

// nearNames suggests the name that was meant, or those that begin with what was
// given.
func nearNames(name string, known []string) string {
	if near := lang.DidYouMean(name, known); near != "" || name == "" {
		return near
	}
	var longer []string
	for _, k := range known {
		if strings.HasPrefix(k, name) {
			longer = append(longer, strconv.Quote(k))
		}
	}
	if len(longer) == 0 {
		return ""
	}
	return " Did you mean one of " + strings.Join(longer, ", ") + "?"
}
