package lang

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"muster/modules/machine"
)

func eval(t *testing.T, src string, vars map[string]cty.Value) (cty.Value, hcl.Diagnostics) {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(src), "x.hcl", hcl.Pos{Line: 1, Column: 1})
	if diags.HasErrors() {
		t.Fatalf("%s: %s", src, diags)
	}
	return Eval(expr, &hcl.EvalContext{Variables: vars, Functions: Functions()})
}

func TestFunctions(t *testing.T) {
	cases := []struct {
		src  string
		want any
	}{
		{`length("héé")`, int64(3)},
		{`length([1, 2])`, int64(2)},
		{`length({})`, int64(0)},
		{`join("-", ["a", "b"], ["c"])`, "a-b-c"},
		{`split(",", "a,b")`, []any{"a", "b"}},
		{`format("%-5s|%03d|%.1f|%q", "a", 7, 1.25, "x")`, `a    |007|1.2|"x"`},
		{`formatlist("%s.lan", ["a", "b"])`, []any{"a.lan", "b.lan"}},
		{`replace("a.b.c", ".", "-")`, "a-b-c"},
		{`replace("n12", "/[0-9]+/", "<$0>")`, "n<12>"},
		{`merge({ a = 1 }, { b = 2 })`, map[string]any{"a": int64(1), "b": int64(2)}},
		{`lookup({ a = "x" }, "b", "y")`, "y"},
		{`flatten([["a"], ["b", "c"]])`, []any{"a", "b", "c"}},
		{`distinct(["a", "a"])`, []any{"a"}},
		{`keys({ b = 1, a = 2 })`, []any{"a", "b"}},
		{`sort(["b", "a"])`, []any{"a", "b"}},
		{`range(3)`, []any{int64(0), int64(1), int64(2)}},
		{`max(1, 5, 3)`, int64(5)},
		{`1.5 + 1`, 2.5},
		{`jsonencode({ a = [1, true, null] })`, `{"a":[1,true,null]}`},
		{`jsondecode("{\"a\":[1]}").a[0]`, int64(1)},
		{`jsondecode("\"[[\\\"\"")`, `[["`},
		{`try(nothing.x, "d")`, "d"},
		{`can(tonumber("x"))`, false},
		{`tonumber("12")`, int64(12)},
		{`toset(["b", "a", "b"])`, []any{"a", "b"}},
		{`cidrhost("10.0.0.0/8", 259)`, "10.0.1.3"},
		{`cidrhost("10.1.2.3/24", -1)`, "10.1.2.255"},
		{`cidrhost("fd00::/64", 1)`, "fd00::1"},
		{`cidrsubnet("10.0.0.0/16", 8, 3)`, "10.0.3.0/24"},
		{`cidrnetmask("10.0.0.0/12")`, "255.240.0.0"},
		{`sha256("abc")`, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{`base64decode(base64encode("é"))`, "é"},
		{`alltrue([true, false])`, false},
		{`anytrue([true, false])`, true},
		{`startswith("abc", "ab")`, true},
		{`title("ab cd")`, "Ab Cd"},
		{`regex("[0-9]+", "n12")`, "12"},
		{`fold(["n2", "n1", "n4"])`, "n[1-2,4]"},
		{`expand("n[08-10]")`, []any{"n08", "n09", "n10"}},
		{`coalesce(null, "b")`, "b"},
		{`element(["a", "b"], 3)`, "b"},
	}
	for _, c := range cases {
		v, diags := eval(t, c.src, nil)
		if diags.HasErrors() {
			t.Errorf("%s: %s", c.src, diags)
			continue
		}
		got, err := GoValue(v)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", c.src, err, diff)
		}
	}
}

func TestFunctionErrors(t *testing.T) {
	for src, want := range map[string]string{
		`cidrhost("10.0.0.0/30", 4)`:           "only 4 addresses",
		`cidrhost("10.0.0.0", 4)`:              "ADDRESS/BITS",
		`cidrsubnet("10.0.0.0/30", 8, 0)`:      "room for 2 more bits",
		`cidrsubnet("10.0.0.0/24", 2, 4)`:      "only 4 networks",
		`cidrnetmask("fd00::/8")`:              "IPv4",
		`base64decode("/w==")`:                 "UTF-8",
		`lenght("x")`:                          "no function named \"lenght\"",
		`jsondecode("[")`:                      "EOF",
		`upper(secret.key)`:                    "string required",
		`"x${secret.key}"`:                     "string required",
		`jsonencode({ a = [secret.key] })`:     "cannot become text",
		`secret.kee`:                           `Did you mean "key"?`,
		`host.facts.memory_md`:                 `Did you mean "memory_mb"?`,
		`host.vars.a.b`:                        "",
		`format("%v", secret.key)`:             "cannot become text",
		`sha256(secret.key)`:                   "string required",
		`merge({ a = 1 }, secret.key)`:         "",
		`host.facts["memory_mb"] + secret.key`: "",
	} {
		vars := map[string]cty.Value{
			"secret": cty.ObjectVal(map[string]cty.Value{"key": SecretValue("key")}),
			"host": cty.ObjectVal(map[string]cty.Value{"facts": FactsValue(machine.Facts{}),
				"vars": cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal("x")})}),
		}
		v, diags := eval(t, src, vars)
		if !diags.HasErrors() {
			t.Errorf("%s: no error, but %#v", src, v)
			continue
		}
		if !strings.Contains(diags.Error()+diags[0].Detail, want) {
			t.Errorf("%s: %s; want %q", src, diags[0].Detail, want)
		}
	}
}

// TestPanicIsADiagnostic calls a function that has a fault.
func TestPanicIsADiagnostic(t *testing.T) {
	expr, _ := hclsyntax.ParseExpression([]byte(`boom.x + 1`), "x.hcl", hcl.Pos{Line: 1, Column: 1})
	bad := cty.ObjectVal(map[string]cty.Value{"x": cty.NilVal})
	_, diags := Eval(expr, &hcl.EvalContext{Variables: map[string]cty.Value{"boom": bad}})
	if !diags.HasErrors() || diags[0].Summary != "Expression cannot be read" {
		t.Errorf("got %v", diags)
	}
}

func TestMarksFollow(t *testing.T) {
	vars := map[string]cty.Value{"pw": Sensitive(cty.StringVal("hunter2"))}
	for _, src := range []string{`pw`, `upper(pw)`, `"x${pw}"`, `[pw]`, `jsonencode({ a = pw })`, `length(pw)`,
		`format("%s", pw)`, `replace("a", "a", pw)`, `split("", pw)`, `try(pw, 1)`, `sha256(pw)`, `merge({}, { a = pw })`} {
		v, diags := eval(t, src, vars)
		if diags.HasErrors() {
			t.Errorf("%s: %s", src, diags)
			continue
		}
		if !IsSensitive(v) {
			t.Errorf("%s: the mark is lost: %#v", src, v)
		}
		if _, err := GoValue(v); !errors.Is(err, ErrSensitive) {
			t.Errorf("%s: GoValue: %v", src, err)
		}
	}
}

func TestUnknownStaysUnknown(t *testing.T) {
	vars := map[string]cty.Value{"u": cty.UnknownVal(cty.String), "d": cty.DynamicVal}
	for _, src := range []string{`upper(u)`, `"x${u}"`, `[u]`, `length(d)`, `format("%s", u)`, `join(",", [u])`,
		`replace(u, "a", "b")`, `fold([u])`, `sha256(d)`} {
		v, diags := eval(t, src, vars)
		if diags.HasErrors() || v.IsWhollyKnown() {
			t.Errorf("%s: %#v %v", src, v, diags)
		}
		if _, err := GoValue(v); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: GoValue: %v", src, err)
		}
	}
}

func TestGoRoundTrip(t *testing.T) {
	in := map[string]any{"s": "x", "i": int64(-3), "f": 1.5, "b": true, "n": nil,
		"l": []any{"a", map[string]any{"k": SecretRef{Name: "key"}}}}
	v, err := FromGo(in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := GoValue(v)
	if diff := cmp.Diff(any(in), out); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := FromGo(struct{}{}); err == nil {
		t.Error("a struct was accepted")
	}
}

func TestFacts(t *testing.T) {
	f := machine.Facts{Hostname: "dgx01", CPUs: 224, GPUs: []machine.PCI{{Vendor: "10de"}},
		NICs: []machine.NIC{{Name: "eth0", Addresses: []string{"10.0.0.1/24"}}}}
	v := FactsValue(f)
	if !v.Type().Equals(FactsType()) || !FactsValue(machine.Facts{}).Type().Equals(FactsType()) {
		t.Errorf("type of %#v", v.Type())
	}
	got, diags := eval(t, `"${f.hostname} ${f.cpus} ${length(f.gpus)} ${f.gpus[0].vendor} ${f.nics[0].addresses[0]}"`,
		map[string]cty.Value{"f": v})
	if diags.HasErrors() || got.AsString() != "dgx01 224 1 10de 10.0.0.1/24" {
		t.Errorf("%#v %v", got, diags)
	}
}

func TestSuggest(t *testing.T) {
	options := []string{"address", "groups", "vars", "slurm_node", "dgx007", "web"}
	for word, want := range map[string]string{"adress": "address", "group": "groups", "slurm-node": "slurm_node",
		"var": "vars", "zzz": "", "x": "", "Address": "address", "connection": "", "wbe": "web", "wb": "web", "ewb": "web", "abw": ""} {
		if got := Suggest(word, options); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	file, diags := Parse("c.hcl", []byte("adress = 1\nhots \"x\" {}\nhosts {}\n"))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	diags = Check(file.Body.(*hclsyntax.Body), Schema{What: "a thing", Attributes: []string{"address"},
		Required: []string{"name"}, Blocks: map[string]int{"hosts": 1}})
	var out strings.Builder
	WriteDiags(&out, map[string]*hcl.File{"c.hcl": file}, diags, false)
	for _, want := range []string{
		"error: Unknown attribute\n  c.hcl:1,1\n      1 | adress = 1\n        | ^^^^^^\n  A thing has no attribute \"adress\". Did you mean \"address\"? Allowed: address, name.\n",
		"c.hcl:2,1\n      2 | hots \"x\" {}\n        | ^^^^\n", `Did you mean "hosts"?`,
		`Write hosts "NAME" { ... }.`, `A thing needs "name".`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

func TestWriteDiagsIsHarmless(t *testing.T) {
	src := "a = \"\x1b]0;title\x07\u202e\" + [\n"
	file, diags := Parse("e\x1b.hcl", []byte(src))
	diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "No place"})
	var out strings.Builder
	WriteDiags(&out, map[string]*hcl.File{"e\x1b.hcl": file}, diags, false)
	if strings.ContainsAny(out.String(), "\x1b\x07\u202e") {
		t.Errorf("%q", out.String())
	}
	if !strings.HasPrefix(out.String(), "warning: No place\n") {
		t.Errorf("%q", out.String())
	}
}

func TestParsePath(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("b.hcl", "host \"b\" {}\n")
	write("a.hcl", "host \"a1\" {}\nhost \"a2\" {}\n")
	write("notes.txt", "[")
	write(".hidden.hcl", "[")
	src, diags := ParsePath(dir)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var labels []string
	for _, b := range src.Blocks() {
		labels = append(labels, b.Labels[0])
	}
	if got := strings.Join(labels, " "); got != "a1 a2 b" {
		t.Errorf("blocks: %s", got)
	}
	before := src.Digest
	write("b.hcl", "host \"c\" {}\n")
	if after, _ := ParsePath(dir); after.Digest == before || len(before) != 64 {
		t.Errorf("digest %s did not change", before)
	}
	content, diags := src.Body().Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "host", LabelNames: []string{"name"}}}})
	if diags.HasErrors() || len(content.Blocks) != 3 {
		t.Errorf("body: %v", diags)
	}
	for _, path := range []string{filepath.Join(dir, "missing"), t.TempDir(), os.DevNull} {
		if _, diags := ParsePath(path); !diags.HasErrors() {
			t.Errorf("%s: no error", path)
		}
	}
}

func TestFileStaysInside(t *testing.T) {
	outside := t.TempDir()
	dir := t.TempDir()
	for path, text := range map[string]string{filepath.Join(outside, "s"): "secret", filepath.Join(dir, "motd"): "hello",
		filepath.Join(dir, "bin"): "\xff"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(outside, "s"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	f := FileFunction(dir)
	if v, err := f.Call([]cty.Value{cty.StringVal("motd")}); err != nil || v.AsString() != "hello" {
		t.Errorf("motd: %v %v", v, err)
	}
	for _, path := range []string{"link", "../" + filepath.Base(outside) + "/s", filepath.Join(outside, "s"), "bin", "no", "."} {
		if v, err := f.Call([]cty.Value{cty.StringVal(path)}); err == nil {
			t.Errorf("%s: read %q", path, v.AsString())
		}
	}
}
