package view

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text makes text from anywhere safe to show on a terminal: it keeps newlines and
// tabs, and writes everything that a terminal or a reader could be led by as an
// escape: control characters (C0, DEL, C1), bytes that are not UTF-8, marks that
// turn the direction of writing, and other invisible characters.
//
// Every renderer of this package passes what came from a node, an inventory or a
// playbook through Text or Line.
func Text(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case r < 0x100 && unicode.IsControl(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// hidden are characters that change how others are shown and are not seen: the
// format category (bidi controls, zero width, tags), line and paragraph
// separators, and variation selectors.
func hidden(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) ||
		unicode.Is(unicode.Variation_Selector, r) || unicode.Is(unicode.Co, r)
}

func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 0x7f || c < ' ' && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// maxLine is how much of one line is shown, in bytes.
const maxLine = 4 << 10

// Line is Text for one line: newlines and tabs are escaped too, and what is
// longer than 4 KiB is cut.
func Line(s string) string {
	cut := ""
	if len(s) > maxLine {
		s, cut = strings.ToValidUTF8(s[:maxLine], ""), " …"
	}
	s = Text(s)
	if strings.ContainsAny(s, "\n\t") {
		s = breaks.Replace(s)
	}
	return s + cut
}

// breaks are what Text leaves and a line cannot have.
var breaks = strings.NewReplacer("\n", `\n`, "\t", `\t`)
