package lang

import (
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

const (
	// maxWidth is the largest width and precision of a format verb: wider than
	// any line of a config file.
	maxWidth = 4096
	// maxParts is how many elements a string may be split into.
	maxParts = 100_000
	// maxScan is the longest text that regexall and jsondecode read, in bytes.
	maxScan = 1 << 20
)

// guards are the checks of the functions whose result may be much larger, or
// much dearer, than their arguments.
var guards = map[string]guard{
	"format":     guardFormat,
	"formatlist": guardFormat,
	"join":       guardJoin,
	"replace":    guardReplace,
	"split":      guardSplit,
	"indent":     guardIndent,
	"jsondecode": guardJSON,
	"jsonencode": guardSecret,
	"regexall":   guardRegexAll,
}

// text gives a string argument; false when it is not yet known.
func text(args []cty.Value, i int) (string, bool) {
	if i >= len(args) {
		return "", false
	}
	v, _ := args[i].Unmark()
	if v.Type() != cty.String || v.IsNull() || !v.IsKnown() {
		return "", false
	}
	return v.AsString(), true
}

// guardJoin bounds the separators; the elements are bounded as arguments.
func guardJoin(args []cty.Value) error {
	sep, ok := text(args, 0)
	if !ok {
		return nil
	}
	elements := 0
	for _, a := range args[1:] {
		a, _ = a.Unmark()
		if a.IsKnown() && !a.IsNull() && a.CanIterateElements() {
			elements += a.LengthInt()
		}
	}
	if len(sep)*elements > MaxValue {
		return errTooLarge
	}
	return nil
}

func guardReplace(args []cty.Value) error {
	s, ok1 := text(args, 0)
	old, ok2 := text(args, 1)
	repl, ok3 := text(args, 2)
	if !ok1 || !ok2 || !ok3 {
		return nil
	}
	grown := strings.Count(s, old) * len(repl)
	if isPattern(old) {
		// $0 may repeat the whole text wherever the pattern matches.
		grown = (len(s) + 1) * (len(repl) + 1)
	}
	if grown > MaxValue {
		return errTooLarge
	}
	return nil
}

func guardSplit(args []cty.Value) error {
	sep, ok1 := text(args, 0)
	s, ok2 := text(args, 1)
	if ok1 && ok2 && strings.Count(s, sep) >= maxParts {
		return fmt.Errorf("more than %d parts", maxParts)
	}
	return nil
}

func guardIndent(args []cty.Value) error {
	s, ok := text(args, 1)
	if !ok || args[0].IsNull() || !args[0].IsKnown() {
		return nil
	}
	n, _ := args[0].AsBigFloat().Int64()
	if n > maxWidth || int(n)*strings.Count(s, "\n") > MaxValue {
		return errTooLarge
	}
	return nil
}

func guardRegexAll(args []cty.Value) error {
	if s, ok := text(args, 1); ok && len(s) > maxScan {
		return fmt.Errorf("the text is too long: at most %d bytes", maxScan)
	}
	return nil
}

// guardJSON refuses nesting before the decoder recurses into it.
func guardJSON(args []cty.Value) error {
	s, ok := text(args, 0)
	if !ok {
		return nil
	}
	if len(s) > maxScan {
		return fmt.Errorf("the text is too long: at most %d bytes", maxScan)
	}
	depth, inString := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case !inString && (c == '[' || c == '{'):
			depth++
		case !inString && (c == ']' || c == '}'):
			depth--
		}
		if depth > MaxDepth {
			return fmt.Errorf("nested too deeply: at most %d", MaxDepth)
		}
	}
	return nil
}
