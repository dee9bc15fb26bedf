package lang

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
)

// maxDiags is how many diagnostics are printed; what follows is counted.
const maxDiags = 50

// maxLine is how much of a source line is shown, in bytes.
const maxLine = 160

// Diag is an error at a place. The summary is a short title without a stop; the
// detail says what is wrong, what is allowed and what to write.
func Diag(summary, detail string, rng hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: rng.Ptr()}
}

// Where is a place as `file:line,column`, or the file alone when the place is
// the whole file.
func Where(rng hcl.Range) string {
	if rng.Start.Line == 0 {
		return rng.Filename
	}
	return fmt.Sprintf("%s:%d,%d", rng.Filename, rng.Start.Line, rng.Start.Column)
}

type palette struct{ red, yellow, bold, dim, off string }

// WriteDiags prints diagnostics in the order of files and lines: title, place,
// source line with a mark under it, and the detail. Control characters of the
// source are made visible, so that a file cannot drive the terminal.
func WriteDiags(w io.Writer, files map[string]*hcl.File, diags hcl.Diagnostics, color bool) {
	var p palette
	if color {
		p = palette{red: "\x1b[31;1m", yellow: "\x1b[33;1m", bold: "\x1b[1m", dim: "\x1b[2m", off: "\x1b[0m"}
	}
	sorted := slices.Clone(diags)
	slices.SortStableFunc(sorted, byPlace)
	for i, d := range sorted {
		if i == maxDiags {
			fmt.Fprintf(w, "... and %d more\n", len(sorted)-maxDiags)
			return
		}
		if i > 0 {
			fmt.Fprintln(w)
		}
		writeDiag(w, files, d, p)
	}
}

func byPlace(a, b *hcl.Diagnostic) int {
	switch {
	case a.Subject == nil && b.Subject == nil:
		return 0
	case a.Subject == nil:
		return -1
	case b.Subject == nil:
		return 1
	}
	if c := strings.Compare(a.Subject.Filename, b.Subject.Filename); c != 0 {
		return c
	}
	return a.Subject.Start.Byte - b.Subject.Start.Byte
}

func writeDiag(w io.Writer, files map[string]*hcl.File, d *hcl.Diagnostic, p palette) {
	word, hue := "error", p.red
	if d.Severity == hcl.DiagWarning {
		word, hue = "warning", p.yellow
	}
	fmt.Fprintf(w, "%s%s:%s %s%s%s\n", hue, word, p.off, p.bold, Visible(d.Summary), p.off)
	if d.Subject != nil {
		fmt.Fprintf(w, "  %s%s%s\n", p.dim, Visible(Where(*d.Subject)), p.off)
		writeLine(w, files[d.Subject.Filename], *d.Subject, p)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(d.Detail), "\n") {
		if line != "" {
			fmt.Fprintf(w, "  %s\n", Visible(line))
		}
	}
}

// writeLine shows the first source line of a range with a mark under it.
func writeLine(w io.Writer, file *hcl.File, rng hcl.Range, p palette) {
	if file == nil || rng.Start.Line == 0 || rng.Start.Byte > len(file.Bytes) {
		return
	}
	from := bytes.LastIndexByte(file.Bytes[:rng.Start.Byte], '\n') + 1
	line := file.Bytes[from:]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	before := rng.Start.Byte - from
	shown := line[:min(len(line), maxLine)]
	if before >= len(shown) && before > 0 {
		return
	}
	text := Visible(strings.TrimRight(string(shown), " \r"))
	fmt.Fprintf(w, "  %5d | %s\n", rng.Start.Line, text)
	width := max(1, min(rng.End.Byte, from+len(shown))-rng.Start.Byte)
	if rng.End.Line != rng.Start.Line {
		width = max(1, len(shown)-before)
	}
	indent := len([]rune(Visible(string(line[:before]))))
	mark := len([]rune(Visible(string(line[before:min(len(line), before+width)]))))
	fmt.Fprintf(w, "        | %s%s%s%s\n", strings.Repeat(" ", indent), p.red, strings.Repeat("^", max(1, mark)), p.off)
}

// Visible replaces what a terminal would act on: control characters, invalid
// UTF-8 and the Unicode marks that change the writing direction. A tab becomes
// one blank.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == unicode.ReplacementChar, unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return '\uFFFD'
		}
		return r
	}, s)
}
