package playbooks

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"muster/modules"
)

// DescribeModule writes the reference page of a module as plain text: what it
// does, its arguments with types, defaults and meaning, and an example.
func DescribeModule(m modules.Module) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", m.Name, strings.TrimSpace(m.Doc))
	if len(m.OS) > 0 {
		fmt.Fprintf(&b, "\nRuns on: %s\n", strings.Join(m.OS, ", "))
	}
	b.WriteString("\nArguments\n")
	describeArgs(&b, modules.SchemaOf(m.New()), "  ")
	if m.Example != "" {
		fmt.Fprintf(&b, "\nExample\n%s\n", indentText(strings.TrimSpace(m.Example), "  "))
	}
	return b.String()
}

func describeArgs(b *strings.Builder, s modules.Schema, indent string) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	var blocks []modules.Arg
	for _, a := range s.Args {
		if a.Kind == modules.KindBlock {
			blocks = append(blocks, a)
			continue
		}
		fmt.Fprintf(w, "%s%s\t%s\t%s\n", indent, a.Name, kindText(a), a.Doc)
	}
	_ = w.Flush() // a strings.Builder takes everything
	for _, a := range blocks {
		fmt.Fprintf(b, "%s%s { ... }  %s%s\n", indent, blockHead(a), a.Doc, requiredText(a))
		describeArgs(b, *a.Block, indent+"  ")
	}
}

func kindText(a modules.Arg) string {
	text := string(a.Kind)
	switch {
	case a.Label:
		return "label"
	case a.Required:
		return text + ", required"
	case a.Default != "":
		return fmt.Sprintf("%s, default %s", text, a.Default)
	}
	return text
}

func requiredText(a modules.Arg) string {
	if a.Required {
		return " At least one is required."
	}
	return ""
}

func indentText(text, indent string) string {
	return indent + strings.ReplaceAll(text, "\n", "\n"+indent)
}
