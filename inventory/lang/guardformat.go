package lang

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// guardFormat bounds widths, and the result by the worst case: every verb
// printing the whole of the arguments, for each element of the longest list.
func guardFormat(args []cty.Value) error {
	if err := guardSecret(args); err != nil {
		return err
	}
	f, ok := text(args, 0)
	if !ok {
		return nil
	}
	verbs, widths, err := formatVerbs(f)
	if err != nil {
		return err
	}
	rows, scalars, lists := 1, 0, 0
	for _, a := range args[1:] {
		a, _ = a.Unmark()
		if t := a.Type(); a.IsKnown() && !a.IsNull() && (t.IsListType() || t.IsTupleType() || t.IsSetType()) {
			rows = max(rows, a.LengthInt())
			lists += Size(a)
			continue
		}
		scalars += Size(a)
	}
	// In floating point, since the product can pass an int.
	row := float64(len(f)+widths) + float64(verbs)*float64(scalars)
	if float64(rows)*row+float64(verbs)*float64(lists) > MaxValue {
		return errTooLarge
	}
	return nil
}

// formatVerbs counts the verbs of a format and sums their widths.
func formatVerbs(f string) (verbs, widths int, err error) {
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			continue
		}
		verbs++
		for i++; i < len(f) && strings.IndexByte("0123456789.+-# []*", f[i]) >= 0; i++ {
			start := i
			for i < len(f) && f[i] >= '0' && f[i] <= '9' {
				i++
			}
			if i == start {
				continue
			}
			n, convErr := strconv.Atoi(f[start:i])
			if convErr != nil || n > maxWidth {
				return 0, 0, fmt.Errorf("a width of %.20s is too large: at most %d", f[start:i], maxWidth)
			}
			widths += n
			i--
		}
	}
	return verbs, widths, nil
}

// guardSecret keeps references to secrets out of text, where their names would
// be taken for their bytes.
func guardSecret(args []cty.Value) error {
	for _, a := range args {
		err := cty.Walk(a, func(_ cty.Path, v cty.Value) (bool, error) {
			if v.Type() == SecretType {
				return false, fmt.Errorf("a secret cannot become text: give secret.NAME itself to an argument")
			}
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
