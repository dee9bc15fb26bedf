package view

import (
	"cmp"
	"strings"
)

// older compares two package versions as Debian does: epoch, then runs of
// non-digits (a tilde sorts before the end, letters before the rest) and of
// digits in turn. It is only used to count downgrades in a plan.
func older(a, b string) bool { return compareVersions(a, b) < 0 }

func compareVersions(a, b string) int {
	ea, ra := epoch(a)
	eb, rb := epoch(b)
	if c := compareDigits(ea, eb); c != 0 {
		return c
	}
	for ra != "" || rb != "" {
		var na, nb string
		na, ra = take(ra, false)
		nb, rb = take(rb, false)
		if c := compareText(na, nb); c != 0 {
			return c
		}
		na, ra = take(ra, true)
		nb, rb = take(rb, true)
		if c := compareDigits(na, nb); c != 0 {
			return c
		}
	}
	return 0
}

func epoch(v string) (epoch, rest string) {
	if e, rest, ok := strings.Cut(v, ":"); ok {
		return e, rest
	}
	return "0", v
}

// take cuts the leading run of digits, or of everything else.
func take(s string, digits bool) (run, rest string) {
	i := 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9') == digits {
		i++
	}
	return s[:i], s[i:]
}

func compareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func compareText(a, b string) int {
	for i := range max(len(a), len(b)) {
		if c := cmp.Compare(weight(a, i), weight(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

func weight(s string, i int) int {
	switch {
	case i >= len(s):
		return 0
	case s[i] == '~':
		return -1
	case s[i] >= 'A' && s[i] <= 'Z' || s[i] >= 'a' && s[i] <= 'z':
		return int(s[i])
	}
	return int(s[i]) + 256
}
