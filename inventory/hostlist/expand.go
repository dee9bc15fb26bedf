// Package hostlist writes and reads folded lists of names as clusters use them:
// "dgx[001-028,030],mgmt01". It knows nothing of inventories.
package hostlist

import (
	"fmt"
	"strconv"
	"strings"
)

// Max is how many names one expression may expand to: ten times the largest
// inventory that muster is made for.
const Max = 100_000

// maxTerm bounds what one name with brackets may take to write: a DNS name has
// 253 characters.
const maxTerm = 1024

// maxDigits keeps every number of a range inside an int64.
const maxDigits = 18

// Expand turns "dgx[001-003,7],mgmt01" into its names, in the order written.
// Several brackets in one name multiply, the last one moving fastest. A lower
// bound's width is the width that its numbers are padded to. An empty string
// gives no names; more than Max names is an error.
func Expand(s string) ([]string, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	terms, err := Split(s)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, term := range terms {
		names, err := expandTerm(term)
		if err != nil {
			return nil, err
		}
		if len(out)+len(names) > Max {
			return nil, fmt.Errorf("range %q: more than %d names", s, Max)
		}
		out = append(out, names...)
	}
	return out, nil
}

// Split cuts s at the commas that stand outside brackets and trims the parts.
// An empty part, a bracket that is not closed, and one inside another are errors.
func Split(s string) ([]string, error) {
	var out []string
	depth, start := 0, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) {
			depth += bracket(s[i])
			if depth < 0 || depth > 1 {
				return nil, fmt.Errorf("range %q: brackets do not match", s)
			}
			if s[i] != ',' || depth > 0 {
				continue
			}
		}
		part := strings.TrimSpace(s[start:i])
		if part == "" {
			return nil, fmt.Errorf("range %q: a name is missing beside a comma", s)
		}
		out = append(out, part)
		start = i + 1
	}
	if depth != 0 {
		return nil, fmt.Errorf("range %q: a bracket is not closed", s)
	}
	return out, nil
}

func bracket(c byte) int {
	switch c {
	case '[':
		return 1
	case ']':
		return -1
	}
	return 0
}

// expandTerm multiplies out the brackets of one name.
func expandTerm(term string) ([]string, error) {
	if len(term) > maxTerm {
		return nil, fmt.Errorf("range %.40q...: longer than %d characters", term, maxTerm)
	}
	out := []string{""}
	rest := term
	for {
		before, after, found := strings.Cut(rest, "[")
		for i := range out {
			out[i] += before
		}
		if !found {
			return out, nil
		}
		body, tail, _ := strings.Cut(after, "]")
		numbers, err := expandBody(term, body)
		if err != nil {
			return nil, err
		}
		if len(out)*len(numbers) > Max {
			return nil, fmt.Errorf("range %q: more than %d names", term, Max)
		}
		next := make([]string, 0, len(out)*len(numbers))
		for _, name := range out {
			for _, n := range numbers {
				next = append(next, name+n)
			}
		}
		out, rest = next, tail
	}
}

// expandBody reads what stands between two brackets: "001-028,030".
func expandBody(term, body string) ([]string, error) {
	var out []string
	for item := range strings.SplitSeq(body, ",") {
		lo, hi, isRange := strings.Cut(strings.TrimSpace(item), "-")
		if !isRange {
			hi = lo
		}
		first, err := number(term, lo)
		if err != nil {
			return nil, err
		}
		last, err := number(term, hi)
		if err != nil {
			return nil, err
		}
		if last < first {
			return nil, fmt.Errorf("range %q: %s is after %s", term, lo, hi)
		}
		if last-first >= Max || len(out)+int(last-first) >= Max {
			return nil, fmt.Errorf("range %q: more than %d names", term, Max)
		}
		for n := first; n <= last; n++ {
			out = append(out, pad(n, len(lo)))
		}
	}
	return out, nil
}

func number(term, digits string) (int64, error) {
	if digits == "" || len(digits) > maxDigits || strings.Trim(digits, "0123456789") != "" {
		return 0, fmt.Errorf("range %q: %q is not a number", term, digits)
	}
	return strconv.ParseInt(digits, 10, 64)
}

func pad(n int64, width int) string {
	digits := strconv.FormatInt(n, 10)
	if missing := width - len(digits); missing > 0 {
		return strings.Repeat("0", missing) + digits
	}
	return digits
}
