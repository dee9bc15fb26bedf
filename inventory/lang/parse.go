// Package lang is HCL as muster uses it: hard limits before the parser, a
// bounded set of functions, evaluation that ends, secrets that are references
// and never bytes, and diagnostics that say what to write.
package lang

import (
	"fmt"
	"runtime/debug"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Parse reads one file within the limits of this package. The file it returns
// is never nil; with errors its body may be empty or incomplete. Its body is an
// *hclsyntax.Body.
func Parse(name string, src []byte) (file *hcl.File, diags hcl.Diagnostics) {
	empty := &hcl.File{Body: &hclsyntax.Body{}, Bytes: src}
	start := hcl.Pos{Line: 1, Column: 1}
	if len(src) > MaxFile {
		empty.Bytes = nil
		return empty, hcl.Diagnostics{Diag("File too large",
			fmt.Sprintf("The file has %d bytes; at most %d are read. Split it into a folder of *.hcl files.", len(src), MaxFile),
			hcl.Range{Filename: name, Start: start, End: start})}
	}
	defer func() {
		if cause := recover(); cause != nil {
			file, diags = empty, hcl.Diagnostics{panicDiag(cause, hcl.Range{Filename: name, Start: start, End: start})}
		}
	}()
	tokens, _ := hclsyntax.LexConfig(src, name, start)
	if diag := checkLimits(tokens); diag != nil {
		return empty, hcl.Diagnostics{diag}
	}
	parsed, diags := hclsyntax.ParseConfig(src, name, start)
	if parsed == nil || parsed.Body == nil {
		return empty, diags
	}
	return parsed, diags
}

// panicDiag turns a panic of the HCL libraries into a diagnostic: a strange file
// is an error about that file, not a dead process.
func panicDiag(cause any, rng hcl.Range) *hcl.Diagnostic {
	return Diag("Expression cannot be read",
		fmt.Sprintf("Reading this stopped with: %v.\n%s", cause, firstLines(string(debug.Stack()), 12)), rng)
}

func firstLines(s string, n int) string {
	for i := range s {
		if s[i] != '\n' {
			continue
		}
		if n--; n == 0 {
			return s[:i]
		}
	}
	return s
}
