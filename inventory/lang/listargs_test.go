package lang

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// TestListArguments: what is no list of the right kind is converted, or refused, as
// before.
func TestListArguments(t *testing.T) {
	vars := map[string]cty.Value{
		"unknown": cty.UnknownVal(cty.List(cty.String)), "any": cty.DynamicVal,
		"some": cty.TupleVal([]cty.Value{cty.StringVal("a"), cty.UnknownVal(cty.String)}),
		"mark": Sensitive(cty.TupleVal([]cty.Value{cty.StringVal("a"), cty.StringVal("b")})),
	}
	for _, c := range []struct {
		src  string
		want any
	}{
		{`join("-", [1, true, "x"])`, "1-true-x"}, {`join("-", [])`, ""}, {`join("-", toset(["b", "a"]), ["c"])`, "a-b-c"},
		{`distinct([1, 1, 2])`, []any{int64(1), int64(2)}}, {`distinct([{ a = 1 }, { a = 1 }])`, []any{map[string]any{"a": int64(1)}}},
		{`tolist([1, "b"])`, []any{"1", "b"}}, {`toset([["a"], ["a"]])`, []any{[]any{"a"}}},
		{`index(["a", "b"], "b")`, int64(1)}, {`index([1, "x"], "x")`, int64(1)}, {`distinct(["b", "a", "b", null, null])`, []any{"b", "a", nil}},
		{`distinct([])`, []any{}}, {`try(index(["a"], "z"), -1)`, int64(-1)}, {`alltrue(["true", true])`, true}, {`setunion(["a"], ["b"], ["a"])`, []any{"a", "b"}},
	} {
		v, diags := eval(t, c.src, vars)
		got, err := GoValue(v)
		if diags.HasErrors() || err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("%s: %v, %v %v", c.src, got, diags, err)
		}
	}
	for src, want := range map[string]cty.Type{`join("-", unknown)`: cty.String, `join("-", any)`: cty.String, `join("-", some)`: cty.String,
		`sort(any)`: cty.List(cty.String)} {
		if v, diags := eval(t, src, vars); diags.HasErrors() || v.IsKnown() && v.Type() == cty.String || !v.Type().Equals(want) {
			t.Errorf("%s: %#v %v", src, v, diags)
		}
	}
	if v, _ := eval(t, `join("-", mark)`, vars); !IsSensitive(v) {
		t.Errorf("the mark is lost: %#v", v)
	}
	for src, want := range map[string]string{`join("-", "a")`: "list of string required", `join("-", [["a"]])`: "string required",
		`join("-", null)`: "must not be null", `sort({ a = 1 })`: "list of string required", `alltrue(["x"])`: "bool"} {
		if _, diags := eval(t, src, vars); !strings.Contains(diags.Error(), want) {
			t.Errorf("%s: %v, want %q", src, diags, want)
		}
	}
}

// TestFailedCallsDoNotQuoteSensitiveValues: cty's own messages would.
func TestFailedCallsDoNotQuoteSensitiveValues(t *testing.T) {
	vars := map[string]cty.Value{"pin": Sensitive(cty.StringVal("hunter2")), "open": cty.StringVal("plain")}
	for _, src := range []string{`tonumber(pin)`, `"x-${tonumber(upper(pin))}"`, `cidrhost(pin, 1)`, `regex(pin, "x")`, `jsondecode(pin)`, `[for x in [pin] : tobool(x)]`} {
		if _, diags := eval(t, src, vars); !diags.HasErrors() || strings.Contains(strings.ToLower(diags.Error()), "hunter2") {
			t.Errorf("%s: %v", src, diags)
		}
	}
	if _, diags := eval(t, `tonumber(open)`, vars); !strings.Contains(diags.Error(), "plain") {
		t.Errorf("the cause of an open value is gone: %v", diags)
	}
}

func TestUnknownSecretSaysWhatToWrite(t *testing.T) {
	_, diags := eval(t, `secret.munge_kee`, map[string]cty.Value{"secret": cty.ObjectVal(map[string]cty.Value{"munge_key": SecretValue("munge_key")})})
	for _, want := range []string{`no secret "munge_kee"`, `Did you mean "munge_key"?`, `secret "munge_kee" { generate = 32 }`} {
		if !strings.Contains(diags.Error(), want) {
			t.Errorf("no %q in %v", want, diags)
		}
	}
}

func TestSubnetsOfAbsurdSize(t *testing.T) {
	expr, _ := hclsyntax.ParseExpression([]byte(`cidrsubnet("10.0.0.0/8", 9223372036854775807, 0)`), "x.hcl", hcl.Pos{Line: 1, Column: 1})
	_, diags := Eval(expr, &hcl.EvalContext{Functions: Functions()})
	if got := diags.Error(); !strings.Contains(got, "room for 24 more bits") || strings.Contains(got, "panic") {
		t.Error(got)
	}
}
