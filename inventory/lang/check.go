package lang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Schema is what a body may contain.
type Schema struct {
	// What names the body in messages: "a host block".
	What string
	// Attributes and Required are attribute names; Required ones need not be
	// repeated in Attributes.
	Attributes, Required []string
	// Blocks are block types and how many labels each has.
	Blocks map[string]int
}

// Check reports every attribute and block of a body that the schema does not
// know, each with the name that was probably meant, and every required
// attribute that is missing.
func Check(body *hclsyntax.Body, s Schema) hcl.Diagnostics {
	var diags hcl.Diagnostics
	known := append(slices.Clone(s.Required), s.Attributes...)
	for _, a := range Attributes(body) {
		if !slices.Contains(known, a.Name) {
			diags = append(diags, s.unknown("attribute", a.Name, known, a.NameRange))
		}
	}
	var types []string
	for t := range s.Blocks {
		types = append(types, t)
	}
	slices.Sort(types)
	for _, b := range body.Blocks {
		labels, ok := s.Blocks[b.Type]
		switch {
		case !ok:
			diags = append(diags, s.unknown("block", b.Type, types, b.TypeRange))
		case len(b.Labels) != labels:
			diags = append(diags, Diag("Wrong number of labels",
				fmt.Sprintf("Write %s.", blockExample(b.Type, labels)), b.DefRange()))
		}
	}
	for _, name := range s.Required {
		if body.Attributes[name] == nil {
			diags = append(diags, Diag("Missing attribute",
				fmt.Sprintf("%s needs %q.", capital(s.What), name), body.MissingItemRange()))
		}
	}
	return diags
}

func (s Schema) unknown(kind, name string, known []string, rng hcl.Range) *hcl.Diagnostic {
	detail := fmt.Sprintf("%s has no %s %q.", capital(s.What), kind, name)
	if near := Suggest(name, known); near != "" {
		detail += fmt.Sprintf(" Did you mean %q?", near)
	}
	if len(known) > 0 {
		detail += fmt.Sprintf(" Allowed: %s.", strings.Join(slices.Sorted(slices.Values(known)), ", "))
	}
	return Diag("Unknown "+kind, detail, rng)
}

func blockExample(typ string, labels int) string {
	return typ + strings.Repeat(` "NAME"`, labels) + " { ... }"
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Suggest gives the option nearest to a misspelt word, "" when none is near:
// for `did you mean "x"?`. Two letters may differ, or a third of a long word.
func Suggest(word string, options []string) string {
	if len(word) > 100 {
		return ""
	}
	allowed := max(2, len(word)/3)
	if len(word) < 4 {
		allowed = 1
	}
	best, bestDist := "", allowed+1
	for _, o := range options {
		if d := len(o) - len(word); d >= bestDist || -d >= bestDist {
			continue
		}
		d := levenshtein.Distance(strings.ToLower(word), strings.ToLower(o), nil)
		if swapped(strings.ToLower(word), strings.ToLower(o)) {
			d = 1
		}
		if d < bestDist {
			best, bestDist = o, d
		}
	}
	return best
}

// swapped says whether two neighbours changed places: one slip of the fingers, which
// Levenshtein counts as two.
func swapped(a, b string) bool {
	for i := 0; i+1 < len(a) && len(a) == len(b); i++ {
		if a[i] != b[i] {
			return a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
		}
	}
	return false
}

// DidYouMean is Suggest as the end of a sentence: ` Did you mean "x"?`, or "".
func DidYouMean(word string, options []string) string {
	if near := Suggest(word, options); near != "" {
		return fmt.Sprintf(" Did you mean %q?", near)
	}
	return ""
}
