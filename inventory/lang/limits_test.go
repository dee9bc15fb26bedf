package lang

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

func rep(s string, n int) string { return strings.Repeat(s, n) }

// TestHostileFiles parses, and evaluates if it comes to that, files that would
// end the process or fill its memory without the limits.
func TestHostileFiles(t *testing.T) {
	const n = 80_000
	cases := []struct{ name, src, want string }{
		{"brackets", "a = " + rep("[", n) + rep("]", n), "Nested too deeply"},
		{"open brackets", "a = " + rep("[", n), "Nested too deeply"},
		{"parentheses", "a = " + rep("(", n) + "1" + rep(")", n), "Nested too deeply"},
		{"objects", "a = " + rep("{a=", n), "Nested too deeply"},
		{"calls", "a = " + rep("upper(", n), "Nested too deeply"},
		{"templates", "a = " + rep(`"${`, n), "Nested too deeply"},
		{"mixed closers", "a = " + rep("[}", n), "Nested too deeply"},
		{"blocks", rep("b {\n", n), "Nested too deeply"},
		{"directives", `a = "` + rep("%{if true}", n) + `"`, "Nested too deeply"},
		{"heredoc directives", "a = <<E\n" + rep("%{ for x in y }\n", n) + "E\n", "Nested too deeply"},
		{"nots", "a = " + rep("!", n) + "true", "Expression too long"},
		{"minuses", "a = " + rep("-", n) + "1", "Expression too long"},
		{"minuses in brackets", "a = " + rep(rep("-", 99)+"(", 99) + "1", "does not parse"},
		{"conditions", "a = " + rep("true ? 1 : ", n) + "2", "Expression too long"},
		{"conditions in brackets", "a = " + rep("["+rep("true ? 1 : ", 50), 90) + "1", "Expression too long"},
		{"sum", "a = 1" + rep("+1", n), "Expression too long"},
		{"indexes", "a = b" + rep("[0]", n), "Expression too long"},
		{"attributes", "a = b" + rep(".c", n), "Expression too long"},
		{"splats", "a = b" + rep("[*]", n), "Expression too long"},
		{"legacy splats", "a = b" + rep(".*", n), "Expression too long"},
		{"exponent", `a = "${1e600000000}"`, "Number too large"},
		{"digits", "a = 1" + rep("0", n), "Number too large"},
		{"large file", "#" + rep("x", MaxFile), "File too large"},
		{"format width", `a = format("%2000000000s", "x")`, "Error in function call"},
		{"format precision", `a = format("%.2000000000f", 1)`, "Error in function call"},
		{"format widths", `a = format("` + rep("%4000s", 9000) + `", "x")`, "Error in function call"},
		{"number text", `a = "${tonumber("1e600000000")}"`, "Error in function call"},
		{"json depth", `a = jsondecode(join("", [for i in range(1000) : "[[[[[[[[[["]))`, "Error in function call"},
		{"replace", `a = replace(join("", [for i in range(1000) : "aaaaaaaaaa"]), "", join("", [for i in range(1000) : "bbbbbbbbbb"]))`, "Error in function call"},
		{"join", `a = join(join("", [for i in range(1000) : format("%4000s", "x")]), range(1000))`, "Error in function call"},
		{"expand", `a = expand("n[1-999999999]")`, "Error in function call"},
		{"invalid UTF-8", "a = \"\xff\xfe\"", "does not parse"},
		{"NUL", "a = \x00", "does not parse"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			file, diags := Parse("evil.hcl", []byte(c.src))
			if !diags.HasErrors() {
				attr := file.Body.(*hclsyntax.Body).Attributes["a"]
				_, diags = Eval(attr.Expr, &hcl.EvalContext{Functions: Functions()})
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			if !diags.HasErrors() {
				t.Fatal("no error")
			}
			if got := diags[0].Summary; c.want != "does not parse" && got != c.want {
				t.Errorf("got %q: %s; want %q", got, diags[0].Detail, c.want)
			}
			var out strings.Builder
			WriteDiags(&out, map[string]*hcl.File{"evil.hcl": file}, diags, false)
			if out.Len() > 64<<10 {
				t.Errorf("the message has %d bytes", out.Len())
			}
		})
	}
}

// TestWithinLimits holds the limits above what people write.
func TestWithinLimits(t *testing.T) {
	var hosts strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&hosts, "host \"n%d\" {\n  address = \"10.0.%d.%d\"\n  vars = { a = true ? 1 : 2, b = -1 }\n}\n", i, i/250, i%250)
	}
	cases := []struct{ name, src string }{
		{"10 000 hosts", hosts.String()},
		{"deep", "a = " + rep("[", 90) + rep("]", 90)},
		{"list of conditions", "a = [" + rep("true ? 1 : 2,\n", 8_000) + "]"},
		{"list of negatives", "a = [" + rep("-1, ", 8_000) + "]"},
		{"long template", "a = <<E\n" + rep("%{ if true }x%{ endif }${1}\n", 5_000) + "E\n"},
		{"object", "a = {\n" + rep("  \"k\" = !false\n", 8_000) + "}"},
	}
	for _, c := range cases {
		if _, diags := Parse("good.hcl", []byte(c.src)); diags.HasErrors() {
			t.Errorf("%s: %s", c.name, diags[0])
		}
	}
}

// TestDoubling builds values that double from one local to the next, as a chain
// of locals does, and expects the size limit long before the memory is full.
func TestDoubling(t *testing.T) {
	for _, src := range []string{`"${v}${v}"`, `[v, v]`, `{ a = v, b = v }`, `jsonencode([v, v])`, `[v]`} {
		expr, diags := hclsyntax.ParseExpression([]byte(src), "x.hcl", hcl.Pos{Line: 1, Column: 1})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		start, v, rounds := time.Now(), cty.StringVal("0123456789"), 0
		for ; rounds < 2000 && !diags.HasErrors(); rounds++ {
			v, diags = Eval(expr, &hcl.EvalContext{Variables: map[string]cty.Value{"v": v}, Functions: Functions()})
		}
		if !diags.HasErrors() {
			t.Errorf("%s: no limit after %d rounds", src, rounds)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: took %s", src, took)
		}
	}
}

func TestEvalLimits(t *testing.T) {
	src := `[for a in l : [for b in l : [for c in l : [for d in l : a]]]]`
	expr, diags := hclsyntax.ParseExpression([]byte(src), "x.hcl", hcl.Pos{Line: 1, Column: 1})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	elems := make([]cty.Value, 60)
	for i := range elems {
		elems[i] = cty.NumberIntVal(int64(i))
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{"l": cty.TupleVal(elems)}}
	start := time.Now()
	r := evalLimited(expr, ctx, 100*time.Millisecond)
	if !r.diags.HasErrors() || r.diags[0].Summary != "Expression takes too long" {
		t.Errorf("got %v", r.diags)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a = 1", `b "c" { d = "${e}" }`, "a = <<E\nx\nE\n", `a = "%{if x}y%{endif}"`, "[", "}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		file, diags := Parse("fuzz.hcl", src)
		if file == nil || file.Body == nil {
			t.Fatal("no file")
		}
		var out strings.Builder
		WriteDiags(&out, map[string]*hcl.File{"fuzz.hcl": file}, diags, false)
		for _, r := range out.String() {
			if r < ' ' && r != '\n' {
				t.Fatalf("control character %q in %q", r, out.String())
			}
		}
	})
}
